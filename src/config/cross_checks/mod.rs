//! What a tree says about its own names: everything that needs more than one place to be seen.
//!
//! Works on the tree and not on the types, so that one fault of shape does not hide faults of meaning.

use std::collections::BTreeMap;

use crate::config::Known;
use crate::config::problems::{ENOUGH, Finding};
use crate::config::text::nearest::nearest;
use crate::config::text::place::Span;
use crate::config::text::tree::{Entry, Node, is_extension};
use crate::names::PartName;

mod aliases;
mod cycles;
mod images;
mod local;
mod modules;
mod names;
mod needs;
mod notify;
mod routes;
mod services;

pub use names::is_reserved;

/// Every fault of meaning.
pub(crate) fn check(tree: &Node, known: &Known) -> Vec<Finding> {
    let parts = parts(tree);
    let mut findings = Vec::new();
    findings.extend(local::requires(tree, known));
    findings.extend(names::check(&parts));
    findings.extend(needs::check(&parts));
    findings.extend(notify::check(tree, &parts));
    findings.extend(cycles::needs(&parts));
    findings.extend(images::check(tree, &parts, known));
    findings.extend(modules::check(&parts));
    findings.extend(services::check(&parts, known));
    findings.extend(routes::check(&parts));
    findings.extend(aliases::check(tree, &parts));
    findings.extend(local::check(tree, &parts, known));
    findings
}

/// Which section a part stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Module,
    Service,
}

impl Sort {
    fn noun(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Service => "service",
        }
    }
}

/// A module or a service as it stands in the tree.
#[derive(Debug, Clone, Copy)]
struct Part<'t> {
    sort: Sort,
    name: &'t str,
    key: Span,
    node: &'t Node,
}

impl<'t> Part<'t> {
    fn is_off(&self) -> bool {
        self.node.get("mode").and_then(Node::text) == Some("off")
    }

    /// Names in a list of this part, with their places; what is no name has its problem already.
    fn list(&self, key: &str) -> impl Iterator<Item = (&'t str, Span)> + use<'t> {
        let items = self.node.get(key).map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| Some((name(item)?, item.span)))
    }
}

/// Modules and services, in the order of the file.
fn parts(tree: &Node) -> Vec<Part<'_>> {
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
fn name(node: &Node) -> Option<&str> {
    node.text().filter(|text| PartName::new(*text).is_ok() || is_extension(text))
}

/// True if one of `keys` is there after all: without value, or mistyped. That is reported elsewhere.
fn mistyped(map: &Node, keys: &[&str]) -> bool {
    map.entries().iter().take(ENOUGH).any(|entry| {
        let text = entry.key.text.split(':').next().unwrap_or_default();
        keys.contains(&text) || nearest(text, keys.iter().copied()).is_some()
    })
}

/// Parts by name; of two with one name, the first.
fn by_name<'p, 't>(parts: &'p [Part<'t>]) -> BTreeMap<&'t str, &'p Part<'t>> {
    parts.iter().rev().map(|part| (part.name, part)).collect()
}

/// Modules that are not switched off.
pub(crate) fn enabled_modules(tree: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let parts = parts(tree).into_iter();
    parts.filter(|part| part.sort == Sort::Module && !part.is_off()).map(|part| (part.name, part.node))
}
