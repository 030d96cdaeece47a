//! `devenv watch`, and the watcher itself, which `up` starts in the background.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use tokio::signal::unix::{SignalKind, signal};

use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::apply::watch::watch_settings::WatchSettings;
use crate::apply::watch::{Stop, Watcher};
use crate::commands::certs;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::docker::endpoint::Choice;
use crate::host::files::reading;
use crate::host::{checkout, clock, watcher_process};
use crate::names::PartName;
use crate::plan::watch::rules;
use crate::plan::watch::state::{ModuleState, Run};
use crate::ui::screen::visible;

/// Show what the watcher does, as it does it
///
/// Ctrl-C ends the view and nothing else: the watcher goes on in the background.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv watch")]
pub struct WatchArgs {
    /// Modules [default: all that are watched]
    pub names: Vec<String>,
    /// Number of lines to begin with
    #[arg(short = 'n', long, value_name = "LINES", default_value_t = 20)]
    pub tail: usize,
}

/// Between two looks at the log.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two tries to renew a certificate.
const RENEW_AGAIN: Duration = Duration::from_secs(3600);
/// A restart that waits this long for something else is not about to happen.
const BLOCKED: Duration = Duration::from_secs(3);
/// Longest wait for a watcher that begins.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries to read settings while the engine is away.
const AGAIN: Duration = Duration::from_secs(2);

/// Runs `watch`.
pub async fn watch(cx: &Context, args: &WatchArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let root = session.checkout.root.clone();
    if rules(&session.checkout.project, &session.environment).is_empty() {
        return Err(Error::message(Kind::Usage, "no module asks to be watched")
            .hint("`watch: {}` restarts a module when a file is saved, `watch: {on_change: [build, test]}` runs its steps first"));
    }
    if watcher_process::holder(&root).is_none() && !session.observed.runs() {
        return Err(Error::message(Kind::Failed, "nothing runs that could be watched").hint("`devenv up` starts it"));
    }
    ensure(cx, &session).await?;
    let names = session.names(&args.names)?;
    let mut log = Log::open(&root, args.tail)?;
    loop {
        for line in log.lines().into_iter().filter(|line| is_of(line, &names)) {
            if !cx.screen.line(&visible(&line)) {
                return Ok(());
            }
        }
        if watcher_process::holder(&root).is_none() {
            cx.screen.say("the watcher has ended");
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether a line of the log is about one of these modules, or about no module; each begins with the time of day.
fn is_of(line: &str, names: &[PartName]) -> bool {
    let subject = line.split(' ').nth(1).unwrap_or_default();
    names.is_empty() || names.iter().any(|name| name.as_str() == subject) || PartName::new(subject).is_err()
}

/// The log as it grows, through its rotations.
struct Log {
    path: PathBuf,
    file: Option<File>,
    begun: Vec<u8>,
}

impl Log {
    /// The log from its last lines on.
    fn open(root: &Path, tail: usize) -> Result<Self> {
        let path = watcher_process::log(root);
        let (mut file, _) = reading::open(&path).map_err(crate::host::files::failed("read", &path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(crate::host::files::failed("read", &path))?;
        let mut ends = bytes.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let from = ends.nth(tail).unwrap_or_default();
        Ok(Self { path, file: Some(file), begun: bytes.split_off(from) })
    }

    fn lines(&mut self) -> Vec<String> {
        if let Some(file) = &mut self.file {
            // What cannot be read now is read at the next look.
            let _ = file.read_to_end(&mut self.begun);
        }
        let other = std::fs::metadata(&self.path).map(|file| file.ino()).ok();
        let own = self.file.as_ref().and_then(|file| file.metadata().ok()).map(|file| file.ino());
        if other.is_some() && other != own {
            self.file = reading::open(&self.path).ok().map(|(file, _)| file);
            if let Some(file) = &mut self.file {
                let _ = file.seek(SeekFrom::Start(0));
                let _ = file.read_to_end(&mut self.begun);
            }
        }
        let end = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole: Vec<u8> = self.begun.drain(..end).collect();
        String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect()
    }
}

/// The modules that the watcher has something to do for.
#[must_use]
pub fn watched(session: &Session) -> BTreeSet<PartName> {
    let parts = session.environment.parts.values();
    let copied = parts.filter(|part| part.is_copied()).map(|part| part.name.clone());
    copied.chain(rules(&session.checkout.project, &session.environment).into_keys()).collect()
}

/// Sees to it that the right watcher runs, if a module asks for one, and says what it does about it.
pub async fn ensure(cx: &Context, session: &Session) -> Result<()> {
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
        cx.screen.say(if holder.endpoint == *endpoint {
            "the watcher is of another version: it is replaced".to_owned()
        } else {
            format!("the watcher talks to another engine, {}: it is replaced", holder.endpoint)
        });
        watcher_process::end(root).await;
    }
    let mut args: Vec<String> = Vec::new();
    match &cx.file {
        Some(file) => args.extend(["--file".to_owned(), format!("{}/{file}", session.machine.root)]),
        None => args.extend(["--directory".to_owned(), session.machine.root.clone()]),
    }
    args.push("watcher".to_owned());
    let process = watcher_process::spawn(root, &args, &Choice::of_environment().pinned()?)?;
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE && watcher_process::state(root).ready != Some(process) {
        if begin.elapsed() > Duration::from_secs(1) && watcher_process::holder(root).is_none() {
            let log = watcher_process::log(root);
            let message = format!("the watcher could not begin; its log is {}", log.display());
            return Err(Error::message(Kind::Failed, message));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let names = watched(session);
    let names: Vec<&str> = names.iter().map(PartName::as_str).collect();
    let what = if names.is_empty() { "for parts that die".to_owned() } else { names.join(", ") };
    cx.screen.say(format!("watching {what} in the background: `devenv watch` shows it"));
    Ok(())
}

/// Waits until no module is about to be restarted by the watcher: `up` has ended when nothing is left to do, and whoever
/// asks a module right after it must not meet one that is just ending.
///
/// # Errors
/// A module that did not come up again.
pub async fn settle(cx: &Context, session: &Session, began: u64) -> Result<()> {
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
            cx.screen.say(format!("waiting for {}: the source changed, so the watcher restarts it", names.join(", ")));
        }
        tokio::time::sleep(PAUSE / 5).await;
    }
}

/// The watched modules whose last build failed: the program that runs is the one of the build before.
pub fn not_built(session: &Session) -> Vec<PartName> {
    let state = watcher_process::state(&session.checkout.root).modules;
    let failed = |name: &PartName| state.get(name).is_some_and(ModuleState::build_failed);
    watched(session).into_iter().filter(failed).collect()
}

fn not_up_again(module: &PartName, run: &Run) -> Error {
    let lines: String = run.lines.iter().map(|line| format!("\n    {line}")).collect();
    let error =
        Error::message(Kind::Failed, format!("`{module}` did not come up again after its source changed{lines}"));
    error.hint(format!("fix it and save: the watcher starts it again; `devenv logs {module}` shows all of its log"))
}

/// Watches until it is told to end.
pub async fn watcher(cx: &Context) -> Result<()> {
    watcher_process::leave_session();
    let root = cx.root()?;
    let Some(held) = watcher_process::take(&root, &cx.engine()?.endpoint)? else { return Ok(()) };
    let failed = |error| Error::message(Kind::Bug, error);
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    let read_at = SystemTime::now();
    let session = cx.session(Intent::Look).await?;
    let engine = session.engine.clone();
    let screen = cx.screen;
    let say = move |line: &str| screen.say(format!("{} {line}", time_of_day()));
    let mut not_before = SystemTime::UNIX_EPOCH;
    let mut watcher = Watcher::new(engine, setting(cx, session, read_at, not_before), held, Box::new(say)).await;
    loop {
        let stop = tokio::select! {
            stop = watcher.run() => stop?,
            _ = term.recv() => {
                say("ended");
                watcher.end().await;
                return Ok(());
            }
        };
        if stop == Stop::Gone {
            say("ended: its lock is gone, with the checkout or by a user who may not signal it");
            watcher.end().await;
            return Ok(());
        }
        if stop == Stop::Certificates {
            let renewed = tokio::select! {
                renewed = certs::renew(cx, &say) => renewed,
                _ = term.recv() => {
                    say("ended");
                    watcher.end().await;
                    return Ok(());
                }
            };
            if let Err(error) = renewed {
                say(&format!("the certificate cannot be renewed now, another try comes in an hour: {error}"));
                not_before = SystemTime::now() + RENEW_AGAIN;
            }
        }
        let read_at = SystemTime::now();
        match cx.session(Intent::Look).await {
            Ok(session) => watcher.configure(setting(cx, session, read_at, not_before)),
            Err(error) if error.kind == Kind::Missing => {
                say(&format!("{error}"));
                tokio::time::sleep(AGAIN).await;
                watcher.read_settings_again();
            }
            Err(error) => say(&format!("settings are wrong, the old ones stay in force: {error}")),
        }
    }
}

/// The settings, whose files began to be read at `read_at`; no certificate is renewed before `not_before`.
fn setting(cx: &Context, session: Session, read_at: SystemTime, not_before: SystemTime) -> WatchSettings {
    let renew_at = certs::renew_at(&session).map(|at| at.max(not_before));
    let Session { checkout, environment, images, observed, .. } = session;
    let mut files: Vec<PathBuf> =
        [cx.main(), checkout::LOCAL].into_iter().map(|file| checkout.root.join(file)).collect();
    for module in checkout.project.file.modules.values() {
        let locks = module.deps.iter().flat_map(|deps| &deps.lock);
        files.extend(locks.map(|lock| checkout.root.join(module.path.join(lock).as_str())));
    }
    WatchSettings { checkout, environment, images, stamps: observed.stamps, files, renew_at, read_at }
}

/// The time of day, in UTC.
fn time_of_day() -> String {
    let seconds = clock::seconds();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}Z")
}
