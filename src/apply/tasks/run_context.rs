//! Everything that a run of tasks is carried out with.

use std::collections::BTreeMap;

use crate::amounts::Memory;
use crate::apply::session::Session;
use crate::apply::tasks::recipes::Recipes;
use crate::apply::tasks::sidecars::Sidecars;
use crate::apply::tasks::sources::{Known, Sources, Specs};
use crate::error::Result;
use crate::host::clock;
use crate::host::engine::tasks::TaskContainer;
use crate::names::TaskName;
use crate::plan::tasks::decision::{Deciding, Verdict};
use crate::plan::tasks::fingerprint::TaskInputs;
use crate::plan::tasks::graph::{TaskGraph, TaskNode};
use crate::plan::tasks::history::{Earlier, Why};
use crate::plan::tasks::spec::TaskSpec;
use crate::plan::tasks::splits::manifest::OneSplit;
use crate::render::swarm_values::processors;

/// A split that is run again alone.
pub struct SplitAgain {
    /// Its task.
    pub task: TaskName,
    /// Which it is.
    pub one: OneSplit,
    /// What it runs.
    pub batches: Vec<Vec<String>>,
}

/// What a run is decided from and carried out with.
pub struct RunContext {
    /// The checkout and the world around it.
    pub session: Session,
    /// Earlier runs.
    pub known: Known,
    /// The tasks of the run.
    pub graph: TaskGraph,
    /// What each task needs the results of, also where it is not run for it.
    pub needs: BTreeMap<TaskName, Vec<TaskName>>,
    /// Results of tasks that are not part of the run.
    pub given: BTreeMap<TaskName, Earlier>,
    /// The containers of tasks.
    pub specs: Specs,
    /// Their source.
    pub sources: Sources,
    /// What runs beside them.
    pub sidecars: Sidecars,
    /// How the images of tasks that release a module are made.
    pub recipes: Recipes,
    /// The split that is run again alone, and with it nothing else of its task.
    pub again: Option<SplitAgain>,
    /// Tasks that run whatever is known, and why.
    pub forced: BTreeMap<TaskName, Why>,
    /// The key under which variables are compared.
    pub key: String,
}

impl RunContext {
    /// Which tasks run, and why.
    #[must_use]
    pub fn verdicts(&self) -> BTreeMap<TaskName, Verdict> {
        let (graph, history, forced, given) = (&self.graph, &self.known.history, &self.forced, &self.given);
        let inputs = |node: &TaskNode, known: &BTreeMap<TaskName, Earlier>| self.inputs(&node.name, known);
        Deciding { graph, history, forced, given, inputs, now: now() }.verdicts()
    }

    /// What a task is made from, where `known` are all results.
    #[must_use]
    pub fn inputs(&self, task: &TaskName, known: &BTreeMap<TaskName, Earlier>) -> TaskInputs {
        let result = |need: &TaskName| Some((need.clone(), known.get(need)?.result.clone()));
        let needs = self.needs.get(task).into_iter().flatten().filter_map(result).collect();
        if let Some(recipe) = self.recipes.get(task) {
            return TaskInputs::of_release(recipe, &needs);
        }
        let (Some(spec), Some(source)) = (self.specs.get(task), self.sources.get(task)) else {
            return TaskInputs::default();
        };
        let mut inputs = TaskInputs::of(spec, &self.key, &source.digest, &needs);
        inputs.0.extend(self.sidecars.inputs(task));
        // A part of a task is not its result.
        let again = self.again.as_ref().filter(|again| again.task == *task);
        inputs.0.extend(again.map(|again| ("split alone".to_owned(), again.one.to_string())));
        for part in &spec.parts {
            let definition = self.session.definitions.get(part.as_str());
            let digest = definition.map(|definition| definition.fingerprint().to_string());
            inputs.0.insert(format!("definition of {part}"), digest.unwrap_or_default());
        }
        inputs
    }

    /// Tasks that run, or may.
    #[must_use]
    pub fn to_run(&self) -> Vec<TaskName> {
        let verdicts = self.verdicts().into_iter();
        verdicts.filter(|(_, verdict)| matches!(verdict, Verdict::Runs(_))).map(|(name, _)| name).collect()
    }

    /// The container of a task, without what belongs to one attempt.
    pub(in crate::apply) fn container(&self, spec: &TaskSpec) -> Result<TaskContainer> {
        let session = &self.session;
        let mut env = spec.machine_env.clone();
        env.extend(spec.env.clone());
        let network = session.observed.networks.first().filter(|_| !spec.parts.is_empty());
        Ok(TaskContainer {
            checkout: session.identity.held.id.clone(),
            image: spec.image.clone(),
            user: spec.user.clone(),
            dir: spec.dir.clone(),
            env: env.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
            mounts: spec.mounts.clone(),
            network: network.map(|network| network.name.clone()),
            memory: spec.work.resources.memory.as_deref().and_then(Memory::of).map(Memory::bytes),
            cpus: spec.work.resources.cpus.as_deref().and_then(processors),
            ..TaskContainer::default()
        })
    }
}

/// Milliseconds since 1970.
#[must_use]
pub fn now() -> u64 {
    u64::try_from(clock::now().as_millis()).unwrap_or(u64::MAX)
}
