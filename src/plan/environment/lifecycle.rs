//! How a part lives, where a compose file of the team says so: how many there are of it, what its end means, and what it
//! waits for. Pure.

use std::collections::BTreeMap;

use crate::names::PartName;

/// How a part lives, as far as a compose file of the team says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// How many containers there are of it.
    pub replicas: usize,
    /// What it means when it ends with code 0.
    pub end: End,
    /// Whether its compose file has a health check for it.
    pub has_check: bool,
    /// What is waited for in those of its needs that need not be ready.
    pub conditions: BTreeMap<PartName, Condition>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { replicas: 1, end: End::Stopped, has_check: false, conditions: BTreeMap::new() }
    }
}

/// What it means when a part ends with code 0 that is not a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum End {
    /// Somebody has stopped it: it starts again.
    #[default]
    Stopped,
    /// It has done what it was for.
    Done,
    /// Either: it is not a failure, and it starts again.
    Open,
}

/// What a part waits for in another one, in the words of the compose specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// `service_started`: its container was started.
    Started,
    /// `service_healthy`, and where nothing is said: it is ready.
    Ready,
    /// `service_completed_successfully`: it has ended with code 0.
    Completed,
}
