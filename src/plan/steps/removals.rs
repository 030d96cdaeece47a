//! What `up` removes before it creates anything: containers of parts that are gone, left over, half done, or one too many. Pure.

use std::collections::BTreeMap;

use crate::plan::cause::Cause;
use crate::plan::observed::{Container, ContainerState, Network, Role};
use crate::plan::parts::GATEWAY;
use crate::plan::steps::up::Up;
use crate::plan::{Action, Plan};

impl Up<'_> {
    /// Containers that should not be: switched off, gone from the configuration, left over, or double.
    pub(in crate::plan) fn removals(&self, plan: &mut Plan) -> Vec<usize> {
        let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
        let mut steps = Vec::new();
        // Two `compose up` at once have made them: nobody knows which container is in which.
        let all = &self.observed.networks;
        let has_twin = |one: &&Network| all.iter().any(|other| other.id != one.id && other.name == one.name);
        let networks: Vec<&Network> = all.iter().filter(has_twin).collect();
        let mut containers: Vec<&Container> = self.observed.containers.iter().collect();
        // Compose numbers several of one part, and makes the first numbers.
        containers.sort_by_key(|container| (self.replicas(container) > 1).then(|| number(&container.name)));
        for container in containers {
            let known = self.environment.parts.contains_key(container.part.as_str());
            let wanted = self.replicas(container);
            let cause = if container.role == Role::LeftOver {
                Cause::LeftOver
            } else if container.role == Role::Installing {
                Cause::Installing
            } else if container.role == Role::InUse {
                continue;
            } else if !known {
                self.why_absent(&container.part)
            } else if let Some(cause) = self.half_done(container) {
                cause
            } else if count(&mut kept, &container.part) > wanted {
                Cause::TooMany(wanted)
            } else if let [one, ..] = networks.as_slice() {
                Cause::NetworksOfOneName { count: networks.len(), name: one.name.clone() }
            } else {
                continue;
            };
            let action = Action::Remove { id: container.id.clone(), name: container.part.clone() };
            steps.push(plan.push(action, cause, vec![]));
        }
        let members = steps.clone();
        for network in &networks {
            let action = Action::RemoveNetwork { id: network.id.clone(), name: network.name.clone() };
            steps.push(plan.push(action, Cause::OneOfSeveral(networks.len()), members.clone()));
        }
        steps
    }

    /// What a command that was killed has left half done of a part: nobody knows which of two containers goes on.
    fn half_done(&self, container: &Container) -> Option<Cause> {
        let is_of_part = |other: &&Container| other.role == Role::Part && other.part == container.part;
        if self.observed.containers.iter().filter(is_of_part).any(Container::is_half_replaced) {
            return Some(Cause::HalfReplaced);
        }
        (container.state == ContainerState::Removing).then_some(Cause::HalfRemoved)
    }

    /// How many containers there should be of the part that runs in this one.
    fn replicas(&self, container: &Container) -> usize {
        self.environment.parts.get(container.part.as_str()).map_or(1, |part| part.lifecycle.replicas)
    }

    fn why_absent(&self, part: &str) -> Cause {
        let place = ["modules", "services"].into_iter().find_map(|kind| self.project.place(&[kind, part, "mode"]));
        match place {
            Some(place) => Cause::SwitchedOff(place.to_string()),
            None if part == GATEWAY => Cause::NoRoute,
            None => Cause::NotConfigured,
        }
    }
}

/// Counts one more of `part`, and says how many that makes.
fn count<'a>(all: &mut BTreeMap<&'a str, usize>, part: &'a str) -> usize {
    let known = all.entry(part).or_default();
    *known += 1;
    *known
}

/// The number at the end of a container's name.
fn number(name: &str) -> usize {
    name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}
