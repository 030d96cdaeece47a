//! The reports of `devenv ci`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::tasks::junit::{self, TestCase, Verdict};
use crate::plan::tasks::record::About;
use crate::plan::tasks::state::State;
use crate::render::check::{github_data, github_property};

/// A line that GitHub shows beside a run.
#[must_use]
pub fn notice(text: &str) -> String {
    format!("::notice title=devenv::{}", github_data(text))
}

/// What became of one task.
#[derive(Debug, Clone, Serialize)]
pub struct TaskReport {
    /// What it is at the end.
    pub is: State,
    /// What is known of it.
    pub about: About,
    /// Its tests.
    pub tests: Vec<TestCase>,
}

/// What `devenv ci` has come to.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The run; none where there was nothing to run.
    pub run: Option<String>,
    /// Whether the check of the configuration has passed; none where it was not asked for.
    pub check: Option<bool>,
    /// Why there is no run although there was something to run.
    pub error: Option<String>,
    /// Its tasks.
    pub tasks: BTreeMap<String, TaskReport>,
}

impl Report {
    /// One JUnit file for all: a suite a task. A task without results of its own is one test.
    #[must_use]
    pub fn junit(&self) -> String {
        let one = |name: &str, verdict, message: String, seconds| TestCase {
            class: "devenv".to_owned(),
            name: name.to_owned(),
            seconds,
            verdict,
            message,
        };
        let check = self.check.map(|passed| {
            let verdict = if passed { Verdict::Passed } else { Verdict::Failed };
            let message = if passed { String::new() } else { "the check found errors".to_owned() };
            ("check".to_owned(), vec![one("check", verdict, message, None)])
        });
        let error = self.error.as_ref().map(|why| {
            let message = format!("no task was run: {why}");
            ("devenv".to_owned(), vec![one("devenv", Verdict::Failed, message, None)])
        });
        let task = |(name, task): (&String, &TaskReport)| {
            let seconds = task.about.took.map(|took| std::time::Duration::from_millis(took).as_secs_f64());
            let (verdict, message) = match &task.is {
                State::Completed => (Verdict::Passed, String::new()),
                is if is.is_resolved() => (Verdict::Failed, is.to_string()),
                _ => (Verdict::Skipped, String::new()),
            };
            let has_failed = task.tests.iter().any(|case| case.verdict == Verdict::Failed);
            let mut cases = task.tests.clone();
            if cases.is_empty() || (verdict == Verdict::Failed && !has_failed) {
                cases.push(one(name, verdict, message, seconds));
            }
            (name.clone(), cases)
        };
        let before = check.into_iter().chain(error);
        let suites: Vec<(String, Vec<TestCase>)> = before.chain(self.tasks.iter().map(task)).collect();
        junit::write(suites.iter().map(|(name, cases)| (name.as_str(), cases.as_slice())))
    }

    /// Lines that GitHub shows beside a run, one for each task that has not completed.
    #[must_use]
    pub fn annotations(&self) -> Vec<String> {
        let failed = self.tasks.iter().filter(|(_, task)| task.is.is_resolved() && task.is != State::Completed);
        failed
            .map(|(name, task)| {
                format!("::error title={}::{}", github_property(name), github_data(&task.is.to_string()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tasks::state::Failure;

    fn report() -> Report {
        let task = |is, tests| TaskReport { is, about: About { took: Some(1_500), ..About::default() }, tests };
        let case = TestCase {
            class: "a".to_owned(),
            name: "b".to_owned(),
            seconds: None,
            verdict: Verdict::Failed,
            message: "boom".to_owned(),
        };
        let failed = State::Failed { failure: Failure::Code(7) };
        Report {
            run: Some("r".to_owned()),
            check: Some(true),
            error: None,
            tasks: [
                ("api:lint".to_owned(), task(failed.clone(), Vec::new())),
                ("api:test".to_owned(), task(failed, vec![case])),
                ("web".to_owned(), task(State::Unscheduled, Vec::new())),
            ]
            .into(),
        }
    }

    #[test]
    fn one_file_has_all_tests_and_tasks_without_any() {
        let text = report().junit();
        let cases: Vec<String> = junit::read(&text)
            .unwrap()
            .iter()
            .map(|case| format!("{} {:?} {}", case.name, case.verdict, case.message))
            .collect();
        assert_eq!(cases, ["check Passed ", "api:lint Failed failed: exit code 7", "b Failed boom", "web Skipped "]);
        assert_eq!(report().annotations()[0], "::error title=api%3Alint::failed: exit code 7");
    }

    #[test]
    fn what_has_kept_all_tasks_from_running_is_a_failed_test() {
        let error = Some("the engine is gone".to_owned());
        let text = Report { run: None, check: Some(true), error, tasks: BTreeMap::new() }.junit();
        let cases = junit::read(&text).unwrap();
        let told: Vec<String> = cases.iter().map(|case| format!("{:?} {}", case.verdict, case.message)).collect();
        assert_eq!(told, ["Passed ", "Failed no task was run: the engine is gone"]);
    }
}
