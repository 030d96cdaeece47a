//! What waits for its reader on disk: a file without a name in the folder for temporary files, which is gone with this process
//! however that ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A file that only grows.
pub struct Spool {
    file: Arc<File>,
    end: u64,
}

/// Bytes in a spool.
#[derive(Debug)]
pub struct Spooled {
    file: Arc<File>,
    at: u64,
    length: usize,
}

impl Spool {
    /// Makes the file; only its owner can read it.
    pub fn new() -> io::Result<Self> {
        Ok(Self { file: Arc::new(tempfile::tempfile()?), end: 0 })
    }

    /// How many bytes were kept.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.end
    }

    /// Keeps bytes.
    pub fn keep(&mut self, bytes: &[u8]) -> io::Result<Spooled> {
        self.file.write_all_at(bytes, self.end)?;
        let spooled = Spooled { file: Arc::clone(&self.file), at: self.end, length: bytes.len() };
        self.end += bytes.len() as u64;
        Ok(spooled)
    }
}

impl Spooled {
    /// Reads them back.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.length];
        self.file.read_exact_at(&mut bytes, self.at)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_back_in_any_order() {
        let mut spool = Spool::new().unwrap();
        let [one, two] = ["one", "other"].map(|text| spool.keep(text.as_bytes()).unwrap());
        assert_eq!(two.bytes().unwrap(), b"other");
        assert_eq!(one.bytes().unwrap(), b"one");
        assert_eq!(spool.size(), 8);
    }
}
