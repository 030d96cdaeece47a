//! What the watcher works from, read again whenever a file that decides it has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::apply::session::checkout::Checkout;
use crate::config::model::values::RelPath;
use crate::host::file_watch::Trees;
use crate::names::PartName;
use crate::plan::images::Hierarchy;
use crate::plan::mirror::copy::Selection;
use crate::plan::parts::{Environment, Part};
use crate::plan::watch::{FileChange, Rules, is_settled, rules};

/// Everything that the watcher works from; read again when a setting changes.
pub struct WatchSettings {
    /// The checkout.
    pub checkout: Arc<Checkout>,
    /// What runs.
    pub environment: Environment,
    /// All images.
    pub images: Hierarchy,
    /// The stamp of each module's dependencies.
    pub stamps: BTreeMap<PartName, String>,
    /// Files that decide all this.
    pub files: Vec<PathBuf>,
    /// When a certificate is to be renewed.
    pub renew_at: Option<SystemTime>,
    /// When the files began to be read.
    pub read_at: SystemTime,
}

impl WatchSettings {
    /// Where a path of the checkout is.
    #[must_use]
    pub fn folder(&self, path: &RelPath) -> PathBuf {
        path.at(&self.checkout.root)
    }

    /// The parts that run on a copy of their source.
    pub fn copied(&self) -> impl Iterator<Item = &Part> {
        self.environment.parts.values().filter(|part| part.is_copied())
    }

    /// The folders that are copied.
    pub fn mirrored(&self) -> impl Iterator<Item = PathBuf> {
        self.copied().filter_map(|part| part.mirror.as_ref()).map(|copy| self.folder(&copy.folder))
    }

    /// Files among what changed, by their paths in the checkout.
    #[must_use]
    pub fn files_among(&self, changed: &Changed) -> BTreeMap<String, FileChange> {
        let relative = |path: &Path| Some(path.strip_prefix(&self.checkout.root).ok()?.to_string_lossy().into_owned());
        let files = changed.iter().filter(|(_, change)| **change != FileChange::Folder);
        files.filter_map(|(path, change)| Some((relative(path)?, *change))).collect()
    }

    /// The names of all parts that are watched, for their loop or for their copy.
    #[must_use]
    pub fn watched<'a>(&'a self, wanted: &'a Rules) -> Vec<&'a str> {
        let names: BTreeSet<&str> =
            wanted.keys().chain(self.copied().map(|part| &part.name)).map(PartName::as_str).collect();
        names.into_iter().collect()
    }

    /// What is watched for them all: the folders of loops and copies, without what other volumes are mounted on.
    #[must_use]
    pub fn trees(&self) -> Trees {
        let mut trees = Trees { checkout: self.checkout.root.clone(), folders: BTreeMap::new() };
        let wanted = rules(&self.checkout.project, &self.environment);
        let of_loops = wanted.values().flat_map(|rule| &rule.folders);
        let of_copies = self.copied().filter_map(|part| part.mirror.as_ref()).map(|copy| &copy.folder);
        let folders: BTreeSet<&RelPath> = of_loops.chain(of_copies).collect();
        for (name, module) in &self.checkout.project.file.modules {
            let has_source =
                |_: &&Part| folders.contains(&module.path) && !self.environment.releases.contains_key(name);
            let Some(part) = self.environment.parts.get(name).filter(has_source) else {
                continue;
            };
            // Of a copy, what is in it is watched, and the rules of its loop say what sets off nothing.
            let selection = match &part.mirror {
                Some(copy) => copy.selection.clone(),
                None => {
                    let ignore = module.watch.as_ref().map(|watch| watch.ignore.clone()).unwrap_or_default();
                    Selection::new(&ignore, &part.mounted())
                }
            };
            trees.folders.entry(module.path.clone()).or_default().insert(selection);
        }
        trees
    }

    /// The same for those files that are as they were read; none for one that was written since it may have been.
    #[must_use]
    pub fn settled(&self) -> Vec<Option<SystemTime>> {
        let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (read, now) = (since(self.read_at), since(SystemTime::now()));
        let is_as_read = |written: &SystemTime| is_settled(since(*written), read, now);
        self.times().into_iter().map(|written| written.filter(is_as_read)).collect()
    }

    /// When each file that decides settings was written last.
    #[must_use]
    pub fn times(&self) -> Vec<Option<SystemTime>> {
        self.files.iter().map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok()).collect()
    }
}

/// Paths that changed.
pub(crate) type Changed = BTreeMap<PathBuf, FileChange>;
