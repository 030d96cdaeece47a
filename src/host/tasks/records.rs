//! The records of runs: a folder each below `.devenv/runs`, with one writer, who has the record's lock while it lives.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::FlockOperation;
use time::OffsetDateTime;

use crate::error::{Error, Kind, Result};
use crate::host::files::{self, failed, generated, ownership};
use crate::host::{clock, random};
use crate::names::TaskName;
use crate::paths;
use crate::render::Access;

/// A record that is being written.
pub struct Writer {
    /// The id of the run.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    file: File,
}

/// A record as it stands there.
pub struct Record {
    /// The id of the run.
    pub id: String,
    /// Its lines.
    pub text: String,
    /// Whether somebody writes it.
    pub is_alive: bool,
}

/// The folder of all runs.
#[must_use]
pub fn folder(root: &Path) -> PathBuf {
    paths::devenv(root).join(paths::RUNS)
}

/// The file of what a task has printed, in the folder of a run.
#[must_use]
pub fn log(run: &Path, task: &TaskName) -> PathBuf {
    run.join(format!("{}.log", task.file()))
}

impl Writer {
    /// Begins a record under a new id, which is later in the alphabet than those of earlier days.
    pub fn begin(root: &Path) -> Result<Self> {
        generated::write_generated(root, &[])?;
        let now = OffsetDateTime::from_unix_timestamp(clock::unix_time()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
        let (hour, minute, second) = now.to_hms();
        let id = format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{}", random::text(2)?);
        let folder = folder(root).join(&id);
        generated::refuse_links(root, &folder.strip_prefix(root).unwrap_or(&folder).join(paths::RUN_EVENTS))?;
        files::make_folder(&folder, Access::Private)?;
        let path = folder.join(paths::RUN_EVENTS);
        let file = ownership::open_at_end(&path).map_err(failed("open", &path))?;
        // Nobody else writes it; somebody who only looks holds it for a moment.
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| Error::message(Kind::Failed, format!("cannot lock {}: {error}", path.display())))?;
        Ok(Self { id, folder, file })
    }

    /// Adds lines, which are on the disk when this returns.
    pub fn add(&mut self, lines: &str) -> Result<()> {
        let written = self.file.write_all(lines.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(failed("write", &self.folder.join(paths::RUN_EVENTS)))
    }
}

/// All records that can be read, in no order.
pub fn all(root: &Path) -> Result<Vec<Record>> {
    let folder = folder(root);
    let listed = match fs::read_dir(&folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("read", &folder)(error)),
    };
    let record = |entry: fs::DirEntry| {
        let path = entry.path().join(paths::RUN_EVENTS);
        let text = files::read_text(&path).transpose()?;
        let id = entry.file_name().to_string_lossy().into_owned();
        Some(text.map(|text| Record { id, text, is_alive: is_held(&path) }))
    };
    listed.flatten().filter_map(record).collect()
}

/// Whether somebody carries out a run.
#[must_use]
pub fn is_alive(root: &Path, id: &str) -> bool {
    is_held(&folder(root).join(id).join(paths::RUN_EVENTS))
}

/// Whether the writer of a record lives.
fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_err()
}

/// Between two tries to hold a record, which somebody who looks holds for a moment.
const PAUSE: Duration = Duration::from_millis(5);
/// How often it is tried.
const TRIES: usize = 5;

/// Takes over a run whose writer is dead: as long as the file is open, it is this process that goes on with what the run
/// has left, and nobody else. None where somebody has it, or where it has no record.
pub fn take_over(root: &Path, id: &str) -> Result<Option<File>> {
    let path = folder(root).join(id).join(paths::RUN_EVENTS);
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed("open", &path))?,
    };
    for _ in 0..TRIES {
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(Some(file));
        }
        thread::park_timeout(PAUSE);
    }
    Ok(None)
}

/// Whether a run has a record.
#[must_use]
pub fn exists(root: &Path, id: &str) -> bool {
    folder(root).join(id).join(paths::RUN_EVENTS).exists()
}

/// Removes a run with all that it has kept.
pub fn remove(root: &Path, id: &str) -> Result<()> {
    generated::remove_folder(&folder(root), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_run_is_taken_over_by_one_who_seems_to_write_it_until_he_ends() {
        let root = tempfile::tempdir().unwrap();
        let writer = Writer::begin(root.path()).unwrap();
        let id = writer.id.clone();
        let take = || take_over(root.path(), &id).unwrap();
        assert!(take().is_none());
        drop(writer);
        let heir = take().unwrap();
        assert!(take().is_none());
        assert!(all(root.path()).unwrap()[0].is_alive);
        drop(heir);
        assert!(take().is_some());
        assert!(exists(root.path(), &id));
        assert!(!exists(root.path(), "other") && take_over(root.path(), "other").unwrap().is_none());
    }

    #[test]
    fn a_record_has_one_writer_and_is_read_while_it_lives_and_afterwards() {
        let root = tempfile::tempdir().unwrap();
        assert!(all(root.path()).unwrap().is_empty());
        let mut writer = Writer::begin(root.path()).unwrap();
        writer.add("one\n").unwrap();
        writer.add("two\n").unwrap();
        let read = || all(root.path()).unwrap().pop().unwrap();
        assert_eq!((read().text.as_str(), read().is_alive), ("one\ntwo\n", true));
        let id = writer.id.clone();
        drop(writer);
        assert!(!read().is_alive);
        remove(root.path(), &id).unwrap();
        assert!(all(root.path()).unwrap().is_empty());
    }
}
