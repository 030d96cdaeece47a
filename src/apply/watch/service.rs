//! The watcher's process: reads the settings, watches, and reads them again when they have changed.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};

use crate::apply::certs::renewal;
use crate::apply::session::Session;
use crate::apply::watch::watch_settings::WatchSettings;
use crate::apply::watch::{Stop, Watcher};
use crate::error::{Error, Kind, Result};
use crate::host::locks::ProjectLock;
use crate::host::watcher_process::Held;
use crate::host::{checkout, clock, own_build};
use crate::plan::images::{Node, builds};

/// Between two tries to renew a certificate.
const RENEW_AGAIN: Duration = Duration::from_secs(3600);
/// Between two tries to read settings while the engine is unreachable.
const AGAIN: Duration = Duration::from_secs(2);

/// The files of contexts that are looked at for a change: each is asked for its time again and again.
const MOST_OF_CONTEXTS: usize = 2_000;

/// How the watcher reads its checkout: as any other command does, from the same files.
pub trait Reader {
    /// The name of the configuration file.
    fn main(&self) -> &str;
    /// Reads the checkout and looks at the world.
    fn look(&self) -> impl Future<Output = Result<Session>>;
    /// The same to change something, with the checkout's lock.
    fn lock(&self) -> impl Future<Output = Result<(Session, ProjectLock)>>;
}

/// Watches until it is asked to end. `say` prints a line into the log.
pub async fn serve(reader: &impl Reader, held: Held, say: impl Fn(&str) + Copy + Send + Sync + 'static) -> Result<()> {
    let failed = |error| Error::message(Kind::Bug, error);
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    let read_at = SystemTime::now();
    let session = reader.look().await?;
    let engine = session.engine.clone();
    let say = move |line: &str| say(&format!("{} {line}", time_of_day()));
    let mut not_before = SystemTime::UNIX_EPOCH;
    let mut watcher =
        Watcher::new(engine, settings(reader.main(), session, read_at, not_before), held, Box::new(say)).await;
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
            say("stopped: its lock was removed, with the checkout or by a user who may not signal it");
            watcher.end().await;
            return Ok(());
        }
        if stop == Stop::Certificates {
            let renewed = tokio::select! {
                renewed = renew(reader, say) => renewed,
                _ = term.recv() => {
                    say("ended");
                    watcher.end().await;
                    return Ok(());
                }
            };
            if let Err(error) = renewed {
                say(&format!("the certificate could not be renewed, trying again in an hour: {error}"));
                not_before = SystemTime::now() + RENEW_AGAIN;
            }
        }
        let read_at = SystemTime::now();
        match reader.look().await {
            Ok(session) => {
                stale_images(&session).iter().for_each(|line| say(line));
                watcher.configure(settings(reader.main(), session, read_at, not_before));
            }
            Err(error) if error.kind == Kind::Missing => {
                say(&format!("{error}"));
                tokio::time::sleep(AGAIN).await;
                watcher.read_settings_again();
            }
            Err(error) => say(&format!("the new settings are invalid, keeping the old ones: {error}")),
        }
    }
}

async fn renew(reader: &impl Reader, say: impl Fn(&str)) -> Result<()> {
    let (session, _lock) = reader.lock().await?;
    renewal::renew(&session, say)
}

/// A line about each image that parts run in and that is not as its files say: nothing is built unasked.
fn stale_images(session: &Session) -> Vec<String> {
    let wanted = session.images.needed(&builds::wanted_images(session.environment.parts.values()));
    let missing = wanted.into_iter().filter(|node| !session.observed.tags.contains(&node.tag));
    let line = |node: &Node| {
        format!("image {} is stale: {}; `devenv up` builds it", node.name, builds::why_image(node, &session.observed))
    };
    missing.map(line).collect()
}

/// The settings, whose files began to be read at `read_at`; no certificate is renewed before `not_before`.
fn settings(main: &str, session: Session, read_at: SystemTime, not_before: SystemTime) -> WatchSettings {
    let renew_at = renewal::renew_at(&session).map(|at| at.max(not_before));
    let Session { checkout, environment, images, observed, .. } = session;
    let mut files: Vec<PathBuf> = [main, checkout::LOCAL].into_iter().map(|file| checkout.root.join(file)).collect();
    for module in checkout.project.file.modules.values() {
        let locks = module.deps.iter().flat_map(|deps| &deps.lock);
        files.extend(locks.map(|lock| checkout.root.join(module.path.join(lock).as_str())));
    }
    let own = checkout.assets.all_own().flat_map(|build| own_build::watched(&checkout.root, build));
    files.extend(own.take(MOST_OF_CONTEXTS));
    WatchSettings { checkout, environment, images, stamps: observed.stamps, files, renew_at, read_at }
}

/// The time of day, in UTC.
fn time_of_day() -> String {
    let seconds = clock::seconds();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}Z")
}
