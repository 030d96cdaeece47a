//! A part that does not run is told as it is: what happened, its last lines, exit code 1.

use crate::checkout::{Checkout, Ran};

/// `up` of a project whose only module has these keys.
fn up(keys: &str, args: &[&str]) -> Ran {
    let checkout = Checkout::new(&format!("project: PROJECT\nmodules:\n  api: {{path: ., image: base, {keys}}}\n"));
    let ran = checkout.devenv(&[&["up"], args].concat()).code(1);
    let again = checkout.devenv(&[&["up"], args].concat());
    assert_eq!(again.code, Some(1), "the second `up` is content with what failed:\n{}", again.stderr);
    ran
}

#[test]
fn a_module_that_crashes_at_once() {
    up("run: echo last words; exit 3", &[]).says("`api` ended with code 3").says("last words").says("devenv logs api");
}

#[test]
fn a_module_that_crashes_before_it_is_healthy_does_not_use_up_the_time() {
    let begin = std::time::Instant::now();
    up("run: sleep 1; echo last words; exit 4, port: 8000, health: {http: /}", &["--wait-timeout", "100s"])
        .says("`api` ended with code 4")
        .says("last words");
    assert!(begin.elapsed().as_secs() < 60, "it took {:?}", begin.elapsed());
}

#[test]
fn a_task_that_fails() {
    up("run: echo last words; exit 3, once: true", &[]).says("`api` failed with code 3").says("last words");
}

#[test]
fn a_module_that_never_gets_healthy() {
    up("run: echo last words; sleep infinity, port: 8000, health: {http: /}", &["--wait-timeout", "2s"])
        .says("`api` did not become healthy in 2 s")
        .says("last words");
}

#[test]
fn a_module_that_listens_elsewhere() {
    let listens = |at: &str| {
        let keys = format!("path: ., image: python, run: python3 -m http.server {at}, port: 8000, health: {{http: /}}");
        let checkout = Checkout::new(&format!("project: PROJECT\nmodules:\n  api: {{{keys}}}\n"));
        checkout.devenv(&["up", "--wait-timeout", "15s"]).code(1)
    };
    // A time alone is enough where there is a port to ask.
    up("run: sleep infinity, port: 8000, health: {start_within: 1s}", &[]).says("`api` did not become healthy in 1 s");
    listens("5000").says("`api` listens on port 5000 and not on 8000, which is its `port`");
    listens("8000 --bind 127.0.0.1").says("make it listen on 0.0.0.0");
}

#[test]
fn a_health_check_that_cannot_run() {
    up("run: sleep infinity, health: {command: [no-such-program]}", &[])
        .says("the health check of `api` cannot run")
        .says("no-such-program");
}

#[test]
fn a_health_check_tells_its_last_answer() {
    up("run: sleep infinity, health: {command: echo boom; exit 1, start_within: 3s}", &[])
        .says("`api` did not become healthy in 3 s")
        .says("ended with code 1: boom")
        .says_not("did not end within");
}

#[test]
fn a_program_that_is_not_there() {
    up("run: no-such-program", &[]).says("`api` ended with code 127").says("no-such-program");
}

#[test]
fn dependencies_that_cannot_be_installed() {
    up("run: sleep infinity, deps: {lock: [devenv.yaml], install: echo last words && exit 9, into: [.libs]}", &[])
        .says("the dependencies of `api` could not be installed (code 9)")
        .says("last words");
}

#[test]
fn a_module_that_runs_out_of_memory() {
    let checkout = Checkout::new(
        "project: PROJECT\ncompose: [limits.yaml]\nmodules:\n  api: {path: ., image: base, run: tail /dev/zero, port: 8000}\n",
    );
    checkout.write("limits.yaml", "services: {api: {mem_limit: 16000000, memswap_limit: 16000000}}\n");
    checkout.devenv(&["up"]).code(1).says("`api` ran out of memory: its limit is 16 MB");
}
