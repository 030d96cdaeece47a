//! What the record of a run and those of earlier ones tell about it: for the report of `devenv ci`, and for the bundle of a
//! failed one.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::apply::tasks::results;
use crate::apply::tasks::sources::known;
use crate::error::Result;
use crate::host::files;
use crate::host::files::reading;
use crate::host::tasks::bundle::Bundle;
use crate::host::tasks::{artifacts, records};
use crate::names::TaskName;
use crate::paths;
use crate::plan::tasks::fingerprint::TaskInputs;
use crate::plan::tasks::flaky::{Ending, Flaky, flaky};
use crate::plan::tasks::history::History;
use crate::plan::tasks::state::State;
use crate::plan::tasks::timeline::{self, bars};
use crate::render::ci::Report;
use crate::render::ci_page::{Story, TaskOutput};

/// How many of the last runs say what is flaky.
const RUNS: usize = 50;
/// How many of its last lines are shown of a task, and how many characters of one and of all.
const LINES: usize = 400;
const LINE: usize = 2_000;
const ALL: usize = 4 << 20;

/// Adds what the records tell of the run of a report.
pub fn tell(root: &Path, report: &Report, story: &mut Story) -> Result<()> {
    let Some(id) = &report.run else { return Ok(()) };
    let record = files::read_text(&records::folder(root).join(id).join(paths::RUN_EVENTS))?.unwrap_or_default();
    let history = known(root)?.history;
    story.bars = bars(&record);
    if let Some(run) = history.runs().iter().find(|run| run.id == *id) {
        let begun = i64::try_from(run.began / 1_000).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        story.began = begun.and_then(|begun| begun.format(&Rfc3339).ok());
        story.took = run.ended.map(|ended| ended.saturating_sub(run.began));
    }
    story.flaky = all_flaky(root, report, &history, id);
    let retried = timeline::retried(&story.bars).into_iter();
    story.flaky.extend(retried.map(|task| Flaky {
        task: task.to_string(),
        test: None,
        failed: id.clone(),
        passed: id.clone(),
    }));
    story.outputs = outputs(root, report, id);
    Ok(())
}

/// What is flaky in the tasks of a report that were made from the same before.
fn all_flaky(root: &Path, report: &Report, history: &History, id: &str) -> Vec<Flaky> {
    let of_task = |name: &String| {
        let inputs = report.tasks.get(name)?.about.inputs.as_ref()?;
        let task = TaskName::new(name.as_str()).ok()?;
        Some(flaky(name, &endings(root, history, &task, inputs, id)))
    };
    report.tasks.keys().filter_map(of_task).flatten().collect()
}

/// How a task has ended in runs up to `last` in which it was made from the same, the oldest first.
fn endings(root: &Path, history: &History, task: &TaskName, inputs: &TaskInputs, last: &str) -> Vec<Ending> {
    let runs = history.runs().iter().skip_while(|run| run.id != last).take(RUNS);
    let same = runs.filter_map(|run| {
        let seen = run.tasks.get(task).filter(|seen| seen.about.inputs.as_ref() == Some(inputs))?;
        let counts = seen.about.reused.is_none() && matches!(seen.is, State::Completed | State::Failed { .. });
        let folder = records::folder(root).join(&run.id).join(paths::RUN_RESULTS).join(task.file());
        let ending = || Ending {
            run: run.id.clone(),
            completed: seen.is == State::Completed,
            cases: results::read(&folder).unwrap_or_default(),
        };
        counts.then(ending)
    });
    let mut all: Vec<Ending> = same.collect();
    all.reverse();
    all
}

/// Where the log of a task is: what was not run again has it where it ran.
fn log(root: &Path, report: &Report, task: &str, id: &str) -> Option<PathBuf> {
    let run = report.tasks.get(task)?.about.reused.as_deref().unwrap_or(id);
    Some(records::log(&records::folder(root).join(run), &TaskName::new(task).ok()?))
}

/// The ends of all logs, those of tasks that have not completed first.
fn outputs(root: &Path, report: &Report, id: &str) -> Vec<TaskOutput> {
    let mut names: Vec<&String> = report.tasks.keys().collect();
    names.sort_by_key(|name| report.tasks.get(*name).is_some_and(|task| task.is == State::Completed));
    let mut left = ALL;
    let of_task = |name: &String| {
        let (mut lines, mut left_out) = (VecDeque::new(), 0);
        // A task that printed nothing has no log.
        let _ = reading::lines(&log(root, report, name, id)?, |line| {
            if lines.len() == LINES {
                lines.pop_front();
                left_out += 1;
            }
            lines.push_back(line.chars().take(LINE).collect::<String>());
            true
        });
        while lines.iter().map(String::len).sum::<usize>() > left {
            lines.pop_front();
            left_out += 1;
        }
        left -= lines.iter().map(String::len).sum::<usize>();
        Some(TaskOutput { task: name.clone(), lines: lines.into(), left_out })
    };
    names.into_iter().filter_map(of_task).collect()
}

/// Adds the record, logs, artifacts and results of the run of a report to a bundle.
pub fn pack(root: &Path, report: &Report, bundle: &mut Bundle) {
    let Some(id) = &report.run else { return };
    let runs = records::folder(root);
    bundle.files.push((paths::RUN_EVENTS.to_owned(), runs.join(id).join(paths::RUN_EVENTS)));
    for (name, task) in &report.tasks {
        let Ok(file) = TaskName::new(name.as_str()).map(|name| name.file()) else { continue };
        if let Some(log) = log(root, report, name, id).filter(|log| log.exists()) {
            bundle.files.push((format!("logs/{file}.log"), log));
        }
        let run = runs.join(task.about.reused.as_deref().unwrap_or(id));
        if !task.about.splits.is_empty() {
            let splits = format!("{}/{file}.json", paths::RUN_SPLITS);
            bundle.files.push((splits.clone(), run.join(splits)));
        }
        for kind in [paths::RUN_ARTIFACTS, paths::RUN_RESULTS] {
            let folder = run.join(kind).join(&file);
            let listed = artifacts::listed(&folder).into_iter();
            bundle.files.extend(listed.map(|(path, _)| (format!("{kind}/{file}/{path}"), folder.join(path))));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A run of the task `a`, which is made from the same each time.
    fn record(root: &Path, id: &str, at: u64, is: &str, results: &str) {
        let folder = records::folder(root).join(id);
        fs::create_dir_all(folder.join(paths::RUN_RESULTS).join("a")).unwrap();
        let begun = format!(r#"{{"event":"begun","version":1,"at":{at},"asked":["a"],"tasks":{{"a":60}}}}"#);
        let about = r#"{"inputs":{"source":"x"}}"#;
        let task =
            |is: &str| format!(r#"{{"event":"task","at":{at},"task":"a","attempt":0,"is":{is},"about":{about}}}"#);
        let running = task(r#"{"state":"running"}"#);
        let ended = format!(r#"{{"event":"ended","at":{}}}"#, at + 500);
        fs::write(folder.join(paths::RUN_EVENTS), format!("{begun}\n{running}\n{}\n{ended}\n", task(is))).unwrap();
        fs::write(folder.join(paths::RUN_RESULTS).join("a/r.xml"), results).unwrap();
    }

    fn told(root: &Path, id: &str) -> Story {
        let run = known(root).unwrap().history.runs().iter().find(|run| run.id == id).unwrap().clone();
        let of = |(name, task): (TaskName, crate::plan::tasks::record::TaskRun)| {
            let report = crate::render::ci::TaskReport { is: task.is, about: task.about, tests: Vec::new() };
            (name.to_string(), report)
        };
        let tasks = run.tasks.into_iter().map(of).collect();
        let mut story = Story::default();
        tell(root, &Report { run: Some(id.to_owned()), check: None, error: None, tasks }, &mut story).unwrap();
        story
    }

    #[test]
    fn earlier_runs_from_the_same_inputs_tell_what_is_flaky_and_the_end_of_the_log_is_shown() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let suite = |inner: &str| format!("<testsuite><testcase name='t'>{inner}</testcase></testsuite>");
        record(root, "1", 1_000, r#"{"state":"failed","failure":{"code":1}}"#, &suite("<failure/>"));
        record(root, "2", 2_000, r#"{"state":"completed"}"#, &suite(""));
        let log: String = (0..LINES + 5).map(|line| format!("line {line}\n")).collect();
        fs::write(records::folder(root).join("2/a.log"), log).unwrap();
        let story = told(root, "2");
        let flaky =
            Flaky { task: "a".to_owned(), test: Some("t".to_owned()), failed: "1".to_owned(), passed: "2".to_owned() };
        assert_eq!((story.flaky, story.took, story.bars.len()), (vec![flaky], Some(500), 1));
        assert_eq!((story.outputs[0].lines[0].as_str(), story.outputs[0].left_out), ("line 5", 5));
        // The run that failed knows nothing of the later one.
        assert_eq!(told(root, "1").flaky, Vec::new());
    }
}
