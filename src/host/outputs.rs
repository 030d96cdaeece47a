//! Outputs of a module on this machine: what stands there, what an archive out of a container has, and putting it in
//! place. A container is not trusted here: nothing is written but what is declared, and never through a link.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::config::model::values::RelPath;
use crate::error::{Error, Kind, Result};
use crate::host::archive::pack;
use crate::host::files::failed;
use crate::host::files::ownership;
use crate::paths::NEVER_COPIED;
use crate::plan::mirror::outputs::{Stamp, Stamps};

/// Contents that have come out of a container and are not in their place yet.
pub struct Spool {
    folder: tempfile::TempDir,
    /// What has come, by path below the module's folder.
    pub stamps: Stamps,
    contents: std::collections::BTreeMap<PathBuf, Content>,
}

/// One of them.
enum Content {
    File { spooled: PathBuf, executable: bool },
    Link(PathBuf),
}

/// The stamp of a file or link here; `None` where there is neither.
#[must_use]
pub fn stamp(path: &Path) -> Option<Stamp> {
    if let Ok(target) = fs::read_link(path) {
        return Some(Stamp::link(target.as_os_str().as_bytes()));
    }
    let (mut file, metadata) = pack::open(path)?;
    let digest = copied(&mut file, &mut io::sink()).ok()?;
    Some(Stamp::file(&digest, metadata.permissions().mode() & 0o100 != 0))
}

/// The outputs as they are here.
#[must_use]
pub fn stamps(root: &Path, outputs: &[RelPath]) -> Stamps {
    let mut found = Stamps::new();
    let mut ahead: Vec<PathBuf> = outputs.iter().map(|output| PathBuf::from(output.as_str())).collect();
    while let Some(path) = ahead.pop() {
        let full = root.join(&path);
        if fs::symlink_metadata(&full).is_ok_and(|metadata| metadata.is_dir()) {
            let listed = fs::read_dir(&full).into_iter().flatten().flatten().map(|entry| entry.file_name());
            ahead.extend(listed.filter(|name| !is_never(name)).map(|name| path.join(name)));
        } else if let Some(stamp) = stamp(&full) {
            found.insert(path, stamp);
        }
    }
    found
}

fn is_never(name: &std::ffi::OsStr) -> bool {
    NEVER_COPIED.iter().any(|never| name == *never)
}

fn copied(from: &mut impl Read, to: &mut impl Write) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            count => {
                hasher.update(&buffer[..count]);
                to.write_all(&buffer[..count])?;
            }
        }
    }
}

impl Spool {
    /// A place for contents, in a folder of the same file system as where they go to.
    pub fn new(beside: &Path) -> Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("outputs-").tempdir_in(beside).map_err(failed("write in", beside))?;
        Ok(Self { folder, stamps: Stamps::new(), contents: std::collections::BTreeMap::new() })
    }

    /// Takes in the archive of one output, whose entries begin with the output's own name.
    pub fn take(&mut self, output: &RelPath, archive: impl Read) -> Result<()> {
        let odd =
            |error: io::Error| Error::message(Kind::Failed, format!("cannot read the output `{output}`: {error}"));
        let mut archive = tar::Archive::new(archive);
        for entry in archive.entries().map_err(odd)? {
            let mut entry = entry.map_err(odd)?;
            let Some(path) = below(output, &entry.path().map_err(odd)?) else { continue };
            let what = entry.header().entry_type();
            if what.is_symlink() {
                let Some(target) = entry.link_name().map_err(odd)? else { continue };
                self.stamps.insert(path.clone(), Stamp::link(target.as_os_str().as_bytes()));
                self.contents.insert(path, Content::Link(target.into_owned()));
            } else if what.is_file() || what.is_contiguous() || what.is_gnu_sparse() {
                let executable = entry.header().mode().map_err(odd)? & 0o100 != 0;
                let spooled = self.folder.path().join(self.contents.len().to_string());
                let mode = if executable { 0o755 } else { 0o644 };
                let made = File::options().write(true).create_new(true).mode(mode).open(&spooled);
                let mut file = made.map_err(failed("write", &spooled))?;
                let digest = copied(&mut entry, &mut file).map_err(odd)?;
                self.stamps.insert(path.clone(), Stamp::file(&digest, executable));
                self.contents.insert(path, Content::File { spooled, executable });
            }
        }
        Ok(())
    }

    /// Puts what has come for a path into its place below `root`, at once and whole. A folder that stands there is the
    /// developer's, and an error.
    pub fn place(&self, root: &Path, path: &Path) -> Result<()> {
        let full = root.join(path);
        own_folder(root, path)?;
        match self.contents.get(path) {
            Some(Content::File { spooled, executable }) => {
                // Mode bits as an editor here would give them.
                let mode = if *executable { 0o755 } else { 0o644 };
                fs::set_permissions(spooled, fs::Permissions::from_mode(mode)).map_err(failed("write", spooled))?;
                fs::rename(spooled, &full)
            }
            Some(Content::Link(target)) => {
                let link = self.folder.path().join("link");
                // What an earlier one that failed has left.
                let _ = fs::remove_file(&link);
                std::os::unix::fs::symlink(target, &link).and_then(|()| fs::rename(&link, &full))
            }
            None => Ok(()),
        }
        .and_then(|()| ownership::hand_over(&full))
        .map_err(failed("write", &full))
    }
}

/// Removes an output here; what is not there is no error.
pub fn remove(root: &Path, path: &Path) -> Result<()> {
    own_folder(root, path)?;
    match fs::remove_file(root.join(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &root.join(path))(error)),
        _ => Ok(()),
    }
}

/// Makes the folder that a path lies in; every part of it must be a folder itself, and none a link that leads elsewhere.
fn own_folder(root: &Path, path: &Path) -> Result<()> {
    let mut at = root.to_owned();
    for part in path.parent().unwrap_or(Path::new("")).components() {
        at.push(part);
        match fs::symlink_metadata(&at) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => {
                let message =
                    format!("the output {} stays where it is: {} is not a folder", path.display(), at.display());
                return Err(Error::message(Kind::Failed, message).hint("move it away; outputs never go through links"));
            }
            Err(_) => ownership::make_folder(&at, 0o755).map_err(failed("make the folder", &at))?,
        }
    }
    Ok(())
}

/// Where an entry of an output's archive belongs; `None` for what has no business here.
fn below(output: &RelPath, entry: &Path) -> Option<PathBuf> {
    let mut parts = entry.components().filter(|part| !matches!(part, Component::CurDir));
    // The archive begins at the last part of the output's path.
    parts.next().filter(|first| matches!(first, Component::Normal(_)))?;
    let mut path = PathBuf::from(output.as_str());
    for part in parts {
        match part {
            Component::Normal(name) if !is_never(name) => path.push(name),
            _ => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            match content.strip_prefix("-> ") {
                Some(target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_size(0);
                    builder.append_link(&mut header, path, target).unwrap();
                }
                None => {
                    header.set_size(content.len() as u64);
                    // `append_data` refuses the very names that are tried here.
                    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
                    header.set_cksum();
                    builder.append(&header, content.as_bytes()).unwrap();
                }
            }
        }
        builder.into_inner().unwrap()
    }

    fn client() -> RelPath {
        RelPath::new("gen/client").unwrap()
    }

    #[test]
    fn only_what_lies_in_the_output_is_taken_and_placed_whole() {
        let root = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(root.path()).unwrap();
        let entries = [
            ("client/a.py", "one"),
            ("client/../../evil", "no"),
            ("/client/abs", "no"),
            ("client/.git/hooks/x", "no"),
            ("client/link", "-> a.py"),
        ];
        spool.take(&client(), archive(&entries).as_slice()).unwrap();
        let names: Vec<String> = spool.stamps.keys().map(|path| path.display().to_string()).collect();
        assert_eq!(names, ["gen/client/a.py", "gen/client/link"]);
        for path in spool.stamps.keys() {
            spool.place(root.path(), path).unwrap();
        }
        assert_eq!(fs::read_to_string(root.path().join("gen/client/link")).unwrap(), "one");
        assert_eq!(stamps(root.path(), &[client()]), spool.stamps);
    }

    #[test]
    fn nothing_is_written_through_a_link_or_over_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.path().join("gen")).unwrap();
        let mut spool = Spool::new(root.path()).unwrap();
        spool.take(&client(), archive(&[("client", "x")]).as_slice()).unwrap();
        let error = spool.place(root.path(), Path::new("gen/client")).unwrap_err().to_string();
        assert!(error.contains("is not a folder"), "{error}");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        remove(root.path(), Path::new("gen/client")).unwrap_err();
        fs::remove_file(root.path().join("gen")).unwrap();
        fs::create_dir_all(root.path().join("gen/client/kept")).unwrap();
        spool.place(root.path(), Path::new("gen/client")).unwrap_err();
        assert!(root.path().join("gen/client/kept").is_dir());
    }
}
