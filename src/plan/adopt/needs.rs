//! The order of a product: whom each service waits for, what runs to completion, and how one sees that it is ready.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use regex::Regex;

use crate::config::text::tree::{Entry, Node, Value};
use crate::plan::adopt::adopting::Adopting;
use crate::plan::adopt::adoption::Keys;
use crate::plan::adopt::kinds::Kind;
use crate::plan::adopt::{values, words};

/// The parts that a service waits for.
pub(crate) fn needs(adopting: &Adopting<'_>, node: &Node) -> BTreeSet<String> {
    let depends = node.get("depends_on").map(Node::entries).unwrap_or_default().iter();
    let links = node.get("links").map(Node::items).unwrap_or_default().iter().filter_map(Node::scalar);
    let links = links.map(|link| link.split(':').next().unwrap_or(link));
    let names = depends.map(|entry| &*entry.key.text).chain(links);
    let parts = names.filter_map(|name| adopting.part(name));
    let runs = |kind: &Kind| matches!(kind, Kind::Preset(..) | Kind::Module(_) | Kind::Service);
    parts.filter(|part| runs(&part.kind)).map(|part| part.name.clone()).collect()
}

/// Whether others wait for a service's end.
pub(crate) fn is_task(adopting: &Adopting<'_>, written: &str) -> bool {
    let ends = |entry: &Entry| {
        let condition = entry.value.get("condition").and_then(Node::scalar);
        &*entry.key.text == written && condition == Some("service_completed_successfully")
    };
    adopting
        .parts
        .iter()
        .any(|part| part.node.get("depends_on").map(Node::entries).unwrap_or_default().iter().any(ends))
}

/// Whether others wait for a service.
pub(crate) fn is_needed(adopting: &Adopting<'_>, written: &str) -> bool {
    let names = |node: &Node| node.get("depends_on").is_some_and(|depends| depends.entry(written).is_some());
    adopting.parts.iter().any(|part| names(part.node))
}

/// Adds the parts to what a service needs.
pub(crate) fn write(keys: &mut Keys, needs: BTreeSet<String>) {
    if !needs.is_empty() {
        keys.insert("needs".to_owned(), needs.into_iter().collect());
    }
}

/// How one sees that a service is ready.
pub(crate) fn health(node: &Node, port: Option<u16>) -> Option<Json> {
    let check = node.get("healthcheck")?;
    let test = check.get("test")?;
    let command = match &test.value {
        Value::List(items) => {
            let words: Vec<&str> = items.iter().filter_map(Node::scalar).collect();
            match words.split_first()? {
                (&"NONE", _) => return None,
                (&"CMD-SHELL", rest) => json!(values::command(&rest.join(" "))),
                (&"CMD", rest) => rest.iter().map(|word| values::command(word)).collect(),
                _ => words.iter().map(|word| values::command(word)).collect(),
            }
        }
        _ => json!(values::command(test.scalar()?)),
    };
    let mut health = Keys::new();
    match port.and_then(|port| request(&command, port)) {
        Some(path) => health.insert("http".to_owned(), path.into()),
        None => health.insert("command".to_owned(), command),
    };
    let time =
        |key: &str, otherwise| check.get(key).and_then(Node::scalar).and_then(words::seconds).unwrap_or(otherwise);
    let retries = check.get("retries").and_then(Node::scalar).and_then(|retries| retries.parse().ok()).unwrap_or(3u64);
    let within = time("start_period", 0) + retries.min(100) * time("interval", 30).min(600);
    if within > 60 {
        health.insert("start_within".to_owned(), format!("{within}s").into());
    }
    Some(health.into())
}

/// The path that a command such as `curl -f http://localhost:8000/healthz || exit 1` asks for.
fn request(command: &Json, port: u16) -> Option<String> {
    let text = match command {
        Json::Array(words) => words.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" "),
        other => other.as_str()?.to_owned(),
    };
    if !text.contains("curl") && !text.contains("wget") {
        return None;
    }
    let found = Regex::new(r"(?:https?://)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::(\d+))?(/[^\s'|&;]*)?").ok()?;
    let found = found.captures(&text)?;
    let asked = found.get(1).map_or(80, |port| port.as_str().parse().unwrap_or_default());
    (asked == port).then(|| found.get(2).map_or("/", |path| path.as_str()).trim_end_matches('"').to_owned())
}
