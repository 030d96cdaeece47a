//! What is read of a product, and from what.

use std::collections::BTreeMap;

use crate::config::problems::{self, Finding, Problems};
use crate::config::text::place::{Place, Span, Texts};
use crate::config::text::tree::{Entry, Node};

/// What a compose file reaches for.
#[derive(Clone, Copy)]
pub struct ComposeInputs<'a> {
    /// The content of a file, by its path below the top.
    pub content: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// Variables for `${…}`.
    pub variables: &'a BTreeMap<String, String>,
}

/// A product as compose files describe it; paths of this machine start at the top, with `./` or `../`.
#[derive(Debug, Clone)]
pub struct ComposeProject {
    pub(crate) root: Node,
    pub(super) texts: Texts,
    /// Variables that are not set and have no default, with the first place of each.
    pub unset: BTreeMap<String, Place>,
}

impl ComposeProject {
    /// Its services in their order.
    pub(crate) fn services(&self) -> &[Entry] {
        self.section("services")
    }

    /// What a section at the top has.
    pub(crate) fn section(&self, name: &str) -> &[Entry] {
        self.root.get(name).map(Node::entries).unwrap_or_default()
    }

    /// Where something stands.
    pub(crate) fn place(&self, span: Span) -> Place {
        self.texts.place(span)
    }

    /// Findings about it as problems.
    pub(crate) fn problems(&self, findings: Vec<Finding>) -> Problems {
        problems::located(findings, self.texts.clone())
    }
}
