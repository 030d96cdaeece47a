//! Parts that do not run as they should: `status` calls each thing by its name, and `notify` tells of it once.

use serde_json::Value;

use crate::checkout::{Checkout, until};
use crate::engine;

fn status(checkout: &Checkout, part: &str) -> Value {
    let all: Value = serde_json::from_str(&checkout.ok(&["status", "--json"]).stdout).unwrap();
    all.as_array().unwrap().iter().find(|one| one["name"] == part).unwrap().clone()
}

#[test]
fn status_names_a_crash_loop_want_of_memory_and_what_a_probe_answers() {
    let checkout = Checkout::new(
        "\
project: PROJECT
compose: [extra.yaml]
modules:
  eats: {path: ., image: base, run: tail /dev/zero}
  mute: {path: ., image: base, run: sleep infinity, port: 8000, health: {http: /healthz, start_within: 1s}, needs: [ended]}
  ended: {path: ., image: base, run: sleep 1 && exit 3}
",
    );
    checkout.write(
        "extra.yaml",
        "services:\n  eats: {mem_limit: 16000000, memswap_limit: 16000000}\n  ended: {restart: always}\n",
    );
    checkout.devenv(&["up"]).code(1);
    checkout.devenv(&["up", "mute"]).code(1);
    until("the memory is eaten", || (status(&checkout, "eats")["state"] == "out-of-memory").then_some(()));
    assert_eq!(status(&checkout, "eats")["text"], "out of memory: its limit is 16 MB");
    let looping = until("the engine has started it again", || {
        let status = status(&checkout, "ended");
        (status["state"] == "crash-loop").then_some(status)
    });
    assert!(looping["text"].as_str().unwrap().starts_with("crash loop: restarted "), "{looping}");
    assert!(looping["restarts"].as_i64().unwrap() >= 3 && looping["since"].is_i64(), "{looping}");
}

#[test]
fn a_part_that_dies_unasked_is_told_once_and_so_is_an_error() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  api: {path: ., image: base, run: 'trap \"\" TERM; while sleep 0.2; do test ! -e say || { echo \"ERROR: order $$(cat say)\"; rm say; }; done'}
  other: {path: ., image: base, run: sleep infinity}
notify: {on: [died, error], command: {in: other, run: 'echo \"$$DEVENV_RESULT $$DEVENV_TEXT\" >> /tmp/told'}}
",
    );
    checkout.ok(&["up"]).says("watching for parts that die in the background");
    let told = || engine::output(&["exec", &checkout.container("other"), "cat", "/tmp/told"]).stdout;
    let told = || String::from_utf8(told()).unwrap().replace(checkout.project(), "PROJECT");

    // An error, and the same with another number.
    checkout.write("say", "17\n");
    until("the error is told", || (told() == "error PROJECT: api says: ERROR: order 17\n").then_some(()));
    checkout.write("say", "18\n");
    until("it is printed", || checkout.ok(&["logs", "api"]).stdout.contains("order 18").then_some(()));

    // A restart between two looks ends no one's attention.
    engine::docker(&["restart", "-t", "0", &checkout.container("api")]);
    checkout.write("say", "again\n");
    let both = "error PROJECT: api says: ERROR: order 17\nerror PROJECT: api says: ERROR: order again\n";
    until("the error after a restart is told", || (told() == both).then_some(()));

    // A stop is none, whatever code it ends with; a kill is one.
    checkout.ok(&["stop", "api"]);
    checkout.ok(&["start", "api"]);
    engine::docker(&["kill", &checkout.container("api")]);
    let expected = "error PROJECT: api says: ERROR: order 17\n\
                    error PROJECT: api says: ERROR: order again\n\
                    died PROJECT: api exited unexpectedly with code 137\n";
    until("the death is told", || (told() == expected).then_some(()));
    let log = || checkout.read(".devenv/watch/log");
    checkout.ok(&["start", "api"]);
    engine::docker(&["kill", &checkout.container("api")]);
    until("the part is down", || (status(&checkout, "api")["state"] == "ended").then_some(()));
    assert_eq!(status(&checkout, "api")["code"], 137);
    assert_eq!((told().as_str(), log().matches("exited unexpectedly").count()), (expected, 1));
}

#[test]
fn status_measures_what_parts_use_and_is_shown_again_when_it_changes() {
    let checkout = Checkout::new(
        "project: PROJECT\nmodules:\n  api: {path: ., image: base, run: 'while :; do :; done'}\nservices:\n  db: {preset: postgres}\n",
    );
    checkout.ok(&["up"]);
    let all: Value = serde_json::from_str(&checkout.ok(&["status", "--stats", "--json"]).stdout).unwrap();
    assert!(all[0]["usage"]["cpu"].as_f64().unwrap() > 1.0, "{all}");
    assert!(all[1]["usage"]["memory"].as_u64().unwrap() > 5_000_000, "{all}");
    assert!(all[1]["usage"]["disk"].as_u64().unwrap() > 10_000_000, "{all}");

    let terminal = crate::terminal::Terminal::new(&checkout, &["status", "--watch"]);
    terminal.shows("\u{1b}[2J\u{1b}[HNAME");
    terminal.shows("running");
    checkout.ok(&["stop", "api"]);
    terminal.shows("\u{1b}[HNAME");
    terminal.shows("stopped");
    terminal.types("\u{3}");
    terminal.ends(130);
}
