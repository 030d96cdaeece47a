//! devenv.local.yaml over devenv.yaml: maps merge, lists and scalars replace, `null` restores the default.

use std::collections::HashMap;

use crate::config::text::tree::{Entry, Node, Value};

/// Both trees as one; each node keeps its own place.
pub(crate) fn merge(main: &Node, local: &Node) -> Node {
    let (Value::Map(below), Value::Map(above)) = (&main.value, &local.value) else {
        return without_nulls(local);
    };
    let mut over: HashMap<&str, &Entry> = above.iter().map(|entry| (&*entry.key.text, entry)).collect();
    let mut entries = Vec::with_capacity(below.len() + above.len());
    for entry in below.iter() {
        match over.remove(&*entry.key.text) {
            None => entries.push(entry.clone()),
            Some(Entry { value, .. }) if value.is_null() => {}
            Some(Entry { value, .. })
                if matches!((&entry.value.value, &value.value), (Value::Map(_), Value::Map(_))) =>
            {
                entries.push(Entry { key: entry.key.clone(), value: merge(&entry.value, value) });
            }
            Some(Entry { key, value }) => entries.push(Entry { key: key.clone(), value: without_nulls(value) }),
        }
    }
    let new = above.iter().filter(|entry| over.contains_key(&*entry.key.text) && !entry.value.is_null());
    entries.extend(new.map(|Entry { key, value }| Entry { key: key.clone(), value: without_nulls(value) }));
    Node { value: Value::Map(entries.into()), span: main.span }
}

/// The tree without keys that have no value, which mean the default.
fn without_nulls(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(entries) => {
            let kept = entries.iter().filter(|entry| !entry.value.is_null());
            Value::Map(
                kept.map(|Entry { key, value }| Entry { key: key.clone(), value: without_nulls(value) }).collect(),
            )
        }
        same => same.clone(),
    };
    Node { value, span: node.span }
}

/// devenv.local.yaml without sections and parts that have no value: they are problems, and remove nothing.
pub(crate) fn without_empty_parts(local: &Node) -> Node {
    let entries = |node: &Node, value: &dyn Fn(&Entry) -> Node| {
        let kept = node.entries().iter().filter(|entry| !entry.value.is_null());
        Value::Map(kept.map(|entry| Entry { key: entry.key.clone(), value: value(entry) }).collect())
    };
    let section = |entry: &Entry| match entry.value.value {
        Value::Map(_) if SECTIONS.contains(&&*entry.key.text) => {
            Node { value: entries(&entry.value, &|part| part.value.clone()), span: entry.value.span }
        }
        _ => entry.value.clone(),
    };
    let top = local.entries().iter().filter(|entry| !(SECTIONS.contains(&&*entry.key.text) && entry.value.is_null()));
    let top = top.map(|entry| Entry { key: entry.key.clone(), value: section(entry) }).collect();
    Node { value: Value::Map(top), span: local.span }
}

/// Sections of named parts.
const SECTIONS: [&str; 3] = ["images", "modules", "services"];
