//! The short forms of a service in the long ones, so that files can be merged, and paths as seen from the top.

use std::sync::Arc;

use crate::config::relative_path::joined;
use crate::config::text::place::Span;
use crate::config::text::scalar::ScalarKind;
use crate::config::text::tree::{Entry, Key, Node, Scalar, ScalarSource, Value};

/// A text that stands where another node stood.
pub(super) fn text(text: &str, span: Span) -> Node {
    let scalar = Scalar { text: text.into(), kind: ScalarKind::Text, source: ScalarSource::File, plain: false };
    Node { value: Value::Scalar(scalar), span }
}

fn key(text: &str, span: Span) -> Key {
    Key { text: text.into(), kind: ScalarKind::Text, span }
}

fn map(entries: Vec<Entry>, span: Span) -> Node {
    Node { value: Value::Map(entries.into()), span }
}

/// A service with its paths and in its long forms.
pub(super) fn service(node: &Node, folder: &str) -> Node {
    with_each(node, |name, value| match name {
        "environment" | "labels" | "sysctls" | "annotations" => pairs(value, &['=']),
        "extra_hosts" => pairs(value, &['=', ':']),
        "depends_on" => named(value, "condition", "service_started"),
        "networks" => named(value, "", ""),
        "build" => build(value, folder),
        "env_file" | "label_file" => listed(value, |one| path_in(one, "path", folder)),
        "volumes" => listed(value, |one| volume(one, folder)),
        "extends" => extends(value, folder),
        "tmpfs" | "dns" | "dns_search" | "profiles" => listed(value, Node::clone),
        _ => value.clone(),
    })
}

/// A secret or a configuration at the top, whose `file` is a path.
pub(super) fn resource(node: &Node, folder: &str) -> Node {
    with_each(node, |name, value| if name == "file" { path(value, folder) } else { value.clone() })
}

/// A map with each value changed.
pub(super) fn with_each(node: &Node, change: impl Fn(&str, &Node) -> Node) -> Node {
    let Value::Map(entries) = &node.value else { return node.clone() };
    let entries =
        entries.iter().map(|entry| Entry { key: entry.key.clone(), value: change(&entry.key.text, &entry.value) });
    map(entries.collect(), node.span)
}

/// `[A=b]` as a map.
fn pairs(node: &Node, signs: &[char]) -> Node {
    let Value::List(items) = &node.value else { return node.clone() };
    let entry = |item: &Node| {
        let written = item.scalar()?;
        let (name, value) = match written.split_once(signs) {
            Some((name, value)) => (name, text_of(item, value)),
            None => (written, Node { value: Value::Scalar(nothing()), span: item.span }),
        };
        Some(Entry { key: key(name, item.span), value })
    };
    map(items.iter().filter_map(entry).collect(), node.span)
}

/// A part of a scalar, which still knows whether variables stood in it.
fn text_of(whole: &Node, part: &str) -> Node {
    let Value::Scalar(scalar) = &whole.value else { return text(part, whole.span) };
    let source = match &scalar.source {
        ScalarSource::File => ScalarSource::File,
        ScalarSource::Template { written, variables } => {
            let written = written.split_once('=').map_or(&**written, |(_, rest)| rest);
            ScalarSource::Template { written: written.into(), variables: Arc::clone(variables) }
        }
    };
    let scalar = Scalar { text: part.into(), kind: ScalarKind::Text, source, plain: false };
    Node { value: Value::Scalar(scalar), span: whole.span }
}

fn nothing() -> Scalar {
    Scalar { text: "".into(), kind: ScalarKind::Null, source: ScalarSource::File, plain: true }
}

/// A list of names as a map of maps.
fn named(node: &Node, inner: &str, value: &str) -> Node {
    let Value::List(items) = &node.value else { return node.clone() };
    let entry = |item: &Node| {
        let settings = Entry { key: key(inner, item.span), value: text(value, item.span) };
        let settings = if inner.is_empty() { Vec::new() } else { vec![settings] };
        Some(Entry { key: key(item.scalar()?, item.span), value: map(settings, item.span) })
    };
    map(items.iter().filter_map(entry).collect(), node.span)
}

/// One or a list, as a list.
fn listed(node: &Node, change: impl Fn(&Node) -> Node) -> Node {
    let items: Vec<Node> = match &node.value {
        Value::List(items) => items.iter().map(change).collect(),
        Value::Hole => return node.clone(),
        _ if node.is_null() => Vec::new(),
        _ => vec![change(node)],
    };
    Node { value: Value::List(items.into()), span: node.span }
}

fn build(node: &Node, folder: &str) -> Node {
    if node.scalar().is_some() {
        let context = Entry { key: key("context", node.span), value: path(node, folder) };
        return map(vec![context], node.span);
    }
    with_each(node, |name, value| match name {
        "context" => path(value, folder),
        "args" | "labels" => pairs(value, &['=']),
        _ => value.clone(),
    })
}

fn extends(node: &Node, folder: &str) -> Node {
    if let Some(service) = node.scalar() {
        return map(vec![Entry { key: key("service", node.span), value: text(service, node.span) }], node.span);
    }
    path_in(node, "file", folder)
}

/// A path, or a map with one under `name`.
fn path_in(node: &Node, name: &str, folder: &str) -> Node {
    if node.scalar().is_some() {
        return path(node, folder);
    }
    with_each(node, |key, value| if key == name { path(value, folder) } else { value.clone() })
}

fn volume(node: &Node, folder: &str) -> Node {
    let Some(written) = node.scalar() else {
        let is_bind = node.get("type").and_then(Node::scalar) == Some("bind");
        return with_each(node, |name, value| match name {
            "source" if is_bind => path(value, folder),
            _ => value.clone(),
        });
    };
    match written.split_once(':') {
        Some((source, rest)) if source.starts_with('.') => {
            text(&format!("{}:{rest}", from_top(source, folder)), node.span)
        }
        _ => node.clone(),
    }
}

fn path(node: &Node, folder: &str) -> Node {
    match node.scalar() {
        Some(written) if !written.starts_with(['/', '~']) && !written.contains("://") => {
            text(&from_top(written, folder), node.span)
        }
        _ => node.clone(),
    }
}

fn from_top(path: &str, folder: &str) -> String {
    match joined(folder, path) {
        outside if outside.starts_with("..") => outside,
        below => format!("./{below}"),
    }
}
