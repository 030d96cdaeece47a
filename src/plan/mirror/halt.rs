//! When a mirror must carry nothing: what is gone from the source looks like a disaster, and not like a change.

use serde::{Deserialize, Serialize};

/// What the root of a source is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceRoot {
    /// There is nothing.
    Missing,
    /// There is something else.
    NoFolder,
    /// A folder, by device and inode.
    Folder(u64, u64),
}

/// Why a mirror stands still rather than carry a disaster into the container.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Halt {
    /// The folder is not there.
    #[error("the source folder is gone")]
    Vanished,
    /// Something else is there.
    #[error("the source is no longer a folder")]
    NoFolder,
    /// There were files, and there are none.
    #[error("the source folder is empty, and had {files} files")]
    Emptied {
        /// As many.
        files: usize,
    },
    /// Another folder stands there, and most of what was known is not in it.
    #[error("another folder has replaced the source, and {gone} of {known} files are not in it")]
    Replaced {
        /// Files that would go.
        gone: usize,
        /// Files that were known.
        known: usize,
    },
}

/// Whether most of the files that were known go.
#[must_use]
pub const fn takes_most(gone: usize, known: usize) -> bool {
    gone * 2 > known
}

/// Whether a mirror must stand still: `before` is the root as it was when the mirror last knew it, if it did; `known`
/// and `gone` are numbers of files that are in the container and that would go, `left` of files that are here.
#[must_use]
pub fn halt(before: Option<SourceRoot>, now: SourceRoot, known: usize, gone: usize, left: usize) -> Option<Halt> {
    match now {
        SourceRoot::Missing => Some(Halt::Vanished),
        SourceRoot::NoFolder => Some(Halt::NoFolder),
        SourceRoot::Folder(..) if known > 0 && left == 0 => Some(Halt::Emptied { files: known }),
        SourceRoot::Folder(..) if before.is_some_and(|before| before != now) && takes_most(gone, known) => {
            Some(Halt::Replaced { gone, known })
        }
        SourceRoot::Folder(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_halts_before_a_disaster_and_not_before_a_change() {
        let (one, other) = (SourceRoot::Folder(1, 1), SourceRoot::Folder(1, 2));
        assert_eq!(halt(None, one, 0, 0, 0), None);
        assert_eq!(halt(Some(one), one, 10, 9, 1), None);
        assert_eq!(halt(Some(one), one, 10, 10, 0), Some(Halt::Emptied { files: 10 }));
        assert_eq!(halt(Some(one), other, 10, 5, 5), None);
        assert_eq!(halt(Some(one), other, 10, 6, 4), Some(Halt::Replaced { gone: 6, known: 10 }));
        assert_eq!(halt(Some(one), SourceRoot::Missing, 10, 0, 0), Some(Halt::Vanished));
        assert_eq!(halt(None, SourceRoot::NoFolder, 0, 0, 0), Some(Halt::NoFolder));
    }
}
