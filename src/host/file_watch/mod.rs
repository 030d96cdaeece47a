//! Changes of source, as batches of paths. The kernel's events are hints about folders, and nothing more: each folder
//! with an event is compared with what it was, so that events that were lost or came in an odd order do no harm.

pub mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::config::model::values::RelPath;
use crate::host::file_watch::snapshot::{Found, Manifest};
use crate::host::ignore::source::SourceFolder;
use crate::plan::mirror::copy::Selection;
use crate::plan::watch::FileChange;

/// Shortest pause between two looks at folders that the kernel does not watch.
const POLL: Duration = Duration::from_secs(2);
/// Looking at them may take this part of the time.
const SHARE: u32 = 50;

/// Trees to watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trees {
    /// The checkout's folder.
    pub checkout: PathBuf,
    /// Folders of modules, each with what counts in it for one of them.
    pub folders: BTreeMap<RelPath, BTreeSet<Selection>>,
}

impl Trees {
    /// The roots, none of which lies in another.
    fn roots(&self) -> Vec<PathBuf> {
        let all: Vec<PathBuf> = self.folders.keys().map(|folder| folder.at(&self.checkout)).collect();
        let is_outer = |path: &&PathBuf| !all.iter().any(|other| other != *path && path.starts_with(other));
        all.iter().filter(is_outer).cloned().collect()
    }

    /// What says what counts; a folder that is not there has nothing that does.
    fn sources(&self) -> Vec<(PathBuf, SourceFolder)> {
        let each = self.folders.iter().flat_map(|(folder, all)| all.iter().map(move |selection| (folder, selection)));
        each.filter_map(|(folder, selection)| {
            Some((folder.at(&self.checkout), SourceFolder::open(&self.checkout, folder, selection).ok()?))
        })
        .collect()
    }
}

/// Trees that are watched.
pub struct Changes {
    trees: Trees,
    roots: BTreeMap<PathBuf, u64>,
    manifest: Manifest,
    watcher: Option<RecommendedWatcher>,
    hints: Arc<Hints>,
    /// Folders that the kernel does not watch.
    unwatched: BTreeSet<PathBuf>,
    trouble: Option<String>,
    next_poll: Instant,
    /// The folder whose files got digests last, until all have.
    reading: Option<Option<PathBuf>>,
}

/// What the kernel has said and nobody has taken yet.
#[derive(Default)]
struct Hints {
    seen: Mutex<Noticed>,
    new: Notify,
}

#[derive(Default)]
struct Noticed {
    folders: BTreeSet<PathBuf>,
    /// What has gone from its place: a folder that stands there now is another one, maybe of the same number.
    moved: BTreeSet<PathBuf>,
    /// Folders for which git's files say something else than before.
    rules: Vec<PathBuf>,
    all: bool,
}

impl From<Found> for FileChange {
    fn from(found: Found) -> Self {
        match found {
            Found::File => Self::New,
            Found::Folder => Self::Folder,
        }
    }
}

impl Hints {
    fn add(&self, paths: impl IntoIterator<Item = PathBuf>, all: bool) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.folders.extend(paths);
        seen.all |= all;
        self.new.notify_one();
    }

    fn moved(&self, paths: &[PathBuf]) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).moved.extend(paths.iter().cloned());
    }

    fn take(&self) -> Noticed {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Changes {
    /// Begins to watch.
    #[must_use]
    pub fn open(trees: &Trees) -> Self {
        let hints = Arc::new(Hints::default());
        let for_events = Arc::clone(&hints);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
            Ok(event) => {
                let read_only =
                    matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
                if event.need_rescan() {
                    for_events.add([], true);
                } else if !read_only {
                    if matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))) {
                        for_events.moved(&event.paths);
                    }
                    let parents = event.paths.iter().filter_map(|path| path.parent().map(Path::to_owned));
                    let parents: Vec<PathBuf> = parents.collect();
                    for_events.add(parents.into_iter().chain(event.paths), false);
                }
            }
            Err(_) => for_events.add([], true),
        });
        let (watcher, trouble) = match watcher {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(trouble(&error))),
        };
        let mut changes = Self {
            trees: trees.clone(),
            roots: BTreeMap::new(),
            manifest: Manifest::new(trees.sources()),
            watcher,
            hints,
            unwatched: BTreeSet::new(),
            trouble,
            next_poll: Instant::now() + POLL,
            reading: Some(None),
        };
        for root in changes.trees.roots() {
            changes.add(&root, &mut |_, _| {});
            changes.roots.insert(root.clone(), inode(&root));
        }
        changes
    }

    /// What is watched.
    #[must_use]
    pub fn trees(&self) -> &Trees {
        &self.trees
    }

    /// What keeps the kernel from watching everything, and what to do about it.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Number of files that are watched.
    #[must_use]
    pub fn files(&self) -> usize {
        self.manifest.files()
    }

    /// A number for the state of a tree; see [`Manifest::mark`].
    #[must_use]
    pub fn mark(&self, root: &Path, counts: &dyn Fn(&Path) -> bool) -> u64 {
        self.manifest.mark(root, counts)
    }

    /// Has everything compared: events may have been lost.
    pub fn rescan(&self) {
        self.hints.add([], true);
    }

    /// The next changes, at once when there are any. Dropping the future loses nothing.
    pub async fn next(&mut self) -> BTreeMap<PathBuf, FileChange> {
        loop {
            let poll = async {
                if self.unwatched.is_empty() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep_until(self.next_poll.into()).await;
            };
            tokio::select! {
                biased;
                () = self.hints.new.notified() => {}
                () = poll => self.hints.add(self.unwatched.iter().cloned(), false),
                () = tokio::time::sleep(Duration::from_millis(5)), if self.reading.is_some() => {
                    self.read_on();
                    continue;
                }
            }
            let begin = Instant::now();
            let changes = self.look();
            if !self.unwatched.is_empty() {
                self.next_poll = Instant::now() + POLL.max(begin.elapsed() * SHARE);
            }
            if !changes.is_empty() {
                return changes;
            }
        }
    }

    /// Compares what there are hints for.
    fn look(&mut self) -> BTreeMap<PathBuf, FileChange> {
        let seen = self.hints.take();
        let rules = |path: &PathBuf| path.file_name().is_some_and(|name| name == ".gitignore" || name == ".ignore");
        let replaced: Vec<PathBuf> =
            self.roots.iter().filter(|(root, known)| inode(root) != **known).map(|(root, _)| root.clone()).collect();
        if !replaced.is_empty() {
            self.manifest.set_rules(self.trees.sources());
        }
        let all = seen.all || seen.folders.iter().any(rules);
        if all {
            self.manifest.read_rules();
            // Where events were lost, a folder may be another one of the same number, which is not watched.
            let (watcher, folders) = (&mut self.watcher, self.manifest.folders());
            for folder in folders.filter(|folder| !self.unwatched.contains(*folder)) {
                // One that is gone is found out below.
                let _ = watcher.as_mut().map(|watcher| watcher.watch(folder, RecursiveMode::NonRecursive));
            }
        }
        let dirty = if all { self.manifest.folders().cloned().collect() } else { seen.folders };
        let dirty = dirty.into_iter().chain(replaced.iter().cloned()).collect();
        let mut difference = self.manifest.compare(&dirty, &seen.moved);
        let mut changes = difference.changes;
        // Rules that say something else may concern anything below.
        changes.extend(seen.rules.into_iter().map(|folder| (folder, FileChange::Folder)));
        // First the old watches, then the new: a folder that was moved has one and the same.
        for folder in difference.gone.drain(..) {
            self.unwatched.remove(&folder);
            if let Some(watcher) = &mut self.watcher {
                // The kernel has often done it already.
                let _ = watcher.unwatch(&folder);
            }
            changes.entry(folder).or_insert(FileChange::Folder);
        }
        for folder in difference.new {
            self.add(&folder, &mut |path, found| {
                changes.insert(path, found.into());
            });
            changes.entry(folder).or_insert(FileChange::Folder);
        }
        for root in replaced {
            let now = inode(&root);
            if now != 0 {
                self.add(&root, &mut |path, found| {
                    changes.insert(path, found.into());
                });
            }
            self.roots.insert(root, now);
        }
        changes
    }

    /// Watches a folder and all below it, each before it is read.
    fn add(&mut self, folder: &Path, each: &mut dyn FnMut(PathBuf, Found)) {
        let (watcher, unwatched, trouble) = (&mut self.watcher, &mut self.unwatched, &mut self.trouble);
        self.reading.get_or_insert(None);
        let mut watch = |folder: &Path| {
            let watched = watcher.as_mut().map(|watcher| watcher.watch(folder, RecursiveMode::NonRecursive));
            match watched {
                Some(Ok(())) => {}
                // It has vanished meanwhile, or something else stands there; its event follows.
                Some(Err(error)) if is_gone(&error) => {}
                Some(Err(error)) => {
                    unwatched.insert(folder.to_owned());
                    trouble.get_or_insert_with(|| self::trouble(&error));
                }
                None => drop(unwatched.insert(folder.to_owned())),
            }
        };
        self.manifest.add(folder, &mut watch, each);
    }

    /// Looks at what the kernel says nothing about: a root that is another folder than it was, and git's own files, which
    /// may say something else about any path.
    pub fn check(&self) {
        let rules = self.manifest.look_at_rules();
        if !rules.is_empty() {
            let mut seen = self.hints.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.rules.extend(rules);
            seen.all = true;
            self.hints.new.notify_one();
        }
        if self.roots.iter().any(|(root, known)| inode(root) != *known) {
            self.hints.new.notify_one();
        }
    }

    fn read_on(&mut self) {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(5) {
            let Some(from) = self.reading.take() else { return };
            match self.manifest.read_on(from.as_deref()) {
                Some(folder) => self.reading = Some(Some(folder)),
                None => return,
            }
        }
    }
}

/// The number of a folder; 0 where there is none.
fn inode(folder: &Path) -> u64 {
    std::fs::metadata(folder).map(|metadata| metadata.ino()).unwrap_or_default()
}

fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        _ => false,
    }
}

/// What a limit of the kernel means, and what to do about it.
fn trouble(error: &notify::Error) -> String {
    let no_instance = matches!(&error.kind, ErrorKind::Io(io) if io.raw_os_error() == Some(24));
    let limit = match &error.kind {
        ErrorKind::MaxFilesWatch => Some(("max_user_watches", "524288")),
        _ if no_instance => Some(("max_user_instances", "512")),
        _ => None,
    };
    match limit {
        Some((name, more)) => format!(
            "the kernel's limit fs.inotify.{name} is reached: the rest is looked at every few seconds instead; \
             `sudo sysctl fs.inotify.{name}={more}` raises it"
        ),
        None => format!("the kernel cannot watch ({error}): the folder is looked at every few seconds instead"),
    }
}

#[cfg(test)]
#[path = "file_watch_tests.rs"]
mod tests;
