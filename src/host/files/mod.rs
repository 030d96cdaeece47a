//! Files of this machine: reading, atomic writing. Text that we write is compared first, so that an
//! unchanged file keeps its time.

pub mod generated;
pub mod growing;
pub mod leftovers;
pub mod ownership;
pub mod places;
pub mod reading;
pub mod spool;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

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
            io::ErrorKind::PermissionDenied => made.hint("check the owner and mode of that path"),
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

/// The text of a file of at most `most` bytes; `None` for a link, for what is larger, and for what is not text.
#[must_use]
pub fn plain_text(path: &Path, most: u64) -> Option<String> {
    let bytes = plain_bytes(path, most)?;
    if bytes.contains(&0) { None } else { String::from_utf8(bytes).ok() }
}

/// The bytes of a file of at most `most`; `None` for a link and for what is larger.
#[must_use]
pub fn plain_bytes(path: &Path, most: u64) -> Option<Vec<u8>> {
    let metadata = fs::symlink_metadata(path).ok()?;
    (metadata.is_file() && metadata.len() <= most).then(|| reading::within(path, most).ok())?
}

/// Whether a file holds these very bytes; no more of it is read than they are.
fn is_equal(path: &Path, bytes: &[u8]) -> bool {
    reading::within(path, bytes.len() as u64).is_ok_and(|before| before == bytes)
}

/// Writes a file so that it is there whole or not at all; says whether anything changed.
pub fn write(path: &Path, bytes: &[u8], access: Access) -> Result<bool> {
    if is_equal(path, bytes) {
        let others = fs::metadata(path).map_or(0, |facts| facts.mode() & 0o077);
        let set = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        match (access, path.parent()) {
            (Access::Private, _) if others != 0 => set(0o600).map_err(failed("change the mode of", path))?,
            (Access::Mounted, Some(folder)) => {
                open_to_all(folder)?;
                open_to_all(path)?;
            }
            _ => {}
        }
        ownership::hand_over(path).map_err(failed("hand over", path))?;
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    // What lies in a folder with a private file is nobody else's business. All of `.devenv` would be too much: where a
    // container has it covered, its mode is that of the cover, which is root's.
    match (access, folder.parent()) {
        (Access::Mounted, Some(above)) => {
            make_folder(above, Access::Private)?;
            make_folder(folder, Access::Public)?;
            open_to_all(folder)?;
        }
        _ => make_folder(folder, if folder.ends_with(".devenv") { Access::Public } else { access })?,
    }
    let mode = match access {
        Access::Public | Access::Mounted => 0o644,
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
        Access::Public | Access::Program | Access::Mounted => 0o755,
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

/// The largest file of a build's context.
pub const MOST_CONTEXT: u64 = 1 << 30;

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
