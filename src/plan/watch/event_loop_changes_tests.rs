//! When changes of files count, and what happens to a run that they interrupt, as whole texts.

use super::play::{Play, part};
use super::*;

#[test]
fn what_is_elsewhere_or_ignored_means_nothing() {
    let mut play = Play::new();
    play.save("api/README.md");
    play.save("README");
    play.save("apiary/x");
    assert_eq!(play.said(), "");
}

#[test]
fn a_change_counts_when_it_is_over() {
    let mut play = Play::new();
    play.change(&[("worker/a", FileChange::Written)]);
    play.at += Duration::from_millis(20);
    play.change(&[("worker/b", FileChange::New)]);
    play.at += Duration::from_millis(20);
    play.take(WatchEvent::Tick(play.at));
    assert_eq!(play.said(), "");
    assert_eq!(play.loops.due(), Some(play.at + Duration::from_millis(10)));
    play.at += Duration::from_millis(10);
    play.take(WatchEvent::Tick(play.at));
    assert_eq!(play.said(), "worker: restart #1: worker/a changed, and 1 more\n");
    assert_eq!(play.loops.due(), None);
}

#[test]
fn a_temporary_file_that_came_and_went_was_not_there() {
    let mut play = Play::new();
    play.change(&[("worker/a.tmp", FileChange::New)]);
    play.change(&[("worker/a.tmp", FileChange::Gone)]);
    play.wait();
    assert_eq!(play.said(), "");
    play.change(&[("worker/a", FileChange::Gone)]);
    play.change(&[("worker/a", FileChange::New)]);
    play.wait();
    assert_eq!(play.said(), "worker: restart #1: worker/a changed\n");
}

#[test]
fn a_branch_switch_is_one_run() {
    let mut play = Play::new();
    for at in 0..50 {
        play.change(&[(&format!("worker/{at}"), FileChange::Written)]);
        play.at += Duration::from_millis(10);
    }
    play.at += Duration::from_millis(100);
    play.take(WatchEvent::Tick(play.at));
    assert_eq!(play.said(), "");
    play.wait();
    assert_eq!(play.said(), "worker: restart #1: worker/0 changed, and 49 more\n");
}

#[test]
fn a_batch_that_reaches_the_container_in_pieces_is_one_run() {
    let mut play = Play::new();
    let paths = |number: usize| BTreeMap::from([(format!("api/{number}"), FileChange::Written)]);
    for number in 0..5 {
        play.take(WatchEvent::Coming(paths(number)));
        play.wait();
        play.take(WatchEvent::Changed(play.at, paths(number)));
    }
    assert_eq!(play.said(), "");
    play.wait();
    assert_eq!(play.said(), "api: build #1: api/0 changed, and 4 more\n");
    // Nobody waits for what is on its way to another module.
    play.take(WatchEvent::Coming(paths(5)));
    play.save("worker/x");
    assert_eq!(play.said(), "worker: restart #2: worker/x changed\n");
}

#[test]
fn a_newer_change_cancels_and_starts_over() {
    let mut play = Play::new();
    play.save("api/a.py");
    play.end("api", 1, End::Good);
    play.save("api/b.py");
    play.end("api", 2, End::Cancelled);
    assert_eq!(
        play.said(),
        "api: build #1: api/a.py changed\napi: lint #2\napi: cancel #2\napi: build #3: api/b.py changed\n"
    );
}

#[test]
fn a_step_that_changes_its_own_source_does_not_go_round_for_ever() {
    let mut play = Play::new();
    play.save("api/a.py");
    for run in 1..6 {
        play.save("api/made");
        play.end("api", run, End::Cancelled);
    }
    let said = play.said();
    assert_eq!(said.matches("cancel").count(), 2, "{said}");
    assert!(said.contains("api/made changed whenever build runs"), "{said}");
    let mut run = 6;
    while play.loops.runs(&part("api")).is_some() {
        play.save("api/made");
        play.end("api", run, End::Good);
        run += 1;
        assert!(run < 20, "it goes round: {}", play.said());
    }
    assert_eq!(play.said().matches("build #").count(), 1, "it runs once more");
}

#[test]
fn a_save_while_a_loop_is_not_interrupted_any_more_is_built_after_a_rest() {
    let mut play = Play::with(&[LoopStep::Restart]);
    play.save("api/a.py");
    for (run, end) in [(1, End::Cancelled), (2, End::Cancelled), (3, End::Good)] {
        play.save("api/a.py");
        play.end("api", run, end);
    }
    // It runs once more for the third; this one comes meanwhile.
    play.said();
    play.save("api/a.py");
    play.end("api", 4, End::Good);
    assert_eq!(play.said(), "api: done\n");
    assert!(!play.loops.will_restart(&part("api")), "nobody has to wait for the rest");
    (0..3).for_each(|_| play.wait());
    assert_eq!(play.said(), "api: restart #5: api/a.py changed\n");
    // What is saved while it rests is not held up.
    play.save("api/a.py");
    play.end("api", 5, End::Good);
    play.said();
    play.save("api/a.py");
    assert_eq!(play.said(), "api: restart #6: api/a.py changed\n");
}

#[test]
fn the_last_of_many_saves_during_one_long_step_is_built() {
    let mut play = Play::new();
    for _ in 0..4 {
        play.save("api/a.py");
    }
    play.end("api", 1, End::Cancelled);
    play.said();
    for run in 2..=9 {
        play.end("api", run, End::Good);
    }
    assert_eq!(
        play.said(),
        "api: lint #3\napi: test #4\napi: restart #5\napi: build #6: api/a.py changed\napi: lint #7\napi: test #8\n\
         api: restart #9\napi: done\n"
    );
    play.save("api/a.py");
    assert_eq!(play.said(), "api: build #10: api/a.py changed\n");
}

#[test]
fn what_changed_while_nobody_watched_is_caught_up_with() {
    let mut play = Play::new();
    play.take(WatchEvent::Missed(play.at, part("worker")));
    play.wait();
    assert_eq!(play.said(), "worker: restart #1: changed while no watcher was running\n");
}
