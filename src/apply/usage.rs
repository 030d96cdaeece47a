//! Measures what parts use of this machine: two looks at the engine's counters, and the data volumes as their containers
//! see them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::host::engine::Engine;
use crate::names::PartName;
use crate::plan::observed::{Container, ContainerState, Observed};
use crate::plan::parts::{Environment, Part};
use crate::plan::states::Lives;
use crate::plan::stats::{self, Usage};

/// Between two looks at the counters.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the files of a volume may take to count; as long as [`COUNT`] says.
const PATIENCE: Duration = Duration::from_secs(3);
/// The code of a program that was ended by KILL.
const KILLED: i64 = 137;
/// Counts the files of volumes. Where it takes too long, it ends in the container too: the next look begins another.
const COUNT: &str = "\
command -v timeout > /dev/null 2>&1 && exec timeout -s KILL 3 du -skc -- \"$@\"
exec du -skc -- \"$@\"";

/// What each running part uses, all its containers together.
pub async fn usage(
    engine: &Engine,
    environment: &Environment,
    observed: &Observed,
    lives: &Lives,
) -> BTreeMap<PartName, Usage> {
    let asked = environment.parts.values().flat_map(|part| {
        let running = observed.containers_of(&part.name).filter(|container| container.state == ContainerState::Running);
        running.map(move |container| one(engine, part, container, lives))
    });
    let mut all: BTreeMap<PartName, Usage> = BTreeMap::new();
    for (name, usage) in join_all(asked).await.into_iter().flatten() {
        let sum = all.remove(&name).map_or(usage, |known| known.and(usage));
        all.insert(name, sum);
    }
    all
}

async fn one(engine: &Engine, part: &Part, container: &Container, lives: &Lives) -> Option<(PartName, Usage)> {
    let first = engine.counters(&container.id).await?;
    let ((), disk) = tokio::join!(tokio::time::sleep(PAUSE), disk(engine, part, container));
    let last = engine.counters(&container.id).await?;
    let limit = lives.get(&container.id).map_or(0, |life| life.memory_limit);
    let usage = Usage {
        cpu: stats::cpu((first.cpu.0, last.cpu.0), (first.cpu.1, last.cpu.1), last.cores),
        memory: last.memory,
        memory_limit: u64::try_from(limit).ok().filter(|limit| *limit > 0),
        disk,
    };
    Some((part.name.clone(), usage))
}

/// Bytes in the data volumes of a part; an image without `sh` and `du` cannot count them.
async fn disk(engine: &Engine, part: &Part, container: &Container) -> Option<u64> {
    if part.data.is_empty() {
        return None;
    }
    let targets = part.data.iter().map(|mount| mount.target.clone());
    let argv: Vec<String> = ["sh", "-c", COUNT, "sh"].map(str::to_owned).into_iter().chain(targets).collect();
    let (code, answer) = tokio::time::timeout(PATIENCE, engine.exec(&container.id, &argv)).await.ok()?.ok()?;
    if code == KILLED {
        return None;
    }
    let total = answer.lines().last()?.split_whitespace().next()?;
    total.parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
}
