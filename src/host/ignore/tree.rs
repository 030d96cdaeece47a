//! All files of a folder that count, with their digests: contexts of images, and what tasks depend on.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;

use crate::digest;
use crate::error::Result;
use crate::host::files::{MOST_CONTEXT, failed, reading};
use crate::host::ignore::source::{DOCKERIGNORE, SourceFolder};
use crate::plan::mirror::tree::{Entry, EntryKind};

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

/// All files and links of a folder that count, by path relative to it. Two threads read at a time. In a context, what is
/// neither file nor link is refused; elsewhere a program may have its socket there.
pub fn files(source: &SourceFolder) -> Result<BTreeMap<String, TreeFile>> {
    let survey = source.survey()?;
    for (folder, error) in survey.unread {
        if error.kind() != io::ErrorKind::NotFound {
            return Err(failed("read", &source.root().join(folder))(error));
        }
    }
    if let Some(file) = survey.special.iter().find(|path| source.is_context() || is_of_patterns(path)) {
        let error = io::Error::other("it is not a regular file");
        return Err(failed("read", &source.root().join(file))(error));
    }
    let (one, other) = survey.entries.split_at(survey.entries.len() / 2);
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| digests(source.root(), one));
        let other = digests(source.root(), other);
        (one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), other)
    });
    Ok(one?.into_iter().chain(other?).collect())
}

/// Whether it says what counts: left out, it would say nothing.
fn is_of_patterns(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == ".gitignore" || name == DOCKERIGNORE)
}

fn digests(root: &Path, entries: &[Entry]) -> Result<Vec<(String, TreeFile)>> {
    // A context has thousands of small files: each is read into the same room.
    let mut room = Vec::new();
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        let path = root.join(&entry.path);
        let (digest, executable) = match &entry.kind {
            EntryKind::Folder => continue,
            EntryKind::Link(target) => {
                if is_of_patterns(&path) {
                    reading::text(&path).map_err(failed("read", &path))?;
                }
                (digest::hex(target.as_os_str().as_bytes()), true)
            }
            EntryKind::File { executable, .. } => {
                (digest::hex(read_into(&path, &mut room).map_err(failed("read", &path))?), *executable)
            }
        };
        found.push((entry.path.to_string_lossy().into_owned(), TreeFile { path, digest, executable }));
    }
    Ok(found)
}

/// Reads a file with as few calls as there can be: as much as it says that it holds.
fn read_into<'a>(path: &Path, room: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
    let (mut file, metadata) = reading::open(path)?;
    if metadata.len() > MOST_CONTEXT {
        return Err(io::Error::other(format!("it is larger than {} MiB", MOST_CONTEXT >> 20)));
    }
    room.resize(usize::try_from(metadata.len()).unwrap_or_default(), 0);
    match file.read_exact(room) {
        // Somebody cut it just now.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => *room = reading::within(path, MOST_CONTEXT)?,
        read => read?,
    }
    Ok(room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::values::RelPath;
    use crate::host::ignore::rules::git;
    use crate::plan::mirror::copy::Selection;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn of(folder: &Path) -> BTreeMap<String, TreeFile> {
        files(&context(folder)).unwrap()
    }

    fn context(folder: &Path) -> SourceFolder {
        SourceFolder::open(folder, &RelPath::default(), &Selection::default()).unwrap().with_dockerignore()
    }

    #[test]
    fn a_tree_has_the_digest_of_each_file_whatever_was_read_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let sizes = [5000, 0, 1, 4096, 70_000, 3];
        for (number, size) in sizes.into_iter().enumerate() {
            fs::write(folder.path().join(format!("{number}")), vec![b'a' + number as u8; size]).unwrap();
        }
        fs::set_permissions(folder.path().join("2"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        symlink("../nowhere", folder.path().join("below/link")).unwrap();
        fs::write(folder.path().join(".dockerignore"), "5\n").unwrap();

        let mut expected: BTreeMap<String, (String, bool)> = (0..5)
            .map(|number| {
                let bytes = vec![b'a' + number as u8; sizes[number]];
                (number.to_string(), (digest::hex(&bytes), number == 2))
            })
            .collect();
        expected.insert("below/link".to_owned(), (digest::hex(b"../nowhere"), true));
        expected.insert(".dockerignore".to_owned(), (digest::hex(b"5\n"), false));
        let found = of(folder.path()).into_iter();
        let found: BTreeMap<_, _> = found.map(|(path, file)| (path, (file.digest, file.executable))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_context_has_what_the_mirror_would_copy_less_what_dockerignore_says() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]).unwrap();
        fs::create_dir(root.join("conf")).unwrap();
        for file in ["app.py", "id_rsa", "conf/tls.key", "kept.log", "other.log", "secret.env", "notes.md", ".ignore"] {
            fs::write(root.join(file), "x").unwrap();
        }
        fs::write(root.join(".gitignore"), "*.log\n").unwrap();
        fs::write(root.join(".git/info/exclude"), "secret.env\n").unwrap();
        fs::write(root.join(".dockerignore"), "*.md\n").unwrap();
        fs::write(root.join(".ignore"), "app.py\n").unwrap();
        git(root, &["add", "--force", "kept.log"]).unwrap();
        let found = of(root);
        let found: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(found, [".dockerignore", ".gitignore", ".ignore", "app.py", "kept.log"]);
    }

    #[test]
    fn a_file_of_patterns_that_never_ends_is_refused() {
        for name in [".dockerignore", ".gitignore"] {
            let folder = tempfile::tempdir().unwrap();
            symlink("/dev/zero", folder.path().join(name)).unwrap();
            let error = files(&context(folder.path())).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("not a regular file"), "{error}");
        }
    }
}
