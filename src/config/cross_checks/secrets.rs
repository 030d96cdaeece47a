//! Credentials of modules: each says in one way where it comes from, and is no other variable.

use crate::config::cross_checks::subject::{Part, Sort, mistyped};
use crate::config::problems::{ENOUGH, Finding};
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Entry, Node, Value};
use crate::names::is_secret;

/// The ways.
const WAYS: [&str; 3] = ["default", "generate", "ask"];

/// The names of a module's credentials.
pub(super) fn names<'t>(part: &Part<'t>) -> impl Iterator<Item = &'t str> + use<'t> {
    let entries = part.node.get("secrets").map(Node::entries).unwrap_or_default();
    entries.iter().take(ENOUGH).map(|entry| &*entry.key.text)
}

pub(super) fn check(parts: &[Part<'_>], environments: &[&Entry]) -> Vec<Finding> {
    let modules = parts.iter().filter(|part| part.sort == Sort::Module);
    modules
        .flat_map(|part| {
            let entries = part.node.get("secrets").map(Node::entries).unwrap_or_default();
            entries.iter().take(ENOUGH).flat_map(|entry| {
                let shown = shown(part, entry).into_iter().chain(ways(part, entry));
                shown.chain(twice(part, entry)).chain(in_environments(environments, part, entry))
            })
        })
        .collect()
}

/// The names of users and databases, which everybody may see: output hides the values of all others.
fn shown(part: &Part<'_>, entry: &Entry) -> Option<Finding> {
    let name = &*entry.key.text;
    if is_secret(name) {
        return None;
    }
    let message =
        format!("{} of {} cannot be the name of a secret: output shows its value", quoted(name), quoted(part.name));
    let help = format!("choose another name, such as `{}_SECRET`", name.to_uppercase());
    Some(Finding::new(entry.key.span, message).label("shown").help(help))
}

fn ways(part: &Part<'_>, entry: &Entry) -> Option<Finding> {
    if !matches!(entry.value.value, Value::Map(_)) {
        return None;
    }
    let what = format!("the secret {} of {}", quoted(&entry.key.text), quoted(part.name));
    let given: Vec<&Entry> =
        WAYS.iter().filter_map(|way| entry.value.entry(way)).filter(|way| !way.value.is_null()).collect();
    match given.as_slice() {
        [_] => None,
        [] if mistyped(&entry.value, &WAYS) => None,
        [] => {
            let finding = Finding::new(entry.key.span, format!("{what} does not say where it comes from"));
            let help = "write one of `default: VALUE`, `generate: 32`, `ask: WHAT IT IS`";
            Some(finding.label("no `default`, `generate` or `ask`").help(help))
        }
        [first, second, ..] => {
            let finding = Finding::new(second.key.span, format!("{what} comes from two places"));
            let finding = finding.label("a second one").help("keep exactly one of `default`, `generate`, `ask`");
            Some(finding.also(first.key.span, "the first one"))
        }
    }
}

/// The variable, of the secret or of its file, that `env` has too.
fn variable<'t>(env: Option<&'t Node>, name: &str) -> Option<&'t Entry> {
    let env = env?;
    env.entry(name).or_else(|| env.entry(&format!("{name}_FILE")))
}

/// The secret would replace what an environment says.
fn in_environments(environments: &[&Entry], part: &Part<'_>, entry: &Entry) -> Vec<Finding> {
    let finding = |environment: &&Entry| {
        let env = environment.value.get("env").and_then(|env| env.get(part.name));
        let other = variable(env, &entry.key.text)?;
        let message = format!(
            "{} of {} is a secret, and is set in `env` of {} too",
            quoted(&other.key.text),
            quoted(part.name),
            quoted(&environment.key.text)
        );
        let finding = Finding::new(other.key.span, message).label("a second value").help("remove it from `env`");
        Some(finding.also(entry.key.span, "the secret"))
    };
    environments.iter().filter_map(finding).collect()
}

fn twice(part: &Part<'_>, entry: &Entry) -> Option<Finding> {
    let name = &*entry.key.text;
    let file = name.strip_suffix("_FILE");
    if let Some(other) = variable(part.node.get("env"), name) {
        let message =
            format!("{} of {} is a secret, and is set in `env` too", quoted(&other.key.text), quoted(part.name));
        let finding = Finding::new(other.key.span, message).label("a second value").help("remove it from `env`");
        return Some(finding.also(entry.key.span, "the secret"));
    }
    let base = file.filter(|base| names(part).any(|name| name == *base))?;
    let message = format!("{} would be the file of the secret {}", quoted(name), quoted(base));
    Some(Finding::new(entry.key.span, message).label("taken").help("choose another name"))
}
