//! A task that is split: it says what its tests are in one way, and its parts can be put together again.

use crate::config::problems::Finding;
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Entry, Node};

pub(super) fn check(task: &Entry) -> Vec<Finding> {
    let (name, node) = (quoted(&task.key.text), &task.value);
    let Some(split) = node.entry("split").filter(|split| !split.value.entries().is_empty()) else { return Vec::new() };
    let mut findings = Vec::new();
    match (split.value.entry("of"), split.value.entry("command")) {
        (Some(of), Some(command)) => findings.push(
            Finding::new(command.key.span, format!("the split of {name} has both `of` and `command`"))
                .label("two lists of tests")
                .help("keep one of them")
                .also(of.key.span, "the other one"),
        ),
        (None, None) => findings.push(
            Finding::new(split.key.span, format!("the split of {name} does not say what its tests are"))
                .label("neither `of` nor `command`")
                .help("add `of:` with a pattern of files, or `command:` that prints one name per line"),
        ),
        _ => {}
    }
    if node.get("run").is_some() && node.get("results").is_none_or(no_items) {
        findings.push(
            Finding::new(split.key.span, format!("the task {name} is split and has no `results`"))
                .label("nothing tells how long its tests take")
                .help("add `results:` with the JUnit file that its runner writes"),
        );
    }
    if let Some(artifacts) = node.entry("artifacts") {
        findings.push(
            Finding::new(artifacts.key.span, format!("the task {name} is split and has `artifacts`"))
                .label("each split would write the same paths")
                .help("make them in a task of their own")
                .also(split.key.span, "split here"),
        );
    }
    findings
}

fn no_items(node: &Node) -> bool {
    node.items().is_empty()
}
