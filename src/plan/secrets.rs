//! What new credentials mean for what runs. Pure.

use crate::names::PartName;
use crate::plan::observed::{Observed, State};
use crate::plan::parts::Environment;
use crate::plan::{Action, Plan};

/// Restarts those of `services` that run: at its start a service takes its credentials over, whatever its data says.
#[must_use]
pub fn restarts(environment: &Environment, observed: &Observed, services: &[PartName]) -> Plan {
    let mut plan = Plan::default();
    let running = running(observed);
    for name in services.iter().filter(|name| running.contains(name) && environment.parts.contains_key(*name)) {
        let restart = plan.push(Action::Restart(name.clone()), "its credentials are new", vec![]);
        plan.push(Action::Wait(name.clone()), "", vec![restart]);
    }
    plan
}

/// The parts that run.
#[must_use]
pub fn running(observed: &Observed) -> Vec<PartName> {
    let running = observed.containers.iter().filter(|one| one.state == State::Running && !one.one_off);
    running.filter_map(|one| PartName::new(one.part.as_str()).ok()).collect()
}
