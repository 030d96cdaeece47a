//! The compose file that is laid over devenv's: settings that devenv.yaml cannot express.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::config::text::tree::{Entry, Node};
use crate::plan::adopt::adopting::Adopting;
use crate::plan::adopt::adoption::Keys;
use crate::plan::adopt::values;

/// Adds a key of a part; lists grow.
pub(crate) fn add(adopting: &mut Adopting<'_>, at: usize, key: &str, value: Json) {
    let keys = adopting.over.entry(adopting.parts[at].name.clone()).or_default();
    match (keys.get_mut(key), value) {
        (Some(Json::Array(known)), Json::Array(more)) => known.extend(more),
        (_, value) => drop(keys.insert(key.to_owned(), value)),
    }
}

/// Adds the secrets of a part as compose has them, by their names.
pub(crate) fn add_secrets(adopting: &mut Adopting<'_>, at: usize, secrets: &[&Node]) {
    if !secrets.is_empty() {
        let secrets = secrets.iter().map(|secret| values::compose(secret)).collect();
        add(adopting, at, "secrets", secrets);
    }
}

/// The name of a secret in either form.
pub(crate) fn secret(node: &Node) -> Option<&str> {
    node.scalar().or_else(|| node.get("source")?.scalar())
}

/// The whole file, with those of the sections at the top that are used.
pub(crate) fn finish(adopting: &mut Adopting<'_>) {
    if adopting.over.is_empty() {
        return;
    }
    let over = std::mem::take(&mut adopting.over);
    let mut whole = Keys::new();
    for section in ["secrets", "configs", "volumes"] {
        let used: BTreeSet<String> = over.values().flat_map(|keys| used(keys, section)).collect();
        let entries = adopting.facts.compose.section(section).iter().filter(|entry| used.contains(&*entry.key.text));
        let entries: Keys =
            entries.map(|Entry { key, value }| (key.text.to_string(), values::compose(value))).collect();
        if !entries.is_empty() {
            whole.insert(section.to_owned(), entries.into());
        }
    }
    let services: Keys = over.into_iter().map(|(name, keys)| (name, keys.into())).collect();
    adopting.done.fragment.insert("services".to_owned(), services.into());
    adopting.done.fragment.extend(whole);
}

fn used(keys: &Keys, section: &str) -> Vec<String> {
    let items = keys.get(section).and_then(Json::as_array).cloned().unwrap_or_default();
    let name = |item: Json| {
        let text = item.as_str().or_else(|| item["source"].as_str())?.to_owned();
        Some(text.split(':').next().unwrap_or_default().to_owned())
    };
    items.into_iter().filter_map(name).collect()
}
