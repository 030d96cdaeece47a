//! The copy of a module's source from its user's side: whose it is, what is in it, and that nothing starts on a stale one.

use crate::checkout::{Checkout, until};
use crate::engine;
use crate::trees::{here, there};
use crate::watcher::{log, logged};

fn runs(container: &str) -> bool {
    engine::inspect(container)["State"]["Running"] == true
}

#[test]
fn a_program_that_crashed_is_started_once_for_each_save_and_never_on_a_stale_copy() {
    let checkout = Checkout::new(
        "\
project: PROJECT
mirror: sync
modules:
  api:
    path: api
    image: base
    run: cat main.sh; exec sh main.sh
    health: {command: [test, -e, /tmp/up]}
    test: cat main.sh
    watch: {}
",
    );
    checkout.write("api/main.sh", "exit 1\n");
    checkout.devenv(&["up"]).code(1).says("`api` ended with code 1");
    let (api, root) = (checkout.container("api"), checkout.root().join("api"));
    let fixed = "touch /tmp/up; exec sleep 100000\n";
    logged(&checkout, "starting api again", || checkout.write("api/main.sh", fixed));
    until("it runs", || runs(&api).then_some(()));
    until("both sides are equal", || (there(&api) == here(&root)).then_some(()));
    assert!(engine::docker(&["logs", &api]).ends_with(fixed.trim()));

    // What fails again with what was saved waits for the next save.
    checkout.ok(&["up"]);
    engine::docker(&["exec", &api, "rm", "/tmp/up"]);
    checkout.ok(&["stop", "api"]);
    checkout.write("api/main.sh", "exit 2\n");
    checkout.devenv(&["mirror", "verify", "api"]).code(1).says("one difference");
    checkout.devenv(&["start", "api"]).code(1).says("`api` ended with code 2");
    let before = log(&checkout).len();
    checkout.write("api/main.sh", "exit 3\n");
    let code = || engine::inspect(&api)["State"]["ExitCode"].as_i64();
    until("it has failed with what was saved", || (code() == Some(3) && !runs(&api)).then_some(()));
    assert_eq!(checkout.ok(&["test", "api"]).stdout, "exit 3\n");
    logged(&checkout, "starting api again", || checkout.write("api/main.sh", fixed));
    until("it runs again", || runs(&api).then_some(()));
    let said = log(&checkout).split_off(before);
    assert_eq!(said.matches("starting api again").count(), 2, "{said}");
    assert!(!said.contains("broken"), "{said}");
    checkout.ok(&["up"]);
}

#[test]
fn what_is_copied_is_gits_business_and_the_modules_and_what_is_missing_is_told_once() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  api:
    path: api
    image: base
    run: sleep infinity
    build: 'true'
    mirror: {mode: sync, also: [settings/local.py], not: ['*.md']}
    watch: {ignore: [quiet]}
",
    );
    for file in ["main.py", "notes.md", "quiet/file", "settings/local.py", "media/photo", "__pycache__/x.pyc"] {
        checkout.write(&format!("api/{file}"), "one\n");
    }
    checkout.write("api/.gitignore", "settings/local.py\nmedia\n__pycache__\n");
    checkout.ok(&["up"]).says("not in the copy of `api`").says(": media; if the program needs it");
    let api = checkout.container("api");
    let list = || {
        engine::docker(&[
            "exec",
            &api,
            "sh",
            "-c",
            "cd /srv/api && find . -name .devenv -prune -o -type f -print | sort",
        ])
    };
    assert_eq!(list(), "./.gitignore\n./main.py\n./quiet/file\n./settings/local.py");
    checkout.ok(&["up"]).says_not("not in the copy");
    // What sets off nothing is in the copy all the same.
    let said = logged(&checkout, "api build: api/settings/local.py changed", || {
        checkout.write("api/quiet/file", "two\n");
        until("it is there", || (engine::docker(&["exec", &api, "cat", "quiet/file"]) == "two").then_some(()));
        checkout.write("api/settings/local.py", "two\n");
    });
    assert!(!said.contains("quiet"), "{said}");
    assert_eq!(engine::docker(&["exec", &api, "cat", "settings/local.py"]), "two");
    checkout.ok(&["mirror", "verify"]).says("no difference");
    // A module that runs on its source has no copy that could be in sync.
    checkout.replace("devenv.yaml", "mode: sync", "mode: bind");
    checkout.ok(&["up"]);
    let status = checkout.ok(&["status"]).stdout;
    assert!(!status.contains("in sync"), "{status}");
}
