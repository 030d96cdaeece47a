//! Folders that a copy out of a container fills. The folder itself is never replaced, because a container may have a volume
//! mounted on it; and what no earlier copy has put there is never touched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::host::files::{self, failed};
use crate::host::process::{self, Cmd};
use crate::render::Access;

/// The file by which a copy is known; it is there before anything else is.
const MARK: &str = ".devenv-export";
/// Where a copy is collected: in the folder itself, so that it is on the same file system and as invisible to git, the
/// mirror and editors as what it becomes.
const STAGE: &str = ".devenv-new";

/// Refuses a folder that holds what no copy has put there.
pub fn check(folder: &Path) -> Result<()> {
    let refuse = |what: &str| {
        let error = Error::message(Kind::Failed, format!("{} {what}, so it stays as it is", folder.display()));
        Err(error.hint("move it away and run the command again, or copy elsewhere with `--to DIR`"))
    };
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read", folder)(error)),
        Ok(metadata) if !metadata.is_dir() => return refuse("is not a folder"),
        Ok(_) => {}
    }
    let entries = fs::read_dir(folder).map_err(failed("read", folder))?;
    let others = entries.flatten().any(|entry| entry.file_name() != STAGE);
    if others && !folder.join(MARK).is_file() {
        return refuse("holds files that devenv did not copy there");
    }
    Ok(())
}

/// Makes the folder where it is missing, and in it an empty one where the copy is collected.
pub fn stage(folder: &Path) -> Result<PathBuf> {
    files::make_mount_point(folder)?;
    let stage = folder.join(STAGE);
    remove(&stage)?;
    fs::create_dir(&stage).map_err(failed("make the folder", &stage))?;
    Ok(stage)
}

/// Puts what was collected as `name` in the place of the earlier copy.
pub fn replace(folder: &Path, name: &str) -> Result<()> {
    let text = b"# copied by `devenv deps export`: the next copy replaces everything in this folder\n";
    files::write(&folder.join(MARK), text, Access::Public)?;
    for entry in fs::read_dir(folder).map_err(failed("read", folder))?.flatten() {
        if entry.file_name() != MARK && entry.file_name() != STAGE {
            remove(&entry.path())?;
        }
    }
    let stage = folder.join(STAGE);
    let collected = stage.join(name);
    for entry in fs::read_dir(&collected).map_err(failed("read", &collected))?.flatten() {
        let at = folder.join(entry.file_name());
        fs::rename(entry.path(), &at).map_err(failed("write", &at))?;
    }
    remove(&stage)
}

/// Whether git would offer what is in the folder to be committed; no where there is no repository.
pub async fn is_seen_by_git(folder: &Path) -> bool {
    let inside = folder.join(MARK).display().to_string();
    let place = folder.display().to_string();
    let call = Cmd::new("git", ["-c", "safe.directory=*", "-C", &place, "check-ignore", "--quiet", "--", &inside]);
    process::output(&call).await.is_ok_and(|answer| answer.status.code() == Some(1))
}

/// Removes whatever is there, and what a link leads to never.
fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn fill(folder: &Path, file: &str) {
        check(folder).unwrap();
        let stage = stage(folder).unwrap();
        fs::create_dir(stage.join("x")).unwrap();
        fs::write(stage.join("x").join(file), "").unwrap();
        replace(folder, "x").unwrap();
    }

    fn listing(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_copy_replaces_the_earlier_one_and_never_the_folder() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join(".venv");
        fs::create_dir(&folder).unwrap();
        let inode = fs::metadata(&folder).unwrap().ino();
        fill(&folder, "old");
        fill(&folder, "new");
        assert_eq!(listing(&folder), [MARK, "new"]);
        assert_eq!(fs::metadata(&folder).unwrap().ino(), inode);
    }

    #[test]
    fn a_copy_that_was_cut_off_is_taken_up_again() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join(".venv");
        let rest = stage(&folder).unwrap();
        fs::write(rest.join("half"), "").unwrap();
        fill(&folder, "whole");
        assert_eq!(listing(&folder), [MARK, "whole"]);
    }

    #[test]
    fn what_no_copy_has_put_there_stays() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join(".venv");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mine"), "").unwrap();
        let text = check(&folder).unwrap_err().to_string();
        assert!(text.ends_with("holds files that devenv did not copy there, so it stays as it is"), "{text}");
        let link = above.path().join("link");
        std::os::unix::fs::symlink(above.path().join("empty"), &link).unwrap();
        assert!(check(&link).unwrap_err().to_string().contains("is not a folder"));
    }

    #[tokio::test]
    async fn git_says_whether_a_copy_would_be_committed() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("node_modules");
        fs::create_dir(&folder).unwrap();
        assert!(!is_seen_by_git(&folder).await);
        let call = Cmd::new("git", ["init", "--quiet", &above.path().display().to_string()]);
        assert!(process::output(&call).await.unwrap().status.success());
        assert!(is_seen_by_git(&folder).await);
        fs::write(above.path().join(".gitignore"), "node_modules/\n").unwrap();
        assert!(!is_seen_by_git(&folder).await);
    }
}
