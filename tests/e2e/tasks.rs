//! Tasks on the real engine: artifacts flow, nothing is run twice, and whatever ends devenv leaves nothing behind.

use rustix::process::{Pid, Signal, kill_process};

use crate::checkout::{Checkout, end, shell, until};
use crate::engine;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api: {path: api, image: base, run: sleep infinity, test: cat words.txt}
tasks:
  wheel: {module: api, run: mkdir dist; cp words.txt dist/api.whl; echo made, artifacts: [dist/*.whl], needs: [api:test]}
  fails: {image: base, run: echo oops; exit 7, needs: [wheel]}
  report: {image: base, run: cat /run/devenv/needs/wheel/dist/api.whl, needs: [wheel, fails], requires: resolved}
  blocked: {image: base, run: \"true\", needs: [fails]}
  all: {needs: [report, blocked]}
  out: {image: base, run: ln -s /etc/passwd out, artifacts: [out]}
  lacks: {image: base, run: \"true\", artifacts: [dist/x]}
  slow: {image: base, run: sleep 1000 & setsid sleep 1000 & sleep 1000, max_run: 1s}
  long: {module: api, run: echo begun; until test -e /tmp/go; do sleep 0.1; done; echo ended > out.txt, artifacts: [out.txt]}
  after: {image: base, run: cat /run/devenv/needs/long/out.txt, needs: [long]}
";

pub(crate) fn project() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/words.txt", "some words\n");
    checkout
}

/// The containers of tasks that are there, as `task state`.
pub(crate) fn containers(checkout: &Checkout) -> Vec<String> {
    if !checkout.root().join(".devenv/id").exists() {
        return Vec::new();
    }
    let format = "{{.Label \"devenv.task\"}} {{.State}}";
    let filter = ["ps", "--all", "--filter", &checkout.label(), "--filter", "label=devenv.task", "--format", format];
    engine::lines(&filter)
}

fn run(checkout: &Checkout, what: &str) -> serde_json::Value {
    serde_json::from_str(&checkout.ok(&["runs", "show", what, "--json"]).stdout).unwrap()
}

#[test]
fn artifacts_flow_failures_stop_those_that_need_them_and_nothing_is_run_twice() {
    let checkout = project();
    let first = checkout.devenv(&["task", "run", "all"]).code(7);
    let first = first
        .says("✓ api:test")
        .says("✗ fails failed: exit code 7")
        .says("✓ report")
        .says("not completed: `fails`; 2 not run");
    assert!(first.stdout.contains("report | some words\n"), "{}", first.stdout);
    assert_eq!(containers(&checkout), Vec::<String>::new());
    let record = run(&checkout, "last");
    assert_eq!(record["state"], "failed");
    assert_eq!(record["run"]["tasks"]["blocked"]["is"]["state"], "unscheduled");
    assert_eq!(record["run"]["tasks"]["fails"]["is"]["failure"]["code"], 7);
    let kept = checkout.ok(&["runs", "artifacts", "last"]).stdout;
    assert!(kept.contains("dist/api.whl"), "{kept}");

    // The same again: only what has not completed.
    let again = checkout.devenv(&["task", "run", "all"]).code(7);
    again.says("= wheel: completed in run").says("= report: completed in run").says_not("▶ wheel");
    checkout.ok(&["task", "run", "wheel"]).says("= api:test").says_not("▶");
    let why = checkout.ok(&["task", "why", "wheel"]).stdout;
    assert!(why.contains("is not run"), "{why}");
    assert_eq!(checkout.ok(&["runs", "logs", "last", "wheel"]).stdout, "made\n");

    // Another source: what reads it, with the reason.
    checkout.write("api/words.txt", "other words\n");
    let changed = checkout.ok(&["task", "run", "wheel"]);
    changed.says("▶ api:test: source changed").says("▶ wheel: source changed");
    let report = checkout.devenv(&["task", "run", "report"]).code(7);
    report.says("▶ report: result of wheel, source changed");
    checkout.ok(&["task", "run", "wheel", "--force"]).says("▶ wheel: --force");
    checkout.ok(&["task", "run", "wheel", "--from", "wheel"]).says("▶ wheel").says_not("api:test");

    // What a task promises and does not keep.
    checkout.devenv(&["task", "run", "out"]).code(1).says("out is a link to /etc/passwd");
    checkout.devenv(&["task", "run", "lacks"]).code(1).says("dist/x is missing");
    checkout.devenv(&["task", "run", "weel"]).code(2).says("did you mean `wheel`?");

    // Time is up: everything in the container is ended.
    checkout.devenv(&["task", "run", "slow"]).code(1).says("✗ slow exception: timed-out");
    assert_eq!(containers(&checkout), Vec::<String>::new());
}

#[test]
fn a_killed_coordinator_loses_nothing_and_a_cancelled_one_leaves_nothing() {
    let checkout = project();
    let begin = |args: &[&str]| {
        let child = checkout.begin(args);
        until("the task runs", || (containers(&checkout) == ["long running"]).then_some(()));
        child
    };
    let go = || {
        let id = engine::lines(&["ps", "--quiet", "--filter", &checkout.label(), "--filter", "label=devenv.task=long"]);
        engine::docker(&["exec", &id[0], "touch", "/tmp/go"]);
        id[0].clone()
    };

    // Killed while the task runs: the next call goes on with the same container.
    let mut child = begin(&["task", "run", "after"]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(checkout.ok(&["runs"]).stdout.contains("interrupted"));
    let next = checkout.begin(&["task", "run", "after"]);
    until("it is taken over", || checkout.ok(&["runs", "show", "last"]).stdout.contains("running").then_some(()));
    go();
    let next = end(next, &["task", "run", "after"]).code(0);
    let next = next.says("▶ long: no earlier result counts, goes on from run").says("✓ after");
    assert!(next.stdout.contains("long | begun\n") && next.stdout.contains("after | ended\n"), "{}", next.stdout);
    assert_eq!(containers(&checkout), Vec::<String>::new());
    checkout.ok(&["task", "run", "after"]).says_not("▶");

    // Killed, and the task has ended before anybody looks: its result counts.
    checkout.write("api/words.txt", "changed\n");
    let mut child = begin(&["task", "run", "after"]);
    child.kill().unwrap();
    child.wait().unwrap();
    go();
    until("it has ended", || (containers(&checkout) == ["long exited"]).then_some(()));
    let next = checkout.ok(&["task", "run", "after"]);
    next.says("goes on from run").says("✓ long");
    assert_eq!(containers(&checkout), Vec::<String>::new());

    // Killed, and what it ran is no longer wanted: it is removed.
    checkout.write("api/words.txt", "changed again\n");
    let mut child = begin(&["task", "run", "long"]);
    child.kill().unwrap();
    child.wait().unwrap();
    checkout.ok(&["task", "run", "api:test"]).says("▶ api:test");
    assert_eq!(containers(&checkout), Vec::<String>::new());

    // Ctrl-C without a terminal, and another process that cancels the run.
    let child = begin(&["task", "run", "after"]);
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    end(child, &["task", "run", "after"]).code(130).says("✗ long exception: cancelled");
    assert_eq!(containers(&checkout), Vec::<String>::new());
    let child = begin(&["task", "run", "after"]);
    checkout.ok(&["runs", "cancel", "last"]).says("ends");
    end(child, &["task", "run", "after"]).code(1).says("✗ long exception: cancelled");
    assert_eq!(containers(&checkout), Vec::<String>::new());
}

#[test]
fn ci_counts_tests_writes_its_reports_and_ends_with_the_first_failure() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  api: {path: api, image: base, run: sleep infinity, lint: \"true\"}
tasks:
  suite: {module: api, run: cp given.xml results.xml, results: [results.xml]}
ci: [\"*:lint\", suite]
",
    );
    let given = |inner: &str| checkout.write("api/given.xml", &format!("<testsuite name='s'>{inner}</testsuite>"));
    given("<testcase name='one' time='0.5'/><testcase name='two'><failure message='boom'/></testcase>");
    let ci = ["ci", "--junit", "junit.xml", "--report", "report.json"];
    checkout.devenv(&ci).code(1).says("✗ suite failed: 1 of 2 tests failed, first two").says("✓ api:lint");
    let junit = checkout.read("junit.xml");
    assert!(junit.contains("<testcase classname=\"s\" name=\"one\" time=\"0.500\"/>"), "{junit}");
    assert!(
        junit.contains("name=\"two\"><failure message=\"boom\"/>") && junit.contains("name=\"api:lint\""),
        "{junit}"
    );
    let report: serde_json::Value = serde_json::from_str(&checkout.read("report.json")).unwrap();
    assert_eq!(report["tasks"]["suite"]["about"]["tests"]["failed"], 1);
    assert_eq!(report["tasks"]["api:lint"]["is"]["state"], "completed");

    checkout.write("api/given.xml", "<testsuite><testcase");
    checkout.devenv(&ci).code(1).says("results.xml cannot be read: it is not XML");
    given("<testcase name='one'/>");
    let good = checkout.ok(&ci);
    assert!(good.stdout.contains("1 passed"), "{}", good.stdout);
    let again = checkout.ok(&["ci"]).says("= suite: completed in run");
    assert!(!again.stderr.contains('▶'), "{}", again.stderr);
    assert!(checkout.ok(&["ci", "--print", "gitlab"]).stdout.contains("junit: devenv-junit.xml"));
}

#[test]
fn a_release_is_a_task_and_is_made_again_when_its_image_is_gone() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  odd: {path: odd, image: base, build: mkdir -p out && cp words out/, run: cat out/words, release: {artifacts: [out]}}
",
    );
    checkout.write("odd/words", "some words\n");
    checkout.devenv(&["task", "run", "odd:release"]).code(2).says("a release is built from a commit");
    let git = |rest: &str| shell(&format!("cd '{}' && git {rest}", checkout.root().display()));
    git(
        "init -q && git add odd devenv.yaml devenv.lock && git -c user.name=a -c user.email=a@example.com commit -qm one",
    );
    checkout.ok(&["task", "run", "odd:release"]).says("▶ odd:release").says("✓ odd:release");
    checkout.ok(&["task", "run", "odd:release"]).says("= odd:release: completed in run");
    let image = format!("{}/odd", checkout.project());
    let images = || engine::lines(&["images", "--format", "{{.Repository}}:{{.Tag}}", &image]);
    let made = images();
    engine::docker(&["rmi", &made[0]]);
    checkout.ok(&["task", "run", "odd:release"]).says("is missing").says("✓ odd:release");
    assert_eq!(images(), made);
    checkout.replace("devenv.yaml", "cp words out/", "false");
    checkout.devenv(&["task", "run", "odd:release"]).code(1).says("✗ odd:release failed: the release of `odd`");
}

#[test]
fn a_task_has_what_its_module_needs_and_one_whose_container_is_taken_away_is_tried_again() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  api:
    path: api
    image: redis
    deps: {lock: [lock.txt], install: mkdir -p .venv && cp lock.txt .venv/installed, into: [.venv]}
    run: sleep infinity
    test: cat .venv/installed; redis-cli --no-auth-warning -h cache -a $$CACHE_PASSWORD ping
    needs: [cache]
services:
  cache: {preset: redis}
tasks:
  again: {image: base, run: until test -e /tmp/go; do sleep 0.1; done, retries: 1}
  secret: {image: base, run: echo it is $$TASK_TOKEN, secrets: [TASK_TOKEN]}
",
    );
    checkout.write("api/lock.txt", "one\n");
    let ran = checkout.ok(&["task", "run", "api:test"]);
    assert!(ran.stdout.contains("api:test | one\napi:test | PONG\n"), "{}", ran.stdout);
    checkout.write("api/lock.txt", "two\n");
    let ran = checkout.ok(&["task", "run", "api:test"]);
    assert!(ran.stdout.contains("api:test | two\n"), "{}", ran.stdout);

    checkout.devenv(&["task", "run", "secret"]).code(2).says("needs the variable TASK_TOKEN, which is not set");
    let mut command = checkout.command();
    command.args(["task", "run", "secret"]).env("TASK_TOKEN", "hidden-value-71");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let ran = end(command.spawn().unwrap(), &["task", "run", "secret"]).code(0);
    let log = checkout.ok(&["runs", "logs", "last"]).stdout;
    assert!(ran.stdout.contains("it is ") && !format!("{}{log}", ran.stdout).contains("hidden-value"), "{log}");

    let child = checkout.begin(&["task", "run", "again"]);
    let id = || {
        let running = ["ps", "--quiet", "--filter", &checkout.label(), "--filter", "label=devenv.task=again"];
        engine::lines(&running).pop()
    };
    let first = until("the task runs", id);
    engine::docker(&["rm", "--force", &first]);
    let second = until("it runs again", || id().filter(|id| *id != first));
    engine::docker(&["exec", &second, "touch", "/tmp/go"]);
    end(child, &["task", "run", "again"]).code(0).says("✗ again exception: lost").says("✓ again");
}
