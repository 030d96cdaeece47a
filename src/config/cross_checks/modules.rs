//! Settings of one module that do not fit each other, and health checks, which services have too.

use crate::config::cross_checks::subject::{Part, Sort, mistyped};
use crate::config::problems::Finding;
use crate::config::schema::table::listed;
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Node, Value};
use crate::paths::{DEVENV, HOST_SETTINGS, NEVER_COPIED};

/// Ways to see that a part is ready.
const PROBES: [&str; 3] = ["http", "tcp", "command"];

pub(super) fn check(parts: &[Part<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for part in parts {
        findings.extend(health(part));
        if part.sort == Sort::Module {
            findings.extend(task(part));
            findings.extend(steps(part));
            findings.extend(empty_lock(part));
            findings.extend(outputs(part));
            findings.extend(folder(part));
            findings.extend(mirrored(part));
        }
    }
    findings
}

/// What does not fit in its `health`.
pub(super) fn health(part: &Part<'_>) -> Option<Finding> {
    let health = part.node.entry("health").filter(|health| !health.value.is_null())?;
    probes(part, &health.value, health.key.span)
}

/// Exactly one of `http`, `tcp`, `command`; and `http` needs a port to ask.
fn probes(part: &Part<'_>, health: &Node, key: Span) -> Option<Finding> {
    if !matches!(health.value, Value::Map(_)) {
        return None;
    }
    let name = quoted(part.name);
    let given: Vec<_> =
        PROBES.iter().filter_map(|probe| health.entry(probe)).filter(|probe| !probe.value.is_null()).collect();
    match given.as_slice() {
        [] if mistyped(health, &PROBES) => None,
        // Whether the port accepts connections is asked anyway.
        [] if health.entry("start_within").is_some() && part.node.entry("port").is_some() => None,
        [] => Some(
            Finding::new(key, format!("`health` of {name} does not say how to see that it is ready"))
                .label("no `http`, `tcp` or `command`")
                .help("write one of `http: /healthz`, `tcp: 8000`, `command: …`"),
        ),
        [one] if &*one.key.text == "http" && part.node.entry("port").is_none() => Some(
            Finding::new(one.key.span, format!("`health` of {name} asks by http, but {name} has no `port`"))
                .label("which port?")
                .help("add `port:` with the number that it listens on"),
        ),
        [one] if matches!(&one.value.value, Value::List(items) if items.is_empty()) => Some(
            Finding::new(one.value.span, format!("`health` of {name} has an empty command"))
                .label("empty")
                .help("write a program and its arguments"),
        ),
        [_] => None,
        [first, second, ..] => {
            let names: Vec<_> = given.iter().map(|probe| probe.key.text.to_string()).collect();
            Some(
                Finding::new(
                    second.key.span,
                    format!("`health` of {name} has {}: one is enough", listed(&names, "and")),
                )
                .label("a second way")
                .help("keep exactly one of `http`, `tcp`, `command`")
                .also(first.key.span, "the first way"),
            )
        }
    }
}

/// Whether a module runs to completion.
pub(super) fn is_task(module: &Node) -> bool {
    let once = module.get("once");
    once.is_some_and(|once| once.scalar() == Some("true") || matches!(once.value, Value::Map(_)))
}

/// A task runs to completion: nothing can be sent to it.
fn task(part: &Part<'_>) -> Vec<Finding> {
    if !is_task(part.node) {
        let of_tasks = ["inputs", "max"].iter().filter_map(|key| part.node.entry(key));
        return of_tasks
            .map(|entry| {
                let message = format!("{} is not a task, so it has no {}", quoted(part.name), quoted(&entry.key.text));
                let help = "add `once: true` if it runs to completion, or remove the key";
                Finding::new(entry.key.span, message).label("of tasks").help(help)
            })
            .collect();
    }
    let refused =
        [("route", "the gateway cannot send requests to it"), ("health", "it is ready when it has exited with code 0")];
    let entries = refused.iter().filter_map(|(key, why)| Some((part.node.entry(key)?, why)));
    entries
        .filter(|(entry, _)| !entry.value.is_null())
        .map(|(entry, why)| {
            let message =
                format!("{} runs once to completion, so it has no {}", quoted(part.name), quoted(&entry.key.text));
            Finding::new(entry.key.span, message).label("of a task").help(format!("remove it: {why}"))
        })
        .collect()
}

/// `on_change` names steps that the module has.
fn steps(part: &Part<'_>) -> Vec<Finding> {
    let watch = part.node.get("watch").and_then(|watch| watch.get("on_change"));
    let steps = watch.map(Node::items).unwrap_or_default().iter().filter_map(|item| Some((item.text()?, item.span)));
    steps
        .filter(|(step, _)| ["build", "lint", "test"].contains(step) && part.node.entry(step).is_none())
        .map(|(step, span)| {
            Finding::new(
                span,
                format!("{} runs {} on a change, but has no such command", quoted(part.name), quoted(step)),
            )
            .label("no command")
            .help(format!("add `{step}:` to the module, or remove the step"))
        })
        .collect()
}

/// Dependencies without a lock file would never be installed again.
fn empty_lock(part: &Part<'_>) -> Option<Finding> {
    let lock = part.node.get("deps")?.get("lock")?;
    match &lock.value {
        Value::List(items) if items.is_empty() => Some(
            Finding::new(lock.span, format!("`deps` of {} names no lock file", quoted(part.name)))
                .label("empty")
                .help("name the files whose changes trigger an installation, such as [requirements.txt]"),
        ),
        _ => None,
    }
}

/// Folders that are no source: who could write there would decide what runs on the host.
pub(super) const NO_SOURCE: [&str; 2] = [".git", ".devenv"];

/// The folder of a module, and what is installed into it, is not that of git or of devenv, nor below it.
fn folder(part: &Part<'_>) -> Vec<Finding> {
    let into = part.node.get("deps").and_then(|deps| deps.get("into")).map(Node::items).unwrap_or_default();
    let paths =
        part.node.get("path").into_iter().map(|node| ("path", node)).chain(into.iter().map(|node| ("into", node)));
    paths
        .filter_map(|(key, node)| {
            let found = node.text()?.split('/').find(|part| NO_SOURCE.contains(part))?;
            let message = format!("`{key}` of {} may not have {} in it", quoted(part.name), quoted(found));
            Some(Finding::new(node.span, message).label("no source").help("name the folder that has the source"))
        })
        .collect()
}

/// Outputs are written by whatever runs in the container, so they name what is made there and nothing that decides.
fn outputs(part: &Part<'_>) -> Vec<Finding> {
    let items = part.node.get("outputs").map(Node::items).unwrap_or_default();
    let finding = |text: &str, span: Span| {
        let mut parts = text.split('/').filter(|part| !part.is_empty() && *part != ".").peekable();
        if parts.peek().is_none() {
            let message = format!("`outputs` of {} is its whole folder", quoted(part.name));
            let help = "name the files and folders that the container makes, such as openapi.json";
            return Some(Finding::new(span, message).label("everything").help(help));
        }
        let is_ours = |part: &&str| [DEVENV, "devenv.lock"].contains(part) || HOST_SETTINGS.contains(part);
        let ours = parts.find(is_ours)?;
        let message = format!("`outputs` of {} may not have {} in it", quoted(part.name), quoted(ours));
        Some(Finding::new(span, message).label("not from a container").help("a container must not write there"))
    };
    items.iter().filter_map(|item| finding(item.text()?, item.span)).collect()
}

/// `mirror.also` names what git ignores, and not what is never copied.
fn mirrored(part: &Part<'_>) -> Vec<Finding> {
    let also = part.node.get("mirror").and_then(|mirror| mirror.get("also"));
    let items = also.map(Node::items).unwrap_or_default();
    let finding = |text: &str, span: Span| {
        let never = text.split('/').find(|part| NEVER_COPIED.contains(part))?;
        let message =
            format!("`mirror.also` of {} has {} in it, which is never copied", quoted(part.name), quoted(never));
        let help = match never {
            ".git" => "write `git: true`: the repository's folder is mounted read-only",
            _ => "remove it: it is for this machine alone",
        };
        Some(Finding::new(span, message).label("never copied").help(help))
    };
    items.iter().filter_map(|item| finding(item.text()?, item.span)).collect()
}
