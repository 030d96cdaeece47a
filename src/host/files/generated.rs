//! Files that devenv writes beside the user's own: a file without our mark is never overwritten and never removed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::host::files::{Access, failed, make_folder, open_to_all, read_text, remove, write};
use crate::paths;
use crate::render::{Generated, MARKER};

/// Refuses a generated file at whose path, below `root`, there is one that devenv did not make, or on whose way there is
/// a link: a repository could lead keys to where others read them.
pub fn check(root: &Path, file: &Generated) -> Result<()> {
    let path = root.join(&file.path);
    refuse_links(root, Path::new(&file.path))?;
    match read_text(&path)? {
        Some(before) if file.text.contains(MARKER) && !before.contains(MARKER) => {
            let message = format!("{} is not a file that devenv made, so it stays as it is", path.display());
            Err(Error::message(Kind::Failed, message).hint("move it away and run the command again"))
        }
        _ => Ok(()),
    }
}

/// Refuses a path below `root` that has a link among its folders.
pub fn refuse_links(root: &Path, path: &Path) -> Result<()> {
    let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    folders.map(|folder| root.join(folder)).try_for_each(|folder| refuse_link(&folder))
}

/// Refuses a folder that is a link.
pub fn refuse_link(folder: &Path) -> Result<()> {
    if !folder.is_symlink() {
        return Ok(());
    }
    let message = format!("{} is a link, and devenv writes nothing through links", folder.display());
    Err(Error::message(Kind::Failed, message).hint("remove the link and run the command again"))
}

/// Removes a folder below `root` with all that is in it.
pub fn remove_folder(root: &Path, folder: &str) -> Result<()> {
    let path = root.join(folder);
    refuse_link(root)?;
    refuse_link(&path)?;
    remove(&path)
}

/// Removes files of a folder, below `root`, that devenv made once and makes no more.
pub fn remove_forgotten(root: &Path, folder: &str, made: &[Generated]) -> Result<()> {
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        let is_made = |file: &Generated| root.join(&file.path) == entry.path();
        if entry.path().is_file() && !made.iter().any(is_made) && is_ours(&entry.path())? {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes `FOLDER/NAME/file` that devenv made for a name that is not in `kept`, with the folders where nothing is left
/// in them. Returns the paths relative to `root`.
pub fn remove_stale(root: &Path, folder: &str, file: &str, kept: &BTreeSet<&str>) -> Result<Vec<String>> {
    let above = root.join(folder);
    refuse_link(&above)?;
    let mut removed = Vec::new();
    for entry in fs::read_dir(&above).into_iter().flatten().flatten().filter(|entry| !entry.path().is_symlink()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path().join(file);
        if kept.contains(name.as_str()) || !path.is_file() || !is_ours(&path)? {
            continue;
        }
        remove(&path)?;
        let ignore = entry.path().join(".gitignore");
        if ignore.is_file() && is_ours(&ignore)? {
            remove(&ignore)?;
        }
        remove_empty(&entry.path())?;
        removed.push(format!("{folder}/{name}/{file}"));
    }
    if !removed.is_empty() {
        remove_empty(&above)?;
    }
    removed.sort();
    Ok(removed)
}

fn is_ours(path: &Path) -> Result<bool> {
    Ok(read_text(path)?.is_some_and(|text| text.contains(MARKER)))
}

fn remove_empty(folder: &Path) -> Result<()> {
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::DirectoryNotEmpty => Err(failed("remove", folder)(error)),
        _ => Ok(()),
    }
}

/// Writes generated files below `.devenv`; a file at such a path that we did not make is the user's, and an error.
pub fn write_generated(root: &Path, files: &[Generated]) -> Result<()> {
    let folder = paths::devenv(root);
    refuse_link(&folder)?;
    make_folder(&folder, Access::Public)?;
    open_to_all(&folder)?;
    write(&folder.join(".gitignore"), b"*\n", Access::Public)?;
    for file in files {
        let path = folder.join(&file.path);
        check(&folder, file)?;
        write(&path, file.text.as_bytes(), file.access)?;
        if file.access == Access::Public {
            open_to_all(&path)?;
        }
    }
    Ok(())
}
