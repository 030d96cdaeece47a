//! The pages in docs/reference are generated from the program. `UPDATE_DOCS=1 cargo test --test docs` writes them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use devenv::assets::{self, Assets};
use devenv::config::{self, inputs::InputFile, inputs::Inputs};
use devenv::error::Kind;
use devenv::plan::catalogue::Catalogue;
use devenv::plan::environment::contents::Contents;
use devenv::plan::environment::machine::Machine;
use devenv::plan::environment::target::{Base, Placement, Target};
use devenv::plan::environment::{self, Setup};
use devenv::plan::graph::graph;
use devenv::plan::identity::{self, Table};
use devenv::plan::images::Hierarchy;
use devenv::plan::images::lock::Lock;
use devenv::plan::observed::{Container, ContainerState, EngineHealth, Observed, Role};
use devenv::plan::parts::{Part, PartKind};
use devenv::plan::states::Lives;
use devenv::render::graph::svg::svg;

#[test]
fn the_page_of_all_keys_is_what_files_are_checked_against() {
    is_current("configuration.md", &devenv::config::schema::reference_page::markdown());
}

#[test]
fn the_page_of_all_commands_is_what_help_prints() {
    let mut page = String::from(
        "# Commands\n\n\
         Generated from the texts that `devenv COMMAND --help` prints: change them in `src/commands/`.\n\
         Data goes to stdout, everything else to stderr. See also: [exit codes](exit-codes.md).\n",
    );
    let mut all = devenv::cli::command().term_width(100);
    all.build();
    section(&mut page, &mut all, 2);
    is_current("commands.md", &page);
}

#[test]
fn the_page_of_exit_codes_is_what_errors_end_with() {
    let mut page = String::from(
        "# Exit codes\n\n\
         They are stable: scripts may rely on them. Generated from `src/error.rs`.\n\n\
         | code | meaning |\n|---|---|\n| 0 | done, or nothing to do |\n",
    );
    let all = [
        Kind::Failed,
        Kind::Usage,
        Kind::Missing,
        Kind::Bug,
        Kind::Signal(2),
        Kind::Signal(15),
        Kind::Child(0),
        Kind::Code(0),
    ];
    for kind in all {
        let meaning = match kind {
            Kind::Failed => "a step or a service failed",
            Kind::Usage => "the command line or the configuration is wrong",
            Kind::Missing => "something that devenv needs is missing: engine, compose",
            Kind::Bug => "a bug in devenv: please report it",
            Kind::Signal(2) => "interrupted with Ctrl-C",
            Kind::Signal(_) => "terminated by another signal: 128 plus its number, here SIGTERM",
            Kind::Child(_) => {
                "`exec`, `shell`, `run`, `debug`, `build`, `lint` and `test` exit with the code of the command that they ran"
            }
            Kind::Code(_) => "`task run`, `runs rerun` and `ci` exit with the code of the first task that failed",
        };
        let code =
            if let Kind::Child(_) | Kind::Code(_) = kind { "any".to_owned() } else { kind.exit_code().to_string() };
        let _ = writeln!(page, "| {code} | {meaning} |");
    }
    is_current("exit-codes.md", &page);
}

#[test]
fn the_picture_of_the_example_is_what_graph_draws() {
    let source = InputFile { name: "devenv.yaml".to_owned(), bytes: assets::EXAMPLE.as_bytes().to_vec() };
    let (assets, env) = (Assets::embedded(), BTreeMap::new());
    let catalogue = Catalogue::of(&assets).unwrap();
    let draft = config::read(Inputs { main: &source, local: None, env: &env });
    let project = draft.checked_against(&catalogue.known((0, 1, 0))).finish(&BTreeMap::new()).unwrap();
    let lock = Lock::parse("root: !packages {suite: trixie, archive: 20261121T000000Z}\n").unwrap();
    let images = Hierarchy::new(&project, &assets, &catalogue.images, &lock, "linux/amd64").unwrap();
    let presets = &catalogue.presets;
    let fresh = "0a1b2c3d4e5f".to_owned();
    let made = identity::KnownCheckout { path: "/srv/shop".to_owned(), fresh, ..identity::KnownCheckout::default() };
    let mut table = Table::default();
    let mut identity = identity::identify(&made, &project, &mut table).unwrap();
    let wishes = environment::ports::wishes(&project, Base::Dev, presets, &BTreeSet::new());
    identity::reserve_ports(&wishes, &made, &mut table, &mut identity);
    let (machine, contents) = (Machine::default(), Contents::default());
    let target = Target::dev(&project);
    let setup = Setup {
        project: &project,
        target: &target,
        placement: Placement::Here,
        identity: &identity,
        images: &images,
        presets,
        lock: &lock,
        machine: &machine,
        contents: &contents,
    };
    let environment = setup.environment().unwrap();
    let observed = Observed {
        tags: images.nodes().iter().map(|node| node.tag.clone()).collect(),
        containers: environment.parts.values().map(healthy).collect(),
        ready: environment.parts.keys().cloned().collect(),
        ..Observed::default()
    };
    let drawn = svg(&graph(&environment, &images, &observed, &Lives::new(), 0));
    is_current("../shop.svg", &drawn);
}

/// The container of a part that does what it should.
fn healthy(part: &Part) -> Container {
    Container {
        id: part.name.to_string(),
        name: String::new(),
        checkout: String::new(),
        part: part.name.to_string(),
        definition: String::new(),
        state: if part.kind == PartKind::Task { ContainerState::Exited(0) } else { ContainerState::Running },
        health: EngineHealth::Healthy,
        status: String::new(),
        role: Role::Part,
        address: None,
        networks: BTreeMap::new(),
        volumes: Vec::new(),
        image: String::new(),
        image_id: String::new(),
    }
}

/// All texts that people read: the pages of this repository, and the program's sources, which have help and messages.
fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = ["src", "docs", "templates", "images", "compose"].map(|name| root.join(name)).to_vec();
    let pages = ["README.md", "CHANGELOG.md", "SECURITY.md", "devenv.example.yaml"];
    let mut files: Vec<_> = pages.iter().map(|name| root.join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for path in files {
        if let Ok(text) = fs::read_to_string(&path) {
            found.push((path.strip_prefix(root).unwrap().display().to_string(), text));
        }
    }
    found
}

/// Words that no native engineer writes there, and what to write instead.
const WORDS: [(&str, &str); 31] = [
    (" anew", "again, or recreated"),
    (" mends", "fixes, repairs"),
    (" mended", "fixed, repaired"),
    (" is no module", "is not a module"),
    (" is no name", "is not a valid name"),
    (" is no file", "is not a file"),
    (" is no folder", "is not a folder"),
    ("nobody watch", "no watcher is running"),
    ("images of others", "third-party images"),
    ("image of others", "a third-party image"),
    ("forbids to ", "forbids …ing"),
    ("although they are there", "even if they exist"),
    ("is told", "is reported"),
    ("are told", "are reported"),
    (" in a circle", "in a cycle"),
    ("runs to its end", "runs to completion"),
    ("comes to its end", "runs to completion"),
    ("in the order of time", "in chronological order"),
    ("in no hierarchy", "not in the hierarchy"),
    ("needs a yes", "must be confirmed"),
    ("stands here", "appears here"),
    ("stands twice", "is listed twice"),
    ("no words for", "does not support"),
    ("around each module", "for each module"),
    ("server for names", "DNS server"),
    ("another content", "different content"),
    ("look at its log", "check its log"),
    ("a further name", "another name"),
    ("never tried", "never tested"),
    ("could not begin", "could not start"),
    ("of yours on this machine", "your … on this machine"),
];

#[test]
fn words_that_a_reader_stumbles_over_stay_out() {
    let texts = texts();
    assert!(texts.len() > 100, "{} texts", texts.len());
    let mut found = Vec::new();
    for (path, text) in &texts {
        for (at, line) in text.lines().enumerate() {
            let line = line.to_lowercase().replace("there is no ", "");
            let bad = WORDS.iter().filter(|(word, _)| line.contains(word));
            found.extend(bad.map(|(word, better)| format!("{path}:{}: `{}`: write {better}", at + 1, word.trim())));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_pages_name_only_modules_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let layers = ["config::", "plan::", "render::", "host::", "apply::", "commands::", "ui::"];
    let mut wrong = Vec::new();
    for (path, text) in texts().iter().filter(|(path, _)| path.ends_with(".md")) {
        let is_path = |c: char| c.is_ascii_lowercase() || c == '_' || c == ':';
        for word in text.split(|c: char| !is_path(c)).filter(|word| layers.iter().any(|layer| word.starts_with(layer)))
        {
            let module = word.trim_end_matches(':').replace("::", "/");
            let exists = [format!("src/{module}.rs"), format!("src/{module}/mod.rs")]
                .iter()
                .any(|file| root.join(file).exists());
            if !exists {
                wrong.push(format!("{path}: {word}"));
            }
        }
        for word in text.split(['`', ' ', '(', ')']).filter(|word| word.starts_with("src/")) {
            if !root.join(word).exists() {
                wrong.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// One command with its help, and below it its subcommands.
fn section(page: &mut String, command: &mut clap::Command, level: usize) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    let _ = write!(page, "\n{} {name}\n\n```text\n{}\n```\n", "#".repeat(level), lines.join("\n"));
    let below = command.get_subcommands_mut().filter(|below| below.get_name() != "help" && !below.is_hide_set());
    below.for_each(|below| section(page, below, level + 1));
}

/// Compares a page with what it should be, or writes it where that is asked for.
fn is_current(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/reference/{name} is not current: UPDATE_DOCS=1 cargo test --test docs writes it");
}
