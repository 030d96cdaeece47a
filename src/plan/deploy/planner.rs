//! The plan of a deployment: what is missing or different on the cluster, in the order of `needs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::environment::Smoke;
use crate::names::PartName;
use crate::plan::deploy::action::{DeployAction, DeployCause, DeployPlan};
use crate::plan::deploy::cluster::{Cluster, Node, Running, Update};
use crate::plan::deploy::errors::Refusal;
use crate::plan::deploy::stack::{Desired, Role, Stack};
use crate::plan::deploy::verdict::{self, RunState};

/// Whether modules with `once` run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tasks {
    /// They do, before any service is updated.
    Run,
    /// They do not: an earlier release is brought back, and what a migration has done cannot be undone.
    Left,
}

/// Refuses data without a place: its volume would be empty on another node.
pub fn check(stack: &Stack, cluster: &Cluster) -> Result<(), Refusal> {
    for (part, desired) in &stack.parts {
        let Some(label) = &desired.node_label else { continue };
        let has_label = |node: &&Node| node.labels.get(label).is_some_and(|value| value == "true");
        let nodes: Vec<String> = cluster.nodes.iter().filter(has_label).map(|node| node.name.clone()).collect();
        let (part, label) = (part.to_string(), label.clone());
        match nodes.len() {
            0 => {
                let nodes = cluster.nodes.iter().map(|node| node.name.clone()).collect();
                return Err(Refusal::NoNode { part, label, nodes });
            }
            1 => {}
            _ => return Err(Refusal::ManyNodes { part, label, nodes }),
        }
    }
    Ok(())
}

/// Decides what to do.
#[must_use]
pub fn plan(stack: &Stack, cluster: &Cluster, smoke: &[Smoke], tasks: Tasks) -> DeployPlan {
    let mut planner =
        Planner { stack, cluster, plan: DeployPlan::default(), of_parts: BTreeMap::new(), ground: Vec::new() };
    planner.ground();
    if tasks == Tasks::Run {
        planner.tasks();
    }
    for part in planner.in_order(Role::Service) {
        planner.service(&part);
    }
    planner.end(smoke, tasks);
    planner.plan
}

struct Planner<'a> {
    stack: &'a Stack,
    cluster: &'a Cluster,
    plan: DeployPlan,
    /// The step of each part that has one.
    of_parts: BTreeMap<PartName, usize>,
    /// The steps that come before each service.
    ground: Vec<usize>,
}

impl Planner<'_> {
    fn ground(&mut self) {
        if !self.cluster.has_network {
            let action = DeployAction::MakeNetwork(self.stack.name.clone());
            self.ground.push(self.plan.push(action, DeployCause::NotThere, Vec::new()));
        }
        for name in self.stack.configs.keys().filter(|name| !self.cluster.configs.contains_key(*name)) {
            let action = DeployAction::MakeConfig(name.clone());
            self.ground.push(self.plan.push(action, DeployCause::NotThere, Vec::new()));
        }
    }

    /// Modules that run to completion, each after the services that it needs and that do not exist yet.
    fn tasks(&mut self) {
        let mut all = self.in_order(Role::Task);
        all.extend(self.in_order(Role::TaskPerData));
        let mut ran = Vec::new();
        for part in all {
            let Some(desired) = self.stack.parts.get(&part) else { continue };
            let Some(cause) = self.again(&part, desired) else { continue };
            for need in self.needed(&part) {
                if !self.cluster.services.contains_key(&need) {
                    self.service(&need);
                }
            }
            let after = self.after(desired);
            let step = self.plan.push(DeployAction::Run(part.clone()), cause, after);
            self.of_parts.insert(part, step);
            ran.push(step);
        }
        self.ground.extend(ran);
    }

    /// Why a module with `once` runs.
    fn again(&self, part: &PartName, desired: &Desired) -> Option<DeployCause> {
        let Some(running) = self.cluster.services.get(part) else { return Some(DeployCause::NotThere) };
        let is_same = desired.definition.difference(&running.definition).is_none();
        match verdict::of_run(running) {
            RunState::Failed(_) => Some(DeployCause::RunFailed),
            RunState::UnderWay if is_same => Some(DeployCause::RunUnderWay),
            RunState::Done if desired.role == Role::TaskPerData => None,
            RunState::Done | RunState::UnderWay => difference(desired, running),
        }
    }

    /// Everything that a part needs, directly or not, that runs until it is removed.
    fn needed(&self, part: &PartName) -> Vec<PartName> {
        let mut all = BTreeSet::new();
        let mut next = vec![part.clone()];
        while let Some(part) = next.pop() {
            let needs = self.stack.parts.get(&part).map(|desired| desired.needs.as_slice()).unwrap_or_default();
            next.extend(needs.iter().filter(|need| all.insert((*need).clone())).cloned());
        }
        self.in_order(Role::Service).into_iter().filter(|part| all.contains(part)).collect()
    }

    /// The parts of a role, each after those that it needs.
    fn in_order(&self, role: Role) -> Vec<PartName> {
        let mut order: Vec<PartName> = Vec::new();
        let mut left: Vec<&PartName> =
            self.stack.parts.iter().filter(|(_, part)| part.role == role).map(|(name, _)| name).collect();
        while !left.is_empty() {
            let is_free = |name: &&PartName| {
                let needs = self.stack.parts.get(*name).map(|part| part.needs.as_slice()).unwrap_or_default();
                !needs.iter().any(|need| left.contains(&need))
            };
            // The configuration has no circles; one would end here.
            let next = left.iter().position(is_free).unwrap_or_default();
            order.push(left.remove(next).clone());
        }
        order
    }

    /// The steps that come before one of a part.
    fn after(&self, desired: &Desired) -> Vec<usize> {
        let needs = desired.needs.iter().filter_map(|need| self.of_parts.get(need).copied());
        let all: BTreeSet<usize> = needs.chain(self.ground.iter().copied()).collect();
        all.into_iter().collect()
    }

    fn service(&mut self, part: &PartName) {
        if self.of_parts.contains_key(part) {
            return;
        }
        let Some(desired) = self.stack.parts.get(part) else { return };
        let Some((action, cause)) = self.decide(part, desired) else { return };
        let after = self.after(desired);
        let step = self.plan.push(action, cause, after);
        self.of_parts.insert(part.clone(), step);
    }

    fn decide(&self, part: &PartName, desired: &Desired) -> Option<(DeployAction, DeployCause)> {
        let Some(running) = self.cluster.services.get(part) else {
            return Some((DeployAction::Create(part.clone()), DeployCause::NotThere));
        };
        if let Some(cause) = difference(desired, running) {
            let cause = if matches!(running.update, Update::WentBack(_)) { DeployCause::RolledBack } else { cause };
            return Some((DeployAction::Update(part.clone()), cause));
        }
        let wait = |cause| Some((DeployAction::Wait(part.clone()), cause));
        match running.update {
            Update::UnderWay | Update::GoingBack => return wait(DeployCause::UnderWay),
            Update::Paused(_) => return Some((DeployAction::Update(part.clone()), DeployCause::UnderWay)),
            Update::Settled | Update::WentBack(_) => {}
        }
        let healthy = verdict::healthy(desired, running);
        if healthy < desired.replicas {
            return wait(DeployCause::NotHealthy { running: healthy, wanted: desired.replicas });
        }
        None
    }

    /// The services that are not in the stack any more.
    fn gone(&self, tasks: Tasks) -> Vec<PartName> {
        let gone = self.cluster.services.iter().filter(|(part, running)| {
            let is_run = running.replicas == 1 && verdict::of_run(running) == RunState::Done;
            !self.stack.parts.contains_key(*part) && (tasks == Tasks::Run || !is_run)
        });
        gone.map(|(part, _)| part.clone()).collect()
    }

    /// Where there is anything to do: what is tried at the end; and only then what is not in the stack any more is removed,
    /// since that could not be brought back.
    fn end(&mut self, smoke: &[Smoke], tasks: Tasks) {
        let gone = self.gone(tasks);
        if self.plan.is_empty() && gone.is_empty() {
            return;
        }
        let mut after: Vec<usize> = self.of_parts.values().copied().collect();
        after.sort_unstable();
        let mut last = after.clone();
        for check in smoke {
            let action = match (&check.get, &check.task) {
                (Some(path), _) => DeployAction::Get(path.clone()),
                (None, Some(part)) if self.stack.parts.contains_key(part) => DeployAction::Smoke(part.clone()),
                (None, _) => continue,
            };
            last.push(self.plan.push(action, None, after.clone()));
        }
        for part in gone {
            self.plan.push(DeployAction::Remove(part), DeployCause::NotConfigured, last.clone());
        }
        for name in self.unused() {
            self.plan.push(DeployAction::RemoveConfig(name), DeployCause::Unused, last.clone());
        }
    }

    /// Configs that neither the stack nor a service that stays as it is has: the cluster removes none that is in use.
    fn unused(&self) -> Vec<String> {
        let is_replaced = |part: &PartName| {
            self.plan.steps.iter().any(|step| match &step.action {
                DeployAction::Update(one) | DeployAction::Run(one) => one == part,
                DeployAction::Smoke(one) | DeployAction::Remove(one) => one == part,
                _ => false,
            })
        };
        let stays = self.cluster.services.iter().filter(|(part, _)| !is_replaced(part));
        let used: BTreeSet<&str> = stays.flat_map(|(_, running)| running.configs()).collect();
        let is_unused = |name: &&String| !self.stack.configs.contains_key(*name) && !used.contains(name.as_str());
        self.cluster.configs.keys().filter(is_unused).cloned().collect()
    }
}

/// In what a service differs from what it should be.
fn difference(desired: &Desired, running: &Running) -> Option<DeployCause> {
    let keys = desired.definition.difference(&running.definition);
    let short = |image: &str| {
        let digest = image.rsplit_once('@').map_or(image, |(_, digest)| digest);
        digest.chars().take("sha256:".len() + 12).collect::<String>()
    };
    match keys {
        Some(keys) if keys.iter().any(|key| key == "image") => Some(DeployCause::Image(short(&desired.image))),
        Some(keys) if keys == ["replicas"] => {
            Some(DeployCause::Replicas { there: running.replicas, wanted: desired.replicas })
        }
        Some(keys) if keys.is_empty() => Some(DeployCause::Changed(vec!["definition".to_owned()])),
        Some(keys) => Some(DeployCause::Changed(keys)),
        None if running.image != desired.image => Some(DeployCause::ImageChangedThere),
        None if running.replicas != desired.replicas => {
            Some(DeployCause::Replicas { there: running.replicas, wanted: desired.replicas })
        }
        None => None,
    }
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
