//! The mirror: a saved file, a first copy and a branch switch, beside compose's watch and `docker cp`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::{FILES, Goal, PREFIX, Project, Row, containers, docker};

/// A module that runs on a copy and reloads by itself.
const MODULE: &str = "mirror: sync\nmodules:\n  part: {path: part, image: base, run: sleep infinity, reload: self";
/// A loop, whose runs can be counted.
const LOOP: &str = ", build: 'true', watch: {on_change: [build]}";
/// Prints the first line of a file whenever it is another one.
const OBSERVER: &str = "\
$| = 1; my $last = '';
while (1) {
  if (open(my $file, '<', $ARGV[0])) { my $now = <$file> // ''; if ($now ne $last) { print $now; $last = $now } }
  select(undef, undef, undef, 0.0003);
}";
/// Says when all files have this first word.
const COUNTER: &str = "\
$| = 1; my ($word, $count) = @ARGV;
while (1) {
  my $all = 0;
  for my $path (glob '/srv/part/tree/*/*') {
    if (open(my $file, '<', $path)) { my $now = <$file> // ''; $all++ if index($now, $word) == 0 }
  }
  if ($all == $count) { print \"all\\n\"; exit }
}";
/// Saves that are measured on each side.
const SAVES: (usize, usize) = (200, 20);

/// Measures all of them.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let project = Project::new("mirror", &format!("{MODULE}{LOOP}}}\n"))?;
    let part = project.folder.path().join("part");
    fs::create_dir_all(&part)?;
    project.devenv(&["up", "--yes"]).run()?;
    let container = containers()?.pop().context("nothing runs")?;
    let mut rows = vec![first_copy(&project, &part, &container)?];
    rows.push(branch_switch(&project, &part, &container)?);
    project.devenv(&["down", "--volumes", "--yes"]).run()?;

    let project = Project::new("saves", &format!("{MODULE}}}\n"))?;
    let part = project.folder.path().join("part");
    fill(&part, "one")?;
    fs::write(part.join("saved"), "begin\n")?;
    project.devenv(&["up", "--yes"]).run()?;
    let container = containers()?.pop().context("nothing runs")?;
    let own = saves(&container, &part, SAVES.0)?;
    project.devenv(&["down", "--volumes", "--yes"]).run()?;
    let peer = compose(SAVES.1)?;
    let (median, late) = (own[own.len() / 2], own[own.len() * 99 / 100]);
    let what = "save → visible, sync, among 5,000 files".to_owned();
    let goal = Goal::Ratio { most: 0.02, peer: "docker compose watch".to_owned(), time: peer[peer.len() / 2] };
    rows.push(Row { what: what.clone(), own: median, goal });
    rows.push(Row { what: format!("{what}, median"), own: median, goal: Goal::Time(Duration::from_millis(10)) });
    rows.push(Row { what: format!("{what}, p99"), own: late, goal: Goal::Time(Duration::from_millis(50)) });
    Ok(rows)
}

/// Files of one content, thirty megabytes together.
fn fill(part: &Path, word: &str) -> Result<()> {
    let (files, bytes) = FILES;
    for number in 0..files {
        let folder = part.join(format!("tree/{:02}", number % 50));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(number.to_string()), format!("{word} {number:0bytes$}\n"))?;
    }
    Ok(())
}

/// All files are carried over while nobody watches, beside `docker cp` of the same ones.
fn first_copy(project: &Project, part: &Path, container: &str) -> Result<Row> {
    let lock = project.folder.path().join(".devenv/watch/lock");
    let text = fs::read_to_string(lock).context("nothing watches: is CI set?")?;
    let watcher = text.split(' ').next().unwrap_or_default().to_owned();
    ensure!(Command::new("kill").arg(&watcher).status()?.success(), "cannot end the watcher");
    while Path::new("/proc").join(&watcher).exists() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    fill(part, "one")?;
    let target = format!("{container}:/srv/part/.devenv/copy");
    let copy = ["cp".to_owned(), part.join("tree").display().to_string(), target];
    let empty = ["exec", container, "rm", "-rf", "/srv/part/tree", "/srv/part/.devenv/copy"].map(str::to_owned);
    let (mut own, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        project.docker(empty.clone()).run()?;
        own.push(project.devenv(&["mirror", "resume", "part"]).timed()?);
        peer.push(project.docker(copy.clone()).timed()?);
    }
    own.sort();
    peer.sort();
    project.docker(empty).run()?;
    let goal = Goal::Ratio { most: 0.5, peer: "docker cp".to_owned(), time: peer[peer.len() / 2] };
    Ok(Row { what: format!("first copy of {} files, 30 MB", FILES.0), own: own[own.len() / 2], goal })
}

/// From the end of git's own work to a copy that is equal, with one run of the loop.
fn branch_switch(project: &Project, part: &Path, container: &str) -> Result<Row> {
    let git = |args: &str| -> Result<()> {
        let who = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"];
        let status = Command::new("git").args(who).args(args.split(' ')).current_dir(part).status()?;
        ensure!(status.success(), "git {args}");
        Ok(())
    };
    ["init -q -b one", "add -A", "commit -q -m one", "checkout -q -b two"].into_iter().try_for_each(git)?;
    fill(part, "two")?;
    ["add -A", "commit -q -m two"].into_iter().try_for_each(git)?;
    project.devenv(&["up", "--yes"]).run()?;
    let log = project.folder.path().join(".devenv/watch/log");
    let runs = || -> Result<usize> { Ok(fs::read_to_string(&log)?.matches("part build: ").count()) };
    let mut times = Vec::new();
    for branch in ["one", "two", "one"] {
        std::thread::park_timeout(Duration::from_secs(2));
        let before = runs()?;
        let observer = Observer::start(container, COUNTER, &[branch, &FILES.0.to_string()])?;
        git(&format!("checkout -q {branch}"))?;
        let begin = Instant::now();
        observer.hear(Duration::from_secs(60), "all")?;
        times.push(begin.elapsed());
        std::thread::park_timeout(Duration::from_secs(2));
        ensure!(runs()? == before + 1, "a branch switch has run the loop {} times", runs()? - before);
    }
    times.sort();
    let what = format!("branch switch of {} files, in sync, one loop", FILES.0);
    Ok(Row { what, own: times[1], goal: Goal::Time(Duration::from_millis(1500)) })
}

/// The times from a save to the moment at which a program in the container has read it; sorted.
fn saves(container: &str, part: &Path, count: usize) -> Result<Vec<Duration>> {
    let observer = Observer::start(container, OBSERVER, &["/srv/part/saved"])?;
    let save = |line: &str, most: Duration| -> Result<Duration> {
        std::thread::park_timeout(Duration::from_millis(30));
        let begin = Instant::now();
        fs::write(part.join("saved"), format!("{line}\n"))?;
        observer.hear(most, line)?;
        Ok(begin.elapsed())
    };
    // What is saved before everybody listens is not seen by everybody.
    let listens = (0..20).any(|number| save(&format!("first {number}"), Duration::from_secs(2)).is_ok());
    ensure!(listens, "no save is seen");
    let mut times = Vec::new();
    for number in 0..count {
        times.push(save(&format!("save {number}"), Duration::from_secs(20))?);
    }
    times.sort();
    Ok(times)
}

/// The same with compose's own watch.
fn compose(count: usize) -> Result<Vec<Duration>> {
    let folder = tempfile::tempdir()?;
    let images = docker(&["image", "ls", "--format={{.Repository}}:{{.Tag}}"])?;
    let base = images.iter().find(|tag| tag.starts_with(&format!("{PREFIX}-saves/base:"))).context("no base")?;
    let name = format!("{PREFIX}-peer");
    let text = format!(
        "services:\n  part:\n    image: {name}/part\n    build: {{context: ., args: {{PARENT: \"{base}\"}}}}\n    user: root\n    \
         init: true\n    command: sleep infinity\n    \
         develop: {{watch: [{{action: sync, path: ./part, target: /srv/part}}]}}\n"
    );
    fs::write(folder.path().join("compose.yaml"), text)?;
    fs::write(folder.path().join("Dockerfile"), "ARG PARENT\nFROM ${PARENT}\n")?;
    let part = folder.path().join("part");
    fs::create_dir_all(&part)?;
    fs::write(part.join("saved"), "begin\n")?;
    let call = |args: &[&str]| {
        let mut call = Command::new("docker");
        call.args(["compose", "--project-name", &name]).args(args).current_dir(folder.path());
        call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        call
    };
    ensure!(call(&["up", "--detach", "--build"]).status()?.success(), "compose up failed");
    let watch = Ended(call(&["watch", "--no-up"]).spawn()?);
    let container = containers()?.pop().context("nothing runs")?;
    let times = saves(&container, &part, count);
    drop(watch);
    ensure!(call(&["down"]).status()?.success(), "compose down failed");
    times
}

/// A process that is ours to end.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program in a container that tells what it sees there.
struct Observer {
    lines: Receiver<String>,
    _process: Ended,
}

impl Observer {
    fn start(container: &str, program: &str, args: &[&str]) -> Result<Self> {
        let mut call = Command::new("docker");
        call.args(["exec", container, "perl", "-e", program]).args(args).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = call.spawn()?;
        let output = process.stdout.take().context("no output")?;
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { lines, _process: Ended(process) })
    }

    /// Waits for a line.
    fn hear(&self, most: Duration, what: &str) -> Result<()> {
        let begin = Instant::now();
        loop {
            let rest = most.checked_sub(begin.elapsed()).with_context(|| format!("`{what}` was not seen"))?;
            if self.lines.recv_timeout(rest).with_context(|| format!("`{what}` was not seen"))? == what {
                return Ok(());
            }
        }
    }
}
