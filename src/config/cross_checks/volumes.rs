//! Volumes of data: no two parts have one, and none is the copy of a module's source.

use std::collections::HashMap;

use crate::config::cross_checks::subject::{Part, Sort};
use crate::config::inputs::KnownNames;
use crate::config::problems::{ENOUGH, Finding};
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::tree::Node;

/// What the presets call the volume of their data.
const OF_PRESETS: &str = "data";

pub(super) fn check(parts: &[Part<'_>], known: &KnownNames) -> Vec<Finding> {
    let modules = parts.iter().filter(|part| part.sort == Sort::Module);
    let mut taken: HashMap<String, (&str, Span)> =
        modules.map(|part| (format!("mirror-{}", part.name), ("the copy of its source", part.key))).collect();
    for part in parts {
        let preset = part.node.get("preset").and_then(Node::text);
        if preset.is_some_and(|preset| known.with_data.contains(preset)) {
            taken.insert(format!("{}-{OF_PRESETS}", part.name), ("its data", part.key));
        }
    }
    let mut findings = Vec::new();
    for part in parts {
        let of_preset = part.node.get("preset").is_some();
        for entry in part.node.get("volumes").map(Node::entries).unwrap_or_default().iter().take(ENOUGH) {
            let (name, span) = (format!("{}-{}", part.name, entry.key.text), entry.key.span);
            if of_preset && &*entry.key.text == OF_PRESETS {
                continue;
            }
            let Some((what, first)) = taken.insert(name.clone(), ("this volume", span)) else { continue };
            let message = format!(
                "the volume {} of {} would be called {}, like another one",
                quoted(&entry.key.text),
                quoted(part.name),
                quoted(&name)
            );
            let finding = Finding::new(span, message).label("its name").help("rename one of the two");
            findings.push(finding.also(first, format!("has this name: {what}")));
        }
    }
    findings
}
