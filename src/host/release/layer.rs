//! The layer of a released image: one archive in which owners, modes, times and the order of entries are always the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};
use crate::plan::release::artifacts::{self, ArtifactError};
use crate::plan::release::recipe::Recipe;
use crate::plan::release::selection::Selection;
use crate::plan::release::source::stays_inside;

/// A finished layer.
#[derive(Debug)]
pub struct Layer {
    /// Its bytes, from the first.
    pub file: File,
    /// Their number.
    pub size: u64,
    /// `sha256:…` of them.
    pub digest: String,
    /// Digest of each file in it, by path: says which one differs between two layers.
    pub files: BTreeMap<String, String>,
}

/// Whose artifact is read, for messages.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The path that is released, below the module's folder.
    pub path: String,
    /// Where that is configured, with `: ` behind it.
    pub place: String,
}

/// A file whose bytes are counted as they are written.
struct Counted {
    file: File,
    digest: Sha256,
    size: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let many = self.file.write(bytes)?;
        self.digest.update(&bytes[..many]);
        self.size += many as u64;
        Ok(many)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A reader that remembers what it has read.
struct Digested<R> {
    from: R,
    digest: Sha256,
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let many = self.from.read(into)?;
        self.digest.update(&into[..many]);
        Ok(many)
    }
}

/// A layer that is being written.
pub struct Writer {
    archive: tar::Builder<io::BufWriter<Counted>>,
    time: u64,
    folders: BTreeSet<PathBuf>,
    files: BTreeMap<String, String>,
}

impl Writer {
    /// Begins a layer in which every time is `time`, in seconds since 1970.
    pub fn new(time: u64) -> Result<Self> {
        let file = tempfile::tempfile().map_err(|error| odd(&error))?;
        let counted = Counted { file, digest: Sha256::new(), size: 0 };
        let archive = tar::Builder::new(io::BufWriter::with_capacity(1 << 16, counted));
        Ok(Self { archive, time, folders: BTreeSet::new(), files: BTreeMap::new() })
    }

    /// Adds a file of ours.
    pub fn file(&mut self, path: &str, text: &str) -> Result<()> {
        let path = Path::new(path.trim_start_matches('/'));
        self.regular(path, (text.len() as u64, false), text.as_bytes())
    }

    /// Adds what the engine's archive has of an artifact. Its entries begin with the last part of the artifact's path.
    pub fn take(
        &mut self,
        archive: impl Read,
        artifact: &Artifact,
        recipe: &Recipe,
        selection: &Selection,
    ) -> Result<()> {
        let caches: Vec<String> = recipe.caches.iter().map(|cache| cache.replacen('~', "/home/app", 1)).collect();
        let dir = Path::new(recipe.dir.trim_start_matches('/'));
        let mut archive = tar::Archive::new(archive);
        for entry in archive.entries().map_err(|error| odd(&error))? {
            let mut entry = entry.map_err(|error| odd(&error))?;
            let path = entry.path().map_err(|error| odd(&error))?.into_owned();
            let path = below(&path, &artifact.path);
            let kind = entry.header().entry_type();
            let shown = path.display().to_string();
            if !shown.is_empty() && !selection.has(&shown, kind.is_dir()) {
                continue;
            }
            let named = |name: &std::ffi::OsStr| name.as_bytes().starts_with(b".wh.");
            if path.file_name().is_some_and(named) {
                let (place, module) = (artifact.place.clone(), recipe.part.clone());
                return Err(ArtifactError::Whiteout { place, module, path: shown }.into());
            }
            let at = dir.join(&path);
            if kind.is_dir() {
                self.folder(&at)?;
            } else if kind.is_symlink() {
                let target = entry.link_name().map_err(|error| odd(&error))?.unwrap_or_default().into_owned();
                let text = target.display().to_string();
                // An artifact that is a link itself must lead to something that is released, too.
                let lost = if shown == artifact.path && !stays_inside(&shown, &text) {
                    Some(text.clone())
                } else {
                    artifacts::lost(&format!("/{}", at.display()), &text, &recipe.dir, &caches)
                };
                if let Some(target) = lost {
                    let (place, module) = (artifact.place.clone(), recipe.part.clone());
                    return Err(ArtifactError::Link { place, module, path: shown, target }.into());
                }
                self.link(&at, &target, tar::EntryType::Symlink)?;
            } else if kind.is_hard_link() {
                let target = entry.link_name().map_err(|error| odd(&error))?.unwrap_or_default().into_owned();
                let target = dir.join(below(&target, &artifact.path));
                if !self.files.contains_key(&target.display().to_string()) {
                    let (place, module) = (artifact.place.clone(), recipe.part.clone());
                    let target = format!("/{}", target.display());
                    return Err(ArtifactError::Link { place, module, path: shown, target }.into());
                }
                self.link(&at, &target, tar::EntryType::Link)?;
            } else if kind.is_file() {
                let executable = entry.header().mode().unwrap_or_default() & 0o100 != 0;
                let size = entry.size();
                self.regular(&at, (size, executable), &mut entry)?;
            }
        }
        Ok(())
    }

    /// Ends the layer.
    pub fn finish(self) -> Result<Layer> {
        let counted = self.archive.into_inner().map_err(|error| odd(&error))?;
        let mut counted = counted.into_inner().map_err(|error| odd(error.error()))?;
        counted.file.rewind().map_err(|error| odd(&error))?;
        let digest = format!("sha256:{}", hex::encode(counted.digest.finalize()));
        Ok(Layer { file: counted.file, size: counted.size, digest, files: self.files })
    }

    /// Adds a folder with those above it, once. A layer that has a file without its folders would give these other modes.
    fn folder(&mut self, path: &Path) -> Result<()> {
        let above: Vec<PathBuf> = path.ancestors().map(Path::to_owned).collect();
        for folder in above.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
            if self.folders.insert(folder.clone()) {
                let mut header = self.header(tar::EntryType::Directory, 0o755);
                header.set_size(0);
                self.archive.append_data(&mut header, folder.join(""), io::empty()).map_err(|error| odd(&error))?;
            }
        }
        Ok(())
    }

    fn regular(&mut self, path: &Path, (size, executable): (u64, bool), content: impl Read) -> Result<()> {
        self.folders_above(path)?;
        let mut header = self.header(tar::EntryType::Regular, if executable { 0o755 } else { 0o644 });
        header.set_size(size);
        let mut content = Digested { from: content, digest: Sha256::new() };
        self.archive.append_data(&mut header, path, &mut content).map_err(|error| odd(&error))?;
        let bit = if executable { "x" } else { "-" };
        let digest = format!("{bit}{}", hex::encode(content.digest.finalize()));
        self.files.insert(path.display().to_string(), digest);
        Ok(())
    }

    fn link(&mut self, path: &Path, target: &Path, kind: tar::EntryType) -> Result<()> {
        self.folders_above(path)?;
        let mut header = self.header(kind, 0o777);
        header.set_size(0);
        self.archive.append_link(&mut header, path, target).map_err(|error| odd(&error))?;
        self.files.insert(path.display().to_string(), format!("link to {}", target.display()));
        Ok(())
    }

    fn folders_above(&mut self, path: &Path) -> Result<()> {
        path.parent().map_or(Ok(()), |folder| self.folder(folder))
    }

    fn header(&self, kind: tar::EntryType, mode: u32) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.time);
        header
    }
}

/// A path of the engine's archive, below the module's folder.
fn below(path: &Path, artifact: &str) -> PathBuf {
    let rest: PathBuf = path.components().skip(1).collect();
    match (artifact, rest.as_os_str().is_empty()) {
        (".", _) => rest,
        (artifact, true) => PathBuf::from(artifact),
        (artifact, false) => Path::new(artifact).join(rest),
    }
}

fn odd(error: &io::Error) -> Error {
    Error::message(Kind::Failed, format!("cannot write the layer: {error}"))
        .hint("it is written to the folder of temporary files, which TMPDIR names")
}

#[cfg(test)]
#[path = "layer_tests.rs"]
mod tests;
