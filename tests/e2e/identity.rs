//! Who a checkout is: clones, copies, worktrees and moves stay apart, and nothing is lost with `.devenv`.

use std::fs;

use crate::checkout::{Checkout, shell};
use crate::engine;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api: {path: ., image: base, run: sleep infinity, port: 8000, health: {command: \"true\"}, route: /}
services:
  cache: {preset: redis}
gateway: {host: PROJECT}
";

#[test]
fn clones_run_side_by_side_and_keep_their_ports_in_any_order() {
    let one = Checkout::new(CONFIGURATION);
    let other = one.clone_to("other");
    one.ok(&["up"]);
    other.ok(&["up"]);
    let urls = |checkout: &Checkout| checkout.ok(&["url"]).stdout;
    let (first, second) = (urls(&one), urls(&other));
    assert!(first.contains(&format!("https://{}.localhost:", one.project())), "{first}");
    assert!(second.contains(&format!("https://other.{}.localhost:", one.project())), "{second}");
    assert_eq!((one.networks().len(), other.networks().len()), (1, 1));
    one.ok(&["down"]);
    assert_eq!(other.containers().len(), 3, "down of one took containers of the other");
    other.ok(&["down"]);
    other.ok(&["up"]);
    one.ok(&["up"]);
    assert_eq!((urls(&one), urls(&other)), (first, second));

    // The data of one is not the other's to delete.
    one.ok(&["down", "-v", "--yes"]);
    assert_eq!((one.volumes().len(), other.volumes().len()), (0, 1));
    other.ok(&["up"]).says("nothing to do");
}

#[test]
fn a_copy_gets_an_identity_of_its_own_and_leaves_the_original_alone() {
    let original = Checkout::new(CONFIGURATION);
    original.ok(&["up"]);
    let before = original.containers();
    let copy = original.sibling("copy");
    shell(&format!("cp -r '{}' '{}'", original.root().display(), copy.root().display()));
    assert_eq!(copy.id(), original.id());
    copy.ok(&["up"]).says("this is a copy of").says("identity of its own");
    assert_ne!(copy.id(), original.id());
    assert_eq!(original.containers(), before);
    assert_ne!(copy.ok(&["url"]).stdout, original.ok(&["url"]).stdout);
    copy.ok(&["up"]).says_not("copy").says("nothing to do");
    original.ok(&["up"]).says("nothing to do");
}

#[test]
fn a_worktree_is_a_checkout_like_any_other() {
    let main = Checkout::new(CONFIGURATION);
    let tree = main.sibling("tree");
    shell(&format!(
        "cd '{}' && git init -q && git add . && git -c user.name=a -c user.email=a@b.c commit -qm first && git worktree add -q '{}'",
        main.root().display(),
        tree.root().display()
    ));
    main.ok(&["up"]);
    tree.ok(&["up"]);
    assert_ne!(main.id(), tree.id());
    assert_eq!((main.containers().len(), tree.containers().len()), (3, 3));
    assert_eq!(
        shell(&format!("git -C '{}' status --porcelain", tree.root().display())),
        "",
        "devenv leaves changes in git"
    );
}

#[test]
fn a_checkout_that_moves_keeps_id_ports_and_data() {
    let before = Checkout::new(CONFIGURATION);
    before.ok(&["up"]);
    let (id, urls, volumes) = (before.id(), before.ok(&["url"]).stdout, before.volumes());
    let after = before.sibling("moved");
    fs::rename(before.root(), after.root()).unwrap();
    after.ok(&["up"]).says("this checkout was moved here");
    assert_eq!((after.id(), after.ok(&["url"]).stdout, after.volumes()), (id, urls, volumes));
    let mounts = engine::inspect(&after.container("api"))["Mounts"].to_string();
    assert!(mounts.contains(&format!("\"{}\"", after.root().display())), "{mounts}");
    after.ok(&["up"]).says_not("moved").says("nothing to do");
}

#[test]
fn losing_the_generated_folder_loses_nothing() {
    let checkout = Checkout::new(
        "project: PROJECT\nmodules:\n  api: {path: ., image: base, run: sleep infinity, needs: [db]}\nservices:\n  db: {preset: postgres}\n",
    );
    checkout.ok(&["up"]);
    let name = checkout.project().to_owned();
    let password = |url: &str| url.split(':').nth(2).unwrap().split('@').next().unwrap().to_owned();
    let old = password(&checkout.url("db"));
    let sql = |password: &str, line: &str| {
        let password = format!("PGPASSWORD={password}");
        let ask = ["psql", "-h", "127.0.0.1", "-U", &name, "-d", &name, "-qtAc", line];
        engine::docker(&[&["exec", "--env", &password, &checkout.container("db")], &ask[..]].concat())
    };
    sql(&old, "create table orders (what text); insert into orders values ('tea')");
    let id = checkout.id();

    // While it runs.
    fs::remove_dir_all(checkout.root().join(".devenv")).unwrap();
    checkout.ok(&["up"]).says("recovered this checkout's identity");
    assert_eq!((checkout.id(), password(&checkout.url("db"))), (id.clone(), old.clone()));
    assert_eq!(sql(&old, "select what from orders"), "tea");

    // After `down`, when no container can tell the password any more: a new one, which the database takes.
    checkout.ok(&["down"]);
    fs::remove_dir_all(checkout.root().join(".devenv")).unwrap();
    checkout.ok(&["up"]);
    assert_eq!(checkout.id(), id);
    assert_eq!(sql(&password(&checkout.url("db")), "select what from orders"), "tea");
    checkout.ok(&["up"]).says("nothing to do");
}

#[test]
fn what_runs_is_ended_also_without_the_files_that_describe_it() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.ok(&["up"]);
    let good = checkout.read("devenv.yaml");
    checkout.write("devenv.yaml", "project: [\n");
    // A copy that has never been up is nobody yet: what runs is not its own.
    let copy = checkout.sibling("copy");
    shell(&format!("cp -a '{}' '{}'", checkout.root().display(), copy.root().display()));
    copy.devenv(&["down", "-v", "--yes"]).code(2);
    copy.devenv(&["stop"]).code(2);
    assert_eq!((checkout.containers().len(), checkout.volumes().len()), (3, 1));
    checkout.devenv(&["stop", "cahce"]).code(2).says("there is no container of `cahce`");
    checkout.ok(&["stop", "cache"]).says("devenv.yaml:").says("known by their labels alone").says("stop cache");
    assert_eq!(checkout.containers().len(), 3);
    assert_eq!(engine::inspect(&checkout.container("cache"))["State"]["Running"], false);
    assert!(checkout.ok(&["down", "--dry-run"]).stdout.contains("remove cache"));
    checkout.ok(&["down"]).says("remove cache");
    assert_eq!((checkout.containers().len(), checkout.networks().len(), checkout.volumes().len()), (0, 0, 1));
    checkout.write("devenv.yaml", &good);
    checkout.ok(&["up"]);
    fs::remove_file(checkout.root().join("devenv.yaml")).unwrap();
    checkout.ok(&["stop"]).says("there is no devenv.yaml").says("stop cache");
    checkout.write("devenv.yaml", &good);
    checkout.ok(&["up"]);

    // The folder is gone: the checkout is named by it, from anywhere.
    let label = checkout.label();
    let left = |what: &[&str]| engine::lines(&[what, &["--quiet", "--filter", &label]].concat()).join("");
    let elsewhere = checkout.sibling("elsewhere");
    std::fs::create_dir(elsewhere.root()).unwrap();
    let gone = checkout.root().display().to_string();
    std::fs::remove_dir_all(checkout.root()).unwrap();
    elsewhere.devenv(&["-p", &gone, "down", "-v"]).code(2).says("deleting data must be confirmed");
    elsewhere.ok(&["-p", &gone, "down", "-v", "--yes"]).says("remove cache").says("delete volume:");
    for what in [&["ps", "--all"][..], &["network", "ls"], &["volume", "ls"]] {
        assert_eq!(left(what), "", "{what:?}");
    }
    elsewhere.ok(&["-p", &gone, "down"]).says("nothing is there");
}
