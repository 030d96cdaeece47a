//! Tasks that work on data: whatever becomes of containers, credentials and `.devenv`, what a person has changed in the data
//! since is not overwritten unasked.

use crate::checkout::{Checkout, end};
use crate::engine;

/// A task that counts its runs in the data of `cache`.
fn checkout(once: &str) -> Checkout {
    let checkout = Checkout::new(&format!(
        "\
project: PROJECT
modules:
  demo: {{path: demo, image: redis, run: redis-cli --no-auth-warning -h cache -a $$CACHE_PASSWORD incr runs, {once}, needs: [cache]}}
services:
  cache: {{preset: redis}}
"
    ));
    checkout.write("demo/rows.txt", "one\n");
    checkout.write("demo/notes.md", "one\n");
    checkout.ok(&["up"]).says("wait demo");
    assert_eq!(runs(&checkout), "1");
    checkout
}

fn runs(checkout: &Checkout) -> String {
    let ask = "redis-cli --no-auth-warning -a \"$(cat /run/devenv/credentials/password)\" get runs";
    engine::docker(&["exec", &checkout.container("cache"), "sh", "-c", ask])
}

#[test]
fn a_task_per_data_runs_once_whatever_happens_to_everything_else() {
    let checkout = checkout("once: {per: data}");
    let unchanged = |what: &str| {
        assert_eq!(runs(&checkout), "1", "after {what}");
        checkout.ok(&["up"]).says("nothing to do");
    };
    checkout.write("demo/rows.txt", "two\n");
    checkout.ok(&["up"]).says("nothing to do");
    unchanged("a change of its source");
    checkout.ok(&["up", "--recreate"]);
    unchanged("--recreate");
    checkout.ok(&["down"]);
    checkout.ok(&["up"]).says_not("start demo");
    assert!(checkout.ok(&["status"]).stdout.contains("done"));
    unchanged("down");
    checkout.ok(&["secrets", "reset", "cache"]);
    checkout.ok(&["up"]);
    unchanged("secrets reset");
    std::fs::remove_dir_all(checkout.root().join(".devenv")).unwrap();
    checkout.ok(&["up"]);
    unchanged("the loss of .devenv");
    checkout.ok(&["up", "--fresh", "--yes"]).says("demo");
    unchanged("new data");
}

#[test]
fn a_task_over_its_whole_folder_asks_before_it_touches_data_again_and_inputs_decide_for_good() {
    let checkout = checkout("once: true");
    checkout.write("demo/notes.md", "two\n");
    let asked = "demo is not run again: source changed, but the data that it works on is not new";
    checkout.ok(&["up", "--yes"]).says(asked).says("nothing to do");
    assert_eq!(runs(&checkout), "1");
    checkout.ok(&["up", "--again", "demo"]);
    assert_eq!(runs(&checkout), "2");
    checkout.ok(&["up"]).says("nothing to do").says_not("is not run again");

    checkout.replace("devenv.yaml", "once: true", "once: true, inputs: [\"*.txt\"]");
    checkout.ok(&["up"]);
    let before = runs(&checkout);
    checkout.write("demo/notes.md", "three\n");
    checkout.ok(&["up"]).says("nothing to do");
    checkout.write("demo/rows.txt", "two\n");
    checkout.ok(&["up"]).says("recreate demo: source changed");
    assert_ne!(runs(&checkout), before);
}

#[test]
fn a_task_that_does_not_end_is_stopped_after_its_time() {
    let task = "{path: ., image: base, run: echo waiting; sleep 1000, once: true, max: 2s}";
    let checkout = Checkout::new(&format!("project: PROJECT\nmodules:\n  demo: {task}\n"));
    checkout.devenv(&["up"]).code(1).says("`demo` did not end within 2 s").says("waiting").says("max:");
    let running = ["ps", "--quiet", "--filter", &checkout.label()];
    assert_eq!(engine::lines(&running), Vec::<String>::new());
}

#[test]
fn a_task_whose_last_run_failed_is_not_done_and_everybody_who_looks_at_once_sees_it() {
    let checkout = checkout("once: true, inputs: [\"*.txt\"]");
    checkout.replace("devenv.yaml", "incr runs,", "incr runs && test ! -e bad.txt,");
    checkout.ok(&["up"]).says("start demo");
    checkout.ok(&["up"]).says("nothing to do");
    let fails = || {
        checkout.write("demo/bad.txt", "");
        checkout.devenv(&["up"]).code(1).says("`demo` failed with code 1");
    };
    let right_again = || std::fs::remove_file(checkout.root().join("demo/bad.txt")).unwrap();
    // It may have done a part of what it does, although its inputs are those of a run that was good.
    fails();
    right_again();
    checkout.ok(&["up"]).says("start demo");
    assert_eq!(runs(&checkout), "4");
    checkout.ok(&["up"]).says("nothing to do");
    // The same where its container is gone: the stamp beside the data tells, to as many as ask.
    fails();
    right_again();
    checkout.ok(&["down"]);
    let looks: Vec<_> = (0..8).map(|_| checkout.begin(&["up", "--dry-run"])).collect();
    for look in looks {
        let plan = end(look, &["up", "--dry-run"]).code(0).stdout;
        assert!(plan.contains("start demo"), "{plan}");
    }
    checkout.ok(&["up"]).says("start demo");
    assert_eq!(runs(&checkout), "6");
}
