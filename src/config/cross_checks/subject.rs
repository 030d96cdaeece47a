//! Modules and services as the checks see them.

use std::collections::BTreeMap;

use crate::config::problems::ENOUGH;
use crate::config::text::place::Span;
use crate::config::text::tree::{Entry, Node, is_extension};
use crate::names::PartName;
use crate::nearest::nearest;

/// Which section a part stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Module,
    Service,
}

impl Sort {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Service => "service",
        }
    }
}

/// A module or a service as it stands in the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'t> {
    pub(super) sort: Sort,
    pub(super) name: &'t str,
    pub(super) key: Span,
    pub(super) node: &'t Node,
}

impl<'t> Part<'t> {
    pub(super) fn is_off(&self) -> bool {
        self.node.get("mode").and_then(Node::text) == Some("off")
    }

    /// Names in a list of this part, with their places; what is not a name has its problem already.
    pub(super) fn list(&self, key: &str) -> impl Iterator<Item = (&'t str, Span)> + use<'t> {
        let items = self.node.get(key).map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| Some((name(item)?, item.span)))
    }
}

/// Modules and services, in the order of the file.
pub(super) fn parts(tree: &Node) -> Vec<Part<'_>> {
    let section = |name, sort| {
        let entries = tree.get(name).map(Node::entries).unwrap_or_default().iter();
        entries.filter(|entry| !is_extension(&entry.key.text)).map(move |Entry { key, value }| Part {
            sort,
            name: &key.text,
            key: key.span,
            node: value,
        })
    };
    section("modules", Sort::Module).chain(section("services", Sort::Service)).collect()
}

/// A node's text, if that is a name.
pub(super) fn name(node: &Node) -> Option<&str> {
    node.text().filter(|text| PartName::new(*text).is_ok() || is_extension(text))
}

/// True if one of `keys` is there after all: without value, or mistyped. That is reported elsewhere.
pub(super) fn mistyped(map: &Node, keys: &[&str]) -> bool {
    map.entries().iter().take(ENOUGH).any(|entry| {
        let text = entry.key.text.split(':').next().unwrap_or_default();
        keys.contains(&text) || nearest(text, keys.iter().copied()).is_some()
    })
}

/// Parts by name; of two with one name, the first.
pub(super) fn by_name<'p, 't>(parts: &'p [Part<'t>]) -> BTreeMap<&'t str, &'p Part<'t>> {
    parts.iter().rev().map(|part| (part.name, part)).collect()
}

/// Modules that are not switched off.
pub(crate) fn enabled_modules(tree: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let parts = parts(tree).into_iter();
    parts.filter(|part| part.sort == Sort::Module && !part.is_off()).map(|part| (part.name, part.node))
}

/// Names of modules and services by the prefix of the variables that their consumers get.
pub(crate) fn prefixes(tree: &Node) -> BTreeMap<String, String> {
    let names = parts(tree).into_iter().filter_map(|part| PartName::new(part.name).ok());
    names.map(|name| (name.variable(), name.to_string())).collect()
}
