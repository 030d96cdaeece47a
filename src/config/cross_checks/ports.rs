//! Further ports of modules, and pages of services: each once, with a name that no other port of the environment has.

use std::collections::HashMap;

use crate::config::cross_checks::subject::{Part, Sort};
use crate::config::inputs::KnownNames;
use crate::config::problems::{ENOUGH, Finding};
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::tree::Node;
use crate::names::{PAGE, PartName, of_port};

/// A port of a part beside its main one.
pub(super) struct Further<'t> {
    /// As `ports` of devenv.local.yaml has it.
    pub(super) name: String,
    /// What it is called where it is written, and the place.
    said: (&'t str, Span),
    /// Its number, and what else a module says of it.
    node: Option<&'t Node>,
}

/// The further ports of a part: those of a module, and the page of a service whose preset has one.
pub(super) fn further<'t>(part: &Part<'t>, known: &KnownNames) -> Vec<Further<'t>> {
    let of = |called: &'t str, place, node| Further { name: of_port(part.name, called), said: (called, place), node };
    match part.sort {
        Sort::Module => {
            let entries = part.node.get("ports").map(Node::entries).unwrap_or_default().iter();
            let named = entries.filter(|entry| PartName::new(&*entry.key.text).is_ok()).take(ENOUGH);
            named.map(|entry| of(&entry.key.text, entry.key.span, Some(&entry.value))).collect()
        }
        Sort::Service => {
            let preset = part.node.get("preset").and_then(Node::text);
            let page = preset.filter(|preset| known.with_page.contains(*preset));
            page.map(|_| of(PAGE, part.key, None)).into_iter().collect()
        }
    }
}

pub(super) fn check(parts: &[Part<'_>], known: &KnownNames) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut taken: HashMap<String, Span> = parts.iter().map(|part| (part.name.to_owned(), part.key)).collect();
    for part in parts {
        let further = further(part, known);
        findings.extend(further.iter().filter_map(|port| named(part, port, &mut taken)));
        findings.extend(numbers(part, &further));
    }
    findings
}

/// A name that is too long, or that another has.
fn named(part: &Part<'_>, port: &Further<'_>, taken: &mut HashMap<String, Span>) -> Option<Finding> {
    let (called, place) = port.said;
    let (owner, called) = (quoted(part.name), quoted(called));
    if let Err(error) = PartName::new(port.name.clone()) {
        let message = format!("a port of {owner} cannot be called {called}: {error}");
        return Some(Finding::new(place, message).label("its name").help("choose a shorter name"));
    }
    let first = taken.insert(port.name.clone(), place)?;
    let message = format!("the port {called} of {owner} would be called {}, like another one", quoted(&port.name));
    let finding = Finding::new(place, message).label("its name");
    Some(finding.help("rename one of the two").also(first, "has this name"))
}

/// Two ports of one number.
fn numbers(part: &Part<'_>, further: &[Further<'_>]) -> Vec<Finding> {
    let mut seen: HashMap<(String, bool), Span> = HashMap::new();
    let main = part.node.entry("port").filter(|port| !port.value.is_null());
    seen.extend(main.and_then(|port| Some(((port.value.scalar()?.to_owned(), false), port.value.span))));
    let again = |node: &Node| {
        let is_udp = node.get("protocol").and_then(Node::text) == Some("udp");
        let number = node.get("port").unwrap_or(node);
        let text = number.scalar()?;
        let first = seen.insert((text.to_owned(), is_udp), number.span)?;
        let message = format!("two ports of {} are {text}", quoted(part.name));
        let finding = Finding::new(number.span, message).label("again here");
        Some(finding.help("remove one of them").also(first, "first here"))
    };
    further.iter().filter_map(|port| port.node).filter_map(again).collect()
}
