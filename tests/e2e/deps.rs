//! Dependencies: what is installed is read from the volume, and a script that fails in any part is a failed installation.

use std::process::Stdio;

use crate::checkout::{Checkout, Ran, end};
use crate::watcher::logged;

/// A module whose dependencies are installed by this script.
fn checkout(install: &str) -> Checkout {
    let checkout = Checkout::new(&format!(
        "\
project: PROJECT
modules:
  api:
    path: api
    image: base
    deps: {{lock: [lock], into: [.libs], install: {install}}}
    run: cp .libs/installed /tmp/runs && exec sleep 100000
    health: {{command: [test, -e, /tmp/runs]}}
    watch: {{on_change: []}}
"
    ));
    checkout.write("api/lock", "a\n");
    checkout
}

/// `up` as CI runs it: nobody watches.
fn up(checkout: &Checkout) -> Ran {
    let mut command = checkout.command();
    let child = command.arg("up").env("CI", "true").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    end(child, &["up"])
}

fn installed(checkout: &Checkout) -> String {
    checkout.ok(&["exec", "api", "cat", ".libs/installed"]).stdout
}

const COPY: &str = "'cp lock .libs/installed; ! grep -q bad lock'";

#[test]
fn a_failure_in_any_part_of_the_script_installs_nothing() {
    for install in ["no-such-program && touch .libs/installed", "'no-such-program\n\n    touch .libs/installed'"] {
        let checkout = checkout(install);
        for _ in 0..2 {
            up(&checkout).code(1).says("the dependencies of `api` could not be installed (code 127)");
        }
    }
    for install in ["'cp lock .libs/installed; exit 0'", "exec cp lock .libs/installed"] {
        let checkout = checkout(install);
        up(&checkout).code(0).says("install api: not installed yet");
        up(&checkout).code(0).says("nothing to do");
    }
}

#[test]
fn after_a_branch_switch_and_back_the_dependencies_are_those_of_the_lock() {
    let checkout = checkout(COPY);
    for lock in ["a\n", "b\n", "a\n"] {
        checkout.write("api/lock", lock);
        up(&checkout).code(0);
        assert_eq!(installed(&checkout), lock);
    }
    checkout.write("api/lock", "bad\n");
    up(&checkout).code(1).says("could not be installed");
    let status = checkout.ok(&["status"]).stdout;
    assert!(status.contains("deps FAILED"), "{status}");
    checkout.write("api/lock", "a\n");
    up(&checkout).code(0).says("install api");
    assert_eq!(installed(&checkout), "a\n");
    let status = checkout.ok(&["status"]).stdout;
    assert!(!status.contains("FAILED"), "{status}");
}

#[test]
fn dependencies_are_installed_from_nothing_by_hand() {
    let checkout = checkout("'cp lock .libs/installed && date +%N >> .libs/times'");
    up(&checkout).code(0);
    checkout.ok(&["exec", "api", "touch", ".libs/broken"]);
    checkout.ok(&["deps", "reset", "api"]).says("install api");
    checkout.devenv(&["exec", "api", "test", "-e", ".libs/broken"]).code(1);
    assert_eq!(installed(&checkout), "a\n");
    checkout.devenv(&["deps", "reset", "apii"]).code(2).says("did you mean `api`?");
    checkout.ok(&["down"]);
    checkout.ok(&["deps", "reset", "api"]).says("`devenv up api` installs them");
}

#[test]
fn the_watcher_installs_again_after_a_failed_installation_was_taken_back() {
    let checkout = checkout(COPY);
    checkout.ok(&["up"]);
    logged(&checkout, "api deps FAILED", || checkout.write("api/lock", "bad\n"));
    logged(&checkout, "api restarted, healthy", || checkout.write("api/lock", "a\n"));
    assert_eq!(installed(&checkout), "a\n");
    checkout.ok(&["up"]).says("nothing to do");
}
