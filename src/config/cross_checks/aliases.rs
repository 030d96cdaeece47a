//! Further names of the gateway: each once, and none that leads elsewhere already.

use std::collections::HashMap;

use crate::config::cross_checks::subject::Part;
use crate::config::problems::Finding;
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::tree::Node;

pub(super) fn check(tree: &Node, parts: &[Part<'_>]) -> Vec<Finding> {
    let Some(gateway) = tree.get("gateway") else { return Vec::new() };
    let project = tree.get("project").and_then(Node::text).unwrap_or_default();
    let label = gateway.get("host").and_then(Node::text).unwrap_or(project);
    let taken = |alias: &str| {
        let (name, rest) = alias.split_once('.')?;
        let inner = || parts.iter().find(|part| part.name == name && rest == format!("{project}.test"));
        let outer = || {
            let routed = |part: &&Part<'_>| {
                let host = part.node.get("route").and_then(|route| route.get("host")).and_then(Node::text);
                !part.is_off() && host == Some(name)
            };
            parts.iter().find(routed).filter(|_| rest == format!("{label}.localhost"))
        };
        inner()
            .map(|part| (part, "is the name that containers know it by"))
            .or_else(|| outer().map(|part| (part, "is the host of its route")))
    };
    let mut findings = Vec::new();
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for node in gateway.get("aliases").map(Node::items).unwrap_or_default() {
        let Some(alias) = node.text() else { continue };
        if let Some(first) = seen.insert(alias, node.span) {
            let message = format!("{} is listed twice in `gateway.aliases`", quoted(alias));
            findings.push(
                Finding::new(node.span, message).label("again here").help("remove one").also(first, "first here"),
            );
        } else if let Some((part, why)) = taken(alias) {
            let message = format!("{} is the name of {} already: it {why}", quoted(alias), quoted(part.name));
            findings.push(
                Finding::new(node.span, message)
                    .label("not the gateway's")
                    .help("choose another name for the gateway")
                    .also(part.key, "leads here"),
            );
        }
    }
    findings
}
