//! Flaky tests: passed after a failure, and nothing that they depend on had changed between.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::tasks::junit::{TestCase, Verdict};

/// How a task ended in a run, made from the same as in the others of its list.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The run.
    pub run: String,
    /// Whether it completed.
    pub completed: bool,
    /// Its tests.
    pub cases: Vec<TestCase>,
}

/// A test, or a task without tests of its own, that has failed and later passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flaky {
    /// The task.
    pub task: String,
    /// The test; none for the task itself.
    pub test: Option<String>,
    /// The last run in which it failed before it passed.
    pub failed: String,
    /// The run in which it passed then.
    pub passed: String,
}

/// What is flaky in a task, by how it ended, the oldest first.
#[must_use]
pub fn flaky(task: &str, endings: &[Ending]) -> Vec<Flaky> {
    let mut last: BTreeMap<String, (&str, Verdict)> = BTreeMap::new();
    let mut found: BTreeMap<String, Flaky> = BTreeMap::new();
    for ending in endings {
        for case in ending.cases.iter().filter(|case| case.verdict != Verdict::Skipped) {
            let name = case.full_name();
            let before = last.insert(name.clone(), (&ending.run, case.verdict));
            if let (Some((failed, Verdict::Failed)), Verdict::Passed) = (before, case.verdict) {
                let (failed, passed) = (failed.to_owned(), ending.run.clone());
                found.insert(name.clone(), Flaky { task: task.to_owned(), test: Some(name), failed, passed });
            }
        }
    }
    let of_task = || {
        let pair = endings.windows(2).rfind(|pair| !pair[0].completed && pair[1].completed)?;
        let (failed, passed) = (pair[0].run.clone(), pair[1].run.clone());
        Some(Flaky { task: task.to_owned(), test: None, failed, passed })
    };
    if found.is_empty() { of_task().into_iter().collect() } else { found.into_values().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(run: &str, verdicts: &str) -> Ending {
        let case = |(at, letter): (usize, char)| TestCase {
            class: "c".to_owned(),
            name: format!("t{at}"),
            seconds: None,
            verdict: match letter {
                'p' => Verdict::Passed,
                'f' => Verdict::Failed,
                _ => Verdict::Skipped,
            },
            message: String::new(),
        };
        let cases = verdicts.chars().enumerate().map(case).collect();
        Ending { run: run.to_owned(), completed: !verdicts.contains('f') && !verdicts.contains('x'), cases }
    }

    fn found(all: &[Ending]) -> Vec<String> {
        let text = |one: &Flaky| format!("{} {}→{}", one.test.as_deref().unwrap_or("itself"), one.failed, one.passed);
        flaky("task", all).iter().map(text).collect()
    }

    #[test]
    fn a_test_is_flaky_that_passes_after_a_failure() {
        assert_eq!(found(&[ending("1", "pf"), ending("2", "fp"), ending("3", "pp")]), ["c t0 2→3", "c t1 1→2"]);
        // What has begun to fail is broken as far as anybody knows, and what was skipped has not passed.
        assert_eq!(found(&[ending("1", "p"), ending("2", "f")]), Vec::<String>::new());
        assert_eq!(found(&[ending("1", "fs"), ending("2", "sx")]), Vec::<String>::new());
        assert_eq!(found(&[ending("1", "f"), ending("2", "s"), ending("3", "p")]), ["c t0 1→3"]);
    }

    #[test]
    fn a_task_without_tests_is_flaky_itself() {
        let bare = |run: &str, completed| Ending { run: run.to_owned(), completed, cases: Vec::new() };
        assert_eq!(found(&[bare("1", false), bare("2", true), bare("3", true)]), ["itself 1→2"]);
        assert_eq!(found(&[bare("1", true), bare("2", false)]), Vec::<String>::new());
    }
}
