//! The parts that a screen of `attach` shows must exist. One that is switched off is left out.

use crate::config::cross_checks::subject::{Part, by_name, name};
use crate::config::problems::Finding;
use crate::config::text::quote::quoted;
use crate::config::text::tree::Node;
use crate::config::text::unknown_words::did_you_mean;

/// Not a module or service, and has a container all the same.
const GATEWAY: &str = "gateway";
/// The names of the first window, which shows all parts.
const FIRST: [&str; 2] = [GATEWAY, "overview"];

pub(super) fn check(tree: &Node, parts: &[Part<'_>]) -> Vec<Finding> {
    let known = by_name(parts);
    let Some(screens) = tree.get("screens") else { return Vec::new() };
    // What a compose file of the team has is known later.
    let has_compose_files = tree.get("compose").is_some();
    let shown =
        screens.entries().iter().flat_map(|screen| screen.value.items().iter().map(move |item| (&screen.key, item)));
    let unknown = shown.filter_map(|(screen, item)| {
        let part = name(item)?;
        if known.contains_key(part) || part == GATEWAY || has_compose_files {
            return None;
        }
        let screen = quoted(&screen.text);
        let message = format!("the screen {screen} shows {}, which is not a module or service", quoted(part));
        let near = did_you_mean(part, known.keys().copied());
        Some(Finding::new(item.span, message).label("not known").maybe_help(near))
    });
    let taken = screens.entries().iter().filter(|screen| FIRST.contains(&&*screen.key.text)).map(|screen| {
        let message = format!("the screen {} has the name of the first window", quoted(&screen.key.text));
        Finding::new(screen.key.span, message)
            .label("taken")
            .help("`devenv attach` adds that window; choose another name")
    });
    taken.chain(unknown).collect()
}
