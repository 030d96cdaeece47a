//! What an image is and holds: its description, and its files, read as they stream by.

use std::io::Read;

use bollard::models::ImageInspect;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::error::{Error, Kind, Result};
use crate::host::archive::pipe;
use crate::host::engine::{Engine, failed, is_missing};
use crate::plan::images::contents::{ContainedFile, FileKind, Files, ImageFacts};

/// Bytes of a file that are read at once.
const PIECE: usize = 64 * 1024;

impl Engine {
    /// What the engine says about an image; none where it has no such image.
    pub async fn image_facts(&self, reference: &str) -> Result<Option<ImageFacts>> {
        match self.docker.inspect_image(reference).await {
            Ok(image) => Ok(Some(facts(image))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed(format!("cannot inspect {reference}"))(error)),
        }
    }

    /// All files of a container, running or not; what is mounted into it is not among them.
    pub async fn files(&self, container: &str) -> Result<Files> {
        let mut stream = self.docker.export_container(container);
        let (send, reading) = pipe::reading(|archive: &mut pipe::Pipe| {
            files(archive).map_err(|error| Error::message(Kind::Failed, format!("cannot read the files: {error}")))
        });
        while let Some(chunk) = stream.next().await {
            // A reader that has failed says why itself.
            drop(send.send(chunk.map_err(failed("cannot read the files"))?).await);
        }
        drop(send);
        pipe::ended(reading).await
    }
}

fn facts(image: ImageInspect) -> ImageFacts {
    let config = image.config.unwrap_or_default();
    let variable = |line: &String| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        (name.to_owned(), value.to_owned())
    };
    let mut ports: Vec<String> = config.exposed_ports.unwrap_or_default().into_iter().collect();
    ports.sort();
    ImageFacts {
        id: image.id.unwrap_or_default(),
        created: image.created.map(OffsetDateTime::unix_timestamp).unwrap_or_default(),
        layers: image.root_fs.and_then(|root| root.layers).unwrap_or_default(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        env: config.env.unwrap_or_default().iter().map(variable).collect(),
        user: config.user.unwrap_or_default(),
        dir: config.working_dir.unwrap_or_default(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        command: config.cmd.unwrap_or_default(),
        ports,
        stop_signal: config.stop_signal.unwrap_or_default(),
    }
}

/// The entries of an archive; a second name of a file is the same as the first.
fn files(archive: impl Read) -> std::io::Result<Files> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('/').to_owned();
    let mut all = Files::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = text(&entry.path_bytes());
        let kind = entry.header().entry_type();
        let target = entry.link_name_bytes().map(|name| text(&name)).unwrap_or_default();
        if kind.is_hard_link() {
            if let Some(first) = all.get(&target).cloned() {
                all.insert(path, first);
            }
            continue;
        }
        let (mode, owner) = (entry.header().mode()?, (entry.header().uid()?, entry.header().gid()?));
        let kind = if kind.is_dir() {
            FileKind::Folder
        } else if kind.is_symlink() {
            FileKind::Link(target)
        } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            FileKind::File(digest(&mut entry)?)
        } else {
            FileKind::Special
        };
        all.insert(path, ContainedFile { kind, mode: mode & 0o7777, owner });
    }
    Ok(all)
}

fn digest(content: &mut impl Read) -> std::io::Result<String> {
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match content.read(&mut piece)? {
            0 => return Ok(hex::encode(digest.finalize())),
            count => digest.update(&piece[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_links_and_second_names_are_told_apart() {
        let mut archive = tar::Builder::new(Vec::new());
        let header = |kind, size| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o755);
            header.set_uid(7);
            header.set_gid(8);
            header.set_size(size);
            header
        };
        archive.append_data(&mut header(tar::EntryType::Directory, 0), "a/", &b""[..]).unwrap();
        archive.append_data(&mut header(tar::EntryType::Regular, 3), "a/one", &b"one"[..]).unwrap();
        archive.append_link(&mut header(tar::EntryType::Link, 0), "a/two", "a/one").unwrap();
        archive.append_link(&mut header(tar::EntryType::Symlink, 0), "a/link", "one").unwrap();
        archive.append_data(&mut header(tar::EntryType::Fifo, 0), "pipe", &b""[..]).unwrap();
        let all = files(archive.into_inner().unwrap().as_slice()).unwrap();
        let kinds: Vec<(&str, &FileKind)> = all.iter().map(|(path, file)| (path.as_str(), &file.kind)).collect();
        let one = FileKind::File(crate::digest::hex(b"one"));
        let link = FileKind::Link("one".to_owned());
        let expected = [
            ("a", &FileKind::Folder),
            ("a/link", &link),
            ("a/one", &one),
            ("a/two", &one),
            ("pipe", &FileKind::Special),
        ];
        assert_eq!(kinds, expected);
        assert_eq!((all["a/one"].mode, all["a/one"].owner), (0o755, (7, 8)));
    }
}
