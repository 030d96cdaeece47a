//! What comes of a log: lines, many at once, and notes beside them.

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::Receiver;

use crate::error::Result;
use crate::host::files::spool::Spooled;
use crate::plan::logs::lines::Block;

/// What comes of a log.
pub type Coming = Receiver<Result<LogPiece>>;

/// What comes of a log.
#[derive(Debug)]
pub enum LogPiece {
    /// Lines; at least one. With them goes the room that they take of what may wait.
    Lines(Block, Option<OwnedSemaphorePermit>),
    /// The bytes of a block of lines, which wait on disk.
    Spooled(Spooled),
    /// What is worth a line beside the log.
    Note(String),
}
