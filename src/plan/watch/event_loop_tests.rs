//! Events in, actions out, as whole texts: the steps of a run, and what they wait for.

use super::play::{Play, part};
use super::*;
use crate::plan::watch::tests::rule;

#[test]
fn a_saved_file_is_built_checked_tested_and_then_runs() {
    let mut play = Play::new();
    play.save("api/main.py");
    for run in 1..=4 {
        play.end("api", run, End::Good);
    }
    assert_eq!(
        play.said(),
        "api: build #1: api/main.py changed\napi: lint #2\napi: test #3\napi: restart #4\napi: done\n"
    );
}

#[test]
fn a_restart_waits_for_the_build_alone_and_checks_run_beside_the_new_process() {
    let mut play = Play::with(&[LoopStep::Build, LoopStep::Restart, LoopStep::Lint, LoopStep::Test]);
    play.save("api/main.py");
    play.end("api", 1, End::Good);
    assert!(play.loops.will_restart(&part("api")));
    play.end("api", 2, End::Good);
    assert!(!play.loops.will_restart(&part("api")));
    play.end("api", 3, End::Failed);
    play.end("api", 4, End::Good);
    assert_eq!(
        play.said(),
        "api: build #1: api/main.py changed\napi: restart #2\napi: lint #3\napi: test #4\napi: done\n"
    );
    play.save("api/main.py");
    play.end("api", 5, End::Failed);
    assert_eq!(play.said(), "api: build #5: api/main.py changed\napi: done\n", "what was not built is not started");
    assert!(!play.loops.will_restart(&part("api")));
}

#[test]
fn a_failed_installation_has_ended_what_was_installed_before() {
    let mut play = Play::new();
    let a = Fingerprint::of("a");
    let rules = |install: &Fingerprint| {
        let mut worker = rule("worker", &[LoopStep::Restart], &[]);
        worker.install = Some(install.clone());
        Rules::from([(part("worker"), worker)])
    };
    play.take(WatchEvent::Installed(part("worker"), Some(a.clone())));
    play.take(WatchEvent::Configured(rules(&Fingerprint::of("b"))));
    play.save("worker/lock");
    play.end("worker", 1, End::Failed);
    play.take(WatchEvent::Configured(rules(&a)));
    play.save("worker/lock");
    assert_eq!(
        play.said(),
        "worker: deps #1: worker/lock changed\nworker: done\nworker: deps #2: worker/lock changed\n"
    );
}

#[test]
fn modules_that_needs_relates_are_left_alone() {
    let mut play = Play::new();
    play.save("worker/main.go");
    play.end("worker", 1, End::Good);
    assert_eq!(play.said(), "worker: restart #1: worker/main.go changed\nworker: done\n");
}

#[test]
fn a_step_that_ended_while_it_was_cancelled_does_not_go_on() {
    let mut play = Play::new();
    play.save("api/a.py");
    play.save("api/b.py");
    play.said();
    play.end("api", 1, End::Good);
    assert_eq!(play.said(), "api: build #2: api/b.py changed\n");
    play.end("api", 1, End::Good);
    assert_eq!(play.said(), "", "an end that comes twice");
}

#[test]
fn a_failed_build_is_the_end_and_the_old_process_runs_on() {
    let mut play = Play::new();
    play.save("api/a.py");
    play.end("api", 1, End::Failed);
    assert_eq!(play.said(), "api: build #1: api/a.py changed\napi: done\n");
}

#[test]
fn a_failed_check_keeps_no_test_from_running_but_the_restart() {
    let mut play = Play::new();
    play.save("api/a.py");
    play.end("api", 1, End::Good);
    play.end("api", 2, End::Failed);
    play.end("api", 3, End::Good);
    assert_eq!(
        play.said(),
        "api: build #1: api/a.py changed\napi: lint #2\napi: test #3\napi: not restarted because a step failed: the old process keeps running\napi: done\n"
    );
}

#[test]
fn dependencies_are_installed_only_when_their_lock_changed() {
    let mut play = Play::new();
    let fingerprint = |text: &str| Some(Fingerprint::of(text));
    let mut rules = play.loops.rules.clone();
    rules.get_mut("api").unwrap().install = fingerprint("one");
    play.take(WatchEvent::Configured(rules.clone()));
    play.take(WatchEvent::Installed(part("api"), fingerprint("one")));
    play.save("api/a.py");
    play.end("api", 1, End::Failed);
    assert_eq!(play.said(), "api: build #1: api/a.py changed\napi: done\n");
    rules.get_mut("api").unwrap().install = fingerprint("two");
    play.take(WatchEvent::Configured(rules));
    play.save("api/requirements.txt");
    play.end("api", 2, End::Failed);
    assert_eq!(play.said(), "api: deps #2: api/requirements.txt changed\napi: done\n");
    play.save("api/a.py");
    play.end("api", 3, End::Good);
    assert_eq!(play.said(), "api: deps #3: api/a.py changed\napi: build #4\n");
}

#[test]
fn a_loop_waits_for_its_container_its_needs_its_mirror_and_the_engine() {
    let mut play = Play::new();
    play.take(WatchEvent::Down(part("api")));
    play.save("worker/a");
    assert_eq!(play.loops.waits(&part("worker")), Some(Hold::Need { part: part("api") }));
    play.take(WatchEvent::Down(part("worker")));
    assert_eq!(play.loops.waits(&part("worker")), Some(Hold::Container));
    play.take(WatchEvent::Away);
    assert_eq!(play.loops.waits(&part("worker")), Some(Hold::Engine));
    play.take(WatchEvent::Held(part("worker"), Some(Hold::Mirror)));
    play.take(WatchEvent::Back);
    play.take(WatchEvent::Up(part("api")));
    play.take(WatchEvent::Up(part("worker")));
    assert_eq!(play.loops.waits(&part("worker")), Some(Hold::Mirror));
    assert_eq!(play.said(), "");
    play.take(WatchEvent::Held(part("worker"), None));
    assert_eq!(play.said(), "worker: restart #1: worker/a changed\n");
}

#[test]
fn a_step_whose_container_went_away_is_run_again() {
    let mut play = Play::new();
    play.save("api/a.py");
    play.take(WatchEvent::Down(part("api")));
    play.end("api", 1, End::Lost);
    assert_eq!(play.said(), "api: build #1: api/a.py changed\n");
    play.take(WatchEvent::Up(part("api")));
    assert_eq!(play.said(), "api: build #2\n");
}

#[test]
fn settings_that_change_touch_nothing_else() {
    let mut play = Play::new();
    play.save("api/a.py");
    play.save("worker/a");
    play.said();
    let mut rules = play.loops.rules.clone();
    rules.remove("worker");
    rules.get_mut("api").unwrap().steps = vec![LoopStep::Build, LoopStep::Test];
    play.take(WatchEvent::Configured(rules));
    assert_eq!(play.said(), "worker: cancel #2\n");
    play.end("worker", 2, End::Cancelled);
    play.end("api", 1, End::Failed);
    play.save("api/b.py");
    play.end("api", 3, End::Good);
    assert_eq!(play.said(), "api: done\napi: build #3: api/b.py changed\napi: test #4\n");
}

#[test]
fn a_failed_container_is_started_once_for_what_was_saved() {
    let mut play = Play::new();
    let fails = |play: &mut Play| {
        play.take(WatchEvent::Down(part("api")));
        play.take(WatchEvent::FailedContainers([part("api")].into()));
    };
    fails(&mut play);
    assert_eq!(play.said(), "", "nothing was saved");
    play.save("api/main.py");
    assert_eq!(play.said(), "api: revive\n");
    // It ends again in the middle of the first step.
    play.take(WatchEvent::Up(part("api")));
    assert_eq!(play.said(), "api: build #1: api/main.py changed\n");
    fails(&mut play);
    play.end("api", 1, End::Lost);
    assert_eq!(play.said(), "", "it failed with what was saved");
    play.save("api/main.py");
    assert_eq!(play.said(), "api: revive\n");
    play.save("api/main.py");
    play.take(WatchEvent::Up(part("api")));
    assert_eq!(play.said(), "api: build #2: api/main.py changed\n");
    fails(&mut play);
    assert_eq!(play.said(), "", "somebody else started it with what was saved");
    play.take(WatchEvent::Away);
    play.save("api/main.py");
    assert_eq!(play.said(), "api: cancel #2\n", "nobody knows what runs");
}
