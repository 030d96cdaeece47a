//! Files of dumps: they hold a team's data, so that only their owner may read them, and one that is not complete is not there.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Error, Kind, Result};

/// A dump that is being written beside the place where it will be.
pub fn create(path: &Path) -> Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix(".devenv-dump-").tempfile_in(folder).map_err(|error| failed(path, "write", &error))
}

/// Puts a dump that is complete in its place, and returns its size. A file that is there stays.
pub fn keep(file: NamedTempFile, path: &Path) -> Result<u64> {
    file.as_file().sync_all().map_err(|error| failed(path, "write", &error))?;
    let kept = file.persist_noclobber(path).map_err(|error| failed(path, "write", &error.error))?;
    kept.metadata().map(|file| file.size()).map_err(|error| failed(path, "write", &error))
}

/// Opens a dump for reading, with its size.
pub fn open(path: &Path) -> Result<(File, u64)> {
    let open = || {
        let file = File::open(path)?;
        let size = file.metadata()?;
        if size.is_dir() { Err(std::io::ErrorKind::IsADirectory.into()) } else { Ok((file, size.size())) }
    };
    open().map_err(|error| failed(path, "read", &error))
}

fn failed(path: &Path, doing: &str, error: &std::io::Error) -> Error {
    Error::message(Kind::Usage, format!("cannot {doing} {}: {error}", path.display()))
}
