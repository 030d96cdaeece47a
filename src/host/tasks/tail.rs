//! A file that another process writes at its end: the lines that are new since the last look.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// At most so much is read in one look.
const MOST: u64 = 1 << 20;

/// A file whose new lines are read.
pub struct Tail {
    path: PathBuf,
    at: u64,
    /// Whether what comes first may be the rest of a line.
    is_cut: bool,
    rest: Vec<u8>,
}

impl Tail {
    /// From the beginning of a file, which need not be there yet.
    #[must_use]
    pub fn whole(path: PathBuf) -> Self {
        Self { path, at: 0, is_cut: false, rest: Vec::new() }
    }

    /// From `bytes` before its end as it is now, from a whole line on.
    #[must_use]
    pub fn last(path: PathBuf, bytes: u64) -> Self {
        let size = path.metadata().map_or(0, |facts| facts.len());
        let at = size.saturating_sub(bytes);
        Self { path, at, is_cut: at > 0, rest: Vec::new() }
    }

    /// The lines that have come to their ends since the last look.
    pub fn lines(&mut self) -> io::Result<Vec<String>> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        file.seek(SeekFrom::Start(self.at))?;
        let read = file.take(MOST).read_to_end(&mut self.rest)?;
        self.at += read as u64;
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        let text = String::from_utf8_lossy(&whole);
        let skipped = usize::from(std::mem::take(&mut self.is_cut));
        Ok(text.lines().skip(skipped).map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_are_told_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut tail = Tail::whole(path.clone());
        assert_eq!(tail.lines().unwrap(), Vec::<String>::new());
        let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let mut add = |text: &str| file.write_all(text.as_bytes()).unwrap();
        add("one\ntw");
        assert_eq!(tail.lines().unwrap(), ["one"]);
        assert_eq!(tail.lines().unwrap(), Vec::<String>::new());
        add("o\nthree\n");
        assert_eq!(tail.lines().unwrap(), ["two", "three"]);
        assert_eq!(Tail::last(path.clone(), 7).lines().unwrap(), ["three"]);
        assert_eq!(Tail::last(path, 99).lines().unwrap(), ["one", "two", "three"]);
    }
}
