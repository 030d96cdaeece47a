//! Loops that interrupt themselves: a build that writes what it is built from. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

/// A loop that is interrupted this often in a row by the same paths interrupts itself.
const OFTEN: u32 = 3;
/// The shortest and the longest rest before it runs for what came while it was not interrupted: nobody can tell a save from what
/// the loop itself has written, so none is lost, and a loop that feeds itself goes round slowly.
const REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// What has interrupted a loop, and how often in a row.
#[derive(Debug, Clone, Default)]
pub(super) struct Interruptions {
    paths: BTreeSet<String>,
    in_a_row: u32,
}

/// What becomes of a loop for which another batch of changes is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interruption {
    /// It begins again at once.
    Now,
    /// It runs to completion for the first time, and then once more.
    AtItsEnd,
    /// The changes wait for so long.
    After(Duration),
}

impl Interruptions {
    /// These paths would interrupt it.
    pub(super) fn add(&mut self, paths: BTreeSet<String>) -> Interruption {
        self.in_a_row = if self.paths == paths { self.in_a_row + 1 } else { 1 };
        self.paths = paths;
        match self.in_a_row {
            ..OFTEN => Interruption::Now,
            OFTEN => Interruption::AtItsEnd,
            _ => Interruption::After(self.rest()),
        }
    }

    /// Whether changes rest because of them.
    pub(super) fn is_resting(&self) -> bool {
        self.in_a_row > OFTEN
    }

    fn rest(&self) -> Duration {
        let doublings = self.in_a_row.saturating_sub(OFTEN + 1).min(16);
        (REST * (1 << doublings)).min(LONGEST_REST)
    }
}
