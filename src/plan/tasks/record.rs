//! The record of a run: a line of JSON for each change of state, from which every view is made.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::names::TaskName;
use crate::plan::tasks::fingerprint::TaskInputs;
use crate::plan::tasks::junit::TestCount;
use crate::plan::tasks::splits::manifest::SplitCount;
use crate::plan::tasks::state::State;

/// The version of records that is written here.
pub const VERSION: u32 = 1;

/// One line. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Line {
    /// The run has begun.
    Begun {
        /// The version of the record.
        version: u32,
        /// When.
        at: u64,
        /// Names that were asked for.
        asked: Vec<String>,
        /// The branch that was checked out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        branch: Option<String>,
        /// All tasks, each with how many seconds its result counts.
        tasks: BTreeMap<TaskName, u64>,
    },
    /// A task is something else now.
    Task {
        /// When.
        at: u64,
        /// Which.
        task: TaskName,
        /// Its attempt, from 0.
        attempt: u32,
        /// What it is.
        is: State,
        /// More about it.
        #[serde(default)]
        about: About,
    },
    /// The run has ended.
    Ended {
        /// When.
        at: u64,
    },
}

/// What else is known at a change of state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What it is made from, when it is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<TaskInputs>,
    /// The digest of what it left, when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// For how many milliseconds it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<u64>,
    /// How many tests its results have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestCount>,
    /// What became of its splits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<SplitCount>,
    /// The run whose result it has, where it was not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<String>,
    /// The run whose container was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<String>,
    /// Why it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A run as its record tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// When it began, in milliseconds since 1970.
    pub began: u64,
    /// When it ended; none where it has not, or was killed.
    pub ended: Option<u64>,
    /// Names that were asked for.
    pub asked: Vec<String>,
    /// The branch that was checked out; none where there was none.
    pub branch: Option<String>,
    /// Its tasks.
    pub tasks: BTreeMap<TaskName, TaskRun>,
}

/// A task in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskRun {
    /// What it is, or was at the end.
    pub is: State,
    /// Its last attempt, from 0.
    pub attempt: u32,
    /// For how many seconds its result counts.
    pub expires: u64,
    /// When that began to be so, in milliseconds since 1970.
    pub at: u64,
    /// What is known of it.
    pub about: About,
}

/// A record that this version cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Another version has written it.
    #[error("the record of run {0} is of version {1}, and this devenv reads version {VERSION}")]
    Version(String, u32),
    /// It does not begin as a record does.
    #[error("the record of run {0} is damaged: it does not say what was started")]
    Damaged(String),
}

impl Run {
    /// Reads a record. A line that was cut off, as a crash or a full disk leaves it, and one of a kind that is not known
    /// tell nothing.
    pub fn read(id: &str, text: &str) -> Result<Self, RecordError> {
        let mut run = Self { id: id.to_owned(), ..Self::default() };
        let mut has_begun = false;
        for line in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            match line {
                Line::Begun { version, .. } if version != VERSION => {
                    return Err(RecordError::Version(id.to_owned(), version));
                }
                Line::Begun { at, asked, branch, tasks, .. } => {
                    has_begun = true;
                    (run.began, run.asked, run.branch) = (at, asked, branch);
                    let new =
                        |expires| TaskRun { is: State::Unscheduled, attempt: 0, expires, at, about: About::default() };
                    run.tasks = tasks.into_iter().map(|(name, expires)| (name, new(expires))).collect();
                }
                Line::Task { at, task, attempt, is, about } => {
                    let Some(known) = run.tasks.get_mut(&task) else { continue };
                    known.about.add(about);
                    (known.is, known.attempt, known.at) = (is, attempt, at);
                }
                Line::Ended { at } => run.ended = Some(at),
            }
        }
        if has_begun { Ok(run) } else { Err(RecordError::Damaged(id.to_owned())) }
    }

    /// In one word, how it goes or has ended; `is_alive` says whether somebody carries it out.
    #[must_use]
    pub fn word(&self, is_alive: bool) -> &'static str {
        let any = |is: fn(&State) -> bool| self.tasks.values().any(|task| is(&task.is));
        match self.ended {
            None if is_alive => "running",
            None => "interrupted",
            Some(_) if any(|is| matches!(is, State::Failed { .. })) => "failed",
            Some(_) if any(|is| matches!(is, State::Exception { .. })) => "exception",
            Some(_) => "completed",
        }
    }

    /// How long a task ran.
    #[must_use]
    pub fn took(&self, task: &TaskName) -> Option<Duration> {
        self.tasks.get(task)?.about.took.map(Duration::from_millis)
    }
}

impl About {
    /// A later event counts.
    pub fn add(&mut self, later: Self) {
        let Self { inputs, result, took, tests, splits, reused, adopted, why } = later;
        self.inputs = inputs.or(self.inputs.take());
        self.result = result.or(self.result.take());
        self.took = took.or(self.took);
        self.tests = tests.or(self.tests);
        if !splits.is_empty() {
            self.splits = splits;
        }
        self.reused = reused.or(self.reused.take());
        self.adopted = adopted.or(self.adopted.take());
        self.why = why.or(self.why.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"event":"begun","version":1,"at":1000,"asked":["a"],"tasks":{"a":60,"b":60}}
{"event":"task","at":1001,"task":"a","attempt":0,"is":{"state":"running"},"about":{"why":"never run"}}
{"event":"task","at":1500,"task":"a","attempt":0,"is":{"state":"failed","failure":{"code":2}},"about":{"took":499}}
{"event":"of-later","x":1}
{"event":"ended","at":1501}
"#;

    #[test]
    fn a_record_is_read_to_its_last_whole_line() {
        let run = Run::read("r", RECORD).unwrap();
        assert_eq!((run.word(false), run.tasks["a"].is.to_string()), ("failed", "failed: exit code 2".to_owned()));
        assert_eq!((run.tasks["a"].about.took, run.tasks["a"].about.why.as_deref()), (Some(499), Some("never run")));
        assert_eq!(run.tasks["b"].is, State::Unscheduled);
        let cut = Run::read("r", &RECORD[..RECORD.len() - 80]).unwrap();
        assert_eq!((cut.word(false), cut.word(true)), ("interrupted", "running"));
        for at in 0..RECORD.len() {
            let _ = Run::read("r", &RECORD[..at]);
        }
    }

    #[test]
    fn a_record_of_another_version_is_told() {
        let error = Run::read("r", &RECORD.replace("\"version\":1", "\"version\":7")).unwrap_err();
        assert_eq!(error.to_string(), "the record of run r is of version 7, and this devenv reads version 1");
        assert!(Run::read("r", "").is_err());
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let task = TaskName::new("api:test").unwrap();
        let is = State::Exception { reason: crate::plan::tasks::state::Reason::Lost("x".to_owned()) };
        let line = Line::Task { at: 1, task, attempt: 2, is, about: About::default() };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
    }
}
