//! The copy of a module's source: complete before the command starts, kept equal, halted before a disaster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use devenv::apply::mirror::ends::Ends;
use devenv::apply::mirror::{Guard, MirrorSession};
use devenv::config::model::values::RelPath;
use devenv::host::engine::{BegunSet, Engine};
use devenv::host::ignore::source::SourceFolder;
use devenv::plan::mirror::copy::Selection;

use crate::checkout::{Checkout, shell, until};
use crate::engine;
use crate::trees::{Dice, here, operate, there};
use crate::watcher::state;

const CONFIGURATION: &str = "\
project: PROJECT
mirror: sync
modules:
  api:
    path: api
    image: base
    run: cat first.txt && sleep infinity
    mirror: {mode: sync, not: ['*.md']}
    watch: {}
  once: {path: api, image: base, run: test -f first.txt, once: true}
  bound: {path: api, image: base, run: sleep infinity, mirror: bind}
";

fn small() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/first.txt", "one\n");
    checkout.write("api/.gitignore", "*.log\n");
    checkout.write("api/notes.md", "no\n");
    checkout.write("api/deep/er/x.py", "x\n");
    checkout.write("api/tool", "#!/bin/sh\n");
    fs::set_permissions(checkout.root().join("api/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    checkout
}

#[test]
fn a_copy_is_complete_before_the_start_equal_after_every_up_and_halts_before_a_disaster() {
    let checkout = small();
    checkout.ok(&["up"]);
    let (api, bound) = (checkout.container("api"), checkout.container("bound"));
    assert_eq!(engine::docker(&["logs", &api]), "one");
    assert_eq!(there(&api), here(&checkout.root().join("api")));
    let mounts = |id: &str| engine::inspect(id)["Mounts"].to_string();
    assert!(mounts(&api).contains("-mirror-api") && !mounts(&bound).contains("-mirror-"));
    // The watcher compares once when it begins.
    until("the watcher has begun", || {
        (state(&checkout)["modules"]["api"]["mirror"]["status"] == "in-sync").then_some(())
    });
    // What is ignored stays where it is made.
    engine::docker(&["exec", &api, "sh", "-c", "echo made > /srv/api/made.log; echo stray > /srv/api/stray"]);
    checkout.devenv(&["mirror", "verify", "api"]).code(1).says("one difference");
    checkout.write("api/first.txt", "two\n");
    fs::remove_dir_all(checkout.root().join("api/deep")).unwrap();
    std::os::unix::fs::symlink("nowhere", checkout.root().join("api/deep")).unwrap();
    checkout.ok(&["up"]).says("mirror api");
    assert_eq!(there(&api), here(&checkout.root().join("api")));
    assert_eq!(engine::docker(&["exec", &api, "cat", "/srv/api/made.log"]), "made");
    checkout.ok(&["mirror", "verify"]).says("no difference");

    let all = checkout.beside("kept");
    fs::rename(checkout.root().join("api"), &all).unwrap();
    fs::create_dir(checkout.root().join("api")).unwrap();
    checkout.devenv(&["up"]).code(1).says("halted: the source folder is empty").says("devenv mirror resume api");
    assert_eq!(there(&api), here(&all));
    checkout.ok(&["mirror", "resume", "api"]);
    assert_eq!(engine::docker(&["exec", &api, "ls", "/srv/api"]), "", "its .gitignore is gone too");
    fs::remove_dir(checkout.root().join("api")).unwrap();
    fs::rename(&all, checkout.root().join("api")).unwrap();
    checkout.ok(&["up"]);
    assert_eq!(there(&api), here(&checkout.root().join("api")));

    // Nothing starts on stale source, however it is started.
    checkout.ok(&["stop", "api"]);
    checkout.write("api/first.txt", "three\n");
    checkout.ok(&["start", "api"]);
    assert!(engine::docker(&["logs", &api]).ends_with("three"));
    checkout.ok(&["--yes", "down", "-v"]);
    assert_eq!(checkout.volumes(), Vec::<String>::new());
    checkout.ok(&["up", "api"]);
    assert_eq!(there(&checkout.container("api")), here(&checkout.root().join("api")));
}

#[test]
fn a_saved_file_is_in_the_container_and_a_halt_is_seen() {
    let checkout = small();
    checkout.ok(&["up", "api"]).says("watching api in the background");
    let api = checkout.container("api");
    let root = checkout.root().join("api");
    let status = || checkout.ok(&["mirror"]).stdout.lines().find(|line| line.starts_with("api ")).unwrap().to_owned();
    until("the mirror is open", || status().contains("in sync").then_some(()));
    checkout.write("api/first.txt", "saved\n");
    checkout.write("api/new/deep/x.py", "new\n");
    fs::rename(root.join("tool"), root.join("moved")).unwrap();
    until("both sides are equal", || (there(&api) == here(&root)).then_some(()));
    // The container goes and comes: what was saved meanwhile is found.
    engine::docker(&["restart", "--time", "1", &api]);
    checkout.write("api/first.txt", "while it was away\n");
    until("both sides are equal again", || (there(&api) == here(&root)).then_some(()));
    engine::docker(&["pause", &api]);
    checkout.write("api/first.txt", "in its sleep\n");
    engine::docker(&["unpause", &api]);
    until("it has caught up", || (there(&api) == here(&root)).then_some(()));

    let kept = checkout.beside("kept");
    fs::rename(&root, &kept).unwrap();
    let halt = || state(&checkout)["modules"]["api"]["mirror"]["halt"]["cause"].take();
    until("the mirror halts", || (halt() == "vanished").then_some(()));
    assert_eq!(there(&api), here(&kept));
    fs::rename(&kept, &root).unwrap();
    checkout.write("api/first.txt", "back\n");
    until("it goes on", || status().contains("in sync").then_some(()));
    until("both sides are equal at the end", || (there(&api) == here(&root)).then_some(()));
    checkout.ok(&["down"]);
}

/// Brings `api` up and ends its watcher: the session of the test is the only one.
fn alone(checkout: &Checkout) {
    checkout.ok(&["up", "api"]);
    let state: serde_json::Value = serde_json::from_str(&checkout.read(".devenv/watch/state.json")).unwrap();
    let process = state["ready"].as_u64().unwrap();
    shell(&format!("kill {process}"));
    until("the watcher has stopped", || (!checkout.read(".devenv/watch/state.json").contains("ready")).then_some(()));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn ends(checkout: &Checkout) -> Ends {
    Ends {
        container: checkout.container("api"),
        source: Arc::new(
            SourceFolder::open(checkout.root(), &RelPath::new("api").unwrap(), &Selection::default()).unwrap(),
        ),
        dir: "/srv/api".to_owned(),
        outputs: Vec::new(),
        mounted: Vec::new(),
        spool: checkout.root().join(".devenv"),
    }
}

fn connect() -> Engine {
    Engine::connect("unix:///var/run/docker.sock", BegunSet::default()).unwrap()
}

#[test]
fn thousands_of_random_operations_leave_both_trees_equal() {
    let checkout = small();
    alone(&checkout);
    let root = checkout.root().join("api");
    runtime().block_on(async {
        let engine = connect();
        let mut dice = Dice(7);
        let (mut session, _) =
            MirrorSession::open(&engine, ends(&checkout), Guard::Off, BTreeMap::new()).await.unwrap();
        for round in 0..500 {
            let mut changed = BTreeSet::new();
            for _ in 0..=dice.below(40) {
                operate(&mut dice, &root, &mut changed);
            }
            if round % 100 == 50 {
                // Nobody listens: the comparison finds it.
                drop(session);
                session = MirrorSession::open(&engine, ends(&checkout), Guard::Off, BTreeMap::new()).await.unwrap().0;
            } else {
                let sent = session.send(&changed).await.unwrap();
                assert_eq!(sent.halted, None, "round {round}");
            }
            if round % 25 == 0 {
                assert_eq!(there(&checkout.container("api")), here(&root), "round {round}");
            }
        }
        assert_eq!(there(&checkout.container("api")), here(&root));
    });
    checkout.ok(&["mirror", "verify", "api"]).says("no difference");
}

#[test]
fn saves_a_first_fill_and_a_branch_switch_leave_both_sides_equal() {
    let checkout = small();
    alone(&checkout);
    let root = checkout.root().join("api");
    runtime().block_on(async {
        let engine = connect();
        let (mut session, _) = MirrorSession::open(&engine, ends(&checkout), Guard::On, BTreeMap::new()).await.unwrap();
        for number in 0..200 {
            fs::write(root.join("first.txt"), format!("save {number}\n")).unwrap();
            let sent = session.send(&BTreeSet::from([PathBuf::from("first.txt")])).await.unwrap();
            assert_eq!(sent.operations.len(), 1);
        }
        drop(session);

        let mut changed = BTreeSet::new();
        for number in 0..5000_usize {
            let file = PathBuf::from(format!("tree/d{}/f{number}", number % 100));
            fs::create_dir_all(root.join(&file).parent().unwrap()).unwrap();
            fs::write(root.join(&file), format!("{number} ").repeat(1200)).unwrap();
            changed.insert(file);
        }
        let (mut session, sent) =
            MirrorSession::open(&engine, ends(&checkout), Guard::On, BTreeMap::new()).await.unwrap();
        assert!(sent.operations.len() >= 5000, "{}", sent.operations.len());
        for file in &changed {
            fs::write(root.join(file), "another branch ".repeat(100)).unwrap();
        }
        let sent = session.send(&changed).await.unwrap();
        assert_eq!(sent.operations.len(), 5000, "one batch");
        drop(session);
        let (_session, sent) = MirrorSession::open(&engine, ends(&checkout), Guard::On, BTreeMap::new()).await.unwrap();
        assert_eq!(sent.operations, []);
    });
    assert_eq!(there(&checkout.container("api")), here(&root));
}

#[test]
fn an_image_without_tar_is_told_so() {
    let checkout = small();
    checkout.ok(&["up", "api"]);
    let id = checkout.container("api");
    engine::docker(&["exec", "--user", "0", &id, "mv", "/usr/bin/tar", "/usr/bin/rat"]);
    checkout.devenv(&["up", "api"]).code(1).says("there is no tar in this image").says("mirror: bind");
}
