//! `{PART.FIELD}` in `env`: each names a part that is needed, and something that it offers.

use std::collections::BTreeMap;

use crate::config::cross_checks::environments;
use crate::config::cross_checks::subject::{Part, Sort, by_name};
use crate::config::inputs::KnownNames;
use crate::config::placeholders::{Piece, pieces};
use crate::config::problems::{ENOUGH, Finding};
use crate::config::schema::table::listed;
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::tree::Node;
use crate::config::text::unknown_words::did_you_mean;

/// What an address offers, and a module with a port.
const OF_AN_ADDRESS: [&str; 3] = ["host", "port", "url"];

pub(super) fn check(tree: &Node, parts: &[Part<'_>], known: &KnownNames) -> Vec<Finding> {
    let names = by_name(parts);
    let mut findings = Vec::new();
    for part in parts {
        findings.extend(variables(part, part.node.get("env"), &names, known));
    }
    for environment in environments::entries(tree) {
        let of_parts = environment.value.get("env").map(Node::entries).unwrap_or_default();
        for entry in of_parts.iter().take(ENOUGH) {
            let part = names.get(&*entry.key.text);
            findings.extend(part.into_iter().flat_map(|part| variables(part, Some(&entry.value), &names, known)));
        }
    }
    findings
}

fn variables(
    part: &Part<'_>,
    env: Option<&Node>,
    names: &BTreeMap<&str, &Part<'_>>,
    known: &KnownNames,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in env.map(Node::entries).unwrap_or_default().iter().take(ENOUGH) {
        for piece in entry.value.text().map(pieces).unwrap_or_default() {
            if let Piece::Field { part: name, field, written } = piece {
                findings.extend(placeholder(part, (name, field, written), entry.value.span, names, known));
            }
        }
    }
    findings
}

fn placeholder(
    part: &Part<'_>,
    (name, field, written): (&str, &str, &str),
    span: Span,
    names: &BTreeMap<&str, &Part<'_>>,
    known: &KnownNames,
) -> Option<Finding> {
    let literal = format!("for this text itself, write `{{{written}}}`");
    let Some(other) = names.get(name) else {
        let message = format!("{} names {}, which is not a module or service", quoted(written), quoted(name));
        let near = did_you_mean(name, names.keys().copied());
        let help = near.map_or_else(|| literal.clone(), |near| format!("{near} {literal}"));
        return Some(Finding::new(span, message).label("not known").help(help));
    };
    if !part.list("needs").any(|(need, _)| need == name) {
        let message = format!("{} is of {}, which {} does not need", quoted(written), quoted(name), quoted(part.name));
        let help = match name == part.name {
            true => "write its own values as they are, or use `DEVENV_URL` and `DEVENV_HOST`".to_owned(),
            false => format!("add `{name}` to its `needs`; {literal}"),
        };
        return Some(Finding::new(span, message).label("not needed").help(help));
    }
    let offers = offers(other, known);
    if offers.iter().any(|offer| offer == field) {
        return None;
    }
    let message = format!("{} offers no {}", quoted(name), quoted(field));
    let help = did_you_mean(field, offers.iter().map(String::as_str)).unwrap_or_else(|| match offers.as_slice() {
        [] => "it offers nothing: it has no `port`".to_owned(),
        all => format!("it offers {}", listed(all, "and")),
    });
    Some(Finding::new(span, message).label(format!("in {written}")).help(help))
}

/// What a part offers to those that need it.
fn offers(part: &Part<'_>, known: &KnownNames) -> Vec<String> {
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    let has_port = part.node.get("port").is_some();
    if part.sort == Sort::Module {
        let further = part.node.get("ports").map(Node::entries).unwrap_or_default();
        let further = further.iter().map(|entry| format!("{}_port", entry.key.text.replace('-', "_")));
        let own: Vec<String> = match (has_port, further.len()) {
            (true, _) => texts(&OF_AN_ADDRESS),
            (false, 0) => Vec::new(),
            (false, _) => texts(&OF_AN_ADDRESS[..1]),
        };
        return own.into_iter().chain(further).collect();
    }
    if let Some(preset) = part.node.get("preset").and_then(Node::text) {
        return known.offers.get(preset).into_iter().flatten().cloned().collect();
    }
    let is_http = part.node.get("health").is_some_and(|health| health.get("http").is_some());
    match (part.node.get("external").is_some(), has_port, is_http) {
        (true, ..) | (_, true, true) => texts(&OF_AN_ADDRESS),
        (_, true, false) => texts(&OF_AN_ADDRESS[..2]),
        (_, false, _) => Vec::new(),
    }
}
