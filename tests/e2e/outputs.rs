//! What a module declares as outputs comes back from its copy, and nothing else does.

use std::fs;
use std::path::Path;

use rustix::process::{Signal, kill_process};

use crate::checkout::{Checkout, until};
use crate::engine;
use crate::watcher::{ended, log, state, watcher};

const CONFIGURATION: &str = "\
project: PROJECT
mirror: sync
modules:
  api:
    path: api
    image: base
    build: 'echo building $$(cat source) && cp source lock && rm -rf gen && mkdir gen && cp source gen/$$(cat source) && echo x > stray'
    test: 'echo tested > lock'
    run: exec sleep 100000
    watch: {on_change: [build]}
    outputs: [lock, gen]
";

fn checkout() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/source", "one\n");
    checkout.write("api/.gitignore", "/gen/\n/stray\n");
    checkout
}

fn text(folder: &Path, path: &str) -> String {
    fs::read_to_string(folder.join(path)).unwrap_or_default()
}

fn kill_watcher(checkout: &Checkout) {
    let pid = watcher(checkout);
    kill_process(pid, Signal::KILL).unwrap();
    ended(pid);
}

fn within(container: &str, script: &str) -> String {
    engine::docker(&["exec", container, "sh", "-c", script])
}

#[test]
fn outputs_come_back_and_nothing_else_does() {
    let checkout = checkout();
    checkout.ok(&["up"]);
    let (api, root) = (checkout.container("api"), checkout.root().join("api"));
    until("the first build's outputs are here", || (text(&root, "lock") == "one\n").then_some(()));
    until("its folder too", || (text(&root, "gen/one") == "one\n").then_some(()));
    checkout.write("api/source", "two\n");
    until("the second build's are", || {
        (text(&root, "gen/two") == "two\n" && text(&root, "lock") == "two\n").then_some(())
    });
    until("what the build no longer makes is gone", || (!root.join("gen/one").exists()).then_some(()));
    assert!(!root.join("stray").exists());
    assert_eq!(within(&api, "cat /srv/api/stray"), "x");

    // What came back is not a change: it is neither built nor sent again.
    let inode = within(&api, "stat -c %i /srv/api/lock");
    checkout.write("api/source", "three\n");
    until("the third is here", || (text(&root, "lock") == "three\n").then_some(()));
    assert_eq!(log(&checkout).matches("| building").count(), 2, "{}", log(&checkout));
    assert_eq!(within(&api, "stat -c %i /srv/api/lock"), inode);

    // By hand in the container: it need not be a step.
    within(&api, "echo by hand > /srv/api/lock");
    until("it comes back", || (text(&root, "lock") == "by hand\n").then_some(()));
    // And the other way, as all source does.
    checkout.write("api/lock", "from here\n");
    until("it is there", || (within(&api, "cat /srv/api/lock") == "from here").then_some(()));
    assert_eq!(text(&root, "lock"), "from here\n");
    checkout.ok(&["mirror", "verify"]).says("no difference");
}

#[test]
fn nobody_is_overwritten_unseen_while_nobody_watches() {
    let checkout = checkout();
    checkout.ok(&["up"]);
    let (api, root) = (checkout.container("api"), checkout.root().join("api"));
    until("the outputs are here", || (text(&root, "lock") == "one\n" && root.join("gen/one").exists()).then_some(()));
    // A watcher that is killed before it has written down what both sides have leaves nobody who knows.
    let agreed = || state(&checkout)["modules"]["api"]["outputs"]["lock"].is_string();
    until("it is written down", || agreed().then_some(()));
    kill_watcher(&checkout);
    within(&api, "echo there > /srv/api/lock");
    checkout.ok(&["up"]).says("output lock was copied back");
    assert_eq!(text(&root, "lock"), "there\n");
    kill_watcher(&checkout);
    within(&api, "echo there again > /srv/api/lock");
    checkout.write("api/lock", "here\n");
    checkout.ok(&["up"]).says("output lock was changed on both sides: the checkout's is kept");
    assert_eq!((text(&root, "lock").as_str(), within(&api, "cat /srv/api/lock").as_str()), ("here\n", "here"));

    // A step by hand brings them back too, with nobody watching.
    kill_watcher(&checkout);
    checkout.ok(&["test", "api"]).says("api output lock was copied back");
    assert_eq!(text(&root, "lock"), "tested\n");
    // A folder that stands in the way is the developer's, and goes there before the step begins.
    fs::remove_file(root.join("lock")).unwrap();
    checkout.write("api/lock/mine", "x\n");
    let ran = checkout.devenv(&["test", "api", "--", "more"]).code(2);
    assert!(ran.stdout.contains("Is a directory"), "{}", ran.stdout);
    assert_eq!(text(&root, "lock/mine"), "x\n");
}
