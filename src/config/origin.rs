//! Where each value comes from: for `devenv config --origin`.

use std::fmt;

use serde_json::Value as Json;

use crate::config::model::file::ProjectFile;
use crate::config::model::local::LocalFile;
use crate::config::text::place::{Place, Texts};
use crate::config::text::tree::{Node, ScalarSource, Value};

/// One value that is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct OriginLine {
    /// Its keys, such as `modules.api.port`.
    pub path: String,
    /// The value; credentials are not shown.
    pub value: Json,
    /// Where it comes from.
    pub origin: ValueOrigin,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOrigin {
    /// Nobody wrote it.
    Default,
    /// It stands in a file.
    File(Place),
    /// Variables, with commas, that a place in a file refers to.
    Environment(String, Place),
}

/// `default`, `devenv.yaml:12`, or `environment LOG_LEVEL, devenv.yaml:12`.
impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(place) => place.fmt(f),
            Self::Environment(variables, place) => write!(f, "environment {variables}, {place}"),
        }
    }
}

/// All values of the files; a list is one value, because lists replace each other.
pub(crate) fn lines(file: &ProjectFile, local: &LocalFile, tree: &Node, texts: &Texts) -> Vec<OriginLine> {
    let mut lines = Vec::new();
    let values = [serde_json::to_value(file), serde_json::to_value(local)];
    for value in values.into_iter().flatten() {
        walk(&value, Some(tree), "", texts, &mut lines);
    }
    lines
}

fn walk(value: &Json, node: Option<&Node>, path: &str, texts: &Texts, lines: &mut Vec<OriginLine>) {
    if let Json::Object(map) = value
        && !map.is_empty()
    {
        for (key, value) in map {
            let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            // A route that was written as a text is a map once it is parsed.
            let next = node.and_then(|node| match node.value {
                Value::Map(_) => node.entry(key).map(|entry| &entry.value),
                _ => Some(node),
            });
            walk(value, next, &below, texts, lines);
        }
        return;
    }
    let hidden = path.strip_prefix("secrets.").is_some();
    let value = if hidden { Json::from("(hidden)") } else { value.clone() };
    lines.push(OriginLine {
        path: path.to_owned(),
        value,
        origin: node.map_or(ValueOrigin::Default, |node| origin(node, texts)),
    });
}

fn origin(node: &Node, texts: &Texts) -> ValueOrigin {
    let place = texts.place(node.span);
    match variables(node).join(", ") {
        none if none.is_empty() => ValueOrigin::File(place),
        variables => ValueOrigin::Environment(variables, place),
    }
}

fn variables(node: &Node) -> Vec<&str> {
    match &node.value {
        Value::Scalar(scalar) => match &scalar.source {
            ScalarSource::Template { variables, .. } if !variables.is_empty() => vec![variables],
            _ => Vec::new(),
        },
        Value::List(items) => items.iter().flat_map(variables).collect(),
        Value::Map(_) | Value::Hole => Vec::new(),
    }
}
