//! What a tree of source holds, entry by entry. Paths are bytes, relative to the tree's root.

use std::path::PathBuf;

/// Something in a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Where it is, relative to the root.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is. FIFOs, sockets and devices are nothing that source consists of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A file.
    File {
        /// Whether its owner may execute it.
        executable: bool,
        /// Its length in bytes.
        bytes: u64,
    },
    /// A symbolic link, with what it says.
    Link(PathBuf),
}
