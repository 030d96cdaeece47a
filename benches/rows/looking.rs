//! Looking into what runs: `exec`, `debug`, `trace`, `logs`, `status --watch` and `attach`, each beside the engine's own
//! command where there is one.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::{Call, Goal, PREFIX, Project, Row, docker, in_turn};

/// A module behind the gateway with a database and a cache.
const TRACED: &str = "\
modules:
  web: {path: web, image: python, run: python3 -m http.server 8000, port: 8000, health: {tcp: 8000}, route: /, needs: [db, cache]}
services:
  db: {preset: postgres}
  cache: {preset: redis}
";
/// Lines of each of eight parts.
const LINES: usize = 125_000;
/// The most memory that `logs` may take, in kilobytes.
const MEMORY: u64 = 60_000;
/// Modules of the session that `attach` opens, and what it may take.
const MODULES: usize = 40;
/// What `status --watch` may take of a processor, and how long it is looked at.
const WATCHING: (f64, Duration) = (0.02, Duration::from_secs(20));

/// Measures all.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let project = Project::new("looking", TRACED)?;
    fs::create_dir_all(project.folder.path().join("web"))?;
    fs::write(project.folder.path().join("web/index.html"), "hello")?;
    project.devenv(&["up", "--yes"]).run()?;
    let mut rows = vec![exec(&project)?, debug(&project)?];
    rows.extend(trace(&project)?);
    rows.push(watching(&project)?);
    project.devenv(&["down", "--volumes", "--yes"]).run()?;
    rows.push(logs()?);
    rows.extend(attach()?);
    Ok(rows)
}

fn container(project: &str, part: &str) -> Result<String> {
    let filter = format!("--filter=name={PREFIX}-{project}-.*-{part}-1");
    docker(&["ps", "--quiet", "--no-trunc", &filter])?.pop().with_context(|| format!("{part} does not run"))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// The first byte of a command: it prints nothing else and ends.
fn exec(project: &Project) -> Result<Row> {
    let peer = project.docker(words(&["exec", "--interactive", &container("looking", "web")?, "echo", "x"]));
    let [own, time] = in_turn(20, &[vec![project.devenv(&["exec", "web", "echo", "x"])], vec![peer]])?;
    let goal = Goal::Ratio { most: 1.05, peer: "docker exec".to_owned(), time };
    Ok(Row { what: "exec, first byte".to_owned(), own, goal })
}

/// A tool box that ends at once, beside the same container made by hand.
fn debug(project: &Project) -> Result<Row> {
    let own = project.devenv(&["debug", "web", "--", "true"]);
    own.run()?;
    let images = docker(&["image", "ls", "--format={{.Repository}}:{{.Tag}}"])?;
    let image = images.iter().find(|image| image.contains("/debug:")).context("there is no image debug")?;
    let web = container("looking", "web")?;
    let joined = format!("container:{web}");
    let name = format!("--name={PREFIX}-peer");
    let peer = ["run", "--rm", "--interactive", &name, "--user=0:0", "--cap-add=SYS_PTRACE"];
    let join = ["--network", &joined, "--pid", &joined, "--volumes-from", &web, image, "true"];
    let peer = project.docker(words(&peer).into_iter().chain(words(&join)));
    let [own, time] = in_turn(20, &[vec![own], vec![peer]])?;
    let goal = Goal::Ratio { most: 1.15, peer: "docker run, the same flags".to_owned(), time };
    Ok(Row { what: "debug, a command in the tool box".to_owned(), own, goal })
}

/// A trace of which every hop is well, less the time of the request, without and with the wire.
fn trace(project: &Project) -> Result<Vec<Row>> {
    let url = project.devenv(&["url", "web"]).output()?;
    let request = words(&["--silent", "--insecure", "--fail", "--output", "/dev/null", url.trim()]);
    let request = project.call("curl", request);
    let traces = [&["trace", "/"][..], &["trace", "/", "--wire"]].map(|args| vec![project.devenv(args)]);
    let [plain, wire] = traces;
    let [plain, wire, request] = in_turn(15, &[plain, wire, vec![request]])?;
    let row = |what: &str, own: Duration, most: u64| Row {
        what: what.to_owned(),
        own: own.saturating_sub(request),
        goal: Goal::Time(Duration::from_millis(most)),
    };
    Ok(vec![
        row("trace /, over the request's own time", plain, 150),
        row("trace / --wire, over the request's own time", wire, 600),
    ])
}

/// The share of a processor that `status --watch` takes.
fn watching(project: &Project) -> Result<Row> {
    // Its view needs a terminal.
    let shown = project.call("script", words(&["--quiet", "--command"]));
    let line = format!("{} status --watch", env!("CARGO_BIN_EXE_devenv"));
    let mut child = command(&shown).arg(line).arg("/dev/null").stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let begin = Instant::now();
    let own = loop {
        let below = format!("/proc/{0}/task/{0}/children", child.id());
        let found = fs::read_to_string(below).unwrap_or_default().split_whitespace().next().map(str::to_owned);
        match found.and_then(|shell| deepest(&shell)) {
            Some(process) => break process,
            None => ensure!(begin.elapsed() < Duration::from_secs(10), "status --watch did not start"),
        }
    };
    std::thread::park_timeout(Duration::from_secs(3));
    let before = ticks(&own)?;
    std::thread::park_timeout(WATCHING.1);
    let spent = Duration::from_millis((ticks(&own)? - before) * 10);
    child.kill()?;
    child.wait()?;
    let what = format!("status --watch, of a processor in {} s", WATCHING.1.as_secs());
    Ok(Row { what, own: spent, goal: Goal::Time(WATCHING.1.mul_f64(WATCHING.0)) })
}

/// The last of a chain of children.
fn deepest(process: &str) -> Option<String> {
    let below = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    match below.split_whitespace().next() {
        Some(child) => deepest(child),
        None => {
            let program = fs::read_link(format!("/proc/{process}/exe")).ok()?;
            (program.as_path() == Path::new(env!("CARGO_BIN_EXE_devenv"))).then(|| process.to_owned())
        }
    }
}

/// Hundredths of a second that a process has run.
fn ticks(process: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let words: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split(' ').collect();
    Ok(words[12].parse::<u64>()? + words[13].parse::<u64>()?)
}

fn command(call: &Call) -> Command {
    let mut command = Command::new(&call.program);
    command
        .args(&call.args)
        .current_dir(&call.folder)
        .env("XDG_STATE_HOME", &call.state)
        .env("XDG_DATA_HOME", &call.state);
    command
}

/// A million lines of eight parts, into a file.
fn logs() -> Result<Row> {
    let mut text = String::from("modules:\n");
    let print = format!(
        "awk 'BEGIN {{for (n = 0; n < {LINES}; n++) print \"2026-11-30 10:00:00 INFO shop.orders: order \" n \" of customer 4711 is paid\"}}'; sleep infinity"
    );
    for part in 1..=8 {
        text.push_str(&format!("  part{part}: {{path: ., image: base, run: {}}}\n", serde_json::to_string(&print)?));
    }
    let project = Project::new("logs", &text)?;
    project.devenv(&["up", "--yes"]).run()?;
    let begin = Instant::now();
    let count = || -> Result<usize> {
        Ok(project
            .devenv(&["logs", "--tail", "1", "--grep", &format!("order {} ", LINES - 1)])
            .output()?
            .lines()
            .count())
    };
    while count()? < 8 {
        ensure!(begin.elapsed() < Duration::from_secs(120), "not all has been printed");
        std::thread::park_timeout(Duration::from_millis(200));
    }
    let files = ["base", "dev", "labels"].map(|name| format!("--file=.devenv/compose/{name}.yaml"));
    let place = ["compose".to_owned(), format!("--project-directory={}", project.folder.path().display())];
    let compose = project.docker(place.into_iter().chain(files).chain(["logs".to_owned(), "--no-color".to_owned()]));
    let own = project.devenv(&["logs"]);
    let (mut owns, mut peers) = (Vec::new(), Vec::new());
    let out = project.folder.path().join("out");
    for _ in 0..3 {
        for (call, times) in [(&own, &mut owns), (&compose, &mut peers)] {
            let begin = Instant::now();
            let memory = to_file(command(call).stdin(Stdio::null()).stdout(fs::File::create(&out)?).spawn()?)?;
            times.push(begin.elapsed());
            let lines = fs::read(&out)?.iter().filter(|byte| **byte == b'\n').count();
            ensure!(lines >= 8 * LINES, "{call}: {lines} lines");
            ensure!(call.program != own.program || memory <= MEMORY, "logs has taken {memory} KB");
        }
    }
    owns.sort();
    peers.sort();
    project.devenv(&["down", "--volumes", "--yes"]).run()?;
    let goal = Goal::Ratio { most: 1.0, peer: "docker compose logs".to_owned(), time: peers[1] };
    Ok(Row { what: format!("logs, {} lines of 8 parts", 8 * LINES), own: owns[1], goal })
}

/// Waits for a program, and returns the most memory that it has had, in kilobytes.
fn to_file(mut child: Child) -> Result<u64> {
    let mut most = 0;
    while child.try_wait()?.is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        most = most.max(line.trim().trim_end_matches(" kB").parse().unwrap_or_default());
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(most)
}

/// A session on many modules: made, and left as soon as it is shown.
fn attach() -> Result<Option<Row>> {
    if Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_err() {
        return Ok(None);
    }
    let mut text = String::from("modules:\n");
    for module in 1..=MODULES {
        text.push_str(&format!("  part{module}: {{path: ., image: base, run: sleep infinity}}\n"));
    }
    let project = Project::new("attach", &text)?;
    project.devenv(&["up", "--yes"]).run()?;
    let id = fs::read_to_string(project.folder.path().join(".devenv/id"))?;
    let id = id.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).context("the checkout has no id")?;
    let server = format!("devenv-{id}");
    let tmux = |args: &[&str]| Command::new("tmux").args(["-L", &server]).args(args).output();
    let mut times = Vec::new();
    for _ in 0..5 {
        let line = format!("{} attach", env!("CARGO_BIN_EXE_devenv"));
        let shown = project.call("script", words(&["--quiet", "--command", &line, "/dev/null"]));
        let begin = Instant::now();
        let mut child = command(&shown).env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        while tmux(&["list-clients"])?.stdout.is_empty() {
            ensure!(begin.elapsed() < Duration::from_secs(30), "the session was not shown");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        times.push(begin.elapsed());
        tmux(&["kill-server"])?;
        child.wait()?;
    }
    times.sort();
    project.devenv(&["down", "--volumes", "--yes"]).run()?;
    let what = format!("attach, {MODULES} modules, until it is shown");
    Ok(Some(Row { what, own: times[2], goal: Goal::Time(Duration::from_millis(1_500)) }))
}
