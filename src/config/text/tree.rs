//! The configuration as a tree in which every node has its position. Copies are cheap: children are shared.

use std::sync::Arc;

use crate::config::text::place::Span;
use crate::config::text::scalar::ScalarKind;

/// A value and where it stands; through an alias, where the alias stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub value: Value,
    pub span: Span,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Arc<[Node]>),
    Map(Arc<[Entry]>),
    /// Something was wrong with it and has been reported: nothing more is said about it.
    Hole,
}

/// A scalar as it was written, quotes and escapes resolved.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub text: Arc<str>,
    pub kind: ScalarKind,
    pub source: ScalarSource,
    /// True if it was written without quotes, on one line.
    pub plain: bool,
}

/// What a scalar's text was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScalarSource {
    /// It stands in the file.
    File,
    /// It had `$`: the text as it was written, and the variables that were set, with commas.
    Template { written: Arc<str>, variables: Arc<str> },
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: Key,
    pub value: Node,
}

/// A key of a map.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub text: Arc<str>,
    /// What it would be as a value: a key `8000` is a number.
    pub kind: ScalarKind,
    pub span: Span,
}

impl Node {
    pub(crate) fn hole(span: Span) -> Self {
        Self { value: Value::Hole, span }
    }

    /// Entries of a map; of anything else, none.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Items of a list; of anything else, none.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The entry of a map under `key`.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key.text == key)
    }

    /// The value of a map under `key`, if it has one.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value).filter(|value| !value.is_null() && !value.is_blank())
    }

    /// The text of a scalar that may stand for a text: a number in the file does not.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(Scalar { kind: ScalarKind::Text, text, .. }) => Some(text),
            Value::Scalar(Scalar { kind, source: ScalarSource::Template { .. }, text, .. })
                if *kind != ScalarKind::Null =>
            {
                Some(text)
            }
            _ => None,
        }
    }

    /// The text of any scalar that has a value.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if scalar.kind != ScalarKind::Null => Some(&scalar.text),
            _ => None,
        }
    }

    /// True if nothing was written, or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar { kind: ScalarKind::Null, source: ScalarSource::File, .. }))
    }

    /// True if a template became empty: for a text that is an empty text, for anything else the default.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(
            &self.value,
            Value::Scalar(Scalar { kind: ScalarKind::Null, source: ScalarSource::Template { .. }, .. })
        )
    }

    /// What it is, in a sentence.
    pub(crate) fn noun(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => scalar.kind.noun(),
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Hole => "nothing",
        }
    }
}

/// True for keys that devenv leaves to the user.
pub(crate) fn is_extension(key: &str) -> bool {
    key.starts_with("x-")
}
