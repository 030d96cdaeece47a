//! What this process asks the engine to end, written down before it asks: the engine goes on with it when the process is
//! killed. The next command waits for that first, else it would take what is about to end for something that runs.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::files;
use crate::host::files::ownership;

/// What the engine is asked to do with a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Stop it.
    Stop,
    /// Remove it.
    Remove,
}

impl Ending {
    fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Remove => "remove",
        }
    }
}

/// The lines that no later line takes back.
fn open(text: &str) -> BTreeSet<&str> {
    let mut open = BTreeSet::new();
    for line in text.lines() {
        match line.split_at_checked(1) {
            Some(("+", rest)) => drop(open.insert(rest)),
            Some(("-", rest)) => drop(open.remove(rest)),
            // A line that was cut short by a kill of the machine.
            _ => {}
        }
    }
    open
}

impl Engine {
    /// Waits for what an earlier command had asked for when it was killed, and writes down in `path` what this one asks
    /// for. Only who holds the project's lock may do so.
    pub async fn finish_orphaned(&mut self, path: &Path) -> Result<()> {
        let opened = ownership::open_at_end(path);
        let mut file = opened.map_err(files::failed("open", path))?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(files::failed("read", path))?;
        let orphaned = open(&text).into_iter().filter_map(|line| line.split_once(' '));
        let engine = &*self;
        try_join_all(orphaned.map(|(word, id)| async move {
            if word == Ending::Remove.word() { engine.remove(id).await } else { engine.stop(id).await }
        }))
        .await?;
        file.set_len(0).map_err(files::failed("write", path))?;
        self.journal = Some(Arc::new(file));
        Ok(())
    }

    /// Writes down that the engine is about to be asked.
    pub(super) fn asking(&self, ending: Ending, id: &str) {
        self.journalled('+', ending, id);
    }

    /// Writes down that it has done it.
    pub(super) fn done(&self, ending: Ending, id: &str) {
        self.journalled('-', ending, id);
    }

    fn journalled(&self, sign: char, ending: Ending, id: &str) {
        if let Some(mut file) = self.journal.as_deref() {
            // Without it, only a kill at this very moment would be seen too late.
            let _ = file.write_all(format!("{sign}{} {id}\n", ending.word()).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::open;

    #[test]
    fn what_was_asked_for_and_not_done_is_open() {
        let text = "+stop a\n+remove b\n-stop a\n+stop c\n+rem";
        assert_eq!(open(text).into_iter().collect::<Vec<_>>(), ["rem", "remove b", "stop c"]);
    }
}
