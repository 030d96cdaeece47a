//! One lock per project and engine. The kernel frees it when the last process that has it is gone: no pid files.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::{FdFlags, fcntl_setfd};

use crate::digest::Fingerprint;
use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::files::ownership;
use crate::host::user::checkout_table;
use crate::render::Access;

/// Takes the lock of one copy of source: who has read a file must have written it before another reads it again. Unlike
/// the project's it is never held for longer than a batch takes, and children do not inherit it.
pub async fn take_mirror(container: &str, dir: &str) -> Result<File> {
    let folder = checkout_table::folder()?.join("locks");
    files::make_folder(&folder, Access::Private)?;
    let path = folder.join(format!("mirror-{}", Fingerprint::of(&format!("{container}\0{dir}"))));
    let file = ownership::open(&path).map_err(files::failed("open", &path))?;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => tokio::time::sleep(Duration::from_millis(2)).await,
            Err(error) => return Err(Error::message(Kind::Failed, format!("cannot lock {}: {error}", path.display()))),
        }
    }
}

/// The lock, held until it is dropped.
pub struct ProjectLock {
    _file: File,
    journal: PathBuf,
}

impl ProjectLock {
    /// Where its holder writes down what the engine goes on with should the holder be killed.
    #[must_use]
    pub fn journal(&self) -> &Path {
        &self.journal
    }
}

/// Takes the lock; while another command has it, `wait` is called once with who that is. Children inherit the lock, so
/// that after a kill -9 it is free only when they are gone too.
pub async fn take(checkout: &Path, endpoint: &str, command: &str, wait: impl FnOnce(&str)) -> Result<ProjectLock> {
    let folder = checkout_table::folder()?.join("locks");
    files::make_folder(&folder, Access::Private)?;
    let name = Fingerprint::of(&format!("{}\0{endpoint}", checkout.display()));
    let path = folder.join(name.as_str());
    let mut file = ownership::open(&path).map_err(files::failed("open", &path))?;
    let mut wait = Some(wait);
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(rustix::io::Errno::WOULDBLOCK) => {
                if let Some(wait) = wait.take() {
                    let mut holder = String::new();
                    // Who it is may be written this very moment; then the message has less in it.
                    let _ = file.rewind().and_then(|()| file.read_to_string(&mut holder));
                    wait(holder.trim());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(Error::message(Kind::Failed, format!("cannot lock {}: {error}", path.display()))),
        }
    }
    let text = format!("devenv {command}, process {}\n", std::process::id());
    let written =
        file.rewind().and_then(|()| file.write_all(text.as_bytes())).and_then(|()| file.set_len(text.len() as u64));
    written.map_err(files::failed("write", &path))?;
    fcntl_setfd(&file, FdFlags::empty()).map_err(|error| files::failed("keep", &path)(error.into()))?;
    Ok(ProjectLock { _file: file, journal: path.with_extension("journal") })
}
