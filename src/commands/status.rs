//! `devenv status`

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::apply::states;
use crate::apply::usage::usage;
use crate::apply::watch::background::watched as watched_by;
use crate::commands::context::{Context, InEnvironment};
use crate::commands::orphaned::Remains;
use crate::error::{Kind, Result};
use crate::host::clock::{self, unix_time};
use crate::host::watcher_process;
use crate::names::PartName;
use crate::plan::parts::Part;
use crate::plan::states::Lives;
use crate::plan::stats::Usage;
use crate::plan::status::{PartStatus, StatusInputs};
use crate::plan::steps::up::UpRequest;
use crate::plan::watch::state::WatchState;
use crate::ui::errors;
use crate::ui::live::Live;
use crate::ui::screen;

/// Show what runs, since when, what is stale and why
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv status --json\n  devenv status --watch --stats")]
pub struct StatusArgs {
    /// Include CPU, memory and disk use
    #[arg(long)]
    pub stats: bool,
    /// Refresh the table in place
    #[arg(short, long, conflicts_with = "json")]
    pub watch: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &StatusArgs) -> Result<()> {
    if args.watch {
        return watch(cx, args.stats).await;
    }
    match cx.session(Intent::Look).await {
        Ok(session) => {
            let looked = look(&session, args.stats).await;
            print_all(cx, &session, &looked, args.json);
            Ok(())
        }
        Err(error) if error.kind == Kind::Usage => {
            let Some(states) = Remains::states(cx, &error).await? else { return Err(error) };
            by_labels(cx, states, args.json);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// What was asked beyond the list of containers.
#[derive(Default)]
struct Looked {
    lives: Lives,
    usage: BTreeMap<PartName, Usage>,
}

async fn look(session: &Session, stats: bool) -> Looked {
    let (engine, environment, observed) = (&session.engine, &session.environment, &session.observed);
    let lives = states::lives(engine, environment, observed).await;
    let usage = if stats { usage(engine, environment, observed, &lives).await } else { BTreeMap::new() };
    Looked { lives, usage }
}

/// Shows the table until the reader has gone away. What is wrong for a moment, as while a file is saved, is shown in its
/// place.
async fn watch(cx: &Context, stats: bool) -> Result<()> {
    let mut live = Live::default();
    let mut disks = BTreeMap::new();
    let mut is_first = true;
    loop {
        let before = clock::worked();
        let text = match cx.session(Intent::Look).await {
            Ok(session) => {
                let mut looked = look(&session, stats).await;
                keep_disks(&mut disks, &mut looked.usage);
                let (known, now) = (known(&session), unix_time());
                let (heading, rows) = table(&parts(&session, &looked, &known, now), now);
                cx.screen.table_text(&heading, &rows)
            }
            Err(error) if is_first => return Err(error),
            Err(error) => format!("{}\n", errors::text(&error, false)),
        };
        is_first = false;
        if !live.show(&text) {
            return Ok(());
        }
        tokio::time::sleep(pause(clock::worked().saturating_sub(before))).await;
    }
}

/// How long to wait after a look that has taken so much of a processor: the view shall take less than 2 % of one.
fn pause(worked: Duration) -> Duration {
    (worked * 50).clamp(PAUSE, LONGEST_PAUSE)
}

/// Shows what was counted last where the files of a volume could not be counted in time.
fn keep_disks(disks: &mut BTreeMap<PartName, u64>, usage: &mut BTreeMap<PartName, Usage>) {
    for (name, usage) in usage {
        match usage.disk {
            Some(bytes) => drop(disks.insert(name.clone(), bytes)),
            None => usage.disk = disks.get(name).copied(),
        }
    }
}

/// Between two looks: each costs the engine and this machine some milliseconds, more of them in a large environment.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What runs of a checkout whose files say nothing that can be used.
fn by_labels(cx: &Context, states: Vec<(String, String)>, json: bool) {
    if json {
        let shown = |(name, state): &(String, String)| json!({"name": name, "state": state});
        cx.screen.json(&states.iter().map(shown).collect::<Vec<_>>());
    } else {
        let rows: Vec<Vec<String>> = states.into_iter().map(|(name, state)| vec![name, state]).collect();
        cx.screen.table(&["NAME", "STATE"], &rows);
    }
}

/// Prints the table of parts, as far as a session knows them.
pub fn print(cx: &Context, session: &Session, json: bool) -> Result<()> {
    print_all(cx, session, &Looked::default(), json);
    Ok(())
}

fn print_all(cx: &Context, session: &Session, looked: &Looked, json: bool) {
    let known = known(session);
    let now = unix_time();
    let parts = parts(session, looked, &known, now);
    if json {
        cx.screen.json(&parts);
        return;
    }
    if let Some(trouble) = &known.trouble {
        cx.screen.say(trouble);
    }
    let waiting = watched_by(session);
    let is_watched = watcher_process::holder(&session.checkout.home).is_some();
    if !is_watched && !screen::in_ci() && session.observed.running().iter().any(|part| waiting.contains(part)) {
        cx.screen.say("no watcher is running, so saving a file does nothing; `devenv up` starts it");
    }
    let (heading, rows) = table(&parts, now);
    cx.screen.table(&heading, &rows);
}

/// The status of every part.
fn parts(session: &Session, looked: &Looked, known: &WatchState, now: i64) -> Vec<PartStatus> {
    let request = UpRequest::default();
    let plan = session.up(&request).plan();
    let sources = StatusInputs {
        environment: &session.environment,
        observed: &session.observed,
        lives: &looked.lives,
        plan: &plan,
        now,
    };
    let parts = session.environment.parts.values();
    parts
        .map(|part| PartStatus {
            usage: looked.usage.get(&part.name).copied(),
            ..sources.status(part, known.modules.get(&part.name).cloned())
        })
        .collect()
}

/// What the watcher knows that is still true.
fn known(session: &Session) -> WatchState {
    let mut watched = watcher_process::state(&session.checkout.home);
    if watcher_process::holder(&session.checkout.home).is_none() {
        watched.watcher_ended();
    }
    for (name, state) in &mut watched.modules {
        if !session.environment.parts.get(name).is_some_and(Part::is_copied) {
            state.mirror = None;
        }
        if let Some(module) = session.checkout.project.file.modules.get(name) {
            let container = session.observed.container(name).map(|container| container.id.as_str());
            let wish = session.environment.parts.get(name).and_then(|part| part.install.as_ref());
            let stamp = session.observed.stamps.get(name);
            let installed = wish.zip(stamp).is_some_and(|(install, stamp)| install.changed(stamp).is_empty());
            state.keep_current(module, container, installed);
        }
    }
    watched
}

/// The table: columns that would be empty in every row are left out.
fn table(parts: &[PartStatus], now: i64) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let has_since = parts.iter().any(|part| part.since.is_some());
    let has_usage = parts.iter().any(|part| part.usage.is_some());
    let mut heading = vec!["NAME", "KIND", "STATE"];
    heading.extend(has_since.then_some("SINCE"));
    heading.extend(has_usage.then_some(["CPU", "MEMORY", "DISK"]).into_iter().flatten());
    heading.extend(["URL", ""]);
    let row = |part: &PartStatus| {
        let mut row = vec![part.name.to_string(), part.kind.to_string(), part.text.clone()];
        row.extend(has_since.then(|| part.age(now)));
        row.extend(has_usage.then(|| part.usage.map(|usage| usage.cells()).unwrap_or_default()).into_iter().flatten());
        row.extend([part.url.clone().unwrap_or_default(), part.remarks()]);
        row
    };
    let rows = parts.iter().map(row).collect();
    (heading, rows)
}
