//! The result of a service or of a run, from its status in the engine.

use crate::plan::deploy::cluster::{Running, Task, Update};
use crate::plan::deploy::stack::Desired;

/// Containers of a new service that may fail before it is given up.
const MOST_FAILURES: usize = 3;

/// What became of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is not there yet, and this is why.
    Waiting(String),
    /// It is not there yet, and the engine does not get it there by itself: a node must come back, or have room.
    HeldUp(String),
    /// It runs as it should.
    Healthy,
    /// It will not become healthy.
    Failed(String),
    /// The engine has gone back to what it was before.
    RolledBack(String),
}

/// What became of a module that runs to completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It has not ended.
    UnderWay,
    /// It has ended well.
    Done,
    /// It has not.
    Failed(String),
}

/// As many containers of a service run as they should be.
#[must_use]
pub fn healthy(desired: &Desired, running: &Running) -> u64 {
    let is_ours = |task: &&Task| task.is_running() && task.template == desired.template && task.image == desired.image;
    running.tasks.iter().filter(is_ours).count() as u64
}

/// What became of a service that was made, updated or waited for; `earlier` are its containers before that, whose failures
/// do not count. The engine says until the next update that it has gone back: that counts only where the service is not as
/// it should be.
#[must_use]
pub fn of_service(desired: &Desired, running: &Running, earlier: &[Task]) -> Verdict {
    match &running.update {
        Update::GoingBack => return Verdict::Waiting("the engine rolls it back".to_owned()),
        Update::WentBack(_) if is_as_wanted(desired, running) => {}
        Update::WentBack(why) | Update::Paused(why) => return Verdict::RolledBack(reason(desired, running, why)),
        Update::UnderWay => {
            let under_way = || Verdict::Waiting(reason(desired, running, "its update is in progress"));
            return held_up(&desired.template, running).map_or_else(under_way, Verdict::HeldUp);
        }
        Update::Settled => {}
    }
    if healthy(desired, running) == desired.replicas {
        return Verdict::Healthy;
    }
    let had_failed = |task: &Task| earlier.iter().any(|one| one.id == task.id && one.has_failed());
    let is_new = |task: &&Task| task.template == desired.template && task.has_failed() && !had_failed(task);
    let failed = running.tasks.iter().filter(is_new).count();
    let why = reason(desired, running, "its containers do not run yet");
    if failed >= MOST_FAILURES {
        return Verdict::Failed(why);
    }
    held_up(&desired.template, running).map_or(Verdict::Waiting(why), Verdict::HeldUp)
}

/// What keeps containers of this template from running that only somebody else can change: no node takes one, or the node is
/// lost on which one was to begin. For the latter, an update waits until the next one.
fn held_up(template: &str, running: &Running) -> Option<String> {
    let beginning = || running.tasks.iter().rev().filter(|task| task.template == template && task.is_beginning());
    if running.update == Update::UnderWay
        && let Some(node) = beginning().find_map(|task| task.lost.as_deref())
    {
        return Some(format!("node {node} was lost while a container was to begin on it"));
    }
    unplaced(beginning())
}

/// Why no node takes one of these containers.
#[must_use]
pub fn unplaced<'a>(mut tasks: impl Iterator<Item = &'a Task>) -> Option<String> {
    let is_unplaced = |task: &&Task| task.state == "pending" && task.wanted != "shutdown" && !task.message.is_empty();
    tasks.find(is_unplaced).map(|task| task.message.clone())
}

fn is_as_wanted(desired: &Desired, running: &Running) -> bool {
    desired.definition.difference(&running.definition).is_none()
        && running.image == desired.image
        && running.replicas == desired.replicas
}

/// What became of a service that goes back, which should have at least so many containers of what it is now.
#[must_use]
pub fn of_return(running: &Running, least: u64) -> Verdict {
    let waiting = || Verdict::Waiting(format!("{} of {least} containers run", running.up()));
    match &running.update {
        Update::Paused(why) => Verdict::Failed(format!("the engine has given up: {why}")),
        Update::GoingBack => waiting(),
        Update::Settled | Update::WentBack(_) if running.up() >= least => Verdict::Healthy,
        _ => held_up(running.template(), running).map_or_else(waiting, Verdict::HeldUp),
    }
}

/// What the engine says of the newest container that is not as it should be.
fn reason(desired: &Desired, running: &Running, otherwise: &str) -> String {
    let ours = running.tasks.iter().rev().filter(|task| task.template == desired.template && !task.is_running());
    let mut said = ours.filter(|task| !task.message.is_empty());
    said.next().map_or_else(|| otherwise.to_owned(), |task| task.message.clone())
}

/// What became of a module that runs to completion. A node that was lost leaves it running for ever in the engine's
/// words.
#[must_use]
pub fn of_run(running: &Running) -> RunState {
    let Some(task) = running.tasks.last() else { return RunState::UnderWay };
    match task.state.as_str() {
        "complete" => RunState::Done,
        "failed" | "rejected" | "orphaned" | "remove" => {
            let code = task.code.filter(|code| *code != 0).map(|code| format!("it ended with code {code}"));
            let said = Some(task.message.clone()).filter(|said| !said.is_empty());
            RunState::Failed(code.or(said).unwrap_or_else(|| format!("it is {}", task.state)))
        }
        "running" if task.wanted == "shutdown" => RunState::Failed("its node was lost".to_owned()),
        _ if task.lost.is_some() && task.wanted == "shutdown" => RunState::Failed("its node was lost".to_owned()),
        _ => RunState::UnderWay,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::labels::TEMPLATE;
    use crate::plan::deploy::samples::{name, stack, task, up};

    #[test]
    fn a_service_is_healthy_when_as_many_run_with_the_new_image_as_it_should_have() {
        let stack = stack();
        let desired = &stack.parts[&name("api")];
        let mut running = up(&stack, "api");
        assert_eq!(of_service(desired, &running, &[]), Verdict::Healthy);
        running.update = Update::UnderWay;
        assert_eq!(of_service(desired, &running, &[]), Verdict::Waiting("its update is in progress".to_owned()));
        running.update = Update::Settled;
        running.tasks[0].image = "other@sha256:0".to_owned();
        assert_eq!(of_service(desired, &running, &[]), Verdict::Waiting("its containers do not run yet".to_owned()));
    }

    #[test]
    fn a_rollback_is_told_with_what_the_new_container_said() {
        let stack = stack();
        let desired = &stack.parts[&name("api")];
        let mut running = up(&stack, "api");
        running.tasks.push(task(desired, "failed", "task: non-zero exit (1)"));
        running.update = Update::GoingBack;
        assert_eq!(of_service(desired, &running, &[]), Verdict::Waiting("the engine rolls it back".to_owned()));
        running.update = Update::WentBack("rollback completed".to_owned());
        running.definition = "of before".to_owned();
        assert_eq!(of_service(desired, &running, &[]), Verdict::RolledBack("task: non-zero exit (1)".to_owned()));
    }

    #[test]
    fn a_new_service_is_given_up_after_three_failures() {
        let stack = stack();
        let desired = &stack.parts[&name("api")];
        let mut running = Running { tasks: vec![task(desired, "failed", "boom"); 2], ..up(&stack, "api") };
        assert_eq!(of_service(desired, &running, &[]), Verdict::Waiting("boom".to_owned()));
        running.tasks.push(task(desired, "rejected", "No such image"));
        assert_eq!(of_service(desired, &running, &[]), Verdict::Failed("No such image".to_owned()));
    }

    #[test]
    fn what_happened_before_is_not_held_against_a_service_that_is_waited_for() {
        let stack = stack();
        let desired = &stack.parts[&name("api")];
        let failed = |id: &str| Task { id: id.to_owned(), ..task(desired, "failed", "boom") };
        let mut running = up(&stack, "api");
        running.update = Update::WentBack("rollback completed".to_owned());
        assert_eq!(of_service(desired, &running, &[]), Verdict::Healthy);
        running.tasks = ["a", "b", "c"].map(failed).into();
        let starting = Task { state: "starting".to_owned(), ..failed("c") };
        let earlier = [failed("a"), failed("b"), starting];
        assert_eq!(of_service(desired, &running, &earlier), Verdict::Waiting("boom".to_owned()));
        running.tasks.extend(["d", "e"].map(failed));
        assert_eq!(of_service(desired, &running, &earlier), Verdict::Failed("boom".to_owned()));
    }

    #[test]
    fn a_service_has_gone_back_when_it_runs_with_what_it_had() {
        let stack = stack();
        let mut running = up(&stack, "api");
        let labels = json!({TEMPLATE: "template of api"});
        running.spec = json!({"TaskTemplate": {"ContainerSpec": {"Labels": labels}}});
        let waiting = |text: &str| Verdict::Waiting(text.to_owned());
        assert_eq!(of_return(&running, 1), Verdict::Healthy);
        running.update = Update::UnderWay;
        assert_eq!(of_return(&running, 0), waiting("1 of 0 containers run"));
        running.update = Update::Paused("no node".to_owned());
        assert_eq!(of_return(&running, 1), Verdict::Failed("the engine has given up: no node".to_owned()));
        running.update = Update::WentBack(String::new());
        running.tasks[0].template = "a newer one".to_owned();
        assert_eq!(of_return(&running, 1), waiting("0 of 1 containers run"));
        assert_eq!(of_return(&running, 0), Verdict::Healthy);
        let unplaced = task(&stack.parts[&name("api")], "pending", "no suitable node");
        running.tasks.push(unplaced);
        assert_eq!(of_return(&running, 1), Verdict::HeldUp("no suitable node".to_owned()));
    }

    #[test]
    fn a_container_that_no_node_takes_holds_its_service_up() {
        let stack = stack();
        let desired = &stack.parts[&name("api")];
        let unplaced = task(desired, "pending", "no suitable node (1 node)");
        let mut running = Running { tasks: vec![unplaced.clone()], ..up(&stack, "api") };
        let held_up = Verdict::HeldUp("no suitable node (1 node)".to_owned());
        assert_eq!(of_service(desired, &running, &[]), held_up);
        running.update = Update::UnderWay;
        assert_eq!(of_service(desired, &running, &[]), held_up);
        // That of an earlier release, and one that is not wanted any more, hold nothing up.
        running.tasks = vec![
            Task { template: "of before".to_owned(), ..unplaced.clone() },
            Task { wanted: "shutdown".to_owned(), ..unplaced },
        ];
        assert!(matches!(of_service(desired, &running, &[]), Verdict::Waiting(_)));
    }

    #[test]
    fn an_update_does_not_go_on_when_the_node_is_lost_on_which_a_container_was_to_begin() {
        let stack = stack();
        let desired = &stack.parts[&name("api")];
        let lost = |state: &str| {
            let (wanted, lost) = ("shutdown".to_owned(), Some("node2".to_owned()));
            Task { wanted, lost, ..task(desired, state, "") }
        };
        let mut running = Running { update: Update::UnderWay, ..up(&stack, "api") };
        running.tasks.push(lost("preparing"));
        let said = "node node2 was lost while a container was to begin on it";
        assert_eq!(of_service(desired, &running, &[]), Verdict::HeldUp(said.to_owned()));
        // The engine replaces one that had begun, and goes on.
        running.tasks[1] = lost("running");
        assert_eq!(of_service(desired, &running, &[]), Verdict::Waiting("its update is in progress".to_owned()));
        running.update = Update::Settled;
        assert_eq!(of_service(desired, &running, &[]), Verdict::Healthy);
    }

    #[test]
    fn a_run_is_judged_by_its_newest_container() {
        let stack = stack();
        let desired = &stack.parts[&name("migrate")];
        let run = |state: &str, wanted: &str, code| {
            let task = Task { wanted: wanted.to_owned(), code, ..task(desired, state, "") };
            of_run(&Running { tasks: vec![task], ..Running::default() })
        };
        assert_eq!(of_run(&Running::default()), RunState::UnderWay);
        assert_eq!(run("complete", "shutdown", Some(0)), RunState::Done);
        assert_eq!(run("failed", "shutdown", Some(3)), RunState::Failed("it ended with code 3".to_owned()));
        assert_eq!(run("running", "shutdown", None), RunState::Failed("its node was lost".to_owned()));
        assert_eq!(run("preparing", "running", None), RunState::UnderWay);
        let lost =
            Task { wanted: "shutdown".to_owned(), lost: Some("node2".to_owned()), ..task(desired, "preparing", "") };
        let lost = of_run(&Running { tasks: vec![lost], ..Running::default() });
        assert_eq!(lost, RunState::Failed("its node was lost".to_owned()));
    }
}
