//! Containers beside a task, on the real engine.

use crate::checkout::{Checkout, until};
use crate::engine;
use crate::tasks::containers;

const BESIDE: &str = "\
project: PROJECT
tasks:
  both:
    image: redis
    beside:
      hub: {image: redis, run: sh serve.sh, health: {command: redis-cli get name | grep -q hub}}
      idle: {image: base, run: sleep infinity}
    run: getent hosts idle; redis-cli -h hub get name
  never: {image: base, run: echo begun, beside: {hub: {image: base, run: echo no config; exit 3, port: 8000}}}
  own: {image: base, run: echo begun, beside: {hub: {image: redis}}}
  fails: {image: base, run: exit 4, beside: {hub: {image: base, run: echo last words; sleep infinity}}}
  long: {image: base, run: until test -e /tmp/go; do sleep 0.1; done, beside: {hub: {image: base, run: sleep infinity}}}
";

#[test]
fn containers_beside_a_task_are_ready_before_it_and_gone_after_it() {
    let checkout = Checkout::new(BESIDE);
    checkout.write("www/name.txt", "the hub\n");
    let put = "until redis-cli set name \"$(cat www/name.txt)\"; do sleep 0.1; done";
    checkout.write("serve.sh", &format!("redis-server --protected-mode no &\n{put}\nwait\n"));
    let ran = checkout.ok(&["task", "run", "both"]);
    assert!(ran.stdout.contains("both | the hub\n"), "{}", ran.stdout);
    let is_clean = || (containers(&checkout), checkout.networks()) == (Vec::new(), Vec::new());
    assert!(is_clean());
    checkout.ok(&["task", "run", "both"]).says("= both: completed in run");

    // Its source and its definition count.
    checkout.write("www/name.txt", "another hub\n");
    let again = checkout.ok(&["task", "run", "both"]).says("▶ both: hub beside it, idle beside it, source changed");
    assert!(again.stdout.contains("both | another hub\n"), "{}", again.stdout);

    // One that does not become ready is an exception of the task, which is never begun.
    let never = checkout.devenv(&["task", "run", "never"]).code(1);
    never
        .says("✗ never exception: not-started (beside it, `hub` ended with code 3")
        .says("no config")
        .says_not("begun");
    // The image's own command wants credentials.
    checkout.devenv(&["task", "run", "own"]).code(1).says("beside it, `hub` ended with code").says_not("begun");
    let fails = checkout.devenv(&["task", "run", "fails"]).code(4);
    assert!(fails.stdout.contains("fails | hub | last words\n"), "{}", fails.stdout);
    assert!(checkout.ok(&["runs", "logs", "last"]).stdout.contains("hub | last words\n"));
    assert!(is_clean());

    // With --keep they stay until the next run.
    checkout.devenv(&["task", "run", "fails", "--keep"]).code(4);
    assert_eq!(containers(&checkout), ["fails exited", "fails running"]);
    let inside = checkout.ok(&["runs", "shell", "last", "fails", "--", "getent", "hosts", "hub"]);
    assert!(inside.stdout.contains("hub"), "{}", inside.stdout);
    checkout.ok(&["task", "run", "both"]).says("= both");
    assert!(is_clean());

    // Killed: the next call goes on with the task, and removes what was beside it; and so does another one.
    for next in ["long", "both"] {
        let mut child = checkout.begin(&["task", "run", "long"]);
        let begun = || (containers(&checkout) == ["long running", "long running"]).then_some(());
        until("the task runs", begun);
        child.kill().unwrap();
        child.wait().unwrap();
        let own = engine::lines(&["ps", "--quiet", "--filter", &checkout.label(), "--filter", "name=-0$"]);
        if next == "long" {
            engine::docker(&["exec", &own[0], "touch", "/tmp/go"]);
            checkout.ok(&["task", "run", "long"]).says("goes on from run").says("✓ long");
            checkout.replace("devenv.yaml", "sleep 0.1", "sleep 0.2");
        } else {
            checkout.ok(&["task", "run", "both", "--force"]).says("✓ both");
        }
        assert!(is_clean(), "{next}");
    }
}
