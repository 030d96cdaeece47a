//! The plans of `down`, `stop` and `start`, which make nothing.

use std::collections::BTreeMap;

use crate::names::PartName;
use crate::plan::cause::Cause;
use crate::plan::definition::{self, Definition};
use crate::plan::environment::lifecycle::{Condition, End};
use crate::plan::observed::{ContainerState, Observed};
use crate::plan::parts::{Environment, Part, PartKind};
use crate::plan::steps::up;
use crate::plan::{Action, Plan};

/// What `down` takes away beside containers and networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volumes {
    /// Data stays.
    Keep,
    /// Data goes too.
    Delete,
}

/// Removes all containers and networks of the checkout: whoever needs another goes first.
#[must_use]
pub fn down(environment: Option<&Environment>, observed: &Observed, volumes: Volumes) -> Plan {
    let mut plan = Plan::default();
    let mut order: Vec<&crate::plan::observed::Container> = observed.containers.iter().collect();
    order.sort_by(|one, other| one.name.cmp(&other.name));
    let mut removed: Vec<(String, usize)> = Vec::new();
    let mut waiting = order;
    while !waiting.is_empty() {
        // A container goes when nobody who needs it is left; a cycle, which only fragments can make, is cut.
        let next = waiting
            .iter()
            .position(|container| {
                !waiting
                    .iter()
                    .any(|other| other.id != container.id && needs(environment, &other.part, &container.part))
            })
            .unwrap_or(0);
        let container = waiting.remove(next);
        let after = removed
            .iter()
            .filter(|(part, _)| needs(environment, part, &container.part))
            .map(|(_, step)| *step)
            .collect();
        let action = Action::Remove { id: container.id.clone(), name: container.part.clone() };
        let step = plan.push(action, None, after);
        removed.push((container.part.clone(), step));
    }
    let all: Vec<usize> = removed.iter().map(|(_, step)| *step).collect();
    for network in &observed.networks {
        let action = Action::RemoveNetwork { id: network.id.clone(), name: network.name.clone() };
        plan.push(action, None, all.clone());
    }
    if volumes == Volumes::Delete {
        for volume in observed.volumes.values().filter(|volume| volume.class != "cache") {
            plan.push(Action::DeleteVolume(volume.name.clone()), Cause::DownVolumes, all.clone());
        }
    }
    plan
}

/// Stops running parts, all of them where `names` is empty: whoever needs another goes first.
#[must_use]
pub fn stop(environment: &Environment, observed: &Observed, names: &[PartName]) -> Plan {
    let mut plan = Plan::default();
    let runs = |name: &PartName| observed.containers_of(name).any(|container| container.state.is_alive());
    let wanted = |name: &&PartName| (names.is_empty() || names.contains(name)) && runs(name);
    let mut waiting: Vec<&PartName> = environment.parts.keys().filter(wanted).collect();
    let mut stopped: Vec<(PartName, usize)> = Vec::new();
    while !waiting.is_empty() {
        let needed = |name: &PartName| {
            waiting.iter().any(|other| *other != name && needs(Some(environment), other.as_str(), name.as_str()))
        };
        let next = waiting.iter().position(|name| !needed(name)).unwrap_or(0);
        let name = waiting.remove(next);
        let after = stopped
            .iter()
            .filter(|(part, _)| needs(Some(environment), part.as_str(), name.as_str()))
            .map(|(_, step)| *step)
            .collect();
        let step = plan.push(Action::Stop(name.clone()), None, after);
        stopped.push((name.clone(), step));
    }
    plan
}

/// Why a stopped part cannot start as it is: it would log in with credentials of before, or listen at ports that no
/// address names any more.
#[must_use]
pub fn outdated(
    environment: &Environment,
    observed: &Observed,
    definitions: &BTreeMap<String, Definition>,
    names: &[PartName],
    running: Running,
) -> Option<(PartName, Cause)> {
    let begins = |part: &&&Part| {
        let container = observed.container(&part.name);
        container.is_some_and(|container| container.state != ContainerState::Running)
            || (running == Running::Counts && (names.is_empty() || names.contains(&part.name)))
    };
    let closure = environment.closure(names);
    let mut beginning = closure.iter().filter(begins);
    beginning.find_map(|part| {
        let (container, now) = (observed.container(&part.name)?, definitions.get(part.name.as_str())?);
        if let Some(why) = observed.detached(container) {
            return Some((part.name.clone(), why));
        }
        let changed = now.difference(&container.definition)?;
        let has = |key: &str| changed.iter().any(|changed| changed == key);
        let what = if has(definition::KEY) {
            Cause::CannotCompare
        } else if has("secrets") {
            Cause::CredentialsChanged
        } else if has("ports") {
            Cause::PortsChanged
        } else {
            return None;
        };
        Some((part.name.clone(), what))
    })
}

/// Whether parts that run are to start over too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// Those that are named are: they are restarted.
    Counts,
    /// They go on.
    GoesOn,
}

/// Starts stopped parts with what they need, each when what it needs is ready; all where `names` is empty.
#[must_use]
pub fn start(environment: &Environment, observed: &Observed, names: &[PartName]) -> Plan {
    let mut plan = Plan::default();
    let mut ready: Vec<(PartName, usize, usize)> = Vec::new();
    for part in up::in_order(&environment.closure(names)) {
        let ends = part.kind == PartKind::Task || part.lifecycle.end == End::Done;
        let is_right =
            |state: ContainerState| state == ContainerState::Running || (ends && state == ContainerState::Exited(0));
        if observed.containers_of(&part.name).all(|container| is_right(container.state)) {
            continue;
        }
        let condition = |need: &PartName| part.lifecycle.conditions.get(need);
        let step = |(name, start, wait): &(PartName, usize, usize)| {
            if condition(name) == Some(&Condition::Started) { *start } else { *wait }
        };
        let mut after: Vec<usize> = ready.iter().filter(|(name, ..)| part.needs.contains(name)).map(step).collect();
        if part.mirror.is_some() {
            after.push(plan.push(Action::Mirror(part.name.clone()), Cause::BeforeStart, vec![]));
        }
        let start = plan.push(Action::Start(part.name.clone()), None, after);
        let cause = part.probe.as_ref().map(|probe| Cause::UntilReady(probe.ask.clone()));
        let wait = plan.push(Action::Wait(part.name.clone()), cause, vec![start]);
        ready.push((part.name.clone(), start, wait));
    }
    plan
}

fn needs(environment: Option<&Environment>, part: &str, need: &str) -> bool {
    let part = environment.and_then(|environment| environment.parts.get(part));
    part.is_some_and(|part| part.needs.iter().any(|name| name.as_str() == need))
}
