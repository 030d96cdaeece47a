//! `devenv runs find`: the newest run of a task.

use serde::Serialize;

use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::names::TaskName;
use crate::nearest;
use crate::plan::tasks::history::History;
use crate::plan::tasks::record::{Run, TaskRun};
use crate::plan::tasks::state::State;

/// What a task has ended as.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndState {
    /// It completed
    Completed,
    /// Its own command failed
    Failed,
    /// Something else ended it
    Exception,
}

impl EndState {
    fn is(self, state: &State) -> bool {
        match self {
            Self::Completed => *state == State::Completed,
            Self::Failed => matches!(state, State::Failed { .. }),
            Self::Exception => matches!(state, State::Exception { .. }),
        }
    }
}

/// A run that was found, as `--json` prints it.
#[derive(Debug, Serialize)]
struct FoundJson<'a> {
    run: &'a str,
    branch: Option<&'a str>,
    task: &'a TaskName,
    record: &'a TaskRun,
}

pub(super) fn find(
    cx: &Context,
    task: &str,
    (last, branch): (Option<EndState>, Option<&str>),
    json: bool,
) -> Result<()> {
    let known = crate::apply::tasks::sources::known(&cx.root()?)?;
    known.news.iter().for_each(|line| cx.screen.say(line));
    let Some((run, name, is)) = newest(&known.history, task, last, branch) else {
        let names = known.history.runs().iter().flat_map(|run| run.tasks.keys()).map(TaskName::as_str);
        let error = Error::message(Kind::Failed, format!("no such run of `{task}` is recorded"));
        return Err(match known.history.runs().iter().any(|run| run.tasks.contains_key(task)) {
            true => error.hint("`devenv runs` lists all runs"),
            false => error.hint(nearest::hint(task, names)),
        });
    };
    if json {
        cx.screen.json(&FoundJson { run: &run.id, branch: run.branch.as_deref(), task: name, record: is });
    } else {
        cx.screen.data(format!("{}\n", run.id));
    }
    Ok(())
}

/// The newest run in which a task was run and ended so. What was not run again counts where it ran.
fn newest<'a>(
    history: &'a History,
    task: &str,
    last: Option<EndState>,
    branch: Option<&str>,
) -> Option<(&'a Run, &'a TaskName, &'a TaskRun)> {
    let on_branch = history.runs().iter().filter(|run| branch.is_none() || run.branch.as_deref() == branch);
    on_branch
        .filter_map(|run| run.tasks.get_key_value(task).map(|(name, is)| (run, name, is)))
        .filter(|(.., seen)| seen.about.reused.is_none())
        .find(|(.., seen)| last.map_or(seen.is.is_resolved(), |last| last.is(&seen.is)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_run_that_ended_so_on_the_branch_is_found() {
        let run = |id: &str, began: u64, branch: &str, is: &str, about: &str| {
            let begun = format!(
                r#"{{"event":"begun","version":1,"at":{began},"asked":["a"],"branch":"{branch}","tasks":{{"a":60}}}}"#
            );
            let task = format!(r#"{{"event":"task","at":{began},"task":"a","attempt":0,"is":{is},"about":{about}}}"#);
            Run::read(id, &format!("{begun}\n{task}\n")).unwrap()
        };
        let (good, bad) = (r#"{"state":"completed"}"#, r#"{"state":"failed","failure":{"code":1}}"#);
        let history = History::new(vec![
            run("1", 1, "main", good, "{}"),
            run("2", 2, "main", bad, "{}"),
            run("3", 3, "topic", good, "{}"),
            run("4", 4, "main", good, r#"{"reused":"1"}"#),
            run("5", 5, "main", r#"{"state":"running"}"#, "{}"),
        ]);
        let found = |task, last, branch| newest(&history, task, last, branch).map(|(run, ..)| run.id.as_str());
        assert_eq!(found("a", None, None), Some("3"));
        assert_eq!(found("a", Some(EndState::Completed), Some("main")), Some("1"));
        assert_eq!(found("a", Some(EndState::Failed), None), Some("2"));
        assert_eq!(found("a", Some(EndState::Exception), None), None);
        assert_eq!(found("b", None, None), None);
    }
}
