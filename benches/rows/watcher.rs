//! The watcher: from a saved file to a healthy program, and what a hundred thousand files cost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::{Goal, Project, Row};

/// A module whose build takes half a second and whose command answers on a port.
const MODULE: &str = "\
modules:
  part:
    path: part
    image: base
    build: sleep 0.5
    run: exec perl -MIO::Socket::INET -e '$$s=IO::Socket::INET->new(LocalPort=>8000,Listen=>9,ReuseAddr=>1);close $$s->accept while 1'
    port: 8000
    watch: {on_change: [build]}
";
/// What that build takes.
const BUILD: Duration = Duration::from_millis(500);
/// Folders and files in each.
const TREE: (usize, usize) = (2_000, 50);
/// Most memory of a watcher with all of them, in kilobytes, and most of a processor, as a part.
const MOST: (u64, f64) = (60_000, 0.01);

/// Measures both.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let project = Project::new("watch", MODULE)?;
    let root = project.folder.path();
    fs::create_dir_all(root.join("part"))?;
    fs::write(root.join("part/source"), "0")?;
    project.devenv(&["up", "--yes"]).run()?;
    let log = root.join(".devenv/watch/log");
    let mut times = Vec::new();
    for round in 0..20 {
        let before = fs::read_to_string(&log).context("nothing watches: is CI set?")?.len();
        let begin = Instant::now();
        fs::write(root.join("part/source"), format!("{round}\n"))?;
        until(Duration::from_secs(20), || Ok(fs::read_to_string(&log)?[before..].contains("restarted, healthy")))?;
        times.push(begin.elapsed().saturating_sub(BUILD));
    }
    times.sort();
    let what = "save → rebuilt, restarted, healthy, over the build".to_owned();
    let saved = Row { what, own: times[times.len() / 2], goal: Goal::Time(Duration::from_millis(150)) };
    project.devenv(&["down"]).run()?;

    for folder in 0..TREE.0 {
        let folder = root.join(format!("part/{:02}/{folder}", folder % 40));
        fs::create_dir_all(&folder)?;
        (0..TREE.1).try_for_each(|file| fs::write(folder.join(file.to_string()), format!("{file}\n").repeat(50)))?;
    }
    let begin = Instant::now();
    let watcher = Watcher::start(root, project.state.path())?;
    watcher.wait(root)?;
    let ready = begin.elapsed();
    // First it reads all files once; then nothing is left to do.
    until(Duration::from_secs(60), || Ok(watcher.load(Duration::from_secs(2))? <= MOST.1))?;
    let (memory, load) = (watcher.memory()?, watcher.load(Duration::from_secs(10))?);
    ensure!(memory <= MOST.0, "the watcher has {memory} KB, and not {}", MOST.0);
    ensure!(load <= MOST.1, "the idle watcher takes {:.1} % of a processor", load * 100.0);
    let what = format!("watcher, ready with {} files ({} MB, {:.1} %)", TREE.0 * TREE.1, memory / 1000, load * 100.0);
    Ok(vec![saved, Row { what, own: ready, goal: Goal::Time(Duration::from_secs(2)) }])
}

/// A watcher that is ours to end.
struct Watcher(Child);

impl Watcher {
    fn start(root: &Path, state: &Path) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devenv"));
        command.arg("watcher").current_dir(root).env("XDG_STATE_HOME", state);
        Ok(Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }

    fn wait(&self, root: &Path) -> Result<()> {
        let ready = format!("\"ready\": {}", self.0.id());
        until(Duration::from_secs(60), || {
            Ok(fs::read_to_string(root.join(".devenv/watch/state.json")).is_ok_and(|text| text.contains(&ready)))
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0.id()))
    }

    /// Memory in kilobytes.
    fn memory(&self) -> Result<u64> {
        let text = fs::read_to_string(self.file("status"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// The part of a processor that it takes while we look. The kernel counts in hundredths of a second.
    fn load(&self, window: Duration) -> Result<f64> {
        let ticks = || -> Result<u64> {
            let text = fs::read_to_string(self.file("stat"))?;
            let words: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split(' ').collect();
            Ok(words[12].parse::<u64>()? + words[13].parse::<u64>()?)
        };
        let before = ticks()?;
        std::thread::park_timeout(window);
        Ok((ticks()? - before) as f64 / 100.0 / window.as_secs_f64())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks until the answer is yes.
fn until(most: Duration, mut ask: impl FnMut() -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    while !ask()? {
        ensure!(begin.elapsed() < most, "it took longer than {most:?}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    Ok(())
}
