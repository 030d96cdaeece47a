//! Files of this machine: reading, atomic writing, digests of trees. Text that we write is compared first, so that an
//! unchanged file keeps its time.

pub mod generated;
pub mod leftovers;
pub mod ownership;
pub mod places;
pub mod reading;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::digest;
use crate::error::{Error, Kind, Result};
use crate::render::Access;

/// An error of the file system, with the path.
pub fn failed(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| {
        let message = format!("cannot {doing} {}: {}", path.display(), plain(&error));
        let made = Error::message(Kind::Failed, message);
        match error.kind() {
            io::ErrorKind::StorageFull => {
                made.hint("the disk is full; no file was half-written: make room and run it again")
            }
            io::ErrorKind::PermissionDenied => made.hint("look at the owner and mode of that path"),
            _ => made,
        }
    }
}

/// The error without the number that Rust adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// The bytes of a file of ordinary size; `None` where there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match reading::text(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// The text of a file; `None` where there is none.
pub fn read_text(path: &Path) -> Result<Option<String>> {
    Ok(read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Whether a file holds these very bytes; no more of it is read than they are.
fn is_equal(path: &Path, bytes: &[u8]) -> bool {
    reading::within(path, bytes.len() as u64).is_ok_and(|before| before == bytes)
}

/// Writes a file so that it is there whole or not at all; says whether anything changed.
pub fn write(path: &Path, bytes: &[u8], access: Access) -> Result<bool> {
    if is_equal(path, bytes) {
        let is_open = || fs::metadata(path).is_ok_and(|facts| facts.mode() & 0o077 != 0);
        if access == Access::Private && is_open() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed("change the mode of", path))?;
        }
        ownership::hand_over(path).map_err(failed("hand over", path))?;
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    // What lies in a folder with a private file is nobody else's business. All of `.devenv` would be too much: where a
    // container has it covered, its mode is that of the cover, which is root's.
    make_folder(folder, if folder.ends_with(".devenv") { Access::Public } else { access })?;
    let mode = match access {
        Access::Public => 0o644,
        Access::Private => 0o600,
        Access::Program => 0o755,
    };
    replace(path, bytes, mode)?;
    Ok(true)
}

/// Puts another file in the place of one, whole and with its mode, or not at all.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let temporary = tempfile::Builder::new()
        .prefix(&leftovers::name(TEMPORARY))
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(failed("write", path))?;
    temporary.as_file().write_all(bytes).map_err(failed("write", path))?;
    temporary.as_file().set_permissions(fs::Permissions::from_mode(mode)).map_err(failed("write", path))?;
    temporary.as_file().sync_all().map_err(failed("write", path))?;
    ownership::hand_over(temporary.path()).map_err(failed("hand over", path))?;
    temporary.persist(path).map_err(|error| failed("write", path)(error.error))?;
    Ok(())
}

/// What the names of files begin with while they are written.
const TEMPORARY: &str = ".devenv-write-";

/// Removes files of a folder that a killed process was writing.
pub fn sweep(folder: &Path) {
    leftovers::remove(folder, TEMPORARY);
}

/// Writes a file of the user's again, with the mode that it has.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<()> {
    match fs::metadata(path) {
        Ok(_) if is_equal(path, bytes) => Ok(()),
        Ok(facts) => replace(path, bytes, facts.mode() & 0o7777),
        Err(_) => write(path, bytes, Access::Public).map(drop),
    }
}

/// Makes a folder and its parents; one that holds secrets is for the owner alone.
pub fn make_folder(path: &Path, access: Access) -> Result<()> {
    if let Ok(facts) = fs::metadata(path)
        && facts.is_dir()
    {
        // Who may write there could put files of their own in the place of those.
        if access == Access::Private && facts.mode() & 0o077 != 0 {
            let closed = fs::Permissions::from_mode(0o700);
            fs::set_permissions(path, closed).map_err(failed("close to others", path))?;
        }
        return ownership::hand_over(path).map_err(failed("hand over", path));
    }
    let mode = match access {
        Access::Public | Access::Program => 0o755,
        Access::Private => 0o700,
    };
    let mut missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.is_dir()).collect();
    missing.reverse();
    let mut missing = missing.into_iter();
    missing.try_for_each(|folder| ownership::make_folder(folder, mode).map_err(failed("make the folder", folder)))
}

/// Lets everybody read a file, and look into a folder, that an earlier run may have made for its user alone.
fn open_to_all(path: &Path) -> Result<()> {
    let facts = fs::metadata(path).map_err(failed("read", path))?;
    let (mode, wanted) = (facts.mode() & 0o777, if facts.is_dir() { 0o555 } else { 0o444 });
    if mode & wanted == wanted {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode | wanted)).map_err(failed("change the mode of", path))
}

/// Which folder stands at a path: its device and inode.
#[must_use]
pub fn identity(path: &Path) -> Option<String> {
    let facts = fs::metadata(path).ok()?;
    Some(format!("{}:{}", facts.dev(), facts.ino()))
}

/// Removes a file or a folder; what is not there is no error.
pub fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of its content, or of its target where it is a link.
    pub digest: String,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// The largest file of a build's context.
pub const MOST_CONTEXT: u64 = 1 << 30;

/// Files by which a folder says what does not count.
const IGNORE_FILES: [&str; 3] = [".gitignore", ".ignore", ".dockerignore"];

/// Such a file that is none: reading it would wait for a writer, or never end.
fn endless(folder: &Path) -> Option<PathBuf> {
    let mut files = IGNORE_FILES.into_iter().map(|name| folder.join(name));
    let is_text = |facts: &fs::Metadata| facts.is_dir() || (facts.is_file() && facts.len() <= reading::MOST_TEXT);
    files.find(|path| fs::metadata(path).is_ok_and(|facts| !is_text(&facts)))
}

/// All files below a folder that git would not ignore, by path relative to it. Two threads read at a time.
pub fn tree(folder: &Path) -> Result<BTreeMap<String, TreeFile>> {
    let refused: Arc<Mutex<Vec<PathBuf>>> = Arc::new(Mutex::new(folder.ancestors().filter_map(endless).collect()));
    let stops = || refused.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let refuse = |path: PathBuf| Err(failed("read", &path)(io::Error::other("it is not a regular file")));
    if let Some(path) = stops() {
        return refuse(path);
    }
    let mut builder = ignore::WalkBuilder::new(folder);
    let found = Arc::clone(&refused);
    builder.hidden(false).require_git(false).parents(true).filter_entry(move |entry| {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let path = if is_folder { endless(entry.path()) } else { None };
        let goes_on = path.is_none() && entry.file_name() != ".git";
        found.lock().unwrap_or_else(PoisonError::into_inner).extend(path);
        goes_on
    });
    builder.add_custom_ignore_filename(".dockerignore");
    let (send, receive) = std::sync::mpsc::channel();
    builder.threads(2).build_parallel().run(|| {
        let send = send.clone();
        let mut room = Vec::new();
        Box::new(move |entry| {
            let found = entry
                .map_err(|error| Error::message(Kind::Failed, error))
                .and_then(|entry| tree_file(folder, &entry, &mut room));
            match found {
                Ok(None) => ignore::WalkState::Continue,
                found => {
                    // The receiver lives until all walkers are done.
                    let _ = send.send(found);
                    ignore::WalkState::Continue
                }
            }
        })
    });
    drop(send);
    let read: Result<BTreeMap<String, TreeFile>> = receive.into_iter().filter_map(Result::transpose).collect();
    match stops() {
        Some(path) => refuse(path),
        None => read,
    }
}

/// What stands at an entry; nothing for a folder. `room` is for its content, and used again by the next one: a context
/// has thousands of small files.
fn tree_file(folder: &Path, entry: &ignore::DirEntry, room: &mut Vec<u8>) -> Result<Option<(String, TreeFile)>> {
    let path = entry.path();
    let (digest, executable) = match entry.file_type() {
        None => return Ok(None),
        Some(kind) if kind.is_dir() => return Ok(None),
        Some(kind) if kind.is_file() => read_into(path, room)
            .map(|(bytes, metadata)| (digest::hex(bytes), metadata.permissions().mode() & 0o100 != 0)),
        Some(kind) if kind.is_symlink() => {
            fs::read_link(path).map(|target| (digest::hex(target.to_string_lossy().as_bytes()), true))
        }
        Some(_) => Ok((digest::hex(&[]), false)),
    }
    .map_err(failed("read", path))?;
    let relative = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    Ok(Some((relative, TreeFile { path: path.to_owned(), digest, executable })))
}

/// Reads a file with as few calls as there can be: as much as it says that it holds.
fn read_into<'a>(path: &Path, room: &'a mut Vec<u8>) -> io::Result<(&'a [u8], fs::Metadata)> {
    let (mut file, metadata) = reading::open(path)?;
    if metadata.len() > MOST_CONTEXT {
        return Err(io::Error::other(format!("it has more than {} MiB", MOST_CONTEXT >> 20)));
    }
    room.resize(usize::try_from(metadata.len()).unwrap_or_default(), 0);
    match file.read_exact(room) {
        // Somebody cut it just now.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => *room = reading::within(path, MOST_CONTEXT)?,
        read => read?,
    }
    Ok((room, metadata))
}

/// Owner of a path: uid and gid.
pub fn owner(path: &Path) -> Result<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).map_err(failed("read", path))?;
    Ok((metadata.uid(), metadata.gid()))
}

/// Makes a folder inside the checkout that the engine would otherwise make as root, for the checkout's owner.
pub fn make_mount_point(path: &Path) -> Result<()> {
    if path.exists() { Ok(()) } else { make_folder(path, Access::Public) }
}

/// Lets everybody execute a file.
pub fn make_executable(path: &Path) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(failed("change the mode of", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_the_digest_of_each_file_whatever_was_read_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let sizes = [5000, 0, 1, 4096, 70_000, 3];
        for (number, size) in sizes.into_iter().enumerate() {
            fs::write(folder.path().join(format!("{number}")), vec![b'a' + number as u8; size]).unwrap();
        }
        fs::set_permissions(folder.path().join("2"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        std::os::unix::fs::symlink("../nowhere", folder.path().join("below/link")).unwrap();
        fs::write(folder.path().join(".dockerignore"), "5\n").unwrap();

        let found = tree(folder.path()).unwrap();
        let mut expected: BTreeMap<String, (String, bool)> = (0..5)
            .map(|number| {
                let bytes = vec![b'a' + number as u8; sizes[number]];
                (number.to_string(), (digest::hex(&bytes), number == 2))
            })
            .collect();
        expected.insert("below/link".to_owned(), (digest::hex(b"../nowhere"), true));
        expected.insert(".dockerignore".to_owned(), (digest::hex(b"5\n"), false));
        let found: BTreeMap<_, _> =
            found.into_iter().map(|(path, file)| (path, (file.digest, file.executable))).collect();
        assert_eq!(found, expected);
    }
}
