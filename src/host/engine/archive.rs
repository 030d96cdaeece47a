//! Folders out of a container: the engine's archive, unpacked as it comes, so that its size does not matter.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::error::{Error, Kind, Result};
use crate::host::engine::{Engine, failed};
use crate::host::files;

/// Pieces of the archive that may wait to be unpacked.
const AHEAD: usize = 16;

/// What was unpacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files and links.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Engine {
    /// Copies a folder of a container, running or not, to a folder of the same name in `into`. Links stay links; all of it
    /// belongs to `owner` where we may decide that.
    pub async fn copy_folder(&self, container: &str, path: &str, into: &Path, owner: (u32, u32)) -> Result<Unpacked> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut stream = self.docker.download_from_container(container, Some(options));
        let (send, receive) = mpsc::channel::<io::Result<Bytes>>(AHEAD);
        let into = into.to_owned();
        let work = tokio::task::spawn_blocking(move || {
            unpack(Pieces { receive, rest: Bytes::new() }, &into, owner).map_err(files::failed("write", &into))
        });
        let mut broken = None;
        while let Some(chunk) = stream.next().await {
            let (piece, is_broken) = match chunk {
                Ok(chunk) => (Ok(chunk), false),
                Err(error) => {
                    broken = Some(failed(format!("cannot read {path}"))(error));
                    (Err(io::Error::other("the engine broke off")), true)
                }
            };
            // Nobody receives any more where unpacking has failed: that error comes below.
            if send.send(piece).await.is_err() || is_broken {
                break;
            }
        }
        drop(send);
        let unpacked = work.await.map_err(|error| Error::message(Kind::Bug, error))?;
        match broken {
            Some(error) => Err(error),
            None => unpacked,
        }
    }
}

/// The pieces of a stream as something to read from.
struct Pieces {
    receive: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.receive.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.rest = piece?,
            }
        }
        let length = into.len().min(self.rest.len());
        into[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

/// Unpacks an archive. What is neither file, folder nor link is left out; nothing is written outside `into`, whatever
/// the archive says.
fn unpack(archive: impl Read, into: &Path, owner: (u32, u32)) -> io::Result<Unpacked> {
    let may_give = rustix::process::geteuid().is_root();
    let mut archive = tar::Archive::new(archive);
    let mut unpacked = Unpacked::default();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_dir() || kind.is_symlink() || kind.is_hard_link()) {
            continue;
        }
        let path = entry.path()?.into_owned();
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(io::Error::other(format!("the archive leaves its folder: {}", path.display())));
        }
        if !entry.unpack_in(into)? {
            continue;
        }
        let at = into.join(&path);
        if fs::symlink_metadata(&at)?.is_dir() {
            // It is a copy: its owner may always replace it.
            let mode = entry.header().mode()? & 0o777;
            fs::set_permissions(&at, fs::Permissions::from_mode(mode | 0o700))?;
        } else {
            unpacked.files += 1;
            unpacked.bytes += entry.size();
        }
        if may_give {
            std::os::unix::fs::lchown(&at, Some(owner.0), Some(owner.1))?;
        }
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
        let mut all = tar::Builder::new(Vec::new());
        for (path, kind, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(if *kind == tar::EntryType::Directory { 0o555 } else { 0o644 });
            let is_link = matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link);
            header.set_size(if is_link { 0 } else { text.len() as u64 });
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            if is_link {
                header.set_link_name_literal(text).unwrap();
            }
            header.set_cksum();
            all.append(&header, if is_link { &b""[..] } else { text.as_bytes() }).unwrap();
        }
        all.into_inner().unwrap()
    }

    fn me() -> (u32, u32) {
        (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
    }

    #[test]
    fn links_stay_links_and_folders_that_are_closed_can_be_filled() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = archive(&[
            (".venv/", tar::EntryType::Directory, ""),
            (".venv/a.py", tar::EntryType::Regular, "one\n"),
            (".venv/python", tar::EntryType::Symlink, "/usr/bin/python3"),
            (".venv/b.py", tar::EntryType::Link, ".venv/a.py"),
            (".venv/pipe", tar::EntryType::Fifo, ""),
        ]);
        let unpacked = unpack(bytes.as_slice(), folder.path(), me()).unwrap();
        assert_eq!(unpacked, Unpacked { files: 3, bytes: 4 });
        let at = |path: &str| folder.path().join(".venv").join(path);
        assert_eq!(fs::read_to_string(at("b.py")).unwrap(), "one\n");
        assert_eq!(fs::read_link(at("python")).unwrap(), Path::new("/usr/bin/python3"));
        assert!(!at("pipe").exists());
    }

    #[test]
    fn nothing_is_written_outside_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("into");
        fs::create_dir(&into).unwrap();
        let climbs = archive(&[("../out", tar::EntryType::Regular, "x")]);
        assert!(unpack(climbs.as_slice(), &into, me()).is_err());
        let by_link = archive(&[("up", tar::EntryType::Symlink, ".."), ("up/out", tar::EntryType::Regular, "x")]);
        assert!(unpack(by_link.as_slice(), &into, me()).is_err());
        assert!(!folder.path().join("out").exists());
    }
}
