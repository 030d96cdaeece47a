//! The states of a task, as the record, `--json` and every view have them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum State {
    /// Its needs are not what they must be, and it may be that they never will.
    Unscheduled,
    /// It may start and waits for its turn, or is being started.
    Pending,
    /// Its command runs.
    Running,
    /// Its command has ended well.
    Completed,
    /// Its command has ended with a code of its own, or has not written what it promised.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// Something else ended it: the engine, a limit, a person.
    Exception {
        /// What.
        reason: Reason,
    },
}

/// Why a task has failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The exit code of its command.
    Code(i64),
    /// An artifact that is missing, or that is not kept; a sentence about it.
    Artifact(String),
    /// A released image that could not be made; its error.
    Release(String),
    /// A file of results that cannot be read, or failed tests in it; a sentence about it.
    Results(String),
}

/// What has ended a task that has not failed by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It ran longer than `max_run`.
    TimedOut,
    /// It was not resolved by its `deadline`.
    Deadline,
    /// Somebody has ended it, or the run.
    Cancelled,
    /// Its exit code is one of `retry_on`.
    Intermittent(i64),
    /// The engine ended it for want of memory.
    OutOfMemory,
    /// The engine, or the container; a sentence about it.
    Lost(String),
    /// It could not be started; a sentence about it.
    NotStarted(String),
}

impl State {
    /// Whether nothing more becomes of it in this attempt.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed { .. } | Self::Exception { .. })
    }

    /// One word, as tables have it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unscheduled => "unscheduled",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed { .. } => "failed",
            Self::Exception { .. } => "exception",
        }
    }
}

impl Reason {
    /// Whether another attempt may end otherwise.
    #[must_use]
    pub fn is_worth_a_retry(&self) -> bool {
        !matches!(self, Self::Deadline | Self::Cancelled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { failure } => write!(f, "failed: {failure}"),
            Self::Exception { reason } => write!(f, "exception: {reason}"),
            other => f.write_str(other.word()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Artifact(text) | Self::Results(text) | Self::Release(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("timed-out"),
            Self::Deadline => f.write_str("deadline"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Intermittent(code) => write!(f, "intermittent (exit code {code})"),
            Self::OutOfMemory => f.write_str("out-of-memory"),
            Self::Lost(text) => write!(f, "lost ({text})"),
            Self::NotStarted(text) => write!(f, "not-started ({text})"),
        }
    }
}
