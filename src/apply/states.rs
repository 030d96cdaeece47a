//! Asks the engine, and the parts that are not ready, what the list of containers does not say of them.

use futures_util::future::join_all;

use crate::apply::executor::ready;
use crate::host::engine::Engine;
use crate::host::engine::containers::Detail;
use crate::plan::observed::{Container, ContainerState, Observed};
use crate::plan::parts::{Environment, Part, PartKind};
use crate::plan::states::{Life, Lives};
use crate::plan::watch::runner::died_with;

/// What is known of the containers of all parts, in one round. A container that is gone meanwhile is left out.
pub async fn lives(engine: &Engine, environment: &Environment, observed: &Observed) -> Lives {
    let asked = environment.parts.values().flat_map(|part| {
        let is_ready = observed.ready.contains(&part.name);
        observed.containers_of(&part.name).map(move |container| asked_life(engine, part, container, is_ready))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn asked_life(engine: &Engine, part: &Part, container: &Container, is_ready: bool) -> Option<(String, Life)> {
    let detail = engine.detail(&container.id).await.ok()?;
    let is_doubtful = detail.state == ContainerState::Running && !is_ready;
    let probe = async {
        match &detail.check {
            Some(check) if !check.output.is_empty() => Some(check.output.clone()),
            _ if is_doubtful => ready::complaint(engine, part, &container.id, &detail).await,
            _ => None,
        }
    };
    let died = async {
        let has_runner = part.kind == PartKind::Module && is_doubtful;
        died_with(&if has_runner { engine.last_lines(&container.id, 1).await.pop() } else { None }?)
    };
    let (probe, died) = tokio::join!(probe, died);
    Some((container.id.clone(), Life { probe, died, ..life(&detail) }))
}

/// What the engine says of a container's life.
pub(super) fn life(detail: &Detail) -> Life {
    Life {
        since: detail.since(),
        restarts: detail.restarts,
        out_of_memory: detail.out_of_memory,
        memory_limit: detail.memory_limit,
        ..Life::default()
    }
}
