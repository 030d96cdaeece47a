//! Carries out the plan of a deployment, step by step. Chooses nothing: what fails ends it, and all goes back.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::amounts;
use crate::apply::deploy::going_back::{Done, go_back};
use crate::apply::deploy::smoke;
use crate::apply::deploy::wait::{self, Ended};
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::registry::credentials::RegistryLogin;
use crate::names::PartName;
use crate::plan::deploy::action::{DeployAction, DeployPlan};
use crate::plan::deploy::cluster::Cluster;
use crate::plan::deploy::stack::{Desired, Stack};
use crate::plan::deploy::verdict::{self, RunState, Verdict};

/// What a deployment works with.
pub struct Deployer<'a> {
    /// A manager of the cluster.
    pub engine: &'a Engine,
    /// What should run.
    pub stack: &'a Stack,
    /// The cluster as it was when the plan was made.
    pub cluster: &'a Cluster,
    /// Who asks the registry.
    pub login: Option<&'a RegistryLogin>,
    /// Hears of each step.
    pub tell: &'a (dyn Fn(&str) + Sync),
}

/// What has been done so far, and the ids of configs.
struct State {
    done: Vec<Done>,
    configs: BTreeMap<String, String>,
    /// The part that has failed, whose last lines say why.
    failed: Option<PartName>,
}

impl Deployer<'_> {
    /// Carries out the steps; where one fails, everything goes back. What only cleans up is no reason to: it is
    /// reported.
    pub async fn carry_out(&self, plan: &DeployPlan) -> Result<()> {
        let mut state = State { done: Vec::new(), configs: self.cluster.configs.clone(), failed: None };
        for step in &plan.steps {
            let begin = Instant::now();
            match self.step(&step.action, &mut state).await {
                Ok(()) => (self.tell)(&format!("✓ {} ({})", step.action, amounts::took(begin.elapsed()))),
                Err(error) if step.action.is_clean_up() => (self.tell)(&format!(
                    "warning: not done: {}: {error}; the release runs, and the next deployment tries again",
                    step.action
                )),
                Err(error) => {
                    (self.tell)(&format!("✗ {}", step.action));
                    return Err(self.back(error, &state).await);
                }
            }
        }
        Ok(())
    }

    /// Goes back, and adds what became of it and what the failed part has written last.
    async fn back(&self, error: Error, state: &State) -> Error {
        let going = go_back(self.engine, self.stack, self.login, &state.done);
        let Some(part) = &state.failed else { return error.hint(going.await) };
        let service = self.stack.service(part);
        let reading = self.engine.service_lines(&service);
        // The lines of a service that is removed go with it; for those of another one, nothing waits.
        let (lines, gone) = match state.done.last() {
            Some(Done::Created(last) | Done::Overran(last)) if last == part => (reading.await, going.await),
            _ => tokio::join!(reading, going),
        };
        with_lines(error, part, &lines).hint(gone)
    }

    async fn step(&self, action: &DeployAction, state: &mut State) -> Result<()> {
        match action {
            DeployAction::MakeNetwork(name) => self.engine.make_overlay(name).await,
            DeployAction::MakeConfig(name) => {
                let text = self.stack.configs.get(name).map(String::as_str).unwrap_or_default();
                let id = self.engine.make_config(&self.stack.name, name, text).await?;
                state.done.push(Done::MadeConfig(id.clone()));
                state.configs.insert(name.clone(), id);
                Ok(())
            }
            DeployAction::Create(part) => self.create(part, state).await,
            DeployAction::Update(part) => self.update(part, state).await,
            DeployAction::Wait(part) => self.healthy(part, state).await,
            DeployAction::Run(part) | DeployAction::Smoke(part) => self.run(part, state).await,
            DeployAction::Get(path) => {
                smoke::get(self.stack, &self.engine.cluster(&self.stack.name).await?, path).await
            }
            DeployAction::Remove(part) => self.engine.remove_service(&self.stack.service(part)).await,
            DeployAction::RemoveConfig(name) => match self.cluster.configs.get(name) {
                Some(id) => self.engine.remove_config(id).await,
                None => Ok(()),
            },
        }
    }

    fn desired(&self, part: &PartName) -> Result<&Desired> {
        let missing = || Error::message(Kind::Bug, format!("`{part}` is not in the stack"));
        self.stack.parts.get(part).ok_or_else(missing)
    }

    async fn create(&self, part: &PartName, state: &mut State) -> Result<()> {
        let desired = self.desired(part)?;
        let spec = desired.with_ids(&self.cluster.secrets, &state.configs);
        // Only what was made is removed again: the name may be that of somebody else's service.
        self.engine.make_service(&spec, self.login).await?;
        state.done.push(Done::Created(part.clone()));
        self.healthy(part, state).await
    }

    async fn update(&self, part: &PartName, state: &mut State) -> Result<()> {
        let desired = self.desired(part)?;
        let spec = desired.with_ids(&self.cluster.secrets, &state.configs);
        let Some(running) = self.cluster.services.get(part) else { return self.create(part, state).await };
        state.done.push(Done::Updated(part.clone(), Box::new(running.clone())));
        self.engine.update_service(running, &spec, self.login).await?;
        self.healthy(part, state).await
    }

    async fn healthy(&self, part: &PartName, state: &mut State) -> Result<()> {
        let earlier = self.cluster.services.get(part).map(|running| running.tasks.as_slice()).unwrap_or_default();
        let desired = (part, self.desired(part)?);
        let message = match wait::until_healthy(self.engine, self.stack, desired, earlier).await? {
            Verdict::Healthy => return Ok(()),
            Verdict::Failed(why) | Verdict::Waiting(why) | Verdict::HeldUp(why) => {
                format!("`{part}` did not become healthy: {why}")
            }
            Verdict::RolledBack(why) => format!("`{part}` was rolled back by the engine: {why}"),
        };
        state.failed = Some(part.clone());
        Err(Error::message(Kind::Failed, message))
    }

    /// Runs a module to its end. The service stays: it holds the log, and says that this run is done.
    async fn run(&self, part: &PartName, state: &mut State) -> Result<()> {
        let desired = self.desired(part)?;
        let name = self.stack.service(part);
        let is_under_way = self.cluster.services.get(part).is_some_and(|running| {
            desired.definition.difference(&running.definition).is_none()
                && verdict::of_run(running) == RunState::UnderWay
        });
        if !is_under_way {
            self.engine.remove_service(&name).await?;
            let spec = desired.with_ids(&self.cluster.secrets, &state.configs);
            self.engine.make_service(&spec, self.login).await?;
        }
        let why = match wait::until_ended(self.engine, self.stack, part, desired).await? {
            Ended::Done => return Ok(()),
            Ended::Failed(why) => why,
            Ended::Overran(why) => {
                state.done.push(Done::Overran(part.clone()));
                why
            }
        };
        state.failed = Some(part.clone());
        Err(Error::message(Kind::Failed, format!("`{part}` failed: {why}")))
    }
}

/// The error with what the part has written last.
fn with_lines(error: Error, part: &PartName, lines: &[String]) -> Error {
    if lines.is_empty() {
        return error;
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
    let message = format!("{error}\nlast lines of `{part}`:\n{}", lines.join("\n"));
    Error { source: anyhow::Error::msg(message), ..error }
}
