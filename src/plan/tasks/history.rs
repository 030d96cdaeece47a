//! What earlier runs know: which results count, and how long tasks take.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::names::TaskName;
use crate::plan::tasks::fingerprint::TaskInputs;
use crate::plan::tasks::record::{Run, TaskRun};
use crate::plan::tasks::state::State;

/// How many of the last runs of a task say how long it takes.
const LAST: usize = 5;

/// Earlier runs, the newest first.
#[derive(Debug, Clone, Default)]
pub struct History(Vec<Run>);

/// The result of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The run that has it.
    pub run: String,
    /// The digest of what it left.
    pub result: String,
}

/// Why a task runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Somebody wants it so.
    Forced,
    /// The image that it has made is not there.
    Missing(String),
    /// It has never completed here, or its result is too old.
    NeverCompleted,
    /// These inputs are others than when it completed last.
    Changed(Vec<String>),
    /// Something that it needs runs first, and its result decides.
    Needs(TaskName),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forced => f.write_str("--force"),
            Self::Missing(image) => write!(f, "{image} is missing"),
            Self::NeverCompleted => f.write_str("no earlier result counts"),
            Self::Changed(inputs) => write!(f, "{} changed", inputs.join(", ")),
            Self::Needs(task) => write!(f, "after {task}, whose result decides"),
        }
    }
}

impl History {
    /// These runs.
    #[must_use]
    pub fn new(mut runs: Vec<Run>) -> Self {
        runs.sort_by(|a, b| (b.began, &b.id).cmp(&(a.began, &a.id)));
        Self(runs)
    }

    /// The runs, the newest first.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.0
    }

    /// The result of a completed run of a task that was made from the same; else why it runs. `now` are milliseconds
    /// since 1970.
    pub fn find(&self, task: &TaskName, inputs: &TaskInputs, now: u64) -> Result<Earlier, Why> {
        let completed = || self.completed(task, now);
        let same = completed().find(|(_, seen)| seen.about.inputs.as_ref() == Some(inputs));
        let earlier =
            same.and_then(|(run, seen)| Some(Earlier { run: run.id.clone(), result: seen.about.result.clone()? }));
        earlier.ok_or_else(|| match completed().find_map(|(_, seen)| seen.about.inputs.as_ref()) {
            Some(before) => Why::Changed(inputs.changed_since(before)),
            None => Why::NeverCompleted,
        })
    }

    /// Completed runs of a task that count; what was reused counts with the run that has it.
    fn completed(&self, task: &TaskName, now: u64) -> impl Iterator<Item = (&Run, &TaskRun)> {
        let of_task = self.0.iter().filter_map(move |run| Some((run, run.tasks.get(task)?)));
        of_task.filter(move |(_, seen)| {
            seen.is == State::Completed && seen.about.reused.is_none() && seen.at + seen.expires * 1_000 > now
        })
    }

    /// The last result of each of these tasks that was completed, whatever it was made from.
    #[must_use]
    pub fn last(&self, task: &TaskName, now: u64) -> Option<Earlier> {
        self.completed(task, now)
            .find_map(|(run, seen)| Some(Earlier { run: run.id.clone(), result: seen.about.result.clone()? }))
    }

    /// Whether it is written down how a task of a run has ended: by the run itself, or by one that went on with it.
    #[must_use]
    pub fn has_end(&self, run: &str, task: &str) -> bool {
        let of_task = self.0.iter().filter_map(|known| Some((known, known.tasks.get(task)?)));
        let mut same = of_task.filter(|(known, task)| known.id == run || task.about.adopted.as_deref() == Some(run));
        same.any(|(_, task)| task.is.is_resolved())
    }

    /// How long each task takes: the middle of its last runs.
    #[must_use]
    pub fn durations(&self) -> BTreeMap<TaskName, Duration> {
        let names: BTreeSet<&TaskName> = self.0.iter().flat_map(|run| run.tasks.keys()).collect();
        let middle = |name: &TaskName| {
            let mut last: Vec<Duration> = self.0.iter().filter_map(|run| run.took(name)).take(LAST).collect();
            last.sort_unstable();
            last.get(last.len() / 2).copied()
        };
        names.into_iter().filter_map(|name| Some((name.clone(), middle(name)?))).collect()
    }

    /// Runs of which nothing counts any more.
    #[must_use]
    pub fn expired(&self, now: u64) -> Vec<&str> {
        let counts = |run: &Run| run.tasks.values().any(|task| task.at + task.expires * 1_000 > now);
        self.0.iter().filter(|run| !counts(run)).map(|run| run.id.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tasks::record::About;

    fn name() -> TaskName {
        TaskName::new("a").unwrap()
    }

    fn inputs(source: &str) -> TaskInputs {
        TaskInputs([("source".to_owned(), source.to_owned())].into())
    }

    fn run(id: &str, began: u64, is: State, source: &str, took: u64) -> Run {
        let about = About {
            inputs: Some(inputs(source)),
            result: Some(format!("of {id}")),
            took: Some(took),
            ..About::default()
        };
        let task = TaskRun { is, attempt: 0, expires: 60, at: began, about };
        let tasks = [(name(), task)].into();
        Run { id: id.to_owned(), began, ended: Some(began), tasks, ..Run::default() }
    }

    #[test]
    fn the_end_of_a_container_is_told_by_its_run_or_by_one_that_went_on_with_it() {
        let mut killed = run("1", 1_000, State::Running, "x", 10);
        let mut heir = run("2", 2_000, State::Running, "x", 10);
        heir.tasks.get_mut("a").unwrap().about.adopted = Some("1".to_owned());
        assert!(!History::new(vec![killed.clone(), heir.clone()]).has_end("1", "a"));
        heir.tasks.get_mut("a").unwrap().is = State::Completed;
        assert!(History::new(vec![killed.clone(), heir]).has_end("1", "a"));
        killed.tasks.get_mut("a").unwrap().is = State::Completed;
        let history = History::new(vec![killed]);
        assert!(history.has_end("1", "a") && !history.has_end("1", "b") && !history.has_end("2", "a"));
    }

    #[test]
    fn the_newest_result_of_the_same_inputs_counts_until_it_expires() {
        let failed = State::Exception { reason: crate::plan::tasks::state::Reason::Cancelled };
        let history = History::new(vec![
            run("1", 1_000, State::Completed, "x", 10),
            run("2", 2_000, State::Completed, "x", 30),
            run("3", 3_000, failed, "z", 20),
        ]);
        let found = Earlier { run: "2".to_owned(), result: "of 2".to_owned() };
        assert_eq!(history.find(&name(), &inputs("x"), 4_000), Ok(found));
        assert_eq!(history.find(&name(), &inputs("y"), 4_000), Err(Why::Changed(vec!["source".to_owned()])));
        assert_eq!(history.find(&name(), &inputs("z"), 4_000).unwrap_err().to_string(), "source changed");
        assert_eq!(history.find(&name(), &inputs("x"), 62_001), Err(Why::NeverCompleted));
        assert_eq!(history.durations()[&name()], Duration::from_millis(20));
        assert_eq!(history.expired(61_500), ["1"]);
    }
}
