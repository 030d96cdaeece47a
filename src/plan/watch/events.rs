//! The watcher's event loop: its events and its actions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::digest::Fingerprint;
use crate::names::PartName;
use crate::plan::watch::hold::Hold;
use crate::plan::watch::loop_step::LoopStep;
use crate::plan::watch::{FileChange, Rules};

/// What happened.
#[derive(Debug, Clone)]
pub enum WatchEvent {
    /// The settings, at the beginning and whenever they change.
    Configured(Rules),
    /// Paths of the checkout changed, and have yet to reach a container: their batch is not complete before they have.
    Coming(BTreeMap<String, FileChange>),
    /// Paths of the checkout changed, and the containers see it.
    Changed(Duration, BTreeMap<String, FileChange>),
    /// Source of a module may have changed while no watcher was running.
    Missed(Duration, PartName),
    /// Time has passed.
    Tick(Duration),
    /// The container of a part runs.
    Up(PartName),
    /// It does not.
    Down(PartName),
    /// The engine cannot be reached: nothing is known about containers.
    Away,
    /// The engine is back; what runs follows.
    Back,
    /// Something else keeps a module's loop from running, such as its mirror; or does so no more.
    Held(PartName, Option<Hold>),
    /// Containers of parts that have failed by themselves: all of them.
    FailedContainers(BTreeSet<PartName>),
    /// The dependencies that are installed.
    Installed(PartName, Option<Fingerprint>),
    /// A step has ended.
    Ended(PartName, u64, End),
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Well.
    Good,
    /// Not well.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// Its container or the engine went away.
    Lost,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoopAction {
    /// Begin a step; the number comes back with its end.
    Run {
        /// Of this module.
        module: PartName,
        /// Its number.
        run: u64,
        /// The step.
        step: LoopStep,
        /// Why, at the first step of a loop.
        cause: Option<String>,
    },
    /// End a step, with all that it has started.
    Cancel {
        /// Of this module.
        module: PartName,
        /// Its number.
        run: u64,
    },
    /// Start the container of a module again that has failed: something was saved since.
    Revive(PartName),
    /// Everything that a change asks for is done, or has failed.
    Done(PartName),
    /// Tell people.
    Say(PartName, String),
}

impl fmt::Display for LoopAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { module, run, step, cause: Some(cause) } => write!(f, "{module}: {step} #{run}: {cause}"),
            Self::Run { module, run, step, cause: None } => write!(f, "{module}: {step} #{run}"),
            Self::Cancel { module, run } => write!(f, "{module}: cancel #{run}"),
            Self::Revive(module) => write!(f, "{module}: revive"),
            Self::Done(module) => write!(f, "{module}: done"),
            Self::Say(module, text) => write!(f, "{module}: {text}"),
        }
    }
}
