//! `devenv mirror`

use serde::Serialize;

use crate::amounts;
use crate::apply::mirror::archive_compare;
use crate::apply::mirror::{self, Guard};
use crate::apply::session::Intent;
use crate::apply::session::{Options, Session};
use crate::commands::carry_out::carry_out;
use crate::commands::context::Context;
use crate::commands::copies;
use crate::error::{Error, Kind, Result};
use crate::host::{clock, watcher_process};
use crate::plan::cause::Cause;
use crate::plan::mirror::copy::Copy;
use crate::plan::mirror::sync::Operation;
use crate::plan::observed::{Container, ContainerState, NoContainer};
use crate::plan::parts::{Part, PartKind};
use crate::plan::watch::state::Batch;
use crate::plan::{Action, Plan};
use crate::ui::screen::visible;

/// Show how source reaches the modules, compare both sides, resume a halted mirror
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv mirror\n  devenv mirror verify\n  devenv mirror resume api")]
pub struct MirrorArgs {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Compare both sides by content and report each difference
    ///
    /// Exits with 1 if there is one. Ignored files and folders that other volumes are mounted on are left out.
    #[command(after_help = "Example:\n  devenv mirror verify api")]
    Verify {
        /// Modules [default: all that are copied and run]
        names: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Carry the changes that a halted mirror held back into the container
    #[command(after_help = "Example:\n  devenv mirror resume api")]
    Resume {
        /// The module
        name: String,
    },
}

/// One module, for people and programs.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    mode: &'static str,
    status: String,
    files: Option<usize>,
    bytes: Option<u64>,
    /// The last changes that were carried over, and when, in seconds since 1970.
    last: Option<Batch>,
}

/// A difference, for programs.
#[derive(Debug, Serialize)]
struct Difference {
    name: String,
    path: String,
    difference: &'static str,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &MirrorArgs) -> Result<()> {
    match &args.verb {
        None => list(cx, args.json).await,
        Some(Verb::Verify { names, json }) => verify(cx, names, *json || args.json).await,
        Some(Verb::Resume { name }) => resume(cx, name).await,
    }
}

async fn list(cx: &Context, json: bool) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let mut lines = Vec::new();
    for part in session.environment.parts.values().filter(|part| matches!(part.kind, PartKind::Module | PartKind::Task))
    {
        lines.push(line(&session, part)?);
    }
    if json {
        cx.screen.json(&lines);
        return Ok(());
    }
    let number = |number: Option<String>| number.unwrap_or_default();
    let rows = lines.into_iter().map(|line| {
        let (files, bytes) = (line.files.map(|files| files.to_string()), line.bytes.map(|bytes| bytes.to_string()));
        let last =
            line.last.map(|last| format!("{} {} ago", changes(last.changes), amounts::milliseconds(ago(last.at))));
        vec![line.name, line.mode.to_owned(), line.status, number(files), number(bytes), number(last)]
    });
    let heading = ["NAME", "MODE", "STATUS", "FILES", "BYTES", "LAST"];
    cx.screen.table(&heading, &rows.collect::<Vec<_>>());
    Ok(())
}

fn changes(count: usize) -> String {
    if count == 1 { "1 change".to_owned() } else { format!("{count} changes") }
}

/// Milliseconds since a second.
fn ago(second: u64) -> u64 {
    clock::seconds().saturating_sub(second) * 1_000
}

fn line(session: &Session, part: &Part) -> Result<Line> {
    let name = part.name.to_string();
    let Some(copy) = &part.mirror else {
        let status = "the source itself".to_owned();
        return Ok(Line { name, mode: "bind", status, files: None, bytes: None, last: None });
    };
    let ends = match mirror::ends(&session.checkout.root, copy, String::new()) {
        Ok(ends) => ends,
        Err(error) => {
            let status = format!("halted: {error}");
            return Ok(Line { name, mode: "sync", status, files: None, bytes: None, last: None });
        }
    };
    let entries = ends.source.walk()?;
    let files: Vec<u64> = entries
        .iter()
        .filter_map(|entry| match entry.kind {
            crate::plan::mirror::tree::EntryKind::File { bytes, .. } => Some(bytes),
            _ => None,
        })
        .collect();
    let container = session.observed.container(&part.name);
    let root = &session.checkout.root;
    let known = watcher_process::state(root).modules.remove(&part.name).unwrap_or_default();
    let watched = watcher_process::holder(root).is_some();
    let status = match (container.map(|container| container.state), known.mirror) {
        (None, _) => "waiting: no container yet".to_owned(),
        _ if !part.is_copied() => "compared before each run".to_owned(),
        (Some(ContainerState::Running), _) if !watched => {
            "waiting: no watcher is running; `devenv up` starts it".to_owned()
        }
        (Some(ContainerState::Running), Some(status)) => status.text(&part.name),
        (Some(ContainerState::Running), None) => "waiting: the watcher compares".to_owned(),
        (Some(_), _) => "waiting: compared when it starts".to_owned(),
    };
    let (files, bytes) = (Some(files.len()), Some(files.iter().sum()));
    Ok(Line { name, mode: "sync", status, files, bytes, last: known.batch })
}

/// The parts among `names`, or of all, that run on a copy, with their containers.
fn copied<'a>(session: &'a Session, names: &[String]) -> Result<Vec<(&'a Part, &'a Copy, &'a Container)>> {
    let names = session.names(names)?;
    let mut all = Vec::new();
    for part in session.environment.parts.values() {
        let is_named = names.contains(&part.name);
        if !is_named && !names.is_empty() {
            continue;
        }
        match (&part.mirror, session.observed.container(&part.name)) {
            (Some(copy), Some(container)) => all.push((part, copy, container)),
            (None, _) if is_named => return Err(no_copy(part)),
            (Some(_), None) if is_named => return Err(NoContainer(part.name.clone()).into()),
            _ => {}
        }
    }
    Ok(all)
}

/// Compares one copy; a container that does not run has another in its place meanwhile.
async fn compared(session: &Session, part: &Part, copy: &Copy, container: &Container) -> Result<Vec<Operation>> {
    let root = &session.checkout.root;
    if container.state == ContainerState::Running {
        return archive_compare::verify(&session.engine, &mirror::ends(root, copy, container.id.clone())?).await;
    }
    let equal = copies::equal(session, Guard::On);
    let stand_in = equal.begin(part, copy, &container.id).await?;
    let found = match mirror::ends(root, copy, stand_in.id.clone()) {
        Ok(ends) => archive_compare::verify(&session.engine, &ends).await,
        Err(error) => Err(error),
    };
    equal.end(stand_in).await?;
    found
}

async fn verify(cx: &Context, names: &[String], json: bool) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let copies = copied(&session, names)?;
    let mut found = Vec::new();
    for (part, copy, container) in &copies {
        let name = part.name.as_str();
        for operation in compared(&session, part, copy, container).await? {
            let difference = match &operation {
                Operation::Clear(_) => continue,
                Operation::Mode { .. } => "mode",
                Operation::Remove(_) | Operation::RemoveFolder(_) => "only in the container",
                Operation::Folder(_) | Operation::Write { .. } | Operation::Link { .. } => "missing or other",
            };
            let path = operation.path().display().to_string();
            found.push(Difference { name: name.to_owned(), path, difference });
        }
    }
    if json {
        cx.screen.json(&found);
    } else {
        for one in &found {
            cx.screen.data(format!("{}: {}: {}", one.name, visible(&one.path), one.difference));
        }
    }
    if found.is_empty() {
        cx.screen.say(format!("{} compared: no difference", copies.len()));
        return Ok(());
    }
    let message = match found.len() {
        1 => "one difference".to_owned(),
        many => format!("{many} differences"),
    };
    Err(Error::message(Kind::Failed, message).hint("`devenv up` synchronises the copies"))
}

async fn resume(cx: &Context, name: &str) -> Result<()> {
    let (session, _lock) = cx.locked_session(Intent::Look).await?;
    let part = session.part(name)?;
    let mut plan = Plan::default();
    if part.mirror.is_none() {
        return Err(no_copy(part));
    }
    if session.observed.container(&part.name).is_none() {
        return Err(NoContainer(part.name.clone()).into());
    }
    plan.push(Action::Mirror(part.name.clone()), Cause::Resumed, vec![]);
    let options = Options { guard: Guard::Off, ..Options::default() };
    carry_out(cx.screen, &session, &plan, options).await?;
    Ok(())
}

fn no_copy(part: &Part) -> Error {
    let message = format!("`{}` has no copy of its source: it runs on the source itself", part.name);
    Error::message(Kind::Failed, message).hint("`mirror: sync` makes one")
}
