//! A batch of changes before its loop begins: when it is complete, and what it comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::plan::watch::FileChange;

/// A change counts when nothing has followed it for this long: an editor's save is several events.
const QUIET: Duration = Duration::from_millis(30);
/// The same for many changes at once: a branch switch has pauses of its own.
const QUIET_OF_MANY: Duration = Duration::from_millis(250);
/// This many are many.
const MANY: usize = 20;
/// Changes that nobody has acted on.
#[derive(Debug, Clone, Default)]
pub(in crate::plan) struct Pending {
    pub paths: BTreeMap<String, FileChange>,
    pub missed: bool,
    pub last: Duration,
}

impl Pending {
    pub(in crate::plan) fn due(&self) -> Duration {
        self.last + if self.paths.len() >= MANY { QUIET_OF_MANY } else { QUIET }
    }

    /// What comes after what: a file that came and went has not been there.
    pub(in crate::plan) fn add(&mut self, path: &str, change: FileChange) {
        let after = match (self.paths.get(path), change) {
            (Some(FileChange::New), FileChange::Gone) => None,
            (Some(FileChange::New), _) => Some(FileChange::New),
            (Some(FileChange::Gone), FileChange::New) => Some(FileChange::Written),
            _ => Some(change),
        };
        match after {
            Some(change) => drop(self.paths.insert(path.to_owned(), change)),
            None => drop(self.paths.remove(path)),
        }
    }

    pub(in crate::plan) fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.missed
    }

    pub(in crate::plan) fn cause(&self) -> String {
        let word = |change: &FileChange| match change {
            FileChange::New => "is new",
            FileChange::Written => "changed",
            FileChange::Gone => "is gone",
            FileChange::Folder => "came or went",
        };
        match (self.paths.iter().next(), self.paths.len()) {
            (None, _) => "changed while no watcher was running".to_owned(),
            (Some((path, change)), 1) => format!("{path} {}", word(change)),
            (Some((path, change)), many) => format!("{path} {}, and {} more", word(change), many - 1),
        }
    }
}
