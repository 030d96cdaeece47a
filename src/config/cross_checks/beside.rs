//! Containers beside a task: each has a name that leads to it alone, and can be asked whether it is ready.

use crate::config::cross_checks::environments;
use crate::config::cross_checks::modules;
use crate::config::cross_checks::subject::{Part, Sort};
use crate::config::problems::Finding;
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Entry, Node, is_extension};

fn all(task: &Entry) -> impl Iterator<Item = &Entry> {
    let entries = task.value.get("beside").map(Node::entries).unwrap_or_default();
    entries.iter().filter(|entry| !is_extension(&entry.key.text))
}

/// The images of what runs beside a task.
pub(super) fn images(task: &Entry) -> impl Iterator<Item = (String, &Node)> {
    all(task).filter_map(|one| {
        let name = format!("{} beside the task {}", quoted(&one.key.text), quoted(&task.key.text));
        Some((name, one.value.get("image")?))
    })
}

pub(super) fn check(task: &Entry, parts: &[Part<'_>]) -> Vec<Finding> {
    let in_module = task.value.get("module").is_some();
    let one = |entry: &Entry| {
        let name = &*entry.key.text;
        let twin = parts.iter().find(|part| in_module && part.name == name).map(|part| {
            let message = format!(
                "{} beside the task {} has the name of a {}, which the task's module can reach",
                quoted(name),
                quoted(&task.key.text),
                part.sort.noun()
            );
            let finding = Finding::new(entry.key.span, message).label("two of one name").help("choose another name");
            finding.also(part.key, "the other one")
        });
        let part = Part { sort: Sort::Service, name, key: entry.key.span, node: &entry.value };
        let resources = entry.value.get("resources").and_then(environments::cpus);
        twin.into_iter().chain(modules::health(&part)).chain(resources).collect::<Vec<_>>()
    };
    all(task).flat_map(one).collect()
}
