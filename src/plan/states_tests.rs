use super::*;
use crate::names::PartName;
use crate::plan::observed::samples;
use crate::plan::parts::{Ask, ImageRef, Probe};

fn part(kind: PartKind, has_probe: bool) -> Part {
    let probe = Probe { ask: Ask::Tcp { port: 80 }, within: std::time::Duration::from_secs(30) };
    let name = PartName::new("api").unwrap();
    Part { probe: has_probe.then_some(probe), ..Part::new(name, kind, ImageRef::Theirs("image".to_owned())) }
}

fn container(id: &str, state: ContainerState) -> Container {
    Container { id: id.to_owned(), ..samples::container("api", state) }
}

/// The word and the sentence for one container of a module.
fn said(state: ContainerState, life: Life) -> String {
    let observed = Observed { containers: vec![container("c", state)], ..Observed::default() };
    let state = of(&part(PartKind::Module, true), &observed, &Lives::from([("c".to_owned(), life)]), 1_000);
    format!("{}: {state}", state.word())
}

#[test]
fn each_state_has_a_word_and_a_sentence() {
    let life = Life::default;
    assert_eq!(said(ContainerState::Running, life()), "not-ready: not ready");
    assert_eq!(said(ContainerState::Exited(3), life()), "ended: ended with code 3");
    assert_eq!(said(ContainerState::Exited(143), life()), "stopped: stopped");
    assert_eq!(
        said(ContainerState::Running, Life { died: Some(4), ..life() }),
        "died: ended with code 4, waits for a saved file"
    );
}

#[test]
fn want_of_memory_is_called_so_with_the_limit() {
    let life = |memory_limit| Life { out_of_memory: true, memory_limit, ..Life::default() };
    assert_eq!(said(ContainerState::Exited(137), life(16_000_000)), "out-of-memory: out of memory: its limit is 16 MB");
    assert_eq!(said(ContainerState::Exited(137), life(0)), "out-of-memory: out of memory");
}

#[test]
fn a_crash_loop_is_one_until_the_container_has_run_for_a_minute() {
    let life = |since| Life { restarts: 3, since: Some(since), ..Life::default() };
    assert_eq!(said(ContainerState::Restarting, life(990)), "crash-loop: crash loop: restarted 3 times");
    assert_eq!(said(ContainerState::Running, life(990)), "crash-loop: crash loop: restarted 3 times");
    assert_eq!(said(ContainerState::Running, life(900)), "not-ready: not ready");
    assert_eq!(said(ContainerState::Restarting, Life { restarts: 2, ..life(990) }), "restarting: restarting");
}

#[test]
fn several_containers_are_counted_and_the_worst_decides() {
    let mut part = part(PartKind::Module, true);
    part.lifecycle.replicas = 3;
    let states = [ContainerState::Exited(1), ContainerState::Running, ContainerState::Exited(1)];
    let containers = states.iter().enumerate().map(|(at, state)| container(&at.to_string(), *state)).collect();
    let observed = Observed { containers, ..Observed::default() };
    let state = of(&part, &observed, &Lives::new(), 0);
    assert_eq!(state.to_string(), "1 of 3 not ready, 2 of 3 ended with code 1");
    assert_eq!(state.verdict(), Severity::Bad);
}

#[test]
fn what_was_never_made_is_done_only_where_its_stamp_says_so() {
    let task = part(PartKind::Task, false);
    let mut observed = Observed::default();
    assert_eq!(of(&task, &observed, &Lives::new(), 0), PartState::NotCreated);
    observed.done.insert(task.name.clone(), String::new());
    assert_eq!(of(&task, &observed, &Lives::new(), 0), PartState::Done);
}

#[test]
fn ages_have_one_unit() {}
