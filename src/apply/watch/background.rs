//! The watcher as other commands see it: one process per checkout, which they start, replace and wait for.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::apply::session::Session;
use crate::error::{Error, Kind, Result};
use crate::host::docker::endpoint::Choice;
use crate::host::watcher_process;
use crate::names::PartName;
use crate::plan::watch::rules;
use crate::plan::watch::state::{ModuleState, Run};

/// Between two looks at what the watcher says of itself.
const PAUSE: Duration = Duration::from_millis(20);
/// A restart that waits this long for something else is not about to happen.
const BLOCKED: Duration = Duration::from_secs(3);
/// Longest wait for a watcher that begins.
const PATIENCE: Duration = Duration::from_secs(10);

/// The modules that the watcher has something to do for.
#[must_use]
pub fn watched(session: &Session) -> BTreeSet<PartName> {
    if !session.checkout.is_main() {
        return BTreeSet::new();
    }
    let parts = session.environment.parts.values();
    let copied = parts.filter(|part| part.is_copied()).map(|part| part.name.clone());
    copied.chain(rules(&session.checkout.project, &session.environment).into_keys()).collect()
}

/// Sees to it that the right watcher runs, if a module asks for one, and says what it does about it.
/// `file` is the configuration file, where it is not the usual one.
pub async fn ensure(session: &Session, file: Option<&str>, say: impl Fn(String)) -> Result<()> {
    if !session.checkout.is_main() {
        return Ok(());
    }
    let root = &session.checkout.root;
    let holder = watcher_process::holder(root);
    if watched(session).is_empty() && session.checkout.project.file.notify.is_none() {
        if holder.is_some() {
            watcher_process::end(root).await;
        }
        return Ok(());
    }
    if let Some(holder) = holder {
        let endpoint = &session.engine.endpoint;
        if holder.program == watcher_process::program() && holder.endpoint == *endpoint {
            return Ok(());
        }
        say(if holder.endpoint == *endpoint {
            "the watcher is from another version: replacing it".to_owned()
        } else {
            format!("the watcher talks to another engine, {}: replacing it", holder.endpoint)
        });
        watcher_process::end(root).await;
    }
    let mut args: Vec<String> = Vec::new();
    match file {
        Some(file) => args.extend(["--file".to_owned(), format!("{}/{file}", session.machine.root)]),
        None => args.extend(["--directory".to_owned(), session.machine.root.clone()]),
    }
    args.push("watcher".to_owned());
    let process = watcher_process::spawn(root, &args, &Choice::of_environment().pinned()?)?;
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE && watcher_process::state(root).ready != Some(process) {
        if begin.elapsed() > Duration::from_secs(1) && watcher_process::holder(root).is_none() {
            let log = watcher_process::log(root);
            let message = format!("the watcher could not start; its log is {}", log.display());
            return Err(Error::message(Kind::Failed, message));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let names = watched(session);
    let names: Vec<&str> = names.iter().map(PartName::as_str).collect();
    let what = if names.is_empty() { "for parts that die".to_owned() } else { names.join(", ") };
    say(format!("watching {what} in the background: `devenv watch` shows it"));
    Ok(())
}

/// Waits until no module is about to be restarted by the watcher: `up` has ended when nothing is left to do, and whoever
/// asks a module right after it must not meet one that is just ending.
///
/// # Errors
/// A module that did not come up again.
pub async fn settle(session: &Session, began: u64, say: impl Fn(String)) -> Result<()> {
    let root = &session.checkout.root;
    let modules = watched(session);
    let mut told = false;
    let mut blocked = Instant::now();
    loop {
        let state = watcher_process::state(root).modules;
        let known = modules.iter().filter_map(|name| Some((name, state.get(name)?)));
        let restarting: Vec<(&PartName, &ModuleState)> = known.filter(|(_, known)| known.restarts).collect();
        if restarting.is_empty() || watcher_process::holder(root).is_none() {
            let failed = modules.iter().find_map(|name| Some((name, state.get(name)?.failed_restart(began)?)));
            return failed.map_or(Ok(()), |(name, run)| Err(not_up_again(name, run)));
        }
        if restarting.iter().any(|(_, known)| known.waits.is_none()) {
            blocked = Instant::now();
        } else if blocked.elapsed() >= BLOCKED {
            return Ok(());
        }
        if !std::mem::replace(&mut told, true) {
            let names: Vec<&str> = restarting.iter().map(|(name, _)| name.as_str()).collect();
            say(format!("waiting for {}: the source changed, so the watcher restarts it", names.join(", ")));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The watched modules whose last build failed: the program that runs is the one of the build before.
#[must_use]
pub fn not_built(session: &Session) -> Vec<PartName> {
    let state = watcher_process::state(&session.checkout.root).modules;
    let failed = |name: &PartName| state.get(name).is_some_and(ModuleState::build_failed);
    watched(session).into_iter().filter(failed).collect()
}

fn not_up_again(module: &PartName, run: &Run) -> Error {
    let lines: String = run.lines.iter().map(|line| format!("\n    {line}")).collect();
    let error =
        Error::message(Kind::Failed, format!("`{module}` did not come up again after its source changed{lines}"));
    error.hint(format!("fix it and save: the watcher starts it again; `devenv logs {module}` shows its whole log"))
}
