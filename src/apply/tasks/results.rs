//! The JUnit files that a task has written, read from where a run keeps them.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::host::files::reading;
use crate::host::tasks::artifacts;
use crate::plan::tasks::junit::{self, TestCase};

/// The tests of all files below a folder.
pub fn read(folder: &Path) -> Result<Vec<TestCase>> {
    let mut all = Vec::new();
    for (path, _) in artifacts::listed(folder) {
        let unreadable = |why: String| Error::message(Kind::Failed, format!("{path} cannot be read: {why}"));
        // The file that a link leads to counts once, under its own name.
        if folder.join(&path).is_symlink() {
            match is_kept(folder, &path) {
                true => continue,
                false => return Err(unreadable("it is a link to a file that is not among the results".to_owned())),
            }
        }
        let bytes = reading::text(&folder.join(&path)).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
        all.extend(junit::read(&text).map_err(|error| unreadable(error.to_string()))?);
    }
    Ok(all)
}

/// Whether a link leads to a file of the same folder.
fn is_kept(folder: &Path, path: &str) -> bool {
    let (real, folder) = (folder.join(path).canonicalize(), folder.canonicalize());
    real.is_ok_and(|real| real.is_file() && folder.is_ok_and(|folder| real.starts_with(folder)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_that_is_broken_or_huge_is_told_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("r.xml");
        let why = |bytes: &[u8]| {
            fs::write(&at, bytes).unwrap();
            read(folder.path()).unwrap_err().to_string()
        };
        assert_eq!(why(b"<testsuites>"), "r.xml cannot be read: it ends before its elements are closed");
        assert_eq!(why(b"\xff"), "r.xml cannot be read: it is not UTF-8");
        fs::File::create(&at).unwrap().set_len(500 << 20).unwrap();
        let huge = read(folder.path()).unwrap_err().to_string();
        assert_eq!(huge, "r.xml cannot be read: it is larger than 64 MiB");
        fs::write(&at, "<testsuite><testcase name='a'/></testsuite>").unwrap();
        assert_eq!(read(folder.path()).unwrap().len(), 1);
        symlink("r.xml", folder.path().join("s.xml")).unwrap();
        assert_eq!(read(folder.path()).unwrap().len(), 1);
        symlink("/etc/hostname", folder.path().join("t.xml")).unwrap();
        let link = read(folder.path()).unwrap_err().to_string();
        assert_eq!(link, "t.xml cannot be read: it is a link to a file that is not among the results");
    }
}
