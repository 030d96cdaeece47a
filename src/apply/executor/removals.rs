//! Removes what there is: the steps that need nothing but the engine, also where a checkout's files say nothing.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::apply::executor::failure::{StepError, StepFailure};
use crate::apply::executor::walk::walk;
use crate::apply::{Report, StepEvent};
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::plan::{Action, Plan};

/// Carries out a plan that only removes.
pub async fn carry_out(engine: &Engine, plan: &Plan, report: Report<'_>) -> Result<(), StepFailure> {
    let task = async |task: crate::apply::executor::walk::Task| {
        let begin = Instant::now();
        let mut ended = Ok(());
        for at in task.steps() {
            report(StepEvent::Begun(at));
            let removed = remove(engine, &plan.steps[at].action).await;
            report(if removed.is_ok() { StepEvent::Done(at, begin.elapsed()) } else { StepEvent::Failed(at) });
            ended = ended.and(removed.map_err(StepError::from));
        }
        (task, ended)
    };
    let walked = walk(plan, task, || report(StepEvent::Tick)).await;
    StepFailure::of(walked.failures, BTreeSet::new()).map_or(Ok(()), Err)
}

/// Removes one thing.
pub(super) async fn remove(engine: &Engine, action: &Action) -> Result<()> {
    match action {
        Action::Remove { id, .. } => {
            engine.stop(id).await?;
            engine.remove(id).await
        }
        Action::RemoveNetwork { id, .. } => engine.remove_network(id).await,
        Action::DeleteVolume(name) => engine.delete_volume(name).await,
        other => Err(Error::message(Kind::Bug, format!("`{other}` removes nothing"))),
    }
}
