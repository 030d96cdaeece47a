//! The order in which a plan is carried out: every step as soon as those before it are done. A step that fails holds up
//! only the steps after it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::apply::executor::failure::StepError;
use crate::plan::{Action, Plan};

/// Between two ticks of whoever shows what runs.
const TICK: Duration = Duration::from_secs(1);

/// Steps that are carried out together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    /// One step.
    One(usize),
    /// Compose creates all at once that can be created.
    Creation(Vec<usize>),
}

impl Task {
    /// The steps, by index; never none.
    pub(crate) fn steps(&self) -> Vec<usize> {
        match self {
            Self::One(at) => vec![*at],
            Self::Creation(all) => all.clone(),
        }
    }
}

/// How a plan was carried out.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// The steps that ended well.
    pub(crate) done: BTreeSet<usize>,
    /// The errors of the others that were begun, in the order in which they failed.
    pub(crate) failures: Vec<StepError>,
}

/// Carries out a plan; `tick` is called every second.
pub(crate) async fn walk<F>(plan: &Plan, carry_out: impl Fn(Task) -> F, tick: impl Fn()) -> Walked
where
    F: Future<Output = (Task, Result<(), StepError>)>,
{
    let mut walked = Walked::default();
    let mut begun: BTreeSet<usize> = BTreeSet::new();
    let mut running = FuturesUnordered::new();
    loop {
        let is_next = |at: &usize| plan.steps[*at].after.iter().all(|step| walked.done.contains(step));
        let free = |at: &usize| !begun.contains(at) && is_next(at);
        let free: Vec<usize> = (0..plan.steps.len()).filter(free).collect();
        begun.extend(&free);
        let is_creation = |at: &usize| matches!(plan.steps[*at].action, Action::Create(_) | Action::Recreate(_));
        let (creation, others): (Vec<usize>, Vec<usize>) = free.into_iter().partition(is_creation);
        running.extend(others.into_iter().map(|at| carry_out(Task::One(at))));
        if !creation.is_empty() {
            running.push(carry_out(Task::Creation(creation)));
        }
        let ended = loop {
            tokio::select! {
                ended = running.next() => break ended,
                () = tokio::time::sleep(TICK) => tick(),
            }
        };
        match ended {
            Some((task, Ok(()))) => walked.done.extend(task.steps()),
            Some((_, Err(error))) => walked.failures.push(error),
            None => return walked,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::error::{Error, Kind};
    use crate::names::{ImageName, PartName};

    fn plan() -> Plan {
        let image = |name: &str| Action::Build(ImageName::new(name).unwrap());
        let part = |name: &str| PartName::new(name).unwrap();
        let mut plan = Plan::default();
        plan.push(image("base"), None, vec![]);
        plan.push(image("python"), None, vec![0]);
        plan.push(image("redis"), None, vec![0]);
        plan.push(Action::Create(part("api")), None, vec![1]);
        plan.push(Action::Create(part("cache")), None, vec![2]);
        plan.push(Action::Create(part("mail")), None, vec![]);
        plan.push(Action::Start(part("api")), None, vec![3]);
        plan.push(Action::Start(part("cache")), None, vec![4]);
        plan
    }

    /// What is carried out where some steps fail, and the errors.
    async fn carried_out(failing: &[usize]) -> (Vec<String>, Vec<String>) {
        let plan = plan();
        let log = RefCell::new(Vec::new());
        let carry_out = async |task: Task| {
            let steps = task.steps();
            let names: Vec<String> = steps.iter().map(|at| plan.steps[*at].action.to_string()).collect();
            log.borrow_mut().push(names.join(" + "));
            let bad = steps.iter().any(|at| failing.contains(at));
            let end = if bad { Err(Error::message(Kind::Failed, names.join(" + ")).into()) } else { Ok(()) };
            (task, end)
        };
        let walked = walk(&plan, carry_out, || ()).await;
        assert_eq!(walked.done.len() == plan.steps.len(), walked.failures.is_empty());
        (log.into_inner(), walked.failures.iter().map(ToString::to_string).collect())
    }

    #[tokio::test]
    async fn every_step_comes_after_those_before_it_and_what_can_be_created_is_created_at_once() {
        let (log, failures) = carried_out(&[]).await;
        let place = |step: &str| log.iter().position(|entry| entry.split(" + ").any(|one| one == step)).unwrap();
        assert!(place("build image:base") < place("build image:python"));
        assert!(place("create api") < place("start api") && place("create cache") < place("start cache"));
        assert_eq!((log.len(), failures.len()), (8, 0), "{log:?}");
    }

    #[tokio::test]
    async fn a_failure_holds_up_only_what_comes_after_it() {
        let (log, failures) = carried_out(&[1]).await;
        assert_eq!(failures, ["build image:python"]);
        let all = log.join("\n");
        assert!(all.contains("start cache") && all.contains("create mail"), "{all}");
        assert!(!all.contains("create api") && !all.contains("start api"), "{all}");
    }

    #[tokio::test]
    async fn all_failures_are_told() {
        let (log, failures) = carried_out(&[5, 1, 2]).await;
        assert_eq!(failures, ["create mail", "build image:python", "build image:redis"]);
        assert_eq!(log.len(), 4, "{log:?}");
    }
}
