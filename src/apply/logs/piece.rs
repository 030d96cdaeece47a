//! What comes of a log: lines, and notes beside them.

use tokio::sync::mpsc::Receiver;

use crate::error::Result;
use crate::plan::logs::lines::Line;

/// What comes of a log, several pieces at a time.
pub type Coming = Receiver<Result<Vec<Piece>>>;

/// What comes of a log.
#[derive(Debug)]
pub enum Piece {
    /// A line.
    Line(Line),
    /// What is worth a line beside the log.
    Note(String),
}

impl Piece {
    /// When it was written; a note has no time, and comes before all that has.
    #[must_use]
    pub fn time(&self) -> &str {
        match self {
            Self::Line(line) => &line.time,
            Self::Note(_) => "",
        }
    }
}
