//! `devenv status`

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;

use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::commands::context::Context;
use crate::commands::orphaned::Remains;
use crate::commands::watch::watched as watched_by;
use crate::error::{Kind, Result};
use crate::host::watcher_process;
use crate::names::PartName;
use crate::plan::environment::lifecycle::End;
use crate::plan::observed::{Container, EngineHealth, STOPPED, State};
use crate::plan::parts::{Kind as PartKind, Part};
use crate::plan::steps::up::Request;
use crate::plan::watch::state::ModuleState;
use crate::plan::{Action, Step};
use crate::ui::screen;

/// Show what runs, what is stale and why
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv status --json")]
pub struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A part as `--json` prints it.
#[derive(Debug, Serialize)]
struct PartJson {
    name: PartName,
    kind: PartKind,
    state: String,
    url: Option<String>,
    stale: Vec<String>,
    /// The last runs of its steps, what runs, and what it waits for.
    #[serde(rename = "loop", skip_serializing_if = "Option::is_none")]
    steps: Option<ModuleState>,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &StatusArgs) -> Result<()> {
    match cx.session(Intent::Look).await {
        Ok(session) => print(cx, &session, args.json),
        Err(error) if error.kind == Kind::Usage => {
            let Some(states) = Remains::states(cx, &error).await? else { return Err(error) };
            by_labels(cx, states, args.json);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

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

/// Prints the table of parts.
pub fn print(cx: &Context, session: &Session, json: bool) -> Result<()> {
    let request = Request::default();
    let plan = session.up(&request).plan();
    let stale = |part: &Part| -> Vec<String> {
        let steps = plan.steps.iter().filter(|step| match &step.action {
            Action::Recreate(name) | Action::Install(name) | Action::Reload(name) => *name == part.name,
            _ => false,
        });
        steps.map(Step::why).collect()
    };
    let mut watched = watcher_process::state(&session.checkout.root);
    let is_watched = watcher_process::holder(&session.checkout.root).is_some();
    if !is_watched {
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
    let parts: Vec<PartJson> = session
        .environment
        .parts
        .values()
        .map(|part| PartJson {
            name: part.name.clone(),
            kind: part.kind,
            state: state(part, session),
            url: session.environment.url(part),
            stale: stale(part),
            steps: watched.modules.get(&part.name).cloned(),
        })
        .collect();
    if json {
        cx.screen.json(&parts);
        return Ok(());
    }
    if let Some(trouble) = watched.trouble {
        cx.screen.say(trouble);
    }
    let waiting = watched_by(session);
    if !is_watched && !screen::in_ci() && session.observed.running().iter().any(|part| waiting.contains(part)) {
        cx.screen.say("no watcher is running, so saving a file does nothing; `devenv up` starts it");
    }
    let rows: Vec<Vec<String>> = parts
        .into_iter()
        .map(|part| {
            let kind = format!("{:?}", part.kind).to_lowercase();
            let stale = (!part.stale.is_empty()).then(|| format!("stale: {}", part.stale.join(", ")));
            let steps = part.steps.map(|steps| steps.line(&part.name)).filter(|line| !line.is_empty());
            let rest: Vec<String> = stale.into_iter().chain(steps).collect();
            vec![part.name.to_string(), kind, part.state, part.url.unwrap_or_default(), rest.join("; ")]
        })
        .collect();
    cx.screen.table(&["NAME", "KIND", "STATE", "URL", ""], &rows);
    Ok(())
}

/// What a part does, in one word or two.
#[must_use]
pub fn state(part: &Part, session: &Session) -> String {
    let states: Vec<String> =
        session.observed.containers_of(&part.name).map(|container| state_of(part, container, session)).collect();
    let wanted = part.lifecycle.replicas;
    match states.first() {
        None if session.observed.done.contains_key(&part.name) => "done".to_owned(),
        None => "not created".to_owned(),
        Some(first) if states.iter().all(|state| state == first) && states.len() == wanted => first.clone(),
        Some(_) => {
            let kinds: BTreeSet<&String> = states.iter().collect();
            let count = |kind: &String| states.iter().filter(|state| *state == kind).count();
            let all: Vec<String> =
                kinds.into_iter().map(|kind| format!("{} of {wanted} {kind}", count(kind))).collect();
            all.join(", ")
        }
    }
}

fn state_of(part: &Part, container: &Container, session: &Session) -> String {
    match (container.state, part.kind) {
        (State::Running, _) if part.probe.is_none() && container.health == EngineHealth::Unhealthy => {
            "unhealthy".to_owned()
        }
        (State::Running, _) if part.probe.is_none() && container.health == EngineHealth::Starting => {
            "not ready".to_owned()
        }
        (State::Running, _) if part.probe.is_none() && container.health == EngineHealth::Healthy => {
            "healthy".to_owned()
        }
        (State::Running, _) if session.observed.ready.contains(&part.name) => "healthy".to_owned(),
        (State::Running, _) if part.probe.is_none() => "running".to_owned(),
        (State::Running, _) => "not ready".to_owned(),
        (State::Created, _) => "created".to_owned(),
        (State::Exited(0), PartKind::Task) => "done".to_owned(),
        (State::Exited(0), _) if part.lifecycle.end == End::Done => "done".to_owned(),
        (State::Exited(0 | STOPPED), _) => "stopped".to_owned(),
        (State::Exited(code), _) => format!("ended with code {code}"),
        (State::Paused, _) => "paused".to_owned(),
        (State::Restarting, _) => "restarting".to_owned(),
        (State::Removing, _) => "being removed".to_owned(),
    }
}
