//! What a task prints, as a file in the folder of its run.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::error::Result;
use crate::host::files::{failed, ownership};

/// Bytes of a task's log that are kept.
const MOST_LOG: u64 = 64 << 20;

/// The log of a task, up to its limit.
pub(super) struct Log {
    file: File,
    left: u64,
}

impl Log {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = ownership::open_at_end(path).map_err(failed("open", path))?;
        // Earlier attempts have written to the same file.
        let len = file.metadata().map_err(failed("read", path))?.len();
        Ok(Self { file, left: MOST_LOG.saturating_sub(len) })
    }

    /// Adds a line. A full disk must not end a task that goes well.
    pub(super) fn add(&mut self, line: &str) {
        let size = line.len() as u64 + 1;
        if self.left == 0 {
            return;
        }
        if size > self.left {
            self.left = 0;
            let _ = writeln!(self.file, "devenv: the rest is not kept: a log has at most {} MiB", MOST_LOG >> 20);
            return;
        }
        self.left -= size;
        let _ = self.file.write_all(format!("{line}\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_attempts_have_printed_counts_for_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        File::create(&path).unwrap().set_len(MOST_LOG - 4).unwrap();
        let len = || path.metadata().unwrap().len();
        Log::open(&path).unwrap().add("abc");
        assert_eq!(len(), MOST_LOG);
        Log::open(&path).unwrap().add("abc");
        assert_eq!(len(), MOST_LOG);
    }
}
