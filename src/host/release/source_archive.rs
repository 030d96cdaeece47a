//! The source as a build gets it: the bytes of the commit with one owner and one time, below the module's folder.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use crate::config::model::values::RelPath;
use crate::error::{Error, Kind, Result};
use crate::plan::release::source::{self, Entry, SourceError, below};

/// As many bytes of a file tell whether it is a pointer.
const BEGINNING: usize = 64;

/// Where the source goes, and whose it is there.
#[derive(Debug, Clone, Copy)]
pub struct SourceTarget<'a> {
    /// The module's folder in the checkout, for messages.
    pub folder: &'a RelPath,
    /// The folder in the container.
    pub dir: &'a str,
    /// Owner and group.
    pub owner: (u32, u32),
    /// Time of every file, in seconds since 1970.
    pub time: u64,
}

/// A file that is packed beside the source.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// Its path in the container.
    pub path: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
    /// Who may read it.
    pub readers: Readers,
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Everybody; it belongs to root.
    All,
    /// The owner of the source, who may also remove it.
    Owner,
}

/// Packs the source for a container, and further files with it. `contents` is what git has of the entries, in their order.
pub fn pack(contents: File, entries: &[Entry], place: SourceTarget<'_>, further: &[Beside<'_>]) -> Result<File> {
    let file = tempfile::tempfile().map_err(|error| odd(&error))?;
    let mut packed = tar::Builder::new(file);
    let dir = place.dir.trim_start_matches('/');
    add_folder(&mut packed, dir, place)?;
    for one in further {
        let (mode, owner) = match one.readers {
            Readers::All => (0o644, (0, 0)),
            Readers::Owner => (0o600, place.owner),
        };
        let mut header = header(tar::EntryType::Regular, mode, SourceTarget { owner, ..place });
        header.set_size(one.bytes.len() as u64);
        let path = one.path.trim_start_matches('/');
        packed.append_data(&mut header, path, one.bytes).map_err(|error| odd(&error))?;
    }
    let mut contents = BufReader::new(contents);
    contents.rewind().map_err(|error| odd(&error))?;
    let mut folders = BTreeSet::new();
    for entry in entries {
        let length = length(&mut contents).map_err(|error| odd(&error))?;
        let mut bytes = (&mut contents).take(length);
        if is_plain(Path::new(&entry.path)) {
            for above in Path::new(&entry.path).ancestors().skip(1).collect::<Vec<_>>().into_iter().rev() {
                if !above.as_os_str().is_empty() && folders.insert(above.to_owned()) {
                    add_folder(&mut packed, Path::new(dir).join(above), place)?;
                }
            }
            add(&mut packed, entry, (&mut bytes, length), (dir, place))?;
        }
        std::io::copy(&mut bytes, &mut std::io::sink()).map_err(|error| odd(&error))?;
        contents.read_exact(&mut [0]).map_err(|error| odd(&error))?;
    }
    let mut file = packed.into_inner().map_err(|error| odd(&error))?;
    file.flush().and_then(|()| file.rewind()).map_err(|error| odd(&error))?;
    Ok(file)
}

/// The length that the line before a content ends with.
fn length(contents: &mut impl BufRead) -> std::io::Result<u64> {
    let mut line = String::new();
    contents.read_line(&mut line)?;
    let length = line.trim_end().rsplit(' ').next().and_then(|word| word.parse().ok());
    length.ok_or_else(|| std::io::Error::other(format!("git answers `{}`", line.trim_end())))
}

fn add(
    packed: &mut tar::Builder<File>,
    entry: &Entry,
    (bytes, length): (&mut impl Read, u64),
    (dir, place): (&str, SourceTarget<'_>),
) -> Result<()> {
    let at = Path::new(dir).join(&entry.path);
    if entry.mode == "120000" {
        let mut target = Vec::new();
        bytes.read_to_end(&mut target).map_err(|error| odd(&error))?;
        let text = String::from_utf8_lossy(&target).into_owned();
        if !source::stays_inside(&entry.path, &text) {
            return Err(SourceError::Outside { path: below(place.folder, &entry.path), target: text }.into());
        }
        let mut header = header(tar::EntryType::Symlink, 0o777, place);
        header.set_size(0);
        return packed.append_link(&mut header, &at, OsStr::from_bytes(&target)).map_err(|error| odd(&error));
    }
    let mut beginning = Vec::with_capacity(BEGINNING);
    bytes.by_ref().take(BEGINNING as u64).read_to_end(&mut beginning).map_err(|error| odd(&error))?;
    if source::is_pointer(&beginning) {
        return Err(SourceError::Pointer(below(place.folder, &entry.path)).into());
    }
    let mode = if entry.mode == "100755" { 0o755 } else { 0o644 };
    let mut header = header(tar::EntryType::Regular, mode, place);
    header.set_size(length);
    packed.append_data(&mut header, &at, beginning.as_slice().chain(bytes)).map_err(|error| odd(&error))
}

fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn add_folder(packed: &mut tar::Builder<File>, path: impl AsRef<Path>, place: SourceTarget<'_>) -> Result<()> {
    let mut header = header(tar::EntryType::Directory, 0o755, place);
    header.set_size(0);
    packed.append_data(&mut header, path.as_ref().join(""), std::io::empty()).map_err(|error| odd(&error))
}

fn header(kind: tar::EntryType, mode: u32, place: SourceTarget<'_>) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(place.owner.0.into());
    header.set_gid(place.owner.1.into());
    header.set_mtime(place.time);
    header
}

fn odd(error: &std::io::Error) -> Error {
    Error::message(Kind::Failed, format!("cannot pack the source: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(entries: &[(&str, &str, &str)]) -> Result<Vec<(String, u64, u32)>> {
        let mut contents = tempfile::tempfile().unwrap();
        for (_, _, text) in entries {
            write!(contents, "1 blob {}\n{text}\n", text.len()).unwrap();
        }
        let entries: Vec<Entry> =
            entries.iter().map(|(path, mode, _)| Entry::parse(&format!("{mode} blob 1\t{path}")).unwrap()).collect();
        let folder = RelPath::new("web").unwrap();
        let place = SourceTarget { folder: &folder, dir: "/srv/web", owner: (7, 8), time: 99 };
        let beside = |path, readers| Beside { path, bytes: b"y", readers };
        let file =
            pack(contents, &entries, place, &[beside("/etc/x", Readers::All), beside("/tmp/s", Readers::Owner)])?;
        let mut archive = tar::Archive::new(file);
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            (entry.path().unwrap().display().to_string(), header.uid().unwrap(), header.mode().unwrap())
        });
        Ok(entries.collect())
    }

    #[test]
    fn the_source_belongs_to_whoever_builds_and_lies_in_the_folder_of_the_module() {
        let all = packed(&[("a.py", "100644", "1\n2"), ("b", "120000", "a.py"), ("c/d/e", "100755", "")]).unwrap();
        let line = |path: &str, uid, mode| (path.to_owned(), uid, mode);
        let expected = [
            line("srv/web/", 7, 0o755),
            line("etc/x", 0, 0o644),
            line("tmp/s", 7, 0o600),
            line("srv/web/a.py", 7, 0o644),
            line("srv/web/b", 7, 0o777),
            line("srv/web/c/", 7, 0o755),
            line("srv/web/c/d/", 7, 0o755),
            line("srv/web/c/d/e", 7, 0o755),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn what_is_not_the_file_itself_is_named() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
        let error = packed(&[("big.bin", "100644", pointer)]).unwrap_err();
        assert_eq!(error.to_string(), "web/big.bin is a pointer of Git LFS, and not the file itself");
        let error = packed(&[("x", "120000", "../../etc/passwd")]).unwrap_err();
        assert_eq!(error.to_string(), "web/x is a link to ../../etc/passwd, which is not in the folder of the module");
    }
}
