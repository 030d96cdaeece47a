//! `devenv ci`

mod files;

use std::path::Path;

use crate::apply::tasks::coordinator::Outcome;
use crate::apply::tasks::results;
use crate::commands::check::{self, CheckArgs, CheckFormat};
use crate::commands::ci::files::ReportArgs;
use crate::commands::context::Context;
use crate::commands::release::passed;
use crate::commands::task;
use crate::commands::task::prepare::{Request, RunOptions};
use crate::commands::task::signals::Signals;
use crate::error::{Error, Kind, Result};
use crate::host::tasks::records;
use crate::names::TaskName;
use crate::paths;
use crate::plan::tasks::graph::TaskGraph;
use crate::render::ci::{Report, TaskReport};
use crate::render::ci_pipeline::{System, pipeline};

/// Run what `ci:` lists in one graph: by default the check, and lint and test of each module
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv ci\n  devenv ci --junit junit.xml --report report.json --html report.html\n  devenv ci --print github"
)]
pub struct CiArgs {
    /// How they run.
    #[command(flatten)]
    options: RunOptions,
    /// Where it writes.
    #[command(flatten)]
    files: ReportArgs,
    /// Print a pipeline that calls `devenv ci`, and stop
    #[arg(long, value_name = "SYSTEM")]
    print: Option<PrintedSystem>,
}

/// A CI system whose pipeline is printed.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum PrintedSystem {
    /// GitHub's workflows
    Github,
    /// GitLab's pipelines
    Gitlab,
    /// CircleCI
    Circleci,
}

impl CiArgs {
    /// Whether the command takes signals itself.
    #[must_use]
    pub fn hears_signals(&self) -> bool {
        self.print.is_none()
    }
}

/// Runs the command.
pub async fn run(cx: &Context, args: &CiArgs) -> Result<()> {
    if let Some(system) = args.print {
        cx.screen.data(pipeline(match system {
            PrintedSystem::Github => System::Github,
            PrintedSystem::Gitlab => System::Gitlab,
            PrintedSystem::Circleci => System::Circleci,
        }));
        return Ok(());
    }
    // Whatever ends the command, no file of an earlier run is taken for one of this.
    args.files.remove_earlier(&cx.folder)?;
    let checkout = cx.checkout()?;
    let file = &checkout.project.file;
    let (names, has_check) = TaskGraph::of(file).ci(file);
    let checked = if has_check { Some(checked(cx).await) } else { None };
    let request = Request { names, options: args.options.clone(), ..Request::default() };
    let is_over =
        request.names.is_empty() || checked.as_ref().is_some_and(|checked| ends(checked, args.options.failfast));
    let ran = if is_over { Ok(None) } else { task::run::outcome(cx, &request).await.map(Some) };
    let check = checked.as_ref().map(Result::is_ok);
    let first = ran.as_ref().ok().and_then(|ran| ran.as_ref()?.failed.first()).map(TaskName::as_str);
    let written = files::write(cx, &args.files, &report(&checkout.root, &ran, check), first).await;
    if let Ok(Some(outcome)) = &ran {
        task::run::summary(cx.screen, outcome);
    }
    let ended = ran.and_then(|outcome| outcome.as_ref().map_or(Ok(()), task::run::ended));
    all_errors([checked.unwrap_or(Ok(())), ended, written])?;
    record(cx).await;
    Ok(())
}

/// Records the passed run where the gates of releases find it. The run has passed all the same where that cannot be done.
async fn record(cx: &Context) {
    if let Err(error) = passed::record(cx).await {
        let hints = error.hints.iter().map(|hint| format!("; {hint}")).collect::<String>();
        cx.screen.say(format!("the passed run is not recorded for a release: {error}{hints}"));
    }
}

/// Whether no task is run after this check.
fn ends(checked: &Result<()>, failfast: bool) -> bool {
    checked.as_ref().is_err_and(|error| failfast || matches!(error.kind, Kind::Signal(_)))
}

/// The first error, which tells of the others. A signal comes before everything else: the code tells of it.
fn all_errors(all: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let mut all: Vec<Error> = all.into_iter().filter_map(Result::err).collect();
    all.sort_by_key(|error| !matches!(error.kind, Kind::Signal(_)));
    let together = |mut first: Error, other: Error| {
        first.also.push(other);
        first
    };
    all.into_iter().reduce(together).map_or(Ok(()), Err)
}

/// Checks the configuration, which takes no signal itself.
async fn checked(cx: &Context) -> Result<()> {
    let format = if files::is_github() { CheckFormat::Github } else { CheckFormat::Text };
    let args = CheckArgs { format, json: false };
    let mut signals = Signals::listen()?;
    tokio::select! {
        checked = check::run(cx, &args) => checked,
        number = signals.next() => Err(Error::message(Kind::Signal(number), "interrupted; nothing was run")),
    }
}

fn report(root: &Path, ran: &Result<Option<Outcome>>, check: Option<bool>) -> Report {
    let tasks = |outcome: &Outcome| {
        let tasks = outcome.scheduler.states().map(|(name, is)| {
            let about = outcome.about.get(name).cloned().unwrap_or_default();
            // What was not run again has its results where it ran.
            let run = about.reused.as_ref().unwrap_or(&outcome.run);
            let folder = records::folder(root).join(run).join(paths::RUN_RESULTS).join(name.file());
            // What cannot be read has failed its task already.
            let tests = results::read(&folder).unwrap_or_default();
            (name.to_string(), TaskReport { is: is.clone(), about, tests })
        });
        tasks.collect()
    };
    let outcome = ran.as_ref().ok().and_then(Option::as_ref);
    Report {
        run: outcome.map(|outcome| outcome.run.clone()),
        check,
        error: ran.as_ref().err().map(ToString::to_string),
        tasks: outcome.map(tasks).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: Kind, text: &str) -> Result<()> {
        Err(Error::message(kind, text))
    }

    #[test]
    fn no_task_runs_after_an_interrupted_check_nor_after_a_failed_one_with_failfast() {
        let all = [Ok(()), failed(Kind::Failed, "a"), failed(Kind::Signal(2), "b")];
        assert_eq!(all.each_ref().map(|checked| ends(checked, false)), [false, false, true]);
        assert_eq!(all.each_ref().map(|checked| ends(checked, true)), [false, true, true]);
    }

    #[test]
    fn the_failed_check_is_told_with_what_ends_the_run() {
        assert!(all_errors([Ok(()), Ok(())]).is_ok());
        let error = all_errors([failed(Kind::Failed, "check"), failed(Kind::Missing, "engine"), Ok(())]).unwrap_err();
        assert_eq!((error.to_string(), error.also[0].to_string()), ("check".to_owned(), "engine".to_owned()));
        let error = all_errors([failed(Kind::Failed, "check"), failed(Kind::Signal(15), "cancelled")]).unwrap_err();
        assert_eq!((error.to_string(), error.also[0].to_string()), ("cancelled".to_owned(), "check".to_owned()));
    }

    #[test]
    fn without_a_run_the_report_says_why() {
        let ran = Err(Error::message(Kind::Missing, "the engine is gone"));
        let report = report(Path::new("/nonexistent"), &ran, Some(false));
        assert_eq!((report.error.as_deref(), report.check), (Some("the engine is gone"), Some(false)));
    }
}
