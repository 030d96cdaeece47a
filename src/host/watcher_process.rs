//! The watcher's files below `.devenv/watch`: its lock, its log, and the state that others read.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::process::{Pid, Signal};

use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::files::{ownership, reading};
use crate::paths;
use crate::plan::watch::state::WatchState;
use crate::render::Access;

/// A log longer than this starts over; the last one is kept beside it.
const LONG: u64 = 1_000_000;

/// The lock of the one watcher of a checkout, held until it is dropped.
pub struct Held {
    file: File,
    path: PathBuf,
}

/// A process that watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub process: i32,
    /// The program that it is.
    pub program: String,
    /// The engine that it talks to.
    pub endpoint: String,
}

fn folder(root: &Path) -> PathBuf {
    paths::devenv(root).join(paths::WATCH)
}

/// The watcher's log.
#[must_use]
pub fn log(root: &Path) -> PathBuf {
    folder(root).join("log")
}

/// Which program this process is: another version, or the same one built again, is another.
#[must_use]
pub fn program() -> String {
    let file = std::env::current_exe().and_then(std::fs::metadata);
    let bytes = file.map(|file| format!("{}-{}-{}", file.len(), file.mtime(), file.mtime_nsec())).unwrap_or_default();
    format!("{}-{bytes}", env!("CARGO_PKG_VERSION"))
}

fn lock_path(root: &Path) -> PathBuf {
    folder(root).join("lock")
}

/// Makes this process the watcher, which talks to the engine at `endpoint`; `None` where there is one.
pub fn take(root: &Path, endpoint: &str) -> Result<Option<Held>> {
    files::make_folder(&folder(root), Access::Private)?;
    let path = lock_path(root);
    let mut file = ownership::open(&path).map_err(files::failed("open", &path))?;
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(None);
    }
    let text = format!("{} {} {endpoint}\n", std::process::id(), program());
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
    written.map_err(files::failed("write", &path))?;
    Ok(Some(Held { file, path }))
}

impl Held {
    /// Whether the lock still is where others look for it: not when the checkout or its `.devenv` is gone.
    #[must_use]
    pub fn is_there(&self) -> bool {
        let own = self.file.metadata().map(|file| (file.dev(), file.ino())).ok();
        let there = std::fs::metadata(&self.path).map(|file| (file.dev(), file.ino())).ok();
        own == there
    }
}

/// The process that watches a checkout, where there is one.
#[must_use]
pub fn holder(root: &Path) -> Option<Holder> {
    let (mut file, _) = reading::open(&lock_path(root)).ok()?;
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let (process, rest) = text.trim().split_once(' ')?;
    let (program, endpoint) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(Holder { process: process.parse().ok()?, program: program.to_owned(), endpoint: endpoint.to_owned() })
}

/// Ends the watcher of a checkout and waits until it has ended; says whether there was one.
pub async fn end(root: &Path) -> bool {
    let Some(first) = holder(root) else { return false };
    let mut signal = Signal::TERM;
    for round in 0..200 {
        // It may just be beginning, and another may follow it: only the one that holds the lock is ended.
        match holder(root) {
            Some(now) if now.process == first.process => {}
            _ => return true,
        }
        if round % 100 == 0 {
            let process = Pid::from_raw(first.process);
            let sent = process.map(|process| rustix::process::kill_process(process, signal));
            if sent == Some(Err(Errno::PERM)) {
                // Root started it. It ends when its lock is gone, and the folder is ours.
                let _ = files::remove(&lock_path(root));
            }
            signal = Signal::KILL;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

/// Starts a watcher that has nothing of this process but its environment: a session of its own, no terminal, all that it
/// says in the log. `env` keeps it at our engine, whatever the current context is later. Returns its number.
pub fn spawn(root: &Path, args: &[String], env: &[(&str, String)]) -> Result<u32> {
    files::make_folder(&folder(root), Access::Private)?;
    let path = log(root);
    let output = ownership::open_at_end(&path).map_err(files::failed("open", &path))?;
    let errors = output.try_clone().map_err(files::failed("open", &path))?;
    let program = std::env::current_exe().map_err(|error| Error::message(Kind::Bug, error))?;
    let mut command = std::process::Command::new(program);
    command
        .args(args)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors);
    let child =
        command.spawn().map_err(|error| Error::message(Kind::Failed, format!("cannot start the watcher: {error}")))?;
    Ok(child.id())
}

/// Leaves the session of whoever started this process, so that its terminal's end is not ours.
pub fn leave_session() {
    // It fails only for a leader of a process group, who has left already.
    let _ = rustix::process::setsid();
}

/// Begins a new log where the old one is long; standard output and error go there from then on.
pub fn rotate(root: &Path) -> Result<()> {
    let path = log(root);
    if std::fs::metadata(&path).map_or(0, |file| file.len()) < LONG {
        return Ok(());
    }
    std::fs::rename(&path, path.with_extension("1")).map_err(files::failed("rename", &path))?;
    let new = ownership::open_at_end(&path).map_err(files::failed("open", &path))?;
    let switched = rustix::stdio::dup2_stdout(&new).and_then(|()| rustix::stdio::dup2_stderr(&new));
    switched.map_err(|error| files::failed("open", &path)(error.into()))
}

/// What is known; nothing where the file is not there or damaged, since it is only remembered.
#[must_use]
pub fn state(root: &Path) -> WatchState {
    let text = files::read_text(&folder(root).join("state.json")).ok().flatten();
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Changes what is known, while nobody else does.
pub fn update<T>(root: &Path, change: impl FnOnce(&mut WatchState) -> T) -> Result<T> {
    // A checkout that was deleted is not recreated by what remembers it.
    if !paths::devenv(root).is_dir() {
        return Err(Error::message(Kind::Failed, format!("{} is no longer a checkout", root.display())));
    }
    files::make_folder(&folder(root), Access::Private)?;
    let lock = folder(root).join("state.lock");
    let guard = ownership::open(&lock).map_err(files::failed("open", &lock))?;
    rustix::fs::flock(&guard, FlockOperation::LockExclusive)
        .map_err(|error| files::failed("lock", &lock)(error.into()))?;
    let before = state(root);
    let mut after = before.clone();
    let answer = change(&mut after);
    if after != before {
        let path = folder(root).join("state.json");
        let made = tempfile::NamedTempFile::new_in(folder(root)).and_then(|mut file| {
            file.write_all(&serde_json::to_vec_pretty(&after)?)?;
            ownership::hand_over(file.path())?;
            file.persist(&path).map_err(|error| error.error)
        });
        made.map_err(files::failed("write", &path))?;
    }
    Ok(answer)
}
