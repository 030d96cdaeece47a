//! Compose's rules for one file over another (compose specification, "Merge"), for files in their long forms.

use std::collections::HashMap;

use crate::config::text::tree::{Entry, Node, Value};

/// Lists of which the last one counts alone.
const REPLACED: [&str; 3] = ["command", "entrypoint", "test"];

/// `upper` over `lower`: maps are merged, lists grow, anything else is replaced.
pub(super) fn over(lower: &Node, upper: &Node) -> Node {
    match (&lower.value, &upper.value) {
        (Value::Map(below), Value::Map(above)) => {
            let mut over: HashMap<&str, &Entry> = above.iter().map(|entry| (&*entry.key.text, entry)).collect();
            let mut entries: Vec<Entry> = below
                .iter()
                .map(|entry| over.remove(&*entry.key.text).map_or_else(|| entry.clone(), |upper| both(entry, upper)))
                .collect();
            entries.extend(above.iter().filter(|entry| over.contains_key(&*entry.key.text)).cloned());
            Node { value: Value::Map(entries.into()), span: lower.span }
        }
        (Value::List(below), Value::List(above)) => {
            Node { value: Value::List(below.iter().chain(above.iter()).cloned().collect()), span: lower.span }
        }
        _ => upper.clone(),
    }
}

fn both(lower: &Entry, upper: &Entry) -> Entry {
    let replaced = REPLACED.contains(&&*upper.key.text);
    let value = if replaced { upper.value.clone() } else { over(&lower.value, &upper.value) };
    let key =
        if matches!(upper.value.value, Value::Map(_) | Value::List(_)) && !replaced { &lower.key } else { &upper.key };
    Entry { key: key.clone(), value }
}
