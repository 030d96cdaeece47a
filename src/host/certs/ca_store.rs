//! The machine's authorities, kept in the user's data folder. A key is its owner's from its first byte and leaves that
//! folder never.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use rustix::fs::FlockOperation;

use crate::error::Result;
use crate::host::certs::Pair;
use crate::host::files;
use crate::host::files::ownership;
use crate::host::user::xdg;
use crate::plan::certs::check_zone;
use crate::plan::certs::errors::CertsError;
use crate::render::Access;

/// `$XDG_DATA_HOME/devenv`, or what stands for it.
pub fn folder() -> Result<PathBuf> {
    xdg::folder("XDG_DATA_HOME", ".local/share", "certificates")
}

/// Where an authority is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaFolder {
    folder: PathBuf,
    zone: Option<String>,
}

impl CaFolder {
    /// That of the machine's authority, or of a zone's.
    pub fn of(zone: Option<&str>) -> Result<Self> {
        let folder = folder()?;
        let folder = match zone {
            None => folder.join("ca"),
            Some(zone) => {
                // It becomes part of a path.
                check_zone(zone)?;
                folder.join("zones").join(zone)
            }
        };
        Ok(Self { folder, zone: zone.map(str::to_owned) })
    }

    /// The zone that it is for; `None` for the machine's.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// What is wrong with one of its files, as an error.
    #[must_use]
    pub fn problem(&self, path: &std::path::Path, problem: String) -> CertsError {
        CertsError::Authority { zone: self.zone.clone(), path: path.display().to_string(), problem }
    }

    /// The certificate, which everybody may read.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.join("ca.key")
    }

    /// What is there; `None` where there is nothing yet.
    pub fn read(&self) -> Result<Option<Pair>> {
        let (certificate, key) = (files::read_text(&self.certificate())?, self.read_key()?);
        match (certificate, key) {
            (Some(certificate), Some(key)) => Ok(Some(Pair { certificate, key })),
            (None, None) => Ok(None),
            // A run that was killed in between: nobody has seen a certificate of this key yet.
            (None, Some(_)) if self.coming().is_file() => Ok(None),
            (None, Some(_)) => {
                Err(self.problem(&self.certificate(), "it is missing, but its key exists".to_owned()).into())
            }
            (Some(_), None) => {
                Err(self.problem(&self.key(), "it is missing, but the certificate exists".to_owned()).into())
            }
        }
    }

    fn read_key(&self) -> Result<Option<String>> {
        let path = self.key();
        match fs::metadata(&path) {
            Ok(facts) if facts.mode() & 0o077 != 0 => {
                let (zone, path, mode) = (self.zone.clone(), path.display().to_string(), facts.mode() & 0o7777);
                Err(CertsError::Exposed { zone, path, mode }.into())
            }
            Ok(_) => files::read_text(&path),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(files::failed("read", &path)(error)),
        }
    }

    /// Holds the place for this process alone, until what is returned is dropped.
    pub fn hold(&self) -> Result<fs::File> {
        files::make_folder(&self.folder, Access::Private)?;
        let file = fs::File::open(&self.folder).map_err(files::failed("open", &self.folder))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| files::failed("lock", &self.folder)(error.into()))?;
        Ok(file)
    }

    /// The certificate before its key is there.
    fn coming(&self) -> PathBuf {
        self.folder.join("ca.pem.new")
    }

    /// Keeps a new authority. The key is written into a file that nobody else can open from its first byte, and last of
    /// all comes the certificate: with it, the authority is there.
    pub fn keep(&self, pair: &Pair) -> Result<()> {
        files::write(&self.coming(), pair.certificate.as_bytes(), Access::Public)?;
        let path = self.key();
        files::remove(&path)?;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(&path)
            .map_err(files::failed("write", &path))?;
        let written = file.write_all(pair.key.as_bytes()).and_then(|()| file.sync_all());
        written.and_then(|()| ownership::hand_over(&path)).map_err(files::failed("write", &path))?;
        fs::rename(self.coming(), self.certificate()).map_err(files::failed("write", &self.certificate()))
    }

    /// Deletes the authority.
    pub fn delete(&self) -> Result<()> {
        files::remove(&self.certificate())?;
        files::remove(&self.key())
    }
}

/// The zones that have an authority of their own.
pub fn zones() -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(folder()?.join("zones")) else { return Ok(Vec::new()) };
    let mut zones: Vec<String> = entries
        .flatten()
        .filter(|entry| ["ca.pem", "ca.key"].iter().any(|file| entry.path().join(file).is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|zone| check_zone(zone).is_ok())
        .collect();
    zones.sort();
    Ok(zones)
}
