//! What tasks tell the watcher.

use std::collections::BTreeMap;

use crate::names::PartName;
use crate::plan::mirror::Told;
use crate::plan::watch::deaths::Mishap;
use crate::plan::watch::events::End;
use crate::plan::watch::loop_step::LoopStep;
use crate::plan::watch::state::Run;

/// What tasks tell the watcher.
pub(crate) enum Message {
    /// The containers that run, by part; `None` while the engine cannot be reached.
    Containers(Option<Containers>),
    /// A batch has been carried into the copies, or could not be.
    Mirrored(u64, Vec<Told>),
    /// A step has a process group.
    Began(PartName, u64, i64),
    /// A step has printed a line.
    Line(PartName, String),
    /// A module's command has ended soon after its restart, although it was ready.
    Died(PartName, Run),
    /// Something has happened to a part; the last lines that it printed.
    Mishap(PartName, Mishap, Vec<String>),
    /// A step has ended.
    Ended { module: PartName, run: u64, step: LoopStep, end: End, record: Run },
}

/// The containers of a checkout's parts, by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Containers {
    /// Those that run.
    pub running: BTreeMap<PartName, String>,
    /// Those whose program has failed: nobody has stopped them.
    pub failed: BTreeMap<PartName, String>,
}
