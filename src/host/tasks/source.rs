//! The source that tasks of one folder get: every file that counts, as it is at one moment, and a digest of all that.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::digest::{self, Fingerprint};
use crate::error::{Error, Kind, Result};
use crate::host::archive::pack;
use crate::host::files::failed;
use crate::host::ignore::source::SourceFolder;
use crate::plan::mirror::tree::{Entry, EntryKind};

/// Source as an archive for the root of a container.
pub struct PackedSource {
    /// Digest of paths, modes and contents.
    pub digest: String,
    /// The files, by their paths below the folder.
    pub files: Vec<String>,
    /// It has no name, so that a process that is killed leaves nothing.
    archive: File,
}

impl PackedSource {
    /// The archive, from its beginning; as often as it is wanted, at once too.
    pub fn open(&self) -> Result<File> {
        let path = PathBuf::from(format!("/proc/self/fd/{}", self.archive.as_raw_fd()));
        File::open(&path).map_err(failed("read", &path))
    }
}

/// Packs a folder for `dir` in containers, where it belongs to `owner`.
pub fn pack(source: &SourceFolder, dir: &str, owner: (u32, u32)) -> Result<PackedSource> {
    let entries = source.walk()?;
    let file = tempfile::tempfile().map_err(|error| odd(&error))?;
    let mut packed = tar::Builder::new(io::BufWriter::new(file));
    let dir = Path::new(dir.trim_start_matches('/'));
    let mut lines = String::new();
    let root = Entry { path: "".into(), kind: EntryKind::Folder };
    for entry in std::iter::once(&root).chain(&entries) {
        let line = add(&mut packed, source.root(), entry, dir, owner).map_err(|error| odd(&error))?;
        lines.push_str(&line);
    }
    let file = packed.into_inner().map_err(|error| odd(&error))?;
    let mut archive = file.into_inner().map_err(|error| odd(error.error()))?;
    archive.flush().map_err(|error| odd(&error))?;
    let is_file = |entry: &&Entry| matches!(entry.kind, EntryKind::File { .. });
    let files = entries.iter().filter(is_file).map(|entry| entry.path.to_string_lossy().into_owned()).collect();
    Ok(PackedSource { digest: Fingerprint::of(&lines).to_string(), files, archive })
}

/// Adds an entry, and returns a line that no other content has.
fn add(
    packed: &mut tar::Builder<impl Write>,
    root: &Path,
    entry: &Entry,
    dir: &Path,
    owner: (u32, u32),
) -> io::Result<String> {
    let path = entry.path.to_string_lossy();
    let mut header = tar::Header::new_gnu();
    header.set_uid(owner.0.into());
    header.set_gid(owner.1.into());
    header.set_size(0);
    header.set_mtime(time(&root.join(&entry.path)));
    let at = dir.join(&entry.path);
    match &entry.kind {
        EntryKind::Folder => {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            packed.append_data(&mut header, at.join(""), io::empty())?;
            // Git has no folders: one that is empty changes nothing.
            Ok(String::new())
        }
        EntryKind::Link(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            packed.append_link(&mut header, &at, target)?;
            Ok(format!("{path}\0link\0{}\n", digest::hex(target.as_os_str().as_bytes())))
        }
        EntryKind::File { .. } => {
            // What vanishes meanwhile is not there.
            let Some(content) = pack::read(&root.join(&entry.path)) else { return Ok(String::new()) };
            header.set_mode(if content.executable { 0o755 } else { 0o644 });
            header.set_size(content.bytes.len() as u64);
            packed.append_data(&mut header, &at, content.bytes.as_slice())?;
            Ok(format!("{path}\0{}\0{}\n", content.executable, digest::hex(&content.bytes)))
        }
    }
}

/// When something was changed: tools that compare times need it.
fn time(path: &Path) -> u64 {
    let changed = std::fs::symlink_metadata(path).and_then(|facts| facts.modified()).ok();
    changed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default().as_secs()
}

fn odd(error: &io::Error) -> Error {
    Error::message(Kind::Failed, format!("cannot pack the source: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::model::values::RelPath;
    use crate::plan::mirror::copy::Selection;

    fn packed(root: &Path) -> PackedSource {
        let source = SourceFolder::open(root, &RelPath::default(), &Selection::default()).unwrap();
        pack(&source, "/srv/api", (7, 8)).unwrap()
    }

    #[test]
    fn the_digest_is_of_what_is_packed_and_nothing_that_git_ignores_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(root.join("src/a"), "one").unwrap();
        fs::write(root.join(".gitignore"), "*.log\n").unwrap();
        fs::write(root.join("x.log"), "no").unwrap();
        let before = packed(root);
        let mut archive = tar::Archive::new(before.open().unwrap());
        let paths: Vec<String> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(before.files, [".gitignore", "src/a"]);
        assert_eq!(paths, ["srv/api/", "srv/api/.gitignore", "srv/api/src/", "srv/api/src/a"]);
        fs::write(root.join("x.log"), "other").unwrap();
        assert_eq!(packed(root).digest, before.digest);
        fs::write(root.join("src/a"), "two").unwrap();
        assert_ne!(packed(root).digest, before.digest);
    }
}
