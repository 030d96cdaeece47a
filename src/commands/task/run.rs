//! `devenv task run`

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::num::NonZero;
use std::path::PathBuf;

use crate::amounts;
use crate::apply::session::{Intent, Session};
use crate::apply::tasks::coordinator::{self, Outcome, Told, Wishes};
use crate::apply::tasks::run_context::{RunContext, now};
use crate::apply::tasks::sources;
use crate::commands::context::Context;
use crate::commands::task::prepare::{Request, RunOptions, SplitRequest, prepare, run_context};
use crate::commands::task::signals::Signals;
use crate::error::{Error, Kind, Result};
use crate::host::engine::task_networks::TaskNetwork;
use crate::host::engine::tasks::SeenTask;
use crate::host::release::source;
use crate::host::tasks::records;
use crate::names::TaskName;
use crate::plan::tasks::record::About;
use crate::plan::tasks::schedule::Rules;
use crate::plan::tasks::splits::manifest::{self, OneSplit};
use crate::plan::tasks::state::{Failure, State};
use crate::ui::screen::Screen;

#[derive(clap::Args, Debug)]
pub(super) struct TaskRunArgs {
    /// Tasks: names of `tasks:`, or MODULE:STEP
    #[arg(required = true)]
    names: Vec<String>,
    /// Start with this task: its needs are not run, and their last results are used
    #[arg(long, value_name = "NAME")]
    from: Vec<String>,
    /// Run one split of the task again alone, with the tests that it ran last
    #[arg(long, value_name = "N/TOTAL", conflicts_with = "from")]
    split: Option<OneSplit>,
    /// Take those tests from this file of a bundle, `splits/TASK.json`
    #[arg(long, value_name = "FILE", requires = "split")]
    manifest: Option<PathBuf>,
    /// How they run.
    #[command(flatten)]
    options: RunOptions,
}

impl TaskRunArgs {
    pub(super) fn request(&self) -> Request {
        let split = self.split.map(|one| SplitRequest { one, manifest: self.manifest.clone() });
        Request { names: self.names.clone(), from: self.from.clone(), split, options: self.options.clone() }
    }
}

/// Runs tasks, tells how they end, and passes on the exit code of the first that has failed.
pub(in crate::commands) async fn run(cx: &Context, request: &Request) -> Result<()> {
    let outcome = outcome(cx, request).await?;
    summary(cx.screen, &outcome);
    ended(&outcome)
}

/// Runs tasks.
pub(in crate::commands) async fn outcome(cx: &Context, request: &Request) -> Result<Outcome> {
    let mut signals = Signals::listen()?;
    let context = tokio::select! {
        context = ready(cx, request) => context?,
        number = signals.next() => {
            return Err(Error::message(Kind::Signal(number), "interrupted before the first task; nothing was run"));
        }
    };
    carry_out(cx, &context, request, signals).await
}

/// What everything is decided from; where something runs, all is there that it needs.
async fn ready(cx: &Context, request: &Request) -> Result<RunContext> {
    let context = run_context(cx.session(Intent::Look).await?, request).await?;
    context.known.news.iter().for_each(|line| cx.screen.say(line));
    if context.to_run().is_empty() { Ok(context) } else { prepare(cx, request).await }
}

async fn carry_out(cx: &Context, context: &RunContext, request: &Request, signals: Signals) -> Result<Outcome> {
    let (screen, root) = (cx.screen, &context.session.checkout.root);
    for id in context.known.history.expired(now()) {
        // What somebody carries out, or goes on with, stays.
        if let Some(_held) = records::take_over(root, id)? {
            records::remove(root, id)?;
        }
    }
    let options = &request.options;
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let Left { containers, networks, _held } = left(context).await?;
    let wishes = Wishes {
        asked: request.names.clone(),
        // Without git there is no branch.
        branch: source::branch(root).await.ok().flatten(),
        rules: Rules { jobs: options.jobs.map_or(processors, usize::from), failfast: options.failfast },
        keep: options.keep,
        left: containers,
        networks,
    };
    let (mut cancel, mut number) = signals.cancel(screen);
    let outcome = coordinator::run(context, wishes, &mut cancel, |told| show(screen, told)).await?;
    Ok(Outcome { signal: number.try_recv().ok(), ..outcome })
}

/// What runs have left that nobody carries out any more.
struct Left {
    containers: Vec<SeenTask>,
    networks: Vec<TaskNetwork>,
    _held: Vec<File>,
}

/// Containers of runs that nobody carries out any more, and what keeps other coordinators from them while it is held. One
/// whose end is written down already has no more to tell.
async fn left(context: &RunContext) -> Result<Left> {
    let Session { engine, identity, checkout, .. } = &context.session;
    let root = &checkout.root;
    let mut held = BTreeMap::new();
    let networks = engine.task_networks(&identity.held.id).await?;
    let runs = engine.tasks(&identity.held.id).await?.into_iter().map(|seen| seen.run);
    for run in runs.chain(networks.iter().map(|network| network.run.clone())) {
        if !held.contains_key(&run)
            && let Some(record) = records::take_over(root, &run)?
        {
            held.insert(run, record);
        }
    }
    // Looked at again: whoever had a run until now may have ended, and its containers with it.
    let seen = engine.tasks(&identity.held.id).await?;
    let known = sources::known(root)?;
    // Where there is no record, nobody can take it over: such containers are removed.
    let is_ours = |run: &String| held.contains_key(run) || !records::exists(root, run);
    let ours = seen.into_iter().filter(|seen| is_ours(&seen.run));
    let left = ours.map(|seen| {
        let is_told = known.history.has_end(&seen.run, &seen.task);
        SeenTask { has_begun: seen.has_begun && held.contains_key(&seen.run) && !is_told, ..seen }
    });
    let containers = left.collect();
    let networks = networks.into_iter().filter(|network| is_ours(&network.run)).collect();
    Ok(Left { containers, networks, _held: held.into_values().collect() })
}

fn show(screen: Screen, told: Told<'_>) {
    match told {
        Told::Begun(id) => screen.say(format!("run {id}")),
        // Whoever reads it has gone away; the run goes on, and its log has the line.
        Told::Line(task, line) => drop(screen.line(&format!("{task} | {line}"))),
        Told::Task(task, is, about) => {
            if let Some(line) = change(task, is, about) {
                screen.say(line);
            }
        }
    }
}

/// A line about a change; none where nothing is worth one.
pub(in crate::commands) fn change(task: &TaskName, is: &State, about: &About) -> Option<String> {
    let took = about.took.map(|took| format!(" ({})", amounts::milliseconds(took))).unwrap_or_default();
    Some(match is {
        State::Unscheduled | State::Pending => return None,
        State::Running => {
            let from = about.adopted.as_ref().map(|run| format!(", goes on from run {run}")).unwrap_or_default();
            format!("▶ {task}: {}{from}", about.why.as_deref().unwrap_or_default())
        }
        State::Completed => match &about.reused {
            Some(run) => format!("= {task}: completed in run {run}, and nothing that it depends on has changed"),
            None => format!("✓ {task}{took}"),
        },
        State::Failed { .. } | State::Exception { .. } => format!("✗ {task} {is}{took}"),
    })
}

/// A table of all tasks.
pub(in crate::commands) fn summary(screen: Screen, outcome: &Outcome) {
    let rows: Vec<Vec<String>> = outcome.scheduler.states().map(|(task, is)| row(outcome, task, is)).collect();
    screen.table(&["TASK", "STATE", "TIME", "TESTS", ""], &rows);
}

fn row(outcome: &Outcome, task: &TaskName, is: &State) -> Vec<String> {
    let about = outcome.about.get(task).cloned().unwrap_or_default();
    let took = about.took.map(amounts::milliseconds).unwrap_or_else(|| "-".to_owned());
    let note = match is {
        State::Completed => {
            let reused = about.reused.map(|run| format!("not run again: completed in {run}"));
            reused.or_else(|| manifest::sentence(&about.splits))
        }
        State::Failed { failure } => Some(failure.to_string()),
        State::Exception { reason } => Some(reason.to_string()),
        State::Unscheduled | State::Pending | State::Running => {
            outcome.scheduler.blocked_by(task).map(|need| format!("not run: {need} has not completed"))
        }
    };
    let tests = about.tests.map_or_else(|| "-".to_owned(), |tests| tests.to_string());
    vec![task.to_string(), is.word().to_owned(), took, tests, note.unwrap_or_default()]
}

/// The end of the command: the signal that has cancelled the run, or the code of the first task that has failed.
pub(in crate::commands) fn ended(outcome: &Outcome) -> Result<()> {
    if let Some(number) = outcome.signal {
        let message = format!("run {} was cancelled", outcome.run);
        return Err(Error::message(Kind::Signal(number), message)
            .hint("run the command again: completed tasks are not repeated"));
    }
    let Some(first) = outcome.failed.first() else { return Ok(()) };
    let not_run = outcome.scheduler.states().filter(|(task, _)| outcome.scheduler.blocked_by(task).is_some()).count();
    let all: BTreeSet<&TaskName> = outcome.failed.iter().collect();
    let names = all.into_iter().map(|task| format!("`{task}`")).collect::<Vec<_>>().join(", ");
    let not_run = if not_run > 0 { format!("; {not_run} not run") } else { String::new() };
    let message = format!("not completed: {names}{not_run}");
    let error = Error::message(Kind::Failed, &message)
        .hint(format!("`devenv runs logs {} {first}` prints its output", outcome.run));
    match outcome.scheduler.state(first) {
        State::Failed { failure: Failure::Code(code) } => {
            let code = i32::try_from(*code).unwrap_or(1);
            Err(Error { kind: if code == 1 { Kind::Failed } else { Kind::Code(code) }, ..error })
        }
        _ => Err(error),
    }
}
