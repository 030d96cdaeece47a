//! Walks the steps of a plan, observes the world, and tells what happens. It makes no choices.

pub mod certs;
pub mod check;
pub mod debug;
pub mod deploy;
pub mod doctor;
pub mod executor;
#[cfg(test)]
mod fake_engine;
pub mod image_contents;
pub mod logs;
pub mod mirror;
pub mod new_session;
pub mod release;
pub mod session;
pub mod states;
pub mod tasks;
pub mod tmux;
pub mod trace;
pub mod unplaced;
pub mod usage;
pub mod watch;

use std::time::Duration;

/// A step that prints nothing for this long is said to run still.
pub const SILENCE: Duration = Duration::from_secs(30);

/// What happens while a plan is carried out; `usize` is the index of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEvent {
    /// A step has begun.
    Begun(usize),
    /// What a step is at.
    Doing(usize, String),
    /// Something that people should know of a step that goes well.
    Note(usize, String),
    /// Output of a step.
    Line(usize, String),
    /// A step has ended well.
    Done(usize, Duration),
    /// A step has failed.
    Failed(usize),
    /// A second has passed.
    Tick,
}

/// Where events go.
pub type Report<'a> = &'a (dyn Fn(StepEvent) + Sync);
