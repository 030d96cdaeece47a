//! Events in, actions out, as whole texts.

use super::*;
use crate::plan::watch::hold::Hold;
use crate::plan::watch::tests::rule;

fn part(name: &str) -> PartName {
    PartName::new(name).unwrap()
}

/// A watched environment at work.
struct Play {
    loops: Loops,
    at: Duration,
    said: String,
}

impl Play {
    /// `api` in `api/` builds, lints, tests and restarts after that; `worker` in `worker/` only restarts, and needs `api`.
    fn new() -> Self {
        Self::with(&[LoopStep::Build, LoopStep::Lint, LoopStep::Test, LoopStep::Restart])
    }

    /// The same with these steps of `api`.
    fn with(steps: &[LoopStep]) -> Self {
        let mut play = Self { loops: Loops::default(), at: Duration::from_secs(100), said: String::new() };
        let mut rules = Rules::new();
        rules.insert(part("api"), rule("api", steps, &["*.md"]));
        let mut worker = rule("worker", &[LoopStep::Restart], &[]);
        worker.needs = vec![part("api")];
        rules.insert(part("worker"), worker);
        play.take(Event::Configured(rules));
        play.take(Event::Up(part("api")));
        play.take(Event::Up(part("worker")));
        play
    }

    fn take(&mut self, event: Event) {
        for action in self.loops.take(event) {
            self.said.push_str(&format!("{action}\n"));
        }
    }

    fn change(&mut self, paths: &[(&str, Change)]) {
        let paths = paths.iter().map(|(path, change)| ((*path).to_owned(), *change)).collect();
        self.take(Event::Changed(self.at, paths));
    }

    /// Waits until what changed counts.
    fn wait(&mut self) {
        self.at += Duration::from_secs(1);
        self.take(Event::Tick(self.at));
    }

    fn save(&mut self, path: &str) {
        self.change(&[(path, Change::Written)]);
        self.wait();
    }

    fn end(&mut self, module: &str, run: u64, end: End) {
        self.take(Event::Ended(part(module), run, end));
    }

    /// What was said since the last time.
    fn said(&mut self) -> String {
        std::mem::take(&mut self.said)
    }
}

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
    play.take(Event::Installed(part("worker"), Some(a.clone())));
    play.take(Event::Configured(rules(&Fingerprint::of("b"))));
    play.save("worker/lock");
    play.end("worker", 1, End::Failed);
    play.take(Event::Configured(rules(&a)));
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
    play.change(&[("worker/a", Change::Written)]);
    play.at += Duration::from_millis(20);
    play.change(&[("worker/b", Change::New)]);
    play.at += Duration::from_millis(20);
    play.take(Event::Tick(play.at));
    assert_eq!(play.said(), "");
    assert_eq!(play.loops.due(), Some(play.at + Duration::from_millis(10)));
    play.at += Duration::from_millis(10);
    play.take(Event::Tick(play.at));
    assert_eq!(play.said(), "worker: restart #1: worker/a changed, and 1 more\n");
    assert_eq!(play.loops.due(), None);
}

#[test]
fn a_temporary_file_that_came_and_went_was_not_there() {
    let mut play = Play::new();
    play.change(&[("worker/a.tmp", Change::New)]);
    play.change(&[("worker/a.tmp", Change::Gone)]);
    play.wait();
    assert_eq!(play.said(), "");
    play.change(&[("worker/a", Change::Gone)]);
    play.change(&[("worker/a", Change::New)]);
    play.wait();
    assert_eq!(play.said(), "worker: restart #1: worker/a changed\n");
}

#[test]
fn a_branch_switch_is_one_run() {
    let mut play = Play::new();
    for at in 0..50 {
        play.change(&[(&format!("worker/{at}"), Change::Written)]);
        play.at += Duration::from_millis(10);
    }
    play.at += Duration::from_millis(100);
    play.take(Event::Tick(play.at));
    assert_eq!(play.said(), "");
    play.wait();
    assert_eq!(play.said(), "worker: restart #1: worker/0 changed, and 49 more\n");
}

#[test]
fn a_batch_that_reaches_the_container_in_pieces_is_one_run() {
    let mut play = Play::new();
    let paths = |number: usize| BTreeMap::from([(format!("api/{number}"), Change::Written)]);
    for number in 0..5 {
        play.take(Event::Coming(paths(number)));
        play.wait();
        play.take(Event::Changed(play.at, paths(number)));
    }
    assert_eq!(play.said(), "");
    play.wait();
    assert_eq!(play.said(), "api: build #1: api/0 changed, and 4 more\n");
    // Nobody waits for what is on its way to another module.
    play.take(Event::Coming(paths(5)));
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
        "api: build #1: api/a.py changed\napi: lint #2\napi: test #3\napi: not restarted, since a step failed: what ran before goes on\napi: done\n"
    );
}

#[test]
fn dependencies_are_installed_only_when_their_lock_changed() {
    let mut play = Play::new();
    let fingerprint = |text: &str| Some(Fingerprint::of(text));
    let mut rules = play.loops.rules.clone();
    rules.get_mut("api").unwrap().install = fingerprint("one");
    play.take(Event::Configured(rules.clone()));
    play.take(Event::Installed(part("api"), fingerprint("one")));
    play.save("api/a.py");
    play.end("api", 1, End::Failed);
    assert_eq!(play.said(), "api: build #1: api/a.py changed\napi: done\n");
    rules.get_mut("api").unwrap().install = fingerprint("two");
    play.take(Event::Configured(rules));
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
    play.take(Event::Down(part("api")));
    play.save("worker/a");
    assert_eq!(play.loops.waits(&part("worker")), Some(Hold::Need { part: part("api") }));
    play.take(Event::Down(part("worker")));
    assert_eq!(play.loops.waits(&part("worker")), Some(Hold::Container));
    play.take(Event::Away);
    assert_eq!(play.loops.waits(&part("worker")), Some(Hold::Engine));
    play.take(Event::Held(part("worker"), Some(Hold::Mirror)));
    play.take(Event::Back);
    play.take(Event::Up(part("api")));
    play.take(Event::Up(part("worker")));
    assert_eq!(play.loops.waits(&part("worker")), Some(Hold::Mirror));
    assert_eq!(play.said(), "");
    play.take(Event::Held(part("worker"), None));
    assert_eq!(play.said(), "worker: restart #1: worker/a changed\n");
}

#[test]
fn a_step_whose_container_went_away_is_run_again() {
    let mut play = Play::new();
    play.save("api/a.py");
    play.take(Event::Down(part("api")));
    play.end("api", 1, End::Lost);
    assert_eq!(play.said(), "api: build #1: api/a.py changed\n");
    play.take(Event::Up(part("api")));
    assert_eq!(play.said(), "api: build #2\n");
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
fn settings_that_change_touch_nothing_else() {
    let mut play = Play::new();
    play.save("api/a.py");
    play.save("worker/a");
    play.said();
    let mut rules = play.loops.rules.clone();
    rules.remove("worker");
    rules.get_mut("api").unwrap().steps = vec![LoopStep::Build, LoopStep::Test];
    play.take(Event::Configured(rules));
    assert_eq!(play.said(), "worker: cancel #2\n");
    play.end("worker", 2, End::Cancelled);
    play.end("api", 1, End::Failed);
    play.save("api/b.py");
    play.end("api", 3, End::Good);
    assert_eq!(play.said(), "api: done\napi: build #3: api/b.py changed\napi: test #4\n");
}

#[test]
fn what_changed_while_nobody_watched_is_caught_up_with() {
    let mut play = Play::new();
    play.take(Event::Missed(play.at, part("worker")));
    play.wait();
    assert_eq!(play.said(), "worker: restart #1: changed while nobody watched\n");
}

#[test]
fn a_failed_container_is_started_once_for_what_was_saved() {
    let mut play = Play::new();
    let fails = |play: &mut Play| {
        play.take(Event::Down(part("api")));
        play.take(Event::FailedContainers([part("api")].into()));
    };
    fails(&mut play);
    assert_eq!(play.said(), "", "nothing was saved");
    play.save("api/main.py");
    assert_eq!(play.said(), "api: revive\n");
    // It ends again in the middle of the first step.
    play.take(Event::Up(part("api")));
    assert_eq!(play.said(), "api: build #1: api/main.py changed\n");
    fails(&mut play);
    play.end("api", 1, End::Lost);
    assert_eq!(play.said(), "", "it failed with what was saved");
    play.save("api/main.py");
    assert_eq!(play.said(), "api: revive\n");
    play.save("api/main.py");
    play.take(Event::Up(part("api")));
    assert_eq!(play.said(), "api: build #2: api/main.py changed\n");
    fails(&mut play);
    assert_eq!(play.said(), "", "somebody else started it with what was saved");
    play.take(Event::Away);
    play.save("api/main.py");
    assert_eq!(play.said(), "api: cancel #2\n", "nobody knows what runs");
}
