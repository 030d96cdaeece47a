//! The hierarchy of images: every name that is used exists, and every image has one way to the root.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::cross_checks::cycles::{self, Graph};
use crate::config::cross_checks::modules::NO_SOURCE;
use crate::config::cross_checks::subject::{Part, Sort, name};
use crate::config::inputs::KnownNames;
use crate::config::problems::{ENOUGH, Finding};
use crate::config::schema::table::listed;
use crate::config::text::place::Span;
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Entry, Node, is_extension};
use crate::config::text::unknown_words::did_you_mean;
use crate::names::ImageName;

pub(super) fn check(tree: &Node, parts: &[Part<'_>], known: &KnownNames) -> Vec<Finding> {
    let hierarchy = Hierarchy::new(tree, known);
    let mut findings = Vec::new();
    for Entry { key, value } in hierarchy.entries.values() {
        match value.get("parent") {
            Some(parent) => {
                let what = format!("the image {} is built from", quoted(&key.text));
                findings.extend(hierarchy.unknown(parent, &what));
                if parent.text() == Some(&*key.text) {
                    let message = format!("the image {} is its own parent", quoted(&key.text));
                    findings.push(Finding::new(parent.span, message).label("itself").help("name another image"));
                }
            }
            None if is_own(value) => {}
            None if !hierarchy.parents.contains_key(&*key.text) && value.entry("parent").is_none() => findings.push(
                Finding::new(key.span, format!("the new image {} has no `parent`", quoted(&key.text)))
                    .label("not a built-in image")
                    .help(
                        did_you_mean(&key.text, hierarchy.parents.keys().copied())
                            .unwrap_or_else(|| format!("add `parent:` with one of {}", hierarchy.listed())),
                    ),
            ),
            None => {}
        }
    }
    findings.extend(hierarchy.entries.values().flat_map(|entry| own_dockerfile(entry, &hierarchy.parents)));
    for (chain, spans) in cycles::find(&hierarchy.graph()) {
        let message = format!("these images are built from each other in a cycle: {chain}");
        findings
            .extend(cycles::finding(message, &spans, "built from").map(|finding| finding.help("change one `parent`")));
    }
    for part in parts.iter().filter(|part| part.sort == Sort::Module) {
        let what = format!("the module {} runs in", quoted(part.name));
        findings.extend(part.node.get("image").and_then(|image| hierarchy.unknown(image, &what)));
        findings.extend(hierarchy.released(part));
    }
    findings
}

/// Whether an image has a Dockerfile of the team's own.
fn is_own(image: &Node) -> bool {
    image.get("dockerfile").is_some() || image.get("context").is_some()
}

/// Settings of an image that do not go with a Dockerfile of the team's own, or only with one.
fn own_dockerfile(image: &Entry, built_in: &BTreeMap<&str, Option<&str>>) -> Vec<Finding> {
    let (name, node) = (&*image.key.text, &image.value);
    let mut findings = Vec::new();
    if !is_own(node) {
        let target = node.entry("target").filter(|target| !target.value.is_null());
        findings.extend(target.map(|target| {
            let message = format!("the image {} has a `target` and no `dockerfile`", quoted(name));
            Finding::new(target.key.span, message).label("no `dockerfile`").help("add `dockerfile:` with its path")
        }));
        return findings;
    }
    if built_in.contains_key(name) {
        let message = format!("the image {} already exists, and has a Dockerfile", quoted(name));
        findings.push(
            Finding::new(image.key.span, message).label("already there").help("choose another name for this one"),
        );
    }
    if let Some(packages) = node.entry("packages").filter(|packages| !packages.value.items().is_empty()) {
        let message = format!("the image {} has a Dockerfile of its own, so it has no `packages`", quoted(name));
        let help = "install them in the Dockerfile, or in an image of its own with this one as `parent`";
        findings.push(Finding::new(packages.key.span, message).label("of the hierarchy").help(help));
    }
    for key in ["dockerfile", "context"] {
        let Some(path) = node.get(key) else { continue };
        let text = path.text().unwrap_or_default();
        if let Some(found) = text.split('/').find(|part| NO_SOURCE.contains(part)) {
            let message = format!("`{key}` of {} may not have {} in it", quoted(name), quoted(found));
            findings.push(Finding::new(path.span, message).label("no source").help("name committed files"));
        }
    }
    findings
}

/// Images of tasks and of what runs beside them that are none; each is named, with where it names its image.
pub(super) fn of_tasks<'t>(
    tree: &'t Node,
    known: &'t KnownNames,
    all: impl Iterator<Item = (String, &'t Node)>,
) -> Vec<Finding> {
    let hierarchy = Hierarchy::new(tree, known);
    all.filter_map(|(name, image)| hierarchy.unknown(image, &format!("{name} runs in"))).collect()
}

struct Hierarchy<'t> {
    /// Images of the configuration.
    entries: BTreeMap<&'t str, &'t Entry>,
    /// Built-in images with their parents.
    parents: BTreeMap<&'t str, Option<&'t str>>,
    /// All of them.
    names: BTreeSet<&'t str>,
}

impl<'t> Hierarchy<'t> {
    fn new(tree: &'t Node, known: &'t KnownNames) -> Self {
        let entries = tree.get("images").map(Node::entries).unwrap_or_default();
        let own = entries.iter().filter(|entry| !is_extension(&entry.key.text));
        let entries: BTreeMap<_, _> = own.map(|entry| (&*entry.key.text, entry)).collect();
        let parents = known.images.iter().map(|(name, parent)| (name.as_str(), parent.as_ref().map(ImageName::as_str)));
        let parents: BTreeMap<_, _> = parents.collect();
        let names = entries.keys().chain(parents.keys()).copied().collect();
        Self { entries, parents, names }
    }

    fn listed(&self) -> String {
        listed(&self.names.iter().take(20).map(ToString::to_string).collect::<Vec<_>>(), "or")
    }

    /// A finding if `image` names none.
    fn unknown(&self, image: &Node, what: &str) -> Option<Finding> {
        let name = name(image)?;
        if self.names.contains(name) {
            return None;
        }
        let help = did_you_mean(name, self.names.iter().copied().take(ENOUGH))
            .unwrap_or_else(|| format!("there are {}", self.listed()));
        let message = format!("{what} {}, which is not an image", quoted(name));
        Some(Finding::new(image.span, message).label("no such image").help(help))
    }

    /// The parent of an image, and where that is written, if it is.
    fn parent(&self, name: &str) -> Option<(&'t str, Option<Span>)> {
        let own = self.entries.get(name).and_then(|entry| entry.value.get("parent"));
        match own.and_then(|node| Some((node.text()?, node.span))) {
            Some((parent, span)) => Some((parent, Some(span))),
            None => self.parents.get(name).copied().flatten().map(|parent| (parent, None)),
        }
    }

    /// Edges from each image to its parent; those of built-in images stand where the configuration changes them.
    fn graph(&self) -> Graph<'t> {
        let somewhere = self.entries.values().next().map(|entry| entry.key.span);
        let edge = |name: &'t str| {
            let (parent, span) = self.parent(name)?;
            Some((parent, span.or(somewhere)?))
        };
        self.names.iter().map(|name| (*name, edge(name).into_iter().collect())).collect()
    }

    /// `release.image` is the module's image or one that it is built from.
    fn released(&self, module: &Part<'_>) -> Option<Finding> {
        let image = module.node.get("release").and_then(|release| release.get("image"))?;
        let what = format!("the release of {} is laid on", quoted(module.name));
        if let Some(finding) = self.unknown(image, &what) {
            return Some(finding);
        }
        let (wanted, own) = (image.text()?, module.node.get("image")?);
        let mut at = own.text()?;
        for _ in 0..=self.entries.len() + self.parents.len() {
            if at == wanted {
                return None;
            }
            match self.parent(at) {
                Some((parent, _)) => at = parent,
                None => {
                    let message = format!("{what} {}, which {} is not built from", quoted(wanted), quoted(own.text()?));
                    let help = "name the module's image or one of its parents: dev and prod share one hierarchy";
                    return Some(
                        Finding::new(image.span, message)
                            .label("not an ancestor")
                            .help(help)
                            .also(own.span, "the module's image"),
                    );
                }
            }
        }
        None
    }
}
