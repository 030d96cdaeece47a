//! Runs as their records tell them: they need no engine, and write nothing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::amounts;
use crate::apply::tasks::coordinator::CANCEL;
use crate::apply::tasks::run_context::now;
use crate::apply::tasks::sources::{Known, known};
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::files::{self, reading};
use crate::host::tasks::{artifacts, records};
use crate::names::TaskName;
use crate::nearest;
use crate::paths;
use crate::plan::tasks::record::{Run, TaskRun};
use crate::plan::tasks::splits::manifest::SplitCount;
use crate::render::Access;

/// A run as `--json` prints it.
#[derive(Debug, Serialize)]
struct RunJson<'a> {
    state: &'static str,
    #[serde(rename = "run")]
    record: &'a Run,
}

/// A run that somebody has named, with all that is known.
pub(super) struct Named {
    pub(super) root: PathBuf,
    pub(super) known: Known,
    pub(super) run: Run,
}

impl Named {
    /// Finds a run by its id, the end of it, or `last`.
    pub(super) fn find(cx: &Context, id: &str) -> Result<Self> {
        let root = cx.root()?;
        let known = known(&root)?;
        let runs = known.history.runs();
        let found = match id {
            "last" => runs.first(),
            id => runs.iter().find(|run| run.id == id).or_else(|| {
                let mut ending = runs.iter().filter(|run| run.id.ends_with(id));
                ending.next().filter(|_| ending.next().is_none())
            }),
        };
        let none = || {
            let error = Error::message(Kind::Usage, format!("there is no run `{id}`"));
            match runs.is_empty() {
                true => error.hint("`devenv task run NAME` starts the first one"),
                false => error.hint(nearest::hint(id, runs.iter().take(10).map(|run| run.id.as_str()))),
            }
        };
        let run = found.cloned().ok_or_else(none)?;
        Ok(Self { root, run, known })
    }

    /// Refuses a dead run whose work another one has taken over: `verb` is to be said of that, and `does` it.
    pub(super) fn check_heir(&self, verb: &str, does: &str) -> Result<()> {
        let id = &self.run.id;
        let Some(heir) = self.known.heir(id) else { return Ok(()) };
        let message = format!("run {id} is dead, and run {heir} continues its work");
        Err(Error::message(Kind::Usage, message).hint(format!("`devenv runs {verb} {heir}` {does} that")))
    }

    /// Asks whoever carries out the run to end it.
    pub(super) fn ask_to_end(&self) -> Result<()> {
        files::write(&self.folder().join(CANCEL), b"", Access::Private).map(drop)
    }

    pub(super) fn is_alive(&self) -> bool {
        self.known.alive.contains(&self.run.id)
    }

    pub(super) fn folder(&self) -> PathBuf {
        records::folder(&self.root).join(&self.run.id)
    }

    /// A task of the run.
    pub(super) fn task(&self, name: &str) -> Result<(&TaskName, &TaskRun)> {
        self.run.tasks.get_key_value(name).ok_or_else(|| {
            let error = Error::message(Kind::Usage, format!("run {} has no task `{name}`", self.run.id));
            error.hint(nearest::hint(name, self.run.tasks.keys().map(TaskName::as_str)))
        })
    }
}

pub(super) fn list(cx: &Context, json: bool) -> Result<()> {
    let known = known(&cx.root()?)?;
    known.news.iter().for_each(|line| cx.screen.say(line));
    let word = |run: &Run| run.word(known.alive.contains(&run.id));
    let runs = known.history.runs();
    if json {
        let all: Vec<RunJson<'_>> = runs.iter().map(|record| RunJson { state: word(record), record }).collect();
        cx.screen.json(&all);
    } else if runs.is_empty() {
        cx.screen.say("no run is recorded: `devenv task run NAME` starts the first one");
    } else {
        let row = |run: &Run| {
            let took = run.ended.map(|ended| amounts::milliseconds(ended.saturating_sub(run.began)));
            let ago = i64::try_from(now().saturating_sub(run.began) / 1_000).unwrap_or_default();
            vec![
                run.id.clone(),
                word(run).to_owned(),
                format!("{} ago", amounts::age(ago)),
                took.unwrap_or_else(|| "-".to_owned()),
                run.asked.join(", "),
            ]
        };
        cx.screen.table(&["RUN", "STATE", "BEGAN", "TIME", "TASKS"], &runs.iter().map(row).collect::<Vec<_>>());
    }
    Ok(())
}

pub(super) fn show(cx: &Context, id: &str, json: bool) -> Result<()> {
    let named = Named::find(cx, id)?;
    let state = named.run.word(named.is_alive());
    if json {
        cx.screen.json(&RunJson { state, record: &named.run });
        return Ok(());
    }
    cx.screen.say(format!("run {}: {state}", named.run.id));
    let row = |(name, task): (&TaskName, &TaskRun)| {
        let took = task.about.took.map(amounts::milliseconds).unwrap_or_else(|| "-".to_owned());
        let reused = task.about.reused.as_ref().map(|run| format!("not run again: completed in {run}"));
        let why = reused.or_else(|| task.about.why.clone()).unwrap_or_default();
        vec![name.to_string(), task.is.to_string(), took, why]
    };
    cx.screen.table(&["TASK", "STATE", "TIME", "WHY"], &named.run.tasks.iter().map(row).collect::<Vec<_>>());
    let splits: Vec<Vec<String>> = named.run.tasks.iter().flat_map(splits).collect();
    if !splits.is_empty() {
        cx.screen.table(&["TASK", "SPLIT", "STATE", "TIME", "TESTS", "BATCHES"], &splits);
    }
    Ok(())
}

/// A row for each split of a task.
fn splits((name, task): (&TaskName, &TaskRun)) -> Vec<Vec<String>> {
    let row = |one: &SplitCount| {
        let state = match (one.was_lost, one.failed) {
            (true, _) => "lost".to_owned(),
            (false, Some(code)) => format!("exit code {code}"),
            (false, None) => "completed".to_owned(),
        };
        let (tests, batches) = (one.tests.to_string(), one.batches.to_string());
        let which = format!("{}/{}", one.split, one.of);
        vec![name.to_string(), which, state, amounts::milliseconds(one.took), tests, batches]
    };
    task.about.splits.iter().map(row).collect()
}

pub(super) fn logs(cx: &Context, id: &str, tasks: &[String]) -> Result<()> {
    let named = Named::find(cx, id)?;
    let wanted: Vec<&TaskName> = match tasks {
        [] => named.run.tasks.keys().collect(),
        tasks => tasks.iter().map(|task| named.task(task).map(|(name, _)| name)).collect::<Result<_>>()?,
    };
    for name in &wanted {
        let log = |run: &str| records::log(&records::folder(&named.root).join(run), name);
        // What was not run again has its output where it ran.
        let reused = named.task(name.as_str())?.1.about.reused.as_deref();
        let path = log(reused.unwrap_or(&named.run.id));
        let mut goes_on = true;
        let read = reading::lines(&path, |line| {
            let line = if wanted.len() > 1 { format!("{name} | {line}") } else { line.to_owned() };
            goes_on = cx.screen.line(&line);
            goes_on
        });
        match read {
            // A task that printed nothing has no log.
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(files::failed("read", &path)(error)),
            _ if !goes_on => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

/// An artifact as `--json` prints it.
#[derive(Debug, Serialize)]
struct ArtifactJson {
    task: String,
    path: String,
    bytes: u64,
    file: PathBuf,
}

pub(super) fn artifacts(cx: &Context, id: &str, json: bool) -> Result<()> {
    let named = Named::find(cx, id)?;
    let mut all = Vec::new();
    for (name, task) in &named.run.tasks {
        let run = task.about.reused.as_deref().map(|run| records::folder(&named.root).join(run));
        for kind in [paths::RUN_ARTIFACTS, paths::RUN_RESULTS] {
            let folder = run.clone().unwrap_or_else(|| named.folder()).join(kind).join(name.file());
            all.extend(of(name, &folder));
        }
    }
    if json {
        cx.screen.json(&all);
    } else if all.is_empty() {
        cx.screen.say("the run has no artifacts");
    } else {
        let row = |one: &ArtifactJson| {
            vec![one.task.clone(), one.path.clone(), amounts::bytes(one.bytes), one.file.display().to_string()]
        };
        cx.screen.table(&["TASK", "ARTIFACT", "SIZE", "FILE"], &all.iter().map(row).collect::<Vec<_>>());
    }
    Ok(())
}

fn of(name: &TaskName, folder: &Path) -> Vec<ArtifactJson> {
    let listed = artifacts::listed(folder).into_iter();
    listed
        .map(|(path, bytes)| {
            let file = folder.join(&path);
            ArtifactJson { task: name.to_string(), path, bytes, file }
        })
        .collect()
}
