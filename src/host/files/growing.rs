//! A file of lines that grows, through its rotations.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::error::Result;
use crate::host::files::failed;
use crate::host::files::reading;

/// A file of lines that grows.
pub struct GrowingFile {
    path: PathBuf,
    file: Option<File>,
    begun: Vec<u8>,
}

impl GrowingFile {
    /// Opens it from its last `tail` lines on.
    pub fn open(path: PathBuf, tail: usize) -> Result<Self> {
        let (mut file, _) = reading::open(&path).map_err(failed("read", &path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed("read", &path))?;
        let mut ends = bytes.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let from = ends.nth(tail).unwrap_or_default();
        Ok(Self { path, file: Some(file), begun: bytes.split_off(from) })
    }

    /// The lines that were finished since the last call.
    pub fn lines(&mut self) -> Vec<String> {
        if let Some(file) = &mut self.file {
            // What cannot be read now is read at the next look.
            let _ = file.read_to_end(&mut self.begun);
        }
        let other = std::fs::metadata(&self.path).map(|file| file.ino()).ok();
        let own = self.file.as_ref().and_then(|file| file.metadata().ok()).map(|file| file.ino());
        if other.is_some() && other != own {
            self.file = reading::open(&self.path).ok().map(|(file, _)| file);
            if let Some(file) = &mut self.file {
                let _ = file.seek(SeekFrom::Start(0));
                let _ = file.read_to_end(&mut self.begun);
            }
        }
        let end = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole: Vec<u8> = self.begun.drain(..end).collect();
        String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect()
    }
}
