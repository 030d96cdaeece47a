//! Runs of the scheduler as texts, and a property over random graphs: nothing is lost, nothing runs twice.

use std::fmt::Write;

use super::*;
use crate::config::model::environment::Resources;
use crate::names::ImageName;
use crate::plan::tasks::graph::{Place, Work};

fn name(text: &str) -> TaskName {
    TaskName::new(text).unwrap()
}

fn node(text: &str, needs: &[&str]) -> TaskNode {
    let work = Work {
        place: Place::Image(ImageName::new("base").unwrap()),
        run: "true".to_owned(),
        env: BTreeMap::new(),
        artifacts: Vec::new(),
        results: Vec::new(),
        secrets: Vec::new(),
        resources: Resources::default(),
        split: None,
        beside: BTreeMap::new(),
    };
    TaskNode {
        name: name(text),
        work: Some(work),
        release: None,
        needs: needs.iter().map(|need| name(need)).collect(),
        requires: Requires::Completed,
        priority: Priority::Normal,
        max_run: None,
        deadline: None,
        retries: 0,
        retry_on: Vec::new(),
        mutex: None,
        expires: 60,
    }
}

fn graph(nodes: impl IntoIterator<Item = TaskNode>) -> TaskGraph {
    TaskGraph(nodes.into_iter().map(|node| (node.name.clone(), node)).collect())
}

fn rules(jobs: usize) -> Rules {
    Rules { jobs, failfast: false }
}

/// A run as a text.
struct Told {
    scheduler: Scheduler,
    text: String,
}

impl Told {
    fn new(graph: &TaskGraph, rules: Rules, durations: &[(&str, u64)]) -> Self {
        let durations = durations.iter().map(|(task, seconds)| (name(task), Duration::from_secs(*seconds))).collect();
        let (scheduler, actions) = Scheduler::new(graph, rules, &durations);
        let mut told = Self { scheduler, text: String::new() };
        told.tell(0, &actions);
        told
    }

    fn tell(&mut self, now: u64, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Start(task, attempt) => writeln!(self.text, "{now} start {task}#{attempt}"),
                Action::Cancel(task, reason) => writeln!(self.text, "{now} cancel {task}: {reason}"),
                Action::Record(_, _, State::Pending) => Ok(()),
                Action::Record(task, _, state) => writeln!(self.text, "{now} {task} {state}"),
            }
            .unwrap();
        }
    }

    fn at(mut self, now: u64, event: Event) -> Self {
        let actions = self.scheduler.step(Duration::from_secs(now), event);
        self.tell(now, &actions);
        self
    }

    fn ready(self, now: u64, task: &str) -> Self {
        self.at(now, Event::Ready(name(task)))
    }

    fn ends(self, now: u64, task: &str, code: i64) -> Self {
        self.at(now, Event::Ended(name(task), code, None))
    }

    fn lost(self, now: u64, task: &str) -> Self {
        self.at(now, Event::Lost(name(task), Reason::Lost("engine".to_owned())))
    }

    fn is(self, expected: &str) -> Scheduler {
        assert_eq!(self.text, expected);
        self.scheduler
    }
}

#[test]
fn needs_come_first_and_what_needs_nothing_runs_at_once() {
    let graph = graph([node("a", &[]), node("b", &["a"]), node("c", &[]), node("d", &["b", "c"])]);
    let run = Told::new(&graph, rules(4), &[]);
    let run = run.ready(0, "a").ends(1, "a", 0).ends(2, "c", 0).ends(3, "b", 0).ends(4, "d", 0);
    let end = run.is("\
0 start a#0
0 start c#0
0 a running
1 a completed
1 start b#0
2 c completed
3 b completed
3 start d#0
4 d completed
");
    assert!(end.is_over());
}

#[test]
fn a_failure_stops_those_that_need_it_and_nothing_else() {
    let group = TaskNode { work: None, ..node("all", &["b", "c"]) };
    let report = TaskNode { requires: Requires::Resolved, ..node("report", &["b", "c"]) };
    let graph = graph([node("a", &[]), node("b", &["a"]), node("c", &[]), group, report]);
    let run = Told::new(&graph, rules(4), &[]).ends(1, "a", 2).ends(2, "c", 0).ends(3, "report", 0);
    let end = run.is("\
0 start a#0
0 start c#0
1 a failed: exit code 2
2 c completed
2 start report#0
3 report completed
");
    assert!(end.is_over());
    assert_eq!(end.blocked_by(&name("b")), Some(&name("a")));
    assert_eq!(end.blocked_by(&name("all")), Some(&name("b")));
    assert_eq!(end.state(&name("b")), &State::Unscheduled);
}

#[test]
fn failfast_ends_what_runs_and_starts_nothing_more() {
    let graph = graph([node("a", &[]), node("b", &[]), node("c", &[]), node("d", &["b"])]);
    let run = Told::new(&graph, Rules { jobs: 2, failfast: true }, &[]);
    run.ends(1, "a", 1).at(2, Event::Lost(name("b"), Reason::Cancelled)).is("\
0 start b#0
0 start a#0
1 a failed: exit code 1
1 cancel b: cancelled
1 c exception: cancelled
2 b exception: cancelled
");
}

#[test]
fn only_exceptions_are_tried_again_and_as_often_as_is_said() {
    let again = TaskNode { retries: 1, retry_on: vec![75], ..node("a", &[]) };
    let run = Told::new(&graph([again.clone()]), rules(1), &[]);
    run.lost(1, "a").ends(2, "a", 75).is("\
0 start a#0
1 a exception: lost (engine)
1 start a#1
2 a exception: intermittent (exit code 75)
");
    Told::new(&graph([again]), rules(1), &[]).ends(1, "a", 1).is("0 start a#0\n1 a failed: exit code 1\n");
}

#[test]
fn what_runs_too_long_is_ended_and_what_is_past_its_deadline_is_not_tried_again() {
    let long = TaskNode { max_run: Some(Duration::from_secs(10)), retries: 1, ..node("a", &[]) };
    let late = TaskNode { deadline: Some(Duration::from_secs(30)), retries: 5, ..node("b", &[]) };
    let waits = TaskNode { priority: Priority::Low, deadline: Some(Duration::from_secs(30)), ..node("c", &[]) };
    let run = Told::new(&graph([long, late, waits]), rules(2), &[]);
    let run = run.ready(1, "a").ready(1, "b").at(25, Event::Tick).at(26, Event::Tick);
    let run = run.ends(27, "a", 137).at(30, Event::Tick).ends(31, "b", 137).ends(32, "a", 0);
    run.is("\
0 start a#0
0 start b#0
1 a running
1 b running
26 cancel a: timed-out
27 a exception: timed-out
27 start a#1
30 cancel b: deadline
30 c exception: deadline
31 b exception: deadline
32 a completed
");
}

#[test]
fn the_longest_way_to_the_end_comes_first_then_the_older_one_and_waiting_makes_urgent() {
    let low = TaskNode { priority: Priority::Low, ..node("low", &[]) };
    let high = TaskNode { priority: Priority::High, ..node("high", &[]) };
    let graph = graph([node("short", &[]), node("long", &["first"]), node("first", &[]), low, high]);
    let run = Told::new(&graph, rules(1), &[("first", 1), ("long", 60), ("short", 30)]);
    let run = run.ends(1, "high", 0).ends(2, "first", 0).ends(700, "long", 0).ends(701, "low", 0).ends(702, "short", 0);
    run.is("\
0 start high#0
1 high completed
1 start first#0
2 first completed
2 start long#0
700 long completed
700 start short#0
702 short completed
702 start low#0
");
}

#[test]
fn of_one_mutex_one_runs() {
    let locked = |text| TaskNode { mutex: Some(PartName::new("db").unwrap()), ..node(text, &[]) };
    let run = Told::new(&graph([locked("a"), locked("b"), node("c", &[])]), rules(3), &[]);
    run.ends(1, "a", 0).lost(2, "b").is("\
0 start a#0
0 start c#0
1 a completed
1 start b#0
2 b exception: lost (engine)
");
}

#[test]
fn a_cancelled_run_ends_what_runs_and_a_command_that_ended_well_first_has_completed() {
    let graph = graph([node("a", &[]), node("b", &[]), node("c", &[]), node("d", &["a"])]);
    let run = Told::new(&graph, rules(2), &[]).at(1, Event::Cancelled).at(1, Event::Cancelled);
    let end = run.ends(2, "a", 0).ends(3, "b", 143).is("\
0 start a#0
0 start b#0
1 cancel a: cancelled
1 cancel b: cancelled
1 c exception: cancelled
2 a completed
2 d exception: cancelled
3 b exception: cancelled
");
    assert!(end.is_over());
}

#[test]
fn what_comes_twice_or_of_a_task_that_does_not_run_means_nothing() {
    let run = Told::new(&graph([node("a", &[]), node("b", &["a"])]), rules(1), &[]);
    run.ends(1, "b", 0).ready(1, "b").ends(2, "a", 0).ends(3, "a", 1).lost(3, "a").ready(3, "a").is("\
0 start a#0
2 a completed
2 start b#0
");
}

#[test]
fn what_was_reused_counts_and_what_it_promised_and_did_not_write_fails() {
    let run = Told::new(&graph([node("a", &[]), node("b", &["a"])]), rules(1), &[]);
    let missing = Failure::Artifact("dist/x is missing".to_owned());
    run.at(1, Event::Reused(name("a"))).at(2, Event::Ended(name("b"), 0, Some(missing))).is("\
0 start a#0
1 a completed
1 start b#0
2 b failed: dist/x is missing
");
}

/// Numbers that a seed decides (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % most
    }
}

fn random_graph(dice: &mut Dice) -> TaskGraph {
    let count = 1 + dice.below(40);
    let mutexes = ["one", "two"].map(|mutex| PartName::new(mutex).unwrap());
    graph((0..count).map(|at| {
        let mut needs: Vec<String> = Vec::new();
        for _ in 0..dice.below(4) {
            let need = format!("t{}", dice.below(at.max(1)));
            if at > 0 && !needs.contains(&need) {
                needs.push(need);
            }
        }
        let mut node = node(&format!("t{at}"), &needs.iter().map(String::as_str).collect::<Vec<_>>());
        node.retries = u32::try_from(dice.below(3)).unwrap();
        node.requires = if dice.below(4) == 0 { Requires::Resolved } else { Requires::Completed };
        node.priority = [Priority::Low, Priority::Normal, Priority::High][usize::try_from(dice.below(3)).unwrap()];
        node.mutex = mutexes.get(usize::try_from(dice.below(8)).unwrap()).cloned();
        node.deadline = (dice.below(10) == 0).then(|| Duration::from_secs(1 + dice.below(200)));
        if dice.below(8) == 0 {
            node.work = None;
            node.mutex = None;
        }
        node
    }))
}

/// Plays a run whose tasks end in a random order and way; `seed` names it in every message.
fn play(seed: u64) {
    let mut dice = Dice(seed);
    let graph = random_graph(&mut dice);
    let jobs = usize::try_from(1 + dice.below(5)).unwrap();
    let rules = Rules { jobs, failfast: dice.below(5) == 0 };
    let (mut scheduler, mut actions) = Scheduler::new(&graph, rules, &BTreeMap::new());
    let mut started: BTreeMap<TaskName, u32> = BTreeMap::new();
    let mut running: Vec<TaskName> = Vec::new();
    let mut now = Duration::ZERO;
    let cancelled_at = (dice.below(6) == 0).then(|| dice.below(100));
    for step in 0..10_000 {
        for action in std::mem::take(&mut actions) {
            let Action::Start(task, attempt) = action else { continue };
            let times = started.entry(task.clone()).or_default();
            assert_eq!(attempt, *times, "seed {seed}: {task} is started as attempt {attempt}");
            *times += 1;
            let node = &graph.0[&task];
            assert!(*times <= node.retries + 1, "seed {seed}: {task} runs too often");
            for need in &node.needs {
                let state = scheduler.state(need);
                let is_well = match node.requires {
                    Requires::Completed => *state == State::Completed,
                    Requires::Resolved => state.is_resolved() || scheduler.blocked_by(need).is_some(),
                };
                assert!(is_well, "seed {seed}: {task} starts although {need} is {state}");
            }
            let same = running.iter().filter(|other| graph.0[*other].mutex == node.mutex);
            assert!(node.mutex.is_none() || same.count() == 0, "seed {seed}: {task} has a mutex that is held");
            assert!(!running.contains(&task), "seed {seed}: {task} runs twice");
            running.push(task);
        }
        assert!(running.len() <= jobs, "seed {seed}: {running:?}");
        if scheduler.is_over() {
            break;
        }
        now += Duration::from_secs(dice.below(10));
        let event = if cancelled_at == Some(step) {
            Event::Cancelled
        } else if dice.below(4) == 0 || running.is_empty() {
            Event::Tick
        } else {
            let at = usize::try_from(dice.below(running.len() as u64)).unwrap();
            match dice.below(8) {
                0 | 1 => Event::Ready(running[at].clone()),
                2 => Event::Lost(running.swap_remove(at), Reason::Lost("engine".to_owned())),
                3 => Event::Ended(running.swap_remove(at), 1, None),
                4 => Event::Reused(running.swap_remove(at)),
                _ => Event::Ended(running.swap_remove(at), 0, None),
            }
        };
        actions = scheduler.step(now, event);
    }
    assert!(scheduler.is_over() && running.is_empty(), "seed {seed}: {running:?} {scheduler:?}");
    for (task, state) in scheduler.states() {
        let is_told = state.is_resolved() || scheduler.blocked_by(task).is_some();
        assert!(is_told, "seed {seed}: {task} is {state} at the end");
    }
}

#[test]
fn in_random_graphs_nothing_is_lost_and_nothing_runs_twice() {
    for seed in 0..2_000 {
        play(seed);
    }
}

#[test]
fn a_thousand_tasks_cost_less_than_five_milliseconds_each() {
    let all = (0..1_000).map(|at| match at {
        0 => node("t0", &[]),
        at => node(&format!("t{at}"), &[&format!("t{}", at / 2)]),
    });
    let graph = graph(all);
    let begin = std::time::Instant::now();
    let (mut scheduler, mut actions) = Scheduler::new(&graph, rules(8), &BTreeMap::new());
    let mut count = 0;
    while !scheduler.is_over() {
        for action in std::mem::take(&mut actions) {
            if let Action::Start(task, _) = action {
                count += 1;
                actions.extend(scheduler.step(Duration::ZERO, Event::Ready(task.clone())));
                actions.extend(scheduler.step(Duration::ZERO, Event::Ended(task, 0, None)));
            }
        }
    }
    assert_eq!(count, 1_000);
    // Without optimisation, on a machine that does other things; the coordinator's part is measured in the e2e test.
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    println!("scheduling of 1,000 tasks took {:?}", begin.elapsed());
}
