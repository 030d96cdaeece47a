//! Routes of the gateway: each has a port behind it, and no two modules have the same.

use std::collections::HashMap;

use crate::config::cross_checks::subject::{Part, Sort};
use crate::config::cross_checks::{modules, sites};
use crate::config::model::values::Route;
use crate::config::problems::Finding;
use crate::config::text::quote::{quoted, shown};
use crate::config::text::tree::{Node, Value};

pub(super) fn check(parts: &[Part<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: HashMap<(String, String), &Part<'_>> = HashMap::new();
    for part in parts.iter().filter(|part| part.sort == Sort::Module) {
        let Some(route) = part.node.get("route") else { continue };
        if let Value::Map(entries) = &route.value
            && entries.is_empty()
        {
            let message = format!("`route` of {} is empty", quoted(part.name));
            findings.push(
                Finding::new(route.span, message)
                    .label("empty")
                    .help("write a path such as /api, `{host: api}`, or both"),
            );
            continue;
        }
        let once = modules::is_task(part.node);
        if part.node.entry("port").is_none() && !once && !sites::is_site(part.node) {
            findings.push(
                Finding::new(route.span, format!("{} has a `route` but no `port`", quoted(part.name)))
                    .label("where to?")
                    .help("add `port:` with the number that it listens on"),
            );
        }
        let Some(key) = key(route).filter(|_| !part.is_off()) else { continue };
        let text = format!("{}{}", shown(&key.0), shown(&key.1));
        match seen.get(&key) {
            Some(first) => {
                let at = first.node.get("route").map_or(first.key, |route| route.span);
                let message = format!("{} and {} have the same route, `{text}`", quoted(first.name), quoted(part.name));
                findings.push(
                    Finding::new(route.span, message)
                        .label("again here")
                        .help("change one of them")
                        .also(at, "first here"),
                );
            }
            None => drop(seen.insert(key, part)),
        }
    }
    findings
}

/// Host and path, as the gateway compares them.
fn key(route: &Node) -> Option<(String, String)> {
    let path = |node: Option<&Node>| match node.and_then(Node::text) {
        Some(text) => Route::path_of(text).ok(),
        None => Some("/".to_owned()),
    };
    match &route.value {
        Value::Map(_) => {
            Some((route.get("host").and_then(Node::text).unwrap_or_default().to_owned(), path(route.get("path"))?))
        }
        _ => Some((String::new(), Route::path_of(route.text()?).ok()?)),
    }
}
