//! Modules that the gateway serves itself have a folder and a route; every other one has an image and a command.

use crate::config::cross_checks::subject::{Part, Sort, mistyped};
use crate::config::problems::Finding;
use crate::config::text::quote::{quoted, shown};
use crate::config::text::tree::Node;

/// What a module that the gateway serves may have.
const OF_A_SITE: [&str; 4] = ["path", "serve", "route", "mode"];

/// What another module must have, with what it is.
const OF_A_PROGRAM: [(&str, &str); 2] =
    [("image", "a name: image that the module runs in"), ("run", "a shell command: command that starts the module")];

/// Whether the gateway serves a module itself.
pub(crate) fn is_site(module: &Node) -> bool {
    module.get("serve").is_some()
}

pub(super) fn check(parts: &[Part<'_>]) -> Vec<Finding> {
    let modules = parts.iter().filter(|part| part.sort == Sort::Module);
    modules.flat_map(|part| if is_site(part.node) { site(part) } else { program(part) }).collect()
}

fn program(part: &Part<'_>) -> Vec<Finding> {
    if part.node.entries().is_empty() {
        return Vec::new();
    }
    let is_missing = |key: &str| part.node.entry(key).is_none() && !mistyped(part.node, &[key]);
    let missing = OF_A_PROGRAM.iter().filter(|(key, _)| is_missing(key));
    let finding = |(key, what): &(&str, &str)| {
        let message = format!("the key `{key}` is missing in `modules.{}`", shown(part.name));
        Finding::new(part.key, message).label(format!("has no `{key}`")).help(format!("add `{key}:` with {what}"))
    };
    missing.map(finding).collect()
}

fn site(part: &Part<'_>) -> Vec<Finding> {
    let spare = part.node.entries().iter().filter(|entry| {
        let key = &*entry.key.text;
        !OF_A_SITE.contains(&key) && !key.starts_with("x-") && !entry.value.is_null()
    });
    let mut findings: Vec<Finding> = spare
        .map(|entry| {
            let message =
                format!("{} is served by the gateway, so it has no {}", quoted(part.name), quoted(&entry.key.text));
            Finding::new(entry.key.span, message).label("of a program").help("remove it, or `serve`")
        })
        .collect();
    if part.node.entry("route").is_none() && !mistyped(part.node, &["route"]) {
        let message = format!("{} is served by the gateway, and has no `route`", quoted(part.name));
        findings.push(Finding::new(part.key, message).label("where?").help("add `route:` with a path such as /"));
    }
    if let Some(path) = part.node.get("path")
        && path.text().is_some_and(|text| text.split('/').all(|piece| matches!(piece, "" | ".")))
    {
        let message = format!("`path` of {} is the whole checkout", quoted(part.name));
        let help = "name the folder that has the site and nothing else, such as dist";
        findings.push(Finding::new(path.span, message).label("everything").help(help));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if let Some(path) = part.node.get("path").filter(|path| path.text().is_some_and(|text| !text.chars().all(plain))) {
        let message = format!("`path` of {} has a character that the gateway cannot have in a path", quoted(part.name));
        findings
            .push(Finding::new(path.span, message).label("here").help("use letters, digits, `.`, `_`, `-` and `/`"));
    }
    if part.node.get("mode").and_then(Node::text) == Some("release") {
        let message = format!("{} is served by the gateway, so it has no released image", quoted(part.name));
        let span = part.node.get("mode").map_or(part.key, |mode| mode.span);
        findings.push(Finding::new(span, message).label("not here").help("write `dev` or `off`"));
    }
    findings
}
