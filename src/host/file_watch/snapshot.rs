//! What was seen of a tree: every folder's entries, so that a folder can be compared with what it was. Content decides:
//! a file that was touched, or written again as it was, is the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::host::files::reading;
use crate::host::ignore::source::{Folder, SourceFolder};
use crate::plan::watch::FileChange;

/// Files up to this size are compared by content, larger ones by size and time.
const READ: u64 = 4_000_000;
/// Stands for a digest that was not made.
const UNKNOWN: u64 = 0;

/// A tree as it was seen.
#[derive(Debug, Default)]
pub struct Manifest {
    folders: BTreeMap<PathBuf, Vec<Entry>>,
    /// What says what counts, each by the folder that it speaks of: what counts for one of them counts.
    sources: Vec<(PathBuf, SourceFolder)>,
}

/// An entry of a folder; there may be a hundred thousand of them, so it is small.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: Box<OsStr>,
    size: u64,
    time: i64,
    inode: u64,
    mode: u32,
    digest: u64,
}

impl Entry {
    fn is_folder(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// Whether nothing says that the file was written since.
    fn looks_like(&self, other: &Self) -> bool {
        (self.size, self.time, self.inode, self.mode) == (other.size, other.time, other.inode, other.mode)
    }
}

/// What was found in a new folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A file or a link.
    File,
    /// A folder.
    Folder,
}

/// What became of a folder.
#[derive(Debug, Default)]
pub struct SnapshotDifference {
    /// Paths that changed: files and links.
    pub changes: BTreeMap<PathBuf, FileChange>,
    /// Folders that are new.
    pub new: Vec<PathBuf>,
    /// Folders that are gone.
    pub gone: Vec<PathBuf>,
}

impl Manifest {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(sources: Vec<(PathBuf, SourceFolder)>) -> Self {
        Self { folders: BTreeMap::new(), sources }
    }

    /// Replaces the ignore rules.
    pub fn set_rules(&mut self, sources: Vec<(PathBuf, SourceFolder)>) {
        self.sources = sources;
    }

    /// Reads the rules of git again; says of which folders they say something else than before.
    #[must_use]
    pub fn look_at_rules(&self) -> Vec<PathBuf> {
        let other = self.sources.iter().filter(|(_, source)| source.look_at_rules());
        other.map(|(folder, _)| folder.clone()).collect()
    }

    /// Reads the rules of git again, also those in the folders themselves.
    pub fn read_rules(&self) {
        self.sources.iter().for_each(|(_, source)| source.read_again());
    }

    /// Whether the folder counts.
    #[must_use]
    pub fn has(&self, folder: &Path) -> bool {
        self.folders.contains_key(folder)
    }

    /// All folders that count.
    pub fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.folders.keys()
    }

    /// Number of files that count.
    #[must_use]
    pub fn files(&self) -> usize {
        self.folders.values().flatten().filter(|entry| !entry.is_folder()).count()
    }

    /// A number for all that was seen below a folder and `counts`, by path, size and time: another one means different
    /// content, or the same content written again.
    #[must_use]
    pub fn mark(&self, root: &Path, counts: &dyn Fn(&Path) -> bool) -> u64 {
        let below = self.folders.iter().filter(|(folder, _)| folder.starts_with(root));
        below
            .flat_map(|(folder, entries)| entries.iter().map(move |entry| (folder, entry)))
            .filter(|(folder, entry)| !entry.is_folder() && counts(&folder.join(&*entry.name)))
            .map(|(folder, entry)| {
                let mut hasher = std::hash::DefaultHasher::new();
                (folder, &entry.name, entry.size, entry.time, entry.mode).hash(&mut hasher);
                hasher.finish()
            })
            .fold(0, u64::wrapping_add)
    }

    /// Looks at folders again. Those that are new are not looked into: whoever watches does that first. What stands at
    /// a path of `moved` is new, whatever it looks like.
    pub fn compare(&mut self, dirty: &BTreeSet<PathBuf>, moved: &BTreeSet<PathBuf>) -> SnapshotDifference {
        let mut difference = SnapshotDifference::default();
        for folder in moved.iter().filter(|path| self.folders.contains_key(*path)).cloned().collect::<Vec<_>>() {
            // Its parent, which is dirty too, finds it again as new.
            self.forget(&folder, &mut difference);
            if !folder.parent().is_some_and(|parent| dirty.contains(parent)) && self.list(&folder).is_some() {
                difference.new.push(folder);
            }
        }
        for folder in dirty {
            if self.folders.contains_key(folder) {
                let now = self.list(folder);
                self.compare_one(folder, now, &mut difference);
            }
        }
        difference
    }

    /// Takes in a folder that is new, and all below it: `watch` is called with each before it is read. Hands what it
    /// finds to `each`.
    pub fn add(&mut self, folder: &Path, watch: &mut dyn FnMut(&Path), each: &mut dyn FnMut(PathBuf, Found)) {
        let mut ahead = vec![folder.to_owned()];
        while let Some(folder) = ahead.pop() {
            watch(&folder);
            let Some(entries) = self.list(&folder) else { continue };
            for entry in &entries {
                let path = folder.join(&*entry.name);
                if entry.is_folder() {
                    ahead.push(path.clone());
                    each(path, Found::Folder);
                } else {
                    each(path, Found::File);
                }
            }
            self.folders.insert(folder, entries);
        }
    }

    fn compare_one(&mut self, folder: &Path, now: Option<Vec<Entry>>, difference: &mut SnapshotDifference) {
        let Some(before) = self.folders.get(folder) else { return };
        let Some(now) = now else {
            self.forget(folder, difference);
            return;
        };
        let mut kept: BTreeMap<&OsStr, &Entry> = before.iter().map(|entry| (&*entry.name, entry)).collect();
        let mut next = Vec::with_capacity(now.len());
        let mut gone = Vec::new();
        for mut entry in now {
            let path = folder.join(&*entry.name);
            match kept.remove(&*entry.name) {
                None if entry.is_folder() => difference.new.push(path),
                None => drop(difference.changes.insert(path, FileChange::New)),
                Some(old) if old.is_folder() && entry.is_folder() => {
                    // Another folder of the same name: its watch is gone with the old one. One that nobody has looked
                    // into vanished before, and is back.
                    if old.inode != entry.inode || !self.folders.contains_key(&path) {
                        gone.push(path.clone());
                        difference.new.push(path);
                    }
                }
                Some(old) if old.is_folder() => {
                    gone.push(path.clone());
                    difference.changes.insert(path, FileChange::New);
                }
                Some(_) if entry.is_folder() => {
                    difference.changes.insert(path.clone(), FileChange::Gone);
                    difference.new.push(path);
                }
                Some(old) if old.looks_like(&entry) => entry.digest = old.digest,
                Some(old) => {
                    entry.digest = digest(&path, &entry);
                    let same = entry.digest != UNKNOWN && entry.digest == old.digest && entry.mode == old.mode;
                    if !same {
                        difference.changes.insert(path, FileChange::Written);
                    }
                }
            }
            next.push(entry);
        }
        for entry in kept.into_values() {
            let path = folder.join(&*entry.name);
            if entry.is_folder() {
                gone.push(path);
            } else {
                difference.changes.insert(path, FileChange::Gone);
            }
        }
        self.folders.insert(folder.to_owned(), next);
        for path in gone {
            self.forget(&path, difference);
        }
    }

    /// A folder is gone, with all below it.
    fn forget(&mut self, folder: &Path, difference: &mut SnapshotDifference) {
        let below: Vec<PathBuf> = self
            .folders
            .range(folder.to_owned()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(folder))
            .cloned()
            .collect();
        if below.is_empty() {
            // It vanished before anybody could look into it.
            difference.gone.push(folder.to_owned());
        }
        for path in below {
            for entry in self.folders.remove(&path).into_iter().flatten().filter(|entry| !entry.is_folder()) {
                difference.changes.insert(path.join(&*entry.name), FileChange::Gone);
            }
            difference.gone.push(path);
        }
    }

    /// The entries of a folder that count; `None` where there is none that counts.
    fn list(&self, folder: &Path) -> Option<Vec<Entry>> {
        if !std::fs::symlink_metadata(folder).ok()?.is_dir() {
            return None;
        }
        let judges: Vec<(&Path, &SourceFolder, Folder)> = self
            .sources
            .iter()
            .filter_map(|(root, source)| {
                let path = folder.strip_prefix(root).ok()?;
                Some((path, source, source.folder(path)?))
            })
            .collect();
        let mut entries = Vec::new();
        for found in std::fs::read_dir(folder).ok()?.flatten() {
            let name = found.file_name();
            let Ok(is_folder) = found.file_type().map(|kind| kind.is_dir()) else { continue };
            if !judges.iter().any(|(path, source, at)| source.counts(at, &path.join(&name), &name, is_folder)) {
                continue;
            }
            // What vanishes between the two looks is gone; its event follows.
            entries.extend(found.metadata().ok().and_then(|metadata| entry(&name, &metadata)));
        }
        entries.shrink_to_fit();
        (!judges.is_empty()).then_some(entries)
    }

    /// Makes digests of files of one more folder after `from`; returns where to go on. Without a digest, a file that is
    /// only touched would count as changed once.
    pub fn read_on(&mut self, from: Option<&Path>) -> Option<PathBuf> {
        let next = match from {
            None => self.folders.keys().next(),
            Some(from) => {
                let after = (std::ops::Bound::Excluded(from.to_owned()), std::ops::Bound::Unbounded);
                self.folders.range(after).next().map(|(folder, _)| folder)
            }
        };
        let folder = next?.clone();
        for seen in self.folders.get_mut(&folder).into_iter().flatten().filter(|seen| seen.digest == UNKNOWN) {
            let path = folder.join(&*seen.name);
            let made = digest(&path, seen);
            let now = std::fs::symlink_metadata(&path).ok().and_then(|metadata| entry(&seen.name, &metadata));
            // What was written meanwhile has an event to come, which must find it changed.
            if now.is_some_and(|now| now.looks_like(seen)) {
                seen.digest = made;
            }
        }
        Some(folder)
    }
}

fn entry(name: &OsStr, metadata: &std::fs::Metadata) -> Option<Entry> {
    let kind = metadata.mode() & 0o170_000;
    // Sockets, pipes and devices are nobody's source.
    if !matches!(kind, 0o040_000 | 0o100_000 | 0o120_000) {
        return None;
    }
    Some(Entry {
        name: name.into(),
        size: metadata.size(),
        time: metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec()),
        inode: metadata.ino(),
        mode: metadata.mode(),
        digest: UNKNOWN,
    })
}

/// A digest of a file's content or a link's target, for this process only.
fn digest(path: &Path, entry: &Entry) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    let read = if entry.mode & 0o170_000 == 0o120_000 {
        std::fs::read_link(path).map(|target| target.hash(&mut hasher)).is_ok()
    } else if entry.is_folder() || entry.size > READ {
        false
    } else {
        reading::within(path, READ).map(|bytes| bytes.hash(&mut hasher)).is_ok()
    };
    if read { hasher.finish().max(UNKNOWN + 1) } else { UNKNOWN }
}
