//! Features: whose they are, until when, and in which environments they are on.

use crate::config::cross_checks::environments;
use crate::config::model::feature::{Day, FEATURE_KEYS, Switch};
use crate::config::problems::Finding;
use crate::config::schema::table::listed;
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Entry, Node, is_extension};
use crate::config::text::unknown_words::did_you_mean;

pub(super) fn check(tree: &Node) -> Vec<Finding> {
    let names = environments::names(tree);
    let features = tree.get("features").map(Node::entries).unwrap_or_default().iter();
    let settings = features
        .filter(|feature| !is_extension(&feature.key.text))
        .flat_map(|feature| feature.value.entries().iter().map(move |entry| (&*feature.key.text, entry)));
    settings.filter_map(|(feature, entry)| finding(feature, entry, &names)).collect()
}

fn finding(feature: &str, entry: &Entry, names: &[&str]) -> Option<Finding> {
    let (key, value) = (&*entry.key.text, &entry.value);
    let text = value.scalar()?;
    match key {
        "owner" => None,
        "until" => Day::parse(text).err().map(|why| Finding::new(value.span, why).label("not a day")),
        _ if !names.contains(&key) => {
            let message = format!("the feature {} names {}, which is not an environment", quoted(feature), quoted(key));
            let known = || names.iter().copied().chain(FEATURE_KEYS);
            let all =
                || format!("there are {}", listed(&names.iter().map(ToString::to_string).collect::<Vec<_>>(), "and"));
            let help = did_you_mean(key, known()).unwrap_or_else(all);
            Some(Finding::new(entry.key.span, message).label("not known").help(help))
        }
        _ if Switch::parse(text).is_none() => {
            let message = format!("{} is neither `on` nor `off`", quoted(text));
            Some(Finding::new(value.span, message).label("not a state").help("write `on` or `off`"))
        }
        _ => None,
    }
}
