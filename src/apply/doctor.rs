//! Repairs a machine: walks the fixes, says each call before it runs, and looks again afterwards.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use tokio::time::{Instant, sleep};

use crate::error::{Error, Kind, Result};
use crate::host::docker::endpoint;
use crate::host::machine;
use crate::host::process::{self, Cmd};
use crate::plan::doctor::compose_is_good;
use crate::plan::doctor::repairs::{Check, Fix, RepairAction, Way, When};
use crate::plan::machine::{EngineState, Silence, Tool};

/// The engine's process.
const DAEMON: &str = "dockerd";
/// How long an engine may take to start.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// How long a start may go on without a process.
const PROCESS_DEADLINE: Duration = Duration::from_secs(3);
/// How often a starting engine is asked.
const PAUSE: Duration = Duration::from_millis(200);
/// How many of the last lines tell why something failed.
const LAST_LINES: usize = 10;

/// Carries out `fixes` in their order and hands each line of progress to `say`. A fix whose aim is reached already is
/// passed over.
///
/// Dropping the future ends the running call; what was installed so far stays, and nothing half done does.
pub async fn fix(fixes: &[Fix], say: &mut dyn FnMut(&str)) -> Result<()> {
    let _lock = lock(&endpoint::config_dir(), say)?;
    for fix in fixes {
        if unmet(&fix.done).await.is_some() {
            say(&fix.why);
            reach(fix, say).await?;
        }
    }
    Ok(())
}

/// Tries the ways to one aim. While an engine runs, none is started: two on one machine take each other's bridge away.
async fn reach(fix: &Fix, say: &mut dyn FnMut(&str)) -> Result<()> {
    let starts_engine = fix.done.contains(&Check::EngineRuns);
    if starts_engine && machine::running(DAEMON) {
        return wait(fix, None).await;
    }
    let mut failed = None;
    for way in fix.ways.iter().filter(|way| makes_sense(&way.when)) {
        if let Some(error) = failed.take() {
            say(&format!("that did not help: {error}"));
        }
        let result = match go(way, say).await {
            Ok(()) => wait(fix, way.log.as_deref()).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => return Ok(()),
            Err(error) if starts_engine && machine::running(DAEMON) => return Err(error),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(()), Err)
}

fn makes_sense(when: &When) -> bool {
    match when {
        When::Always => true,
        When::LogSays(log, text) => fs::read_to_string(log).is_ok_and(|said| said.contains(text)),
    }
}

/// Goes one way to its end, and says each call before it runs.
pub async fn go(way: &Way, say: &mut dyn FnMut(&str)) -> Result<()> {
    let mut scratch = Vec::new();
    for action in &way.actions {
        say(&format!("$ {action}"));
        match action {
            RepairAction::Run(argv) => run(argv).await?,
            RepairAction::Try(argv) => {
                if let Err(error) = run(argv).await {
                    say(&format!("continuing without it: {error}"));
                }
            }
            RepairAction::Scratch(path) => scratch.push(Scratch::new(path)?),
            RepairAction::Write(path, text) => fs::write(path, text).map_err(|error| cannot("write", path, &error))?,
        }
    }
    Ok(())
}

async fn run(argv: &[String]) -> Result<()> {
    let Some((program, args)) = argv.split_first() else { return Ok(()) };
    let cmd = Cmd::new(program, args.iter().cloned());
    let output = process::output(&cmd).await?;
    if output.status.success() {
        return Ok(());
    }
    let said = format!("{}{}", output.stdout, output.stderr);
    Err(Error::message(Kind::Failed, format!("`{cmd}` failed: {}\n{}", output.status, last_lines(&said))))
}

/// Waits until the aim is reached. Only an engine takes time for that.
async fn wait(fix: &Fix, log: Option<&Path>) -> Result<()> {
    let begin = Instant::now();
    loop {
        let Some(check) = unmet(&fix.done).await else { return Ok(()) };
        let deadline = match check {
            Check::EngineRuns if machine::running(DAEMON) => START_DEADLINE,
            Check::EngineRuns => PROCESS_DEADLINE,
            _ => Duration::ZERO,
        };
        if begin.elapsed() >= deadline {
            return Err(not_reached(check, log));
        }
        sleep(PAUSE).await;
    }
}

fn not_reached(check: &Check, log: Option<&Path>) -> Error {
    let message = match check {
        Check::Program(name) => format!("`{name}` is still missing"),
        Check::Compose => "`docker compose` is still missing, or too old".to_owned(),
        Check::Buildx => "`docker buildx` is still missing".to_owned(),
        Check::EngineRuns => "the engine does not answer".to_owned(),
        Check::InDockerGroup => "the user is still not in the group `docker`".to_owned(),
    };
    let said = log.and_then(|log| Some((log, fs::read_to_string(log).ok()?)));
    let said = said.map(|(log, said)| format!("\nlast lines of {}:\n{}", log.display(), last_lines(&said)));
    Error::message(Kind::Failed, message + &said.unwrap_or_default())
}

/// The first check that does not hold.
async fn unmet(checks: &[Check]) -> Option<&Check> {
    for check in checks {
        let holds = match check {
            Check::Program(name) => machine::programs::program(name).is_some(),
            Check::Compose => compose_is_good(&machine::compose().await),
            Check::Buildx => matches!(machine::buildx().await, Tool::Works(_)),
            Check::EngineRuns => matches!(
                machine::engine().await,
                EngineState::Answers { .. } | EngineState::Silent { silence: Silence::Denied, .. }
            ),
            Check::InDockerGroup => machine::user().in_docker_group,
        };
        if !holds {
            return Some(check);
        }
    }
    None
}

/// A directory that goes away with its value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: &Path) -> Result<Self> {
        // What a killed devenv has left.
        let _ = fs::remove_dir_all(path);
        fs::create_dir_all(path).map_err(|error| cannot("make", path, &error))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One devenv of a user repairs at a time: they would share a scratch directory. The kernel frees the lock.
fn lock(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<OwnedFd> {
    let failed = |error: io::Error| cannot("lock", folder, &error);
    // It will have credentials some day: only for this user, as docker makes it.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let descriptor = rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let descriptor = descriptor.map_err(|error| failed(error.into()))?;
    if rustix::fs::flock(&descriptor, FlockOperation::NonBlockingLockExclusive).is_err() {
        say("waiting for another devenv that is repairing this machine");
        rustix::fs::flock(&descriptor, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
    }
    Ok(descriptor)
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> Error {
    Error::message(Kind::Failed, format!("cannot {verb} {}: {error}", path.display()))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..]
        .iter()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::machine::Rank;

    /// A fix whose ways are lines for `sh`, and whose aim is that a program is there.
    fn fix_of(ways: &[Way], aim: &Path) -> Fix {
        Fix {
            why: "make it".to_owned(),
            by: Rank::Normal,
            ways: ways.to_vec(),
            done: vec![Check::Program(aim.display().to_string())],
        }
    }

    fn way(actions: Vec<RepairAction>) -> Way {
        Way { when: When::Always, actions, log: None }
    }

    fn sh(line: &str) -> RepairAction {
        RepairAction::Run(["sh", "-c", line].map(str::to_owned).to_vec())
    }

    /// What was said, with the name of the directory left out, and how it ended.
    async fn carried_out(fixes: &[Fix], dir: &Path) -> String {
        let mut said = String::new();
        let mut result = Ok(());
        for fix in fixes {
            if unmet(&fix.done).await.is_some() && result.is_ok() {
                said += &format!("{}\n", fix.why);
                result = reach(fix, &mut |line| said += &format!("{line}\n")).await;
            }
        }
        if let Err(error) = result {
            said += &format!("error: {error}\n");
        }
        said.replace(&dir.display().to_string(), "DIR")
    }

    #[tokio::test]
    async fn each_call_is_said_and_a_second_run_does_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let aim = dir.path().join("aim");
        let make = format!("cp /bin/true {}", aim.display());
        let fixes = [fix_of(&[way(vec![sh(&make)])], &aim)];
        assert_eq!(carried_out(&fixes, dir.path()).await, "make it\n$ sh -c 'cp /bin/true DIR/aim'\n");
        assert_eq!(carried_out(&fixes, dir.path()).await, "");
    }

    #[tokio::test]
    async fn a_way_that_fails_is_followed_by_the_next_that_makes_sense() {
        let dir = tempfile::tempdir().unwrap();
        let (aim, log) = (dir.path().join("aim"), dir.path().join("log"));
        fs::write(&log, "one\nno graphdriver\n").unwrap();
        let when = |text| Way { when: When::LogSays(log.clone(), text), ..way(vec![sh("echo never; exit 4")]) };
        let ways = [
            way(vec![sh("echo out; echo err >&2; exit 3"), sh("echo not reached")]),
            when("no such text"),
            Way { log: Some(log.clone()), ..way(vec![sh("true")]) },
            when("graphdriver"),
        ];
        assert_eq!(
            carried_out(&[fix_of(&ways, &aim)], dir.path()).await,
            "\
make it
$ sh -c 'echo out; echo err >&2; exit 3'
that did not help: `sh -c 'echo out; echo err >&2; exit 3'` failed: exit status: 3
  out
  err
$ sh -c true
that did not help: `DIR/aim` is still missing
last lines of DIR/log:
  one
  no graphdriver
$ sh -c 'echo never; exit 4'
error: `sh -c 'echo never; exit 4'` failed: exit status: 4
  never
"
        );
    }

    #[tokio::test]
    async fn an_interrupted_fix_leaves_no_scratch() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = dir.path().join("scratch");
        let begun = scratch.join("begun");
        let actions = vec![RepairAction::Scratch(scratch.clone()), sh(&format!("touch {}; sleep 60", begun.display()))];
        let fix = fix_of(&[way(actions)], &dir.path().join("aim"));
        let seen = async {
            while !begun.exists() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let mut quiet = |_: &str| {};
        tokio::select! {
            _ = reach(&fix, &mut quiet) => panic!("it cannot end by itself"),
            () = seen => {}
        }
        assert!(!scratch.exists());
    }

    #[tokio::test]
    async fn scratch_goes_away_also_after_a_failure_and_what_may_fail_may() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = dir.path().join("scratch");
        let actions = vec![
            RepairAction::Scratch(scratch.clone()),
            RepairAction::Write(scratch.join("file"), "text\n".to_owned()),
            RepairAction::Try(["false"].map(str::to_owned).to_vec()),
            sh(&format!("cat {}; exit 1", scratch.join("file").display())),
        ];
        assert_eq!(
            carried_out(&[fix_of(&[way(actions)], &dir.path().join("aim"))], dir.path()).await,
            "\
make it
$ mkdir -p DIR/scratch
$ cat > DIR/scratch/file <<'END'
text
END
$ false || true
continuing without it: `false` failed: exit status: 1

$ sh -c 'cat DIR/scratch/file; exit 1'
error: `sh -c 'cat DIR/scratch/file; exit 1'` failed: exit status: 1
  text
"
        );
        assert!(!scratch.exists());
    }
}
