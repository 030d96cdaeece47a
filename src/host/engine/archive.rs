//! Files and folders out of a container: the engine's archive, read and unpacked as it comes, so that its size does not
//! matter.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures_util::StreamExt;

use crate::error::{Error, Kind, Result};
use crate::host::archive::pipe::{self, Pipe};
use crate::host::engine::{Engine, failed, is_missing};
use crate::host::files;

/// What was unpacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files and links.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Whether a container has a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It has.
    Yes,
    /// It has not.
    No,
}

impl Engine {
    /// A file in a container, running or not; `None` where there is none.
    pub async fn read_file(&self, container: &str, path: &str) -> Result<Option<Vec<u8>>> {
        let unreadable = format!("cannot read {path}");
        let first = move |pipe: &mut Pipe| {
            let failed = |error: io::Error| Error::message(Kind::Failed, format!("{unreadable}: {error}"));
            let mut archive = tar::Archive::new(pipe);
            let Some(entry) = archive.entries().map_err(failed)?.next() else { return Ok(Vec::new()) };
            let mut content = Vec::new();
            entry.and_then(|mut entry| entry.read_to_end(&mut content)).map_err(failed)?;
            Ok(content)
        };
        Ok(match self.read_archive(container, path, first).await? {
            (content, Found::Yes) => Some(content),
            (_, Found::No) => None,
        })
    }

    /// Copies a folder of a container, running or not, to a folder of the same name in `into`. Links stay links; all of it
    /// belongs to `owner` where we may decide that.
    pub async fn copy_folder(&self, container: &str, path: &str, into: &Path, owner: (u32, u32)) -> Result<Unpacked> {
        let into = into.to_owned();
        let unpacking = move |pipe: &mut Pipe| unpack(pipe, &into, owner).map_err(files::failed("write", &into));
        match self.read_archive(container, path, unpacking).await? {
            (unpacked, Found::Yes) => Ok(unpacked),
            (_, Found::No) => Err(Error::message(Kind::Failed, format!("there is no {path} in the container"))),
        }
    }

    /// Has the archive of a path in a container, running or not, read as it comes; its entries begin with the path's last
    /// part. Where there is no such path, nothing is there to be read.
    pub async fn read_archive<T: Send + 'static>(
        &self,
        container: &str,
        path: &str,
        read: impl FnOnce(&mut Pipe) -> Result<T> + Send + 'static,
    ) -> Result<(T, Found)> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut stream = self.docker.download_from_container(container, Some(options));
        let (send, reading) = pipe::reading(read);
        let mut found = Found::Yes;
        while let Some(chunk) = stream.next().await {
            match chunk {
                // A reader that has failed says why itself.
                Ok(chunk) => drop(send.send(chunk).await),
                Err(error) if is_missing(&error) => found = Found::No,
                Err(error) => return Err(failed(format!("cannot read {path}"))(error)),
            }
        }
        drop(send);
        Ok((pipe::ended(reading).await?, found))
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
pub(in crate::host) mod tests {
    use super::*;

    /// An archive of these entries; each path is taken as it is.
    pub(in crate::host) fn archive(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
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
