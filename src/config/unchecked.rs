//! A configuration that has been read, before facts about paths are known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use crate::config::cross_checks;
use crate::config::inputs::{InputFile, Inputs, KnownNames};
use crate::config::interpolate::interpolate;
use crate::config::merge::{merge, without_empty_parts};
use crate::config::model::file::{self, ProjectFile};
use crate::config::model::local::LocalFile;
use crate::config::model::values::RelPath;
use crate::config::nix;
use crate::config::paths::{self, PathFacts, PathUse};
use crate::config::problems::{self, Finding, Problems};
use crate::config::project::Project;
use crate::config::schema::check::{self, Pass};
use crate::config::schema::table::{File, Shape, TABLE};
use crate::config::text::bytes;
use crate::config::text::parse;
use crate::config::text::place::{Span, Texts};
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Node, Value};

/// A configuration that has been read, with everything that is wrong with its text.
#[derive(Debug, Clone)]
pub struct Unchecked {
    texts: Texts,
    /// Both files as one; None if devenv.yaml has no tree at all.
    tree: Option<Node>,
    /// What the tree says, in the shape of the types; complete if there are no findings.
    json: Option<Json>,
    uses: Vec<PathUse>,
    findings: Vec<Finding>,
    /// Modules and services by the prefix of their consumers' variables.
    parts: BTreeMap<String, String>,
}

impl Unchecked {
    pub(crate) fn new(inputs: Inputs<'_>) -> Self {
        let mut draft = Self {
            parts: BTreeMap::new(),
            texts: Texts::default(),
            tree: None,
            json: None,
            uses: Vec::new(),
            findings: Vec::new(),
        };
        let main = draft.file(inputs.main, Pass::Main, inputs);
        let local = inputs.local.and_then(|local| draft.file(local, Pass::Local, inputs));
        if let Some(main) = main {
            let tree = local.map_or_else(|| main.clone(), |local| merge(&main, &without_empty_parts(&local)));
            let (json, findings) = check::check(&tree, &TABLE, Pass::Merged);
            draft.findings.extend(findings);
            draft.uses = paths::uses(&tree);
            draft.tree = Some(tree);
            draft.json = json;
        }
        draft
    }

    /// One file as a tree of the right shape, or findings.
    fn file(&mut self, source: &InputFile, pass: Pass, inputs: Inputs<'_>) -> Option<Node> {
        let (text, finding) = bytes::text(&source.name, &source.bytes, self.texts.next());
        let number = self.texts.add(text);
        if let Some(finding) = finding {
            self.findings.push(finding);
            return None;
        }
        let parsed = parse::parse(self.texts.get(number)?, number);
        let broken = parsed.root.is_none() && !parsed.findings.is_empty();
        self.findings.extend(parsed.findings);
        let root = parsed.root.filter(|root| !root.is_null());
        let Some(root) = root else {
            if pass == Pass::Main && !broken {
                self.findings.push(
                    Finding::new(Span::new(number, 0..0), format!("{} is empty", quoted(&source.name)))
                        .help("`devenv init` writes one; at least `project: NAME` must be there"),
                );
            }
            return None;
        };
        if let Value::Hole = root.value {
            return None;
        }
        if pass == Pass::Main
            && let Some(finding) = nix::finding(&root)
        {
            self.findings.push(finding);
            return None;
        }
        if !matches!(root.value, Value::Map(_)) {
            self.findings.push(
                Finding::new(
                    root.span,
                    format!("{} must have `key: value` entries, found {}", quoted(&source.name), root.noun()),
                )
                .label("no entries")
                .help("write `key: value`, with a space after the colon"),
            );
            return None;
        }
        self.parts.extend(cross_checks::subject::prefixes(&root));
        let (root, findings) = interpolate(&root, inputs.env, &self.texts, &self.parts);
        self.findings.extend(findings);
        self.findings.extend(check::check(&root, &TABLE, pass).1);
        Some(root)
    }

    /// Checks the names that the files use against those that exist.
    #[must_use]
    pub fn checked_against(mut self, known: &KnownNames) -> Self {
        self.findings.extend(self.tree.iter().flat_map(|tree| cross_checks::check(tree, known)));
        self
    }

    /// Paths below the checkout about which [`Unchecked::finish`] wants to know.
    #[must_use]
    pub fn paths(&self) -> BTreeSet<RelPath> {
        self.uses.iter().map(|path| path.path.clone()).collect()
    }

    /// The folder whose files win over the embedded ones; the default where the file does not say, or not rightly.
    #[must_use]
    pub fn files_folder(&self) -> RelPath {
        let said = self.json.as_ref().and_then(|json| json.get("files")).and_then(Json::as_str);
        said.and_then(|text| RelPath::new(text).ok()).unwrap_or_else(file::default_files)
    }

    /// The project, or everything that is wrong with its files.
    ///
    /// # Errors
    /// All problems, sorted by place.
    pub fn finish(mut self, facts: &PathFacts) -> Result<Project, Problems> {
        self.findings.extend(paths::check(&self.uses, facts));
        if self.findings.is_empty() {
            match (self.tree.take(), self.json.take()) {
                (Some(tree), Some(json)) => match build(&tree, json) {
                    Ok((file, local)) => return Ok(Project::new(file, local, tree, self.texts)),
                    Err(finding) => self.findings.push(*finding),
                },
                _ => self.findings.push(Finding::new(Span::new(0, 0..0), "this file has no configuration")),
            }
        }
        Err(problems::located(self.findings, self.texts))
    }
}

/// The structs; what only they refuse is located by its path.
fn build(tree: &Node, json: Json) -> Result<(ProjectFile, LocalFile), Box<Finding>> {
    let (main, local) = split(json);
    Ok((typed(tree, main)?, typed(tree, local)?))
}

fn typed<T: serde::de::DeserializeOwned>(tree: &Node, json: Json) -> Result<T, Box<Finding>> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let mut node = tree;
        for segment in error.path() {
            let next = match segment {
                serde_path_to_error::Segment::Map { key } => node.entry(key).map(|entry| &entry.value),
                serde_path_to_error::Segment::Seq { index } => node.items().get(*index),
                _ => None,
            };
            let Some(next) = next else { break };
            node = next;
        }
        Box::new(Finding::new(node.span, error.inner().to_string()))
    })
}

/// What is the team's, and what is one developer's.
fn split(json: Json) -> (Json, Json) {
    let is_local = |name: &str| match &*TABLE {
        Shape::Struct(fields) => fields.iter().any(|field| field.name == name && field.file == File::Local),
        _ => false,
    };
    let (mut main, mut local) = (Map::new(), Map::new());
    if let Json::Object(map) = json {
        for (key, value) in map {
            if is_local(&key) {
                local.insert(key, value)
            } else {
                main.insert(key, value)
            };
        }
    }
    (Json::Object(main), Json::Object(local))
}
