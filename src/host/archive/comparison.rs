//! An archive that comes out of a container, compared entry by entry with a folder of this machine as it streams by.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::host::archive::pack;
use crate::host::ignore::source::SourceFolder;
use crate::plan::mirror::sync::Counterpart;
use crate::plan::mirror::tree;

/// What of an archive counts as source, and how each differs from `walked`, which is what was here a moment ago: what
/// has changed since is reported by its event, and must not be taken for what was sent. Times mean nothing: content
/// decides.
pub fn compare(
    archive: impl Read,
    source: &SourceFolder,
    walked: &BTreeMap<&Path, &tree::EntryKind>,
) -> Result<BTreeMap<PathBuf, Counterpart>> {
    let broken =
        |error: std::io::Error| Error::message(Kind::Failed, format!("cannot read what is in the container: {error}"));
    let mut archive = tar::Archive::new(archive);
    let mut seen = BTreeMap::new();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path: PathBuf =
            entry.path().map_err(broken)?.components().filter(|part| !matches!(part, Component::CurDir)).collect();
        let what = entry.header().entry_type();
        let here = walked.get(path.as_path()).copied();
        if path.as_os_str().is_empty() || (here.is_none() && !source.keeps(&path, what.is_dir())) {
            continue;
        }
        let found = if what.is_dir() {
            if here == Some(&tree::EntryKind::Folder) { Counterpart::Same } else { Counterpart::Folder }
        } else if what.is_symlink() {
            let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
            match here {
                Some(tree::EntryKind::Link(ours)) if target.as_deref() == Some(ours.as_os_str().as_bytes()) => {
                    Counterpart::Same
                }
                _ => Counterpart::Link,
            }
        } else if what.is_file() || what.is_contiguous() || what.is_gnu_sparse() {
            let executable = entry.header().mode().map_err(broken)? & 0o100 != 0;
            let ours =
                matches!(here, Some(tree::EntryKind::File { .. })).then(|| pack::open(&source.root().join(&path)));
            match ours.flatten() {
                Some((file, ours)) if ours.len() == entry.size() && same(&mut entry, &file).map_err(broken)? => {
                    if (ours.permissions().mode() & 0o100 != 0) == executable {
                        Counterpart::Same
                    } else {
                        Counterpart::Mode
                    }
                }
                _ => Counterpart::File,
            }
        } else {
            // A second name of a file is said without content; FIFOs and the like are nothing that comes from here.
            Counterpart::File
        };
        seen.insert(path, found);
    }
    Ok(seen)
}

fn same(theirs: &mut impl Read, mut ours: impl Read) -> std::io::Result<bool> {
    let (mut one, mut other) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let count = theirs.read(&mut one)?;
        if count == 0 {
            return Ok(matches!(ours.read(&mut other), Ok(0)));
        }
        if ours.read_exact(&mut other[..count]).is_err() || one[..count] != other[..count] {
            return Ok(false);
        }
    }
}
