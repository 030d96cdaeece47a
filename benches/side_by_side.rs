//! devenv beside its peers, both measured in one run on one machine, in turn, as whole processes: `cargo bench`, or some groups
//! of rows, `cargo bench -- images mirror`; the groups are `up`, `images`, `mirror`, `gateway`, `watcher` and `looking`.
//!
//! Needs a running engine and some minutes (a hundred containers are started). Everything made here has a name that
//! begins with `devenv-bench`, and is removed at the end, also after an error; what an interrupted run has left is
//! removed by the next one. So only one can run at a time.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

#[path = "rows/gateway.rs"]
mod gateway;
#[path = "rows/looking.rs"]
mod looking;
#[path = "rows/mirror.rs"]
mod mirror;
#[path = "rows/watcher.rs"]
mod watcher;

/// What all names begin with.
const PREFIX: &str = "devenv-bench";
/// Images with their parents, the first one with the large context.
const IMAGES: [(&str, &str); 6] =
    [("one", "base"), ("two", "one"), ("three", "one"), ("four", "two"), ("five", "two"), ("six", "three")];
/// Files in that context, and bytes in each: 30 MB together.
const FILES: (usize, usize) = (5_000, 6_000);

fn main() -> ExitCode {
    clean();
    let measured = measure();
    clean();
    match measured {
        Ok(rows) if rows.iter().all(Row::reaches_goal) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures every row and prints it as soon as it is there.
fn measure() -> Result<Vec<Row>> {
    println!("{:<44} {:>9}   {:<34} {:>9}  {:>7}  goal", "what", "devenv", "against", "", "ratio");
    let mut rows = Vec::new();
    let mut add = |row: Row| {
        println!("{row}");
        rows.push(row);
    };
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |group: &str| named.is_empty() || named.iter().any(|name| name == group);
    let sizes = if is_wanted("up") { [(8, 20), (100, 10)].as_slice() } else { &[] };
    for (services, pairs) in sizes.iter().copied() {
        let project = Project::with_services(services)?;
        add(project.nothing_to_do(services, pairs)?);
        if services == 8 {
            for (args, goal) in [("--help", 20), ("status", 40)] {
                let [own] = in_turn(30, &[vec![project.devenv(&[args])]])?;
                add(Row { what: format!("devenv {args}"), own, goal: Goal::Time(Duration::from_millis(goal)) });
            }
        }
        project.devenv(&["down", "--volumes", "--yes"]).run()?;
    }
    if is_wanted("images") {
        add(Project::with_images()?.nothing_to_build(20)?);
    }
    if is_wanted("mirror") {
        mirror::rows()?.into_iter().for_each(&mut add);
    }
    if is_wanted("gateway") {
        gateway::rows()?.into_iter().for_each(&mut add);
    }
    if is_wanted("watcher") {
        watcher::rows()?.into_iter().for_each(&mut add);
    }
    if is_wanted("looking") {
        looking::rows()?.into_iter().for_each(&mut add);
    }
    Ok(rows)
}

/// A line of the table.
struct Row {
    what: String,
    own: Duration,
    goal: Goal,
}

/// What is to be reached.
enum Goal {
    /// At most this part of what the peer needs.
    Ratio { most: f64, peer: String, time: Duration },
    /// At most this time.
    Time(Duration),
}

impl Row {
    fn reaches_goal(&self) -> bool {
        match &self.goal {
            Goal::Ratio { most, time, .. } => self.own.as_secs_f64() <= most * time.as_secs_f64(),
            Goal::Time(most) => self.own <= *most,
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let verdict = if self.reaches_goal() { "reached" } else { "MISSED" };
        write!(f, "{:<44} {:>9}   ", self.what, ms(self.own))?;
        match &self.goal {
            Goal::Ratio { most, peer, time } => {
                let ratio = self.own.as_secs_f64() / time.as_secs_f64();
                write!(f, "{peer:<34} {:>9}  {ratio:>6.2}×  ≤ {most:.2}×  {verdict}", ms(*time))
            }
            Goal::Time(most) => write!(f, "{:<34} {:>9}  {:>7}  ≤ {} ms  {verdict}", "", "", "", most.as_millis()),
        }
    }
}

/// A call that is made again and again.
struct Call {
    program: PathBuf,
    args: Vec<String>,
    folder: PathBuf,
    /// Where the table of checkouts is: never the user's own.
    state: PathBuf,
}

impl Call {
    fn run(&self) -> Result<()> {
        self.output().map(drop)
    }

    fn timed(&self) -> Result<Duration> {
        let begin = Instant::now();
        self.run()?;
        Ok(begin.elapsed())
    }

    /// What it prints.
    fn output(&self) -> Result<String> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .current_dir(&self.folder)
            .env("XDG_STATE_HOME", &self.state)
            .env("XDG_DATA_HOME", &self.state);
        let output = command.stdin(Stdio::null()).output().with_context(|| format!("{self}"))?;
        ensure!(output.status.success(), "{self}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.program.display(), self.args.join(" "))
    }
}

/// The median time of each call; they run in turn, A B A B …, after one round that does not count. A call may be
/// several that run one after the other.
fn in_turn<const N: usize>(rounds: usize, calls: &[Vec<Call>; N]) -> Result<[Duration; N]> {
    let mut times = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for (call, times) in calls.iter().zip(&mut times) {
            let begin = Instant::now();
            call.iter().try_for_each(Call::run)?;
            if round > 0 {
                times.push(begin.elapsed());
            }
        }
    }
    Ok(times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    }))
}

/// A project in a folder of its own, with a state folder of its own.
struct Project {
    folder: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Project {
    fn new(name: &str, rest: &str) -> Result<Self> {
        let project = Self { folder: tempfile::tempdir()?, state: tempfile::tempdir()? };
        fs::write(project.folder.path().join("devenv.yaml"), format!("project: {PREFIX}-{name}\n{rest}"))?;
        // The same root as that of this repository, where it has one: it need not be made again.
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("devenv.lock");
        if lock.is_file() {
            fs::copy(lock, project.folder.path().join("devenv.lock"))?;
        }
        Ok(project)
    }

    /// Modules that wait for ever. A few answer on a port and have a health check, as a product's parts do; of a hundred,
    /// the engine's own checks alone would keep the machine busy, on both sides.
    fn with_services(count: usize) -> Result<Self> {
        const SERVER: &str =
            "$$s=IO::Socket::INET->new(LocalPort=>shift,Listen=>9,ReuseAddr=>1);close $$s->accept while 1";
        let mut text = String::from("modules:\n");
        for number in 1..=count {
            let _ = write!(text, "  part{number}:\n    path: .\n    image: base\n");
            let port = 8000 + number;
            let _ = match count {
                ..10 => write!(
                    text,
                    "    run: perl -MIO::Socket::INET -e '{SERVER}' {port}\n    port: {port}\n    health: {{tcp: {port}}}\n"
                ),
                _ => writeln!(text, "    run: sleep infinity"),
            };
        }
        let project = Self::new(&format!("up{count}"), &text)?;
        project.devenv(&["up", "--yes"]).run()?;
        Ok(project)
    }

    /// Six images below `base`, the first of them with the large context.
    fn with_images() -> Result<Self> {
        let mut text = String::from("modules:\n");
        for (name, _) in IMAGES {
            let _ = write!(text, "  {name}:\n    path: .\n    image: {name}\n    run: sleep infinity\n");
        }
        let project = Self::new("images", &text)?;
        for (name, parent) in IMAGES {
            let folder = project.image(name);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("image.yaml"), format!("parent: {parent}\n"))?;
            fs::write(folder.join("Dockerfile"), "ARG PARENT\nFROM ${PARENT}\nCOPY . /srv/data\n")?;
            fs::write(folder.join("name"), name)?;
        }
        let (files, bytes) = FILES;
        for number in 0..files {
            let folder = project.image(IMAGES[0].0).join(format!("{:02}", number % 50));
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("{number}.txt")), format!("{number:0bytes$}"))?;
        }
        project.devenv(&["images", "build", "--yes"]).run()?;
        Ok(project)
    }

    fn image(&self, name: &str) -> PathBuf {
        self.folder.path().join("devenv/images").join(name)
    }

    fn devenv(&self, args: &[&str]) -> Call {
        self.call(env!("CARGO_BIN_EXE_devenv"), args.iter().map(ToString::to_string))
    }

    fn docker(&self, args: impl IntoIterator<Item = String>) -> Call {
        self.call("docker", args)
    }

    fn call(&self, program: &str, args: impl IntoIterator<Item = String>) -> Call {
        Call {
            program: program.into(),
            args: args.into_iter().collect(),
            folder: self.folder.path().to_owned(),
            state: self.state.path().to_owned(),
        }
    }

    /// `up` when all is as it should be.
    fn nothing_to_do(&self, services: usize, pairs: usize) -> Result<Row> {
        let before = containers()?;
        let files = ["base", "dev", "labels"].map(|name| format!("--file=.devenv/compose/{name}.yaml"));
        let place = ["compose".to_owned(), format!("--project-directory={}", self.folder.path().display())];
        let end = ["up".to_owned(), "--detach".to_owned()];
        let compose = self.docker(place.into_iter().chain(files).chain(end));
        let [own, time] = in_turn(pairs, &[vec![self.devenv(&["up"])], vec![compose]])?;
        ensure!(before.len() == services, "{} containers run, and not {services}", before.len());
        ensure!(before == containers()?, "there was something to do");
        let goal = Goal::Ratio { most: 0.25, peer: "docker compose up -d".to_owned(), time };
        Ok(Row { what: format!("up, nothing to do, {services} services"), own, goal })
    }

    /// The image hierarchy when all of it is there.
    fn nothing_to_build(&self, pairs: usize) -> Result<Row> {
        let tags = docker(&["image", "ls", "--format={{.Repository}}:{{.Tag}}"])?;
        let tag = |name: &str| {
            let start = format!("{PREFIX}-images/{name}:");
            tags.iter().find(|tag| tag.starts_with(&start)).with_context(|| format!("there is no image {name}"))
        };
        let (mut builds, mut bake) = (Vec::new(), String::from("group \"default\" {targets = ["));
        let _ = writeln!(bake, "{}]}}", IMAGES.map(|(name, _)| format!("\"{name}\"")).join(", "));
        for (name, parent) in IMAGES {
            let (context, parent) = (self.image(name).display().to_string(), tag(parent)?);
            let image = format!("{PREFIX}-peer/{name}");
            let args = ["buildx", "build", "--quiet", "--tag", &image, "--build-arg"].map(str::to_owned);
            builds.push(self.docker(args.into_iter().chain([format!("PARENT={parent}"), context.clone()])));
            let _ = writeln!(
                bake,
                "target \"{name}\" {{\n  context = \"{context}\"\n  args = {{PARENT = \"{parent}\"}}\n  tags = [\"{image}\"]\n}}"
            );
        }
        fs::write(self.folder.path().join("bake.hcl"), bake)?;
        let bake = self.docker(["buildx", "bake", "--file=bake.hcl", "--progress=quiet"].map(str::to_owned));
        let [own, bake, builds] = in_turn(pairs, &[vec![self.devenv(&["images", "build"])], vec![bake], builds])?;
        let (peer, time) = match bake < builds {
            true => ("docker buildx bake", bake),
            false => ("docker buildx build, 6 times", builds),
        };
        let goal = Goal::Ratio { most: 0.10, peer: peer.to_owned(), time };
        Ok(Row { what: format!("images, nothing to do, 6 images, {} files", FILES.0), own, goal })
    }
}

/// What the engine's own command prints, in order of lines.
fn docker(args: &[&str]) -> Result<Vec<String>> {
    let output = Command::new("docker").args(args).output().context("docker")?;
    ensure!(output.status.success(), "docker {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    let mut lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    Ok(lines)
}

/// Our running containers.
fn containers() -> Result<Vec<String>> {
    docker(&["ps", "--quiet", "--no-trunc", &format!("--filter=name={PREFIX}")])
}

/// Removes everything that a run makes, one by one: old engines lose count of a network's endpoints when many containers
/// go at once, and then keep the network. What cannot be removed is named.
fn clean() {
    let own = format!("--filter=name={PREFIX}");
    let images = format!("--filter=reference={PREFIX}-*/*");
    let things: [(&[&str], &[&str]); 4] = [
        (&["ps", "--all", "--quiet", &own], &["rm", "--force", "--volumes"]),
        (&["network", "ls", "--quiet", &own], &["network", "rm"]),
        (&["volume", "ls", "--quiet", &own], &["volume", "rm"]),
        (&["image", "ls", "--format={{.Repository}}:{{.Tag}}", &images], &["image", "rm", "--force"]),
    ];
    for (list, remove) in things {
        for found in docker(list).unwrap_or_default() {
            if let Err(error) = docker(&[remove, &[&found]].concat()) {
                println!("left behind: {error}");
            }
        }
    }
}
