//! What belongs to the user and not to a checkout: the table of all checkouts, in the XDG state directory.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::PathBuf;

use rustix::fs::FlockOperation;

use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::files::ownership;
use crate::host::user::xdg;
use crate::plan::identity::Table;
use crate::render::Access;

/// `$XDG_STATE_HOME/devenv`, or what stands for it.
pub fn folder() -> Result<PathBuf> {
    xdg::folder("XDG_STATE_HOME", ".local/state", "its state")
}

/// The table as it was read; held, others wait until it is saved or dropped.
pub struct HeldTable {
    /// The file, where it is held.
    file: Option<File>,
    path: PathBuf,
    before: String,
    /// What the table says; written back by [`HeldTable::save`].
    pub table: Table,
}

/// Opens the table for this process alone, until it is dropped.
pub fn table() -> Result<HeldTable> {
    let folder = folder()?;
    files::make_folder(&folder, Access::Private)?;
    let path = folder.join("checkouts.json");
    let file = ownership::open(&path).map_err(files::failed("open", &path))?;
    read(file, path, FlockOperation::LockExclusive)
}

/// Reads the table and leaves it to others; makes nothing where there is none.
pub fn look() -> Result<HeldTable> {
    let path = folder()?.join("checkouts.json");
    match File::open(&path) {
        Ok(file) => Ok(HeldTable { file: None, ..read(file, path, FlockOperation::LockShared)? }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(HeldTable { file: None, path, before: String::new(), table: Table::default() })
        }
        Err(error) => Err(files::failed("open", &path)(error)),
    }
}

fn read(mut file: File, path: PathBuf, lock: FlockOperation) -> Result<HeldTable> {
    rustix::fs::flock(&file, lock).map_err(|error| files::failed("lock", &path)(error.into()))?;
    let mut before = String::new();
    file.read_to_string(&mut before).map_err(files::failed("read", &path))?;
    let table = if before.trim().is_empty() {
        Table::default()
    } else {
        serde_json::from_str(&before).map_err(|error| {
            Error::message(Kind::Failed, format!("{} is damaged: {error}", path.display()))
                .hint("delete it: ports and host names are then chosen again, data is not touched")
        })?
    };
    Ok(HeldTable { file: Some(file), path, before, table })
}

impl HeldTable {
    /// Writes the table where it changed. In place and not by rename, since the lock is on this very file; the text is
    /// written before the file is cut, and is far smaller than a block.
    pub fn save(self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.table).unwrap_or_default() + "\n";
        let Some(mut file) = self.file.filter(|_| text != self.before) else { return Ok(()) };
        let failed = || files::failed("write", &self.path);
        file.rewind().map_err(failed())?;
        file.write_all(text.as_bytes()).map_err(failed())?;
        file.set_len(text.len() as u64).map_err(failed())?;
        file.sync_all().map_err(failed())
    }
}

/// This machine's id.
#[must_use]
pub fn machine() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let id = if id.trim().is_empty() { rustix::system::uname().nodename().to_string_lossy().into_owned() } else { id };
    crate::digest::hex(id.trim().as_bytes()).chars().take(16).collect()
}
