//! The watcher on a real engine: a saved file becomes a running program, whatever happens to the watcher, the container
//! and the engine meanwhile.

use std::fs;
use std::io::{BufRead, Read, Write};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::checkout::{Checkout, shell, until};
use crate::engine;
use crate::proxy::Proxy;
use crate::watcher::{ended, log, logged, state, watcher};

/// A module whose build copies its source, and whose command shows which one it runs. `broken` does not build, `slow`
/// takes its time, and `dies` ends at once.
const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api:
    path: api
    image: base
    build: 'echo building $$(cat source); ! grep -q broken source && if grep -q slow source; then sleep 345 & sleep 345; fi && cp source /tmp/built'
    lint: echo linted
    test: echo tested && sh test.sh
    run: 'cp /tmp/built /tmp/runs; ! grep -q dies /tmp/runs || exit 9; exec sleep 100000'
    watch: {on_change: [build, test], ignore: [\"*.md\"]}
    health: {command: [test, -e, /tmp/runs]}
  other:
    path: other
    image: base
    run: echo > /tmp/started$$$$; exec sleep 100000
    watch: {}
    needs: [api]
";

fn checkout() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/source", "one\n");
    checkout.write("api/test.sh", "true\n");
    checkout.write("other/file", "one\n");
    checkout
}

fn runs(checkout: &Checkout) -> String {
    engine::docker(&["exec", &checkout.container("api"), "cat", "/tmp/runs"])
}

#[test]
fn a_saved_file_is_built_tested_and_runs() {
    let checkout = checkout();
    checkout.ok(&["up"]).says("watching api, other in the background: `devenv watch` shows it");
    assert_eq!(runs(&checkout), "one");
    let container = checkout.container("api");
    checkout.ok(&["up"]).says("nothing to do").says_not("watching");

    let text = logged(&checkout, "api test ok", || checkout.write("api/source", "two\n"));
    assert_eq!(runs(&checkout), "two");
    let mut rest = text.as_str();
    for line in ["api build: api/source changed", "api | building two", "api build ok", "api restarted", "api | tested"]
    {
        rest = rest.split_once(line).unwrap_or_else(|| panic!("no `{line}` in its place in\n{text}")).1;
    }
    assert!(!text.contains("other"), "{text}");
    assert_eq!(checkout.container("api"), container);

    // A failed build leaves the old one running, and is remembered.
    let text = logged(&checkout, "api build FAILED (code 1)", || checkout.write("api/source", "broken\n"));
    assert!(text.contains("api | building broken"), "{text}");
    checkout.ok(&["up"]).says("api: the last build failed, so the program that runs is older than the source");
    assert_eq!(runs(&checkout), "two");
    let status = checkout.ok(&["status"]).stdout;
    assert!(status.contains("build FAILED") && status.contains("test ok"), "{status}");
    let parts: Value = serde_json::from_str(&checkout.ok(&["status", "--json"]).stdout).unwrap();
    assert_eq!(parts[0]["loop"]["steps"]["build"]["code"], 1, "{parts}");

    // What is touched, ignored or the same is not a change: only what follows is.
    checkout.write("api/notes.md", "new\n");
    engine::docker(&["version"]);
    crate::checkout::shell(&format!("touch '{}'", checkout.root().join("api/source").display()));
    let text = logged(&checkout, "api test FAILED", || {
        checkout.write("api/test.sh", "exit 4\n");
        checkout.write("api/source", "three\n");
    });
    assert_eq!(text.matches("api build").count(), 2, "{text}");
    assert!(text.contains("(code 4)"), "{text}");
    assert_eq!(runs(&checkout), "three", "the restart does not wait for the tests");

    // Unless it is asked to.
    checkout.replace("devenv.yaml", "on_change: [build, test],", "on_change: [build, test], restart: after-tests,");
    until("the settings are read", || {
        checkout.write("api/source", &format!("{}\n", log(&checkout).len()));
        logged(&checkout, "api test FAILED", || {}).contains("api: not restarted").then_some(())
    });
    let before = runs(&checkout);
    logged(&checkout, "api restarted", || checkout.write("api/test.sh", "true\n"));
    assert_ne!(runs(&checkout), before);

    let pid = watcher(&checkout);
    checkout.ok(&["down"]);
    ended(pid);
    assert!(state(&checkout)["ready"].is_null());
}

#[test]
fn a_newer_change_ends_the_whole_group_of_the_running_step() {
    let checkout = checkout();
    checkout.ok(&["up"]);
    let find = "grep -lz '^345$' /proc/[0-9]*/cmdline 2>/dev/null; true";
    let sleepers = || engine::docker(&["exec", &checkout.container("api"), "sh", "-c", find]).lines().count();
    checkout.write("api/source", "slow\n");
    until("both sleep", || (sleepers() == 2).then_some(()));
    let status = checkout.ok(&["status"]).stdout;
    assert!(status.contains("build runs"), "{status}");
    let text = logged(&checkout, "api restarted", || checkout.write("api/source", "quick\n"));
    assert!(text.contains("api build cancelled"), "{text}");
    assert_eq!(sleepers(), 0);
    assert_eq!(runs(&checkout), "quick");
}

#[test]
fn a_program_that_dies_is_told_and_the_next_save_mends_it() {
    let checkout = checkout();
    checkout.ok(&["up"]);
    let container = checkout.container("api");
    let text = logged(&checkout, "api restart FAILED", || checkout.write("api/source", "dies\n"));
    assert!(text.contains("`api` ended right after its restart"), "{text}");
    let last = engine::docker(&["logs", "--tail", "1", &container]);
    assert!(last.is_empty() || last.contains("devenv-run"), "{last}");
    logged(&checkout, "api restarted, healthy", || checkout.write("api/source", "lives\n"));
    assert_eq!((runs(&checkout), checkout.container("api")), ("lives".to_owned(), container));
}

#[test]
fn a_setting_that_is_written_twice_in_a_moment_is_the_last_one() {
    let checkout = checkout();
    checkout.ok(&["up"]);
    let watched = checkout.read("devenv.yaml");
    let unwatched = watched
        .replace("    watch: {on_change: [build, test], ignore: [\"*.md\"]}\n", "")
        .replace("build: '", "lint: '");
    for gap in [20, 60] {
        checkout.write("devenv.yaml", &unwatched.replacen("    lint: echo linted\n", "", 1));
        std::thread::park_timeout(std::time::Duration::from_millis(gap));
        checkout.write("devenv.yaml", &watched);
        until("the module is watched", || {
            checkout.write("api/source", &format!("{gap} {}\n", log(&checkout).len()));
            let pause = std::time::Instant::now();
            let is_built = || runs(&checkout).starts_with(&format!("{gap} "));
            while !is_built() && pause.elapsed() < std::time::Duration::from_secs(2) {}
            is_built().then_some(())
        });
    }
}

#[test]
fn a_killed_watcher_is_followed_by_one_that_catches_up() {
    let checkout = checkout();
    checkout.ok(&["up"]);
    let first = watcher(&checkout);
    checkout.write("api/source", "slow\n");
    until("the build runs", || state(&checkout)["modules"]["api"]["group"].is_array().then_some(()));
    kill_process(first, Signal::KILL).unwrap();
    ended(first);
    checkout.write("api/source", "missed\n");
    let text = logged(&checkout, "api restarted", || drop(checkout.ok(&["up"]).says("watching api")));
    assert!(text.contains("api build: changed while no watcher was running"), "{text}");
    assert_eq!(runs(&checkout), "missed");
    let find = "grep -lz '^345$' /proc/[0-9]*/cmdline 2>/dev/null; true";
    assert_eq!(engine::docker(&["exec", &checkout.container("api"), "sh", "-c", find]), "", "the old build is gone");
    assert_ne!(watcher(&checkout), first);
}

#[test]
fn two_ups_at_once_make_one_watcher_and_a_lost_checkout_ends_it() {
    let checkout = checkout();
    let children = [checkout.begin(&["up"]), checkout.begin(&["up"])];
    for child in children {
        crate::checkout::end(child, &["up"]).code(0);
    }
    assert_eq!(log(&checkout).matches("watching").count(), 1, "{}", log(&checkout));
    let first = watcher(&checkout);
    fs::remove_dir_all(checkout.root().join(".devenv")).unwrap();
    ended(first);
    checkout.ok(&["up"]).says("watching");
    assert_ne!(watcher(&checkout), first);
}

#[test]
fn settings_take_effect_and_touch_nothing_else() {
    let checkout = checkout();
    checkout.ok(&["up"]);
    let started = || engine::docker(&["exec", &checkout.container("other"), "sh", "-c", "ls /tmp | grep -c started"]);
    assert_eq!(started(), "1");
    checkout.write("devenv.local.yaml", "modules: {api: {watch: {on_change: [lint, build]}}}\n");
    // The settings are read within a second or so; a save before that runs the old steps.
    until("the new steps run", || {
        let text = format!("{}\n", log(&checkout).len());
        logged(&checkout, "api restarted", || checkout.write("api/source", &text));
        log(&checkout).contains("api lint").then_some(())
    });
    assert!(!log(&checkout).split("api lint").nth(1).unwrap().contains("api test"));
    checkout.write("devenv.local.yaml", "modules: {api: {watch: {on_change: [lnt]}}}\n");
    until("the fault is told", || log(&checkout).contains("the new settings are invalid").then_some(()));
    logged(&checkout, "api lint ok", || checkout.write("api/source", "still\n"));
    assert_eq!(started(), "1");
    logged(&checkout, "other restarted", || checkout.write("other/file", "two\n"));
    assert_eq!(started(), "2");
}

#[test]
fn a_container_that_is_made_anew_is_watched_on() {
    let checkout = checkout();
    checkout.ok(&["up"]);
    checkout.ok(&["up", "--recreate"]);
    logged(&checkout, "api restarted", || checkout.write("api/source", "two\n"));
    checkout.ok(&["stop", "api"]);
    logged(&checkout, "api waits for its container", || checkout.write("api/source", "three\n"));
    let status = checkout.ok(&["status"]).stdout;
    assert!(status.contains("waits for its container"), "{status}");
    logged(&checkout, "api restarted", || drop(checkout.ok(&["start"])));
    assert_eq!(runs(&checkout), "three");
}

#[test]
fn dependencies_are_installed_when_the_lock_changed_and_not_otherwise() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  api:
    path: api
    image: base
    deps: {lock: [lock], install: cat lock > .libs/installed && echo installing, into: [.libs]}
    run: cp .libs/installed /tmp/runs && exec sleep 100000
    health: {command: [test, -e, /tmp/runs]}
    watch: {on_change: []}
",
    );
    checkout.write("api/lock", "one\n");
    checkout.ok(&["up"]);
    let text = logged(&checkout, "api restarted", || checkout.write("api/other", "x\n"));
    assert!(!text.contains("installing"), "{text}");
    let text = logged(&checkout, "api restarted", || checkout.write("api/lock", "two\n"));
    assert!(text.contains("api deps: api/lock changed") && text.contains("api | installing"), "{text}");
    assert_eq!(runs(&checkout), "two");
    checkout.ok(&["up"]).says("nothing to do");
}

#[test]
fn steps_by_hand_run_in_the_container_and_pass_their_code_on() {
    let checkout = checkout();
    checkout.ok(&["up"]);
    assert_eq!(checkout.ok(&["test", "api"]).stdout, "tested\n");
    let pid = watcher(&checkout);
    checkout.ok(&["stop"]);
    ended(pid);
    checkout.write("api/test.sh", "echo args \"$@\"; exit 5\n");
    assert_eq!(checkout.devenv(&["test", "api"]).code(5).stdout, "tested\nargs\n");
    assert_eq!(state(&checkout)["modules"]["api"]["steps"]["test"]["code"], 5);
    checkout.write("api/test.sh", "echo args \"$@\"\n");
    assert_eq!(checkout.ok(&["test", "api", "--", "a b", "c"]).stdout, "tested\nargs a b c\n");
    assert_eq!(state(&checkout)["modules"]["api"]["steps"]["test"]["code"], 5, "a part is not the whole");
    assert_eq!(checkout.ok(&["lint"]).stdout, "linted\n");
    checkout.write("api/test.sh", "go test ./...\n");
    let lacking = checkout.devenv(&["test", "api"]).code(127);
    lacking.says("the image `base` has no `go`: the image `go` has it: `image: go`");
    assert!(checkout.ok(&["status"]).stdout.contains("test FAILED"));
    checkout.replace("devenv.yaml", "    test: echo tested && sh test.sh\n", "");
    checkout.replace("devenv.yaml", "[build, test]", "[build]");
    assert!(!checkout.ok(&["status"]).stdout.contains("test"), "a step that is gone has nothing to say");
    checkout.devenv(&["build", "other"]).code(2).says("`other` has no `build`");
    assert_eq!(checkout.containers().len(), 2, "no one-off container is left");
}

#[test]
fn an_engine_that_was_away_is_found_again() {
    let checkout = checkout();
    let proxy = Proxy::up(&checkout);
    let pid = watcher(&checkout);
    logged(&checkout, "api build: api/source changed", || checkout.write("api/source", "slow\n"));
    until("the build runs", || state(&checkout)["modules"]["api"]["group"].is_array().then_some(()));
    let text = logged(&checkout, "api waits for the engine", || proxy.close());
    assert!(text.contains("the engine is unreachable"), "{text}");
    checkout.write("api/source", "back\n");
    let text = logged(&checkout, "api restarted", || proxy.open());
    assert!(text.contains("api build: api/source changed"), "{text}");
    assert_eq!(runs(&checkout), "back");
    assert_eq!(watcher(&checkout), pid);
    // It talks to the engine by the proxy, which ends with this test.
    checkout.ok(&["down"]);
    ended(pid);
}

/// A server that keeps what is posted to it.
fn hook() -> (u16, Arc<Mutex<Vec<Value>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let posted = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&posted);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = std::io::BufReader::new(stream.unwrap());
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            shared.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
        }
    });
    (port, posted)
}

#[test]
fn a_failure_is_told_once_also_by_the_next_watcher() {
    let checkout = checkout();
    let (port, posted) = hook();
    checkout.write(
        "devenv.local.yaml",
        &format!(
            "notify: {{on: any, webhook: 'http://127.0.0.1:{port}/hook', command: {{in: other, run: 'echo \"$$DEVENV_TEXT\" >> /tmp/told'}}}}\n"
        ),
    );
    let mut up = checkout.command();
    assert!(up.arg("up").env("DEVENV_SECRET_ANY_PASSWORD", "canary-one").output().unwrap().status.success());
    logged(&checkout, "api build FAILED", || checkout.write("api/source", "broken canary-one\n"));
    until("the hook has it", || (posted.lock().unwrap().len() == 1).then_some(()));
    logged(&checkout, "api build FAILED", || checkout.write("api/source", "broken two\n"));
    let first = watcher(&checkout);
    kill_process(first, Signal::KILL).unwrap();
    ended(first);
    checkout.ok(&["up"]);
    logged(&checkout, "api build FAILED", || checkout.write("api/source", "broken three\n"));
    logged(&checkout, "api restarted", || checkout.write("api/source", "fixed\n"));
    until("the hook has the end", || (posted.lock().unwrap().len() >= 2).then_some(()));
    let posted = posted.lock().unwrap();
    let told: Vec<String> =
        posted.iter().map(|news| format!("{} {} {}", news["module"], news["step"], news["result"])).collect();
    assert_eq!(told, ["\"api\" \"build\" \"failed\"", "\"api\" \"build\" \"fixed\""]);
    assert_eq!(posted[0]["lines"][0], "building broken ********");
    let kept = shell(&format!("grep -rl canary-one '{}/.devenv' || true", checkout.root().display()));
    assert_eq!(kept, "", "a credential is kept in what was printed");
    let read = ["exec", &checkout.container("other"), "cat", "/tmp/told"];
    until("the command was run twice", || {
        let told = String::from_utf8_lossy(&engine::output(&read).stdout).into_owned();
        (told.lines().count() == 2 && told.contains("build of api failed (code 1)")).then_some(())
    });
}

#[test]
fn in_ci_nothing_watches_unless_it_is_asked_to() {
    let checkout = checkout();
    let mut up = checkout.command();
    let output = up.arg("up").env("CI", "true").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!checkout.root().join(".devenv/watch/lock").exists());

    // The view can be left, and what it shows goes on.
    let mut view = checkout.command();
    let mut view = view.arg("watch").env("CI", "true").stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(view.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.next().unwrap().contains("watching api, other"));
    checkout.write("api/source", "two\n");
    assert!(lines.any(|line| line.contains("api restarted, healthy")));
    kill_process(Pid::from_child(&view), Signal::INT).unwrap();
    assert_eq!(view.wait().unwrap().code(), Some(130));
    logged(&checkout, "api restarted", || checkout.write("api/source", "three\n"));
}
