//! What devenv.local.yaml says about parts, and which version of devenv the project asks for.

use std::collections::HashMap;

use crate::config::cross_checks::subject::{Part, by_name};
use crate::config::cross_checks::{ports, secrets};
use crate::config::inputs::KnownNames;
use crate::config::model::version;
use crate::config::problems::Finding;
use crate::config::text::quote::quoted;
use crate::config::text::scalar;
use crate::config::text::tree::{Entry, Node, is_extension};
use crate::config::text::unknown_words::did_you_mean;

/// `requires` must hold for the version that runs.
pub(super) fn requires(tree: &Node, known: &KnownNames) -> Option<Finding> {
    let node = tree.get("requires")?;
    let text = node.text()?;
    let bounds = version::parse(text).ok()?;
    if bounds.iter().all(|bound| bound.holds(known.version)) {
        return None;
    }
    let (major, minor, patch) = known.version;
    let message = format!("this project asks for devenv {}, but {major}.{minor}.{patch} runs", quoted(text));
    Some(Finding::new(node.span, message).label("asked for here").help("install a version of devenv that fits"))
}

/// `ports` and `secrets` name parts that exist, and no port twice.
pub(super) fn check(tree: &Node, parts: &[Part<'_>], facts: &KnownNames) -> Vec<Finding> {
    let known = by_name(parts);
    let further: Vec<String> =
        parts.iter().flat_map(|part| ports::further(part, facts)).map(|port| port.name).collect();
    let names = || known.keys().copied().chain(["gateway", "gateway-http"]).chain(further.iter().map(String::as_str));
    let mut findings = Vec::new();
    let mut seen: HashMap<i128, &Entry> = HashMap::new();
    for entry in entries(tree, "ports") {
        let name = &*entry.key.text;
        if !names().any(|known| known == name) {
            let message = format!("`ports` names {}, which is not a module or service", quoted(name));
            findings
                .push(Finding::new(entry.key.span, message).label("not known").maybe_help(did_you_mean(name, names())));
        }
        let number = entry.value.scalar().map(scalar::integer).filter(|number| (1..=65_535).contains(number));
        let Some(number) = number else { continue };
        match seen.get(&number) {
            Some(first) => findings.push(
                Finding::new(
                    entry.value.span,
                    format!("{} and {} have the same port, {number}", quoted(&first.key.text), quoted(name)),
                )
                .label("again here")
                .help("give each a port of its own")
                .also(first.value.span, "first here"),
            ),
            None => drop(seen.insert(number, entry)),
        }
    }
    for entry in entries(tree, "secrets") {
        let Some((name, credential)) = entry.key.text.split_once('.') else { continue };
        let not_known = |message, help| Finding::new(entry.key.span, message).label("not known").maybe_help(help);
        let Some(part) = known.get(name) else {
            let message = format!("`secrets` names {}, which is not a module or service", quoted(name));
            findings.push(not_known(message, did_you_mean(name, known.keys().copied())));
            continue;
        };
        let preset = part.node.get("preset").and_then(Node::text);
        let mut has = preset.and_then(|preset| facts.credentials.get(preset)).cloned().unwrap_or_default();
        has.extend(secrets::names(part).map(str::to_owned));
        if !has.contains(credential) {
            let message = format!("{} has no credential {}", quoted(name), quoted(credential));
            let all: Vec<&str> = has.iter().map(String::as_str).collect();
            let help = did_you_mean(credential, all.iter().copied())
                .or_else(|| (!all.is_empty()).then(|| format!("it has: {}", all.join(", "))));
            findings.push(not_known(message, help));
        }
    }
    findings
}

fn entries<'t>(tree: &'t Node, section: &str) -> impl Iterator<Item = &'t Entry> {
    let all = tree.get(section).map(Node::entries).unwrap_or_default();
    all.iter().filter(|entry| !is_extension(&entry.key.text))
}
