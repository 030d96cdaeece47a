//! A configuration without faults, in which every value can be found again in its file.

use std::collections::BTreeMap;

use crate::config::model::file::ProjectFile;
use crate::config::model::local::LocalFile;
use crate::config::model::module::Module;
use crate::config::origin;
use crate::config::problems::{self, Finding, Problems};
use crate::config::text::place::{Place, Span, Texts};
use crate::config::text::tree::{Node, Scalar, ScalarSource, Value};
use crate::names::PartName;

pub use crate::config::origin::{OriginLine, ValueOrigin};

/// What the files say, with defaults.
#[derive(Debug, Clone)]
pub struct Project {
    /// What the team says, without the modules that the gateway serves itself.
    pub file: ProjectFile,
    /// The modules that the gateway serves itself.
    pub sites: BTreeMap<PartName, Module>,
    /// What this developer says.
    pub local: LocalFile,
    tree: Node,
    texts: Texts,
}

impl Project {
    pub(crate) fn new(mut file: ProjectFile, local: LocalFile, tree: Node, texts: Texts) -> Self {
        let (sites, modules) =
            std::mem::take(&mut file.modules).into_iter().partition(|(_, module)| module.serve.is_some());
        file.modules = modules;
        Self { file, sites, local, tree, texts }
    }

    /// Where a value stands, by its keys: `["modules", "api", "port"]`; items of lists by their number from 0.
    /// None for a default.
    #[must_use]
    pub fn place(&self, path: &[&str]) -> Option<Place> {
        self.span(path).map(|span| self.texts.place(span))
    }

    /// A problem with a value that only its use shows; it stands where the value does, or at what holds that.
    #[must_use]
    pub fn problem(&self, path: &[&str], message: &str, help: &str) -> Problems {
        let held = (0..=path.len()).rev().find_map(|length| self.span(&path[..length]));
        let finding = Finding::new(held.unwrap_or(self.tree.span), message).help(help);
        problems::located(vec![finding], self.texts.clone())
    }

    fn span(&self, path: &[&str]) -> Option<Span> {
        let mut node = &self.tree;
        let mut span = node.span;
        for step in path {
            match node.entry(step) {
                Some(entry) => {
                    node = &entry.value;
                    span = if node.span.start == node.span.end { entry.key.span } else { node.span };
                }
                None => {
                    node = node.items().get(step.parse::<usize>().ok()?)?;
                    span = node.span;
                }
            }
        }
        Some(span)
    }

    /// A text as it was written, with its `${…}`; none where it has no variable.
    #[must_use]
    pub fn template(&self, path: &[&str]) -> Option<&str> {
        self.node(path).and_then(written)
    }

    /// The first such text at a path or below it.
    #[must_use]
    pub fn first_template(&self, path: &[&str]) -> Option<&str> {
        fn first(node: &Node) -> Option<&str> {
            match &node.value {
                Value::List(items) => items.iter().find_map(first),
                Value::Map(entries) => entries.iter().find_map(|entry| first(&entry.value)),
                Value::Scalar(_) | Value::Hole => written(node),
            }
        }
        self.node(path).and_then(first)
    }

    fn node(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(&self.tree, |node, step| Some(&node.entry(step)?.value))
    }

    /// The whole configuration, with defaults; credentials are not shown.
    #[must_use]
    pub fn shown(&self) -> serde_json::Value {
        let mut local = self.local.clone();
        local.secrets.values_mut().for_each(|secret| "(not shown)".clone_into(secret));
        let mut all = serde_json::to_value(self.whole()).unwrap_or_default();
        if let (Some(all), Ok(serde_json::Value::Object(local))) = (all.as_object_mut(), serde_json::to_value(local)) {
            all.extend(local);
        }
        all
    }

    /// Every value that is in force, and where it comes from, in the order of the reference.
    #[must_use]
    pub fn origin(&self) -> Vec<OriginLine> {
        origin::lines(&self.whole(), &self.local, &self.tree, &self.texts)
    }

    /// What the team says, with all modules.
    fn whole(&self) -> ProjectFile {
        let mut file = self.file.clone();
        file.modules.extend(self.sites.clone());
        file
    }
}

/// A text as it was written, where it has a variable.
fn written(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(Scalar { source: ScalarSource::Template { written, .. }, .. }) => {
            Some(&**written).filter(|text| text.contains("${"))
        }
        _ => None,
    }
}
