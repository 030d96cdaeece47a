//! Files of this machine, read whole at one moment, and archives of them.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::{Error, Kind, Result};

/// How often a file that changes while it is read is read again; then what was read goes, and the next change follows.
pub const TRIES: usize = 3;

/// A file as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What stands in it.
    pub bytes: Vec<u8>,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// Opens a file and nothing else: no link is followed, and a FIFO that came in its place does not block.
#[must_use]
pub fn open(path: &Path) -> Option<(File, Metadata)> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let metadata = file.metadata().ok().filter(Metadata::is_file)?;
    Some((file, metadata))
}

/// A file as it is at one moment; `None` where there is none that can be read.
#[must_use]
pub fn read(path: &Path) -> Option<Content> {
    for at_last in (0..TRIES).map(|try_| try_ + 1 == TRIES) {
        let (mut file, before) = open(path)?;
        let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or_default() + 1);
        file.read_to_end(&mut bytes).ok()?;
        let after = file.metadata().ok()?;
        if at_last || is_same(&before, &after) {
            return Some(Content { bytes, executable: after.permissions().mode() & 0o100 != 0 });
        }
    }
    None
}

/// Whether nobody has written between two looks at a file.
#[must_use]
pub fn is_same(one: &Metadata, other: &Metadata) -> bool {
    let state = |metadata: &Metadata| (metadata.len(), metadata.mtime(), metadata.mtime_nsec(), metadata.ino());
    state(one) == state(other)
}

/// An archive that is made in memory.
pub struct Archive(tar::Builder<Vec<u8>>);

impl Default for Archive {
    fn default() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }
}

impl Archive {
    /// Adds a file.
    pub fn add(&mut self, path: &Path, file: &Content) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(if file.executable { 0o755 } else { 0o644 });
        header.set_size(file.bytes.len() as u64);
        self.0.append_data(&mut header, path, file.bytes.as_slice()).map_err(|error| odd(&error))
    }

    /// Its length so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.get_ref().len()
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The archive's bytes.
    pub fn bytes(self) -> Result<Vec<u8>> {
        self.0.into_inner().map_err(|error| odd(&error))
    }
}

fn odd(error: &io::Error) -> Error {
    Error::message(Kind::Failed, format!("cannot pack source: {error}"))
}
