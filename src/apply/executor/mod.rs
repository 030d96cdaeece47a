//! Carries out a plan: every step as soon as those before it are done, all containers created by one compose call.

pub mod builds;
pub mod failure;
pub mod gateway;
pub mod module_steps;
mod own_builds;
pub mod port_in_use;
pub mod ready;
pub mod removals;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::sync::{Mutex, Semaphore};

use crate::amounts::bytes;
use crate::apply::executor::builds::Builder;
use crate::apply::executor::failure::{StepError, StepFailure};
use crate::apply::executor::walk::{Task, walk};
use crate::apply::mirror::Guard;
use crate::apply::mirror::stand_in::{self, Equal};
use crate::apply::release::build::Releaser;
use crate::apply::{Report, StepEvent};
use crate::error::{Error, Kind, Result};
use crate::host::docker::compose;
use crate::host::engine::Engine;
use crate::host::engine::builds::Progress;
use crate::host::{clock, files, watcher_process};
use crate::labels;
use crate::names::PartName;
use crate::plan::definition::Definition;
use crate::plan::environment::machine::Machine;
use crate::plan::images::Hierarchy;
use crate::plan::mirror::copy::{Copy, left_out};
use crate::plan::mounts::MountSource;
use crate::plan::observed::{NoContainer, Role};
use crate::plan::parts::{Environment, Part};
use crate::plan::steps::once;
use crate::plan::watch::loop_step::LoopStep;
use crate::plan::watch::state::Run;
use crate::plan::{Action, Plan};
use crate::redact::hide;

/// Everything that steps need.
pub struct Executor<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// How images are made.
    pub builder: Builder<'a>,
    /// All images.
    pub images: &'a Hierarchy,
    /// This machine.
    pub machine: &'a Machine,
    /// The team's registry.
    pub registry: Option<&'a str>,
    /// The environment.
    pub environment: &'a Environment,
    /// What each container is made from.
    pub definitions: &'a BTreeMap<String, Definition>,
    /// The checkout's folder.
    pub root: &'a Path,
    /// The compose files, in order.
    pub compose_files: Vec<String>,
    /// Variables that the compose files name.
    pub variables: &'a BTreeMap<String, String>,
    /// Containers by part, as far as they are known.
    pub containers: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Held by the one compose call that runs: two at once make two networks of one name.
    pub creation: Mutex<()>,
    /// Time limit for every wait, in place of the parts' own.
    pub wait_timeout: Option<Duration>,
    /// Whether builds may use earlier results.
    pub cache: bool,
    /// Whether a mirror may empty what it fills.
    pub guard: Guard,
    /// What the registry has of the images that are to be fetched: tag → digest.
    pub digests: &'a BTreeMap<String, String>,
    /// Where events go.
    pub report: Report<'a>,
}

impl Executor<'_> {
    /// Carries out the plan. A failure holds up only the steps after it; all failures are reported at the end. First
    /// comes the one that makes everything decided again: the lock has moved, or a port was taken.
    pub async fn carry_out(&self, plan: &Plan) -> Result<(), StepFailure> {
        let builds = Semaphore::new(3);
        let walked = walk(plan, |task| self.task(plan, task, &builds), || (self.report)(StepEvent::Tick)).await;
        let started = walked.done.into_iter().filter_map(|at| match &plan.steps[at].action {
            Action::Start(part) => Some(part.clone()),
            _ => None,
        });
        StepFailure::of(walked.failures, started.collect()).map_or(Ok(()), Err)
    }

    async fn task(&self, plan: &Plan, task: Task, builds: &Semaphore) -> (Task, Result<(), StepError>) {
        let steps = task.steps();
        let is_build =
            matches!(plan.steps[steps[0]].action, Action::Build(_) | Action::Reuse { .. } | Action::Release(_));
        let _turn = if is_build { builds.acquire().await.ok() } else { None };
        let begin = Instant::now();
        for at in &steps {
            (self.report)(StepEvent::Begun(*at));
        }
        let ended = match &plan.steps[steps[0]].action {
            Action::Create(_) | Action::Recreate(_) => self.create(plan, &steps).await.map_err(StepError::from),
            action => self.step(steps[0], action).await,
        };
        for at in &steps {
            (self.report)(match &ended {
                Ok(()) | Err(StepError::LockMoved) => StepEvent::Done(*at, begin.elapsed()),
                Err(StepError::PortTaken(_) | StepError::Failed(_)) => StepEvent::Failed(*at),
            });
        }
        (task, ended)
    }

    async fn step(&self, at: usize, action: &Action) -> Result<(), StepError> {
        let doing = |text: &str| (self.report)(StepEvent::Doing(at, text.to_owned()));
        match action {
            Action::Root => self.builder.root(doing).await,
            Action::Build(name) => {
                let Some(node) = self.images.get(name) else { return Err(unknown(name).into()) };
                self.builder.build(node, self.cache, |progress| self.tell(at, progress)).await
            }
            Action::Reuse { image, id } => {
                let Some(node) = self.images.get(image) else { return Err(unknown(image).into()) };
                if self.builder.reuse(node, id).await? {
                    return Ok(());
                }
                Box::pin(self.step(at, &Action::Build(image.clone()))).await
            }
            Action::Start(name) => self.start(self.part(name)?).await,
            Action::Restart(name) => {
                self.stop(name).await?;
                self.start(self.part(name)?).await
            }
            Action::Pull(name) => {
                let (Some(node), Some(registry)) = (self.images.get(name), self.registry) else {
                    return Err(unknown(name).into());
                };
                Ok(self.builder.pull(node, registry, doing).await?)
            }
            Action::Fetch(reference) => Ok(self.engine.pull(reference, doing).await.map_err(|error| {
                error.hint("this image comes from a registry: check its name, the network, and `docker login`")
            })?),
            Action::Release(name) => Ok(self.release(at, name).await?),
            Action::PullReleased(name) => {
                let (Some(recipe), Some(registry)) = (self.environment.releases.get(name), self.registry) else {
                    return Err(unknown(name).into());
                };
                let digest = self.digests.get(&recipe.reference).ok_or_else(|| unknown(name))?;
                Ok(self.builder.pull_released(recipe, registry, digest, doing).await?)
            }
            Action::MakeVolume(name) => {
                let Some(volume) = self.environment.volumes.get(name) else { return Err(unknown(name).into()) };
                Ok(self.engine.make_volume(volume, &self.environment.id, &self.environment.root).await?)
            }
            Action::Mirror(name) => Ok(self.mirror(at, self.part(name)?).await?),
            Action::Install(name) => Ok(self.install(at, self.part(name)?).await?),
            Action::Stop(name) => Ok(self.stop(name).await?),
            Action::Wait(name) => {
                let (part, ids) = (self.part(name)?, self.all(name).await?);
                let waits = ids.iter().map(|id| ready::wait(self.engine, part, id, self.wait_timeout));
                try_join_all(waits).await?;
                Ok(self.remember_done(part).await?)
            }
            Action::Reload(name) => {
                Ok(gateway::reload(self.engine, self.part(name)?, &self.container(name).await?).await?)
            }
            Action::Remove { .. } | Action::RemoveNetwork { .. } | Action::DeleteVolume(_) => {
                Ok(removals::remove(self.engine, action).await?)
            }
            Action::Create(name) | Action::Recreate(name) => Err(unknown(name).into()),
        }
    }

    /// Makes the released image of a part.
    async fn release(&self, at: usize, name: &PartName) -> Result<()> {
        let Some(recipe) = self.environment.releases.get(name) else { return Err(unknown(name)) };
        let Builder { engine, checkout, id, .. } = self.builder;
        let releaser = Releaser { engine, checkout, id, machine: self.machine, images: self.images };
        releaser.release(recipe, |progress| self.tell(at, progress)).await
    }

    fn tell(&self, at: usize, progress: Progress) {
        (self.report)(match progress {
            Progress::Step(text) => StepEvent::Doing(at, text),
            Progress::Log(text) => StepEvent::Line(at, text),
        });
    }

    /// Writes beside the data that a task works on that it is done: its container may be removed, and the data restored.
    async fn remember_done(&self, part: &Part) -> Result<()> {
        let Some(definition) = self.definitions.get(part.name.as_str()).filter(|_| part.once.is_some()) else {
            return Ok(());
        };
        self.stamp_data(part, &definition.label()).await
    }

    /// Writes a text into the file of a task beside the data that it works on.
    async fn stamp_data(&self, task: &Part, text: &str) -> Result<()> {
        for (owner, folder) in once::data_of(self.environment, task) {
            let id = self.container(owner).await?;
            self.engine.put_file(&id, folder, &once::stamp(&task.name), &format!("{text}\n")).await?;
        }
        Ok(())
    }

    fn part(&self, name: &PartName) -> Result<&Part> {
        self.environment.parts.get(name).ok_or_else(|| unknown(name))
    }

    /// The container of a part; of several, one.
    async fn container(&self, name: &PartName) -> Result<String> {
        Ok(self.all(name).await?.pop_first().unwrap_or_default())
    }

    /// All containers of a part.
    async fn all(&self, name: &PartName) -> Result<BTreeSet<String>> {
        let containers = self.containers.lock().await;
        containers.get(name.as_str()).cloned().ok_or_else(|| NoContainer(name.clone()).into())
    }

    async fn stop(&self, name: &PartName) -> Result<()> {
        let ids = self.all(name).await?;
        try_join_all(ids.iter().map(|id| self.engine.stop(id))).await.map(drop)
    }

    /// Creates or replaces containers by one compose call, and hands their volumes to the owner.
    async fn create(&self, plan: &Plan, steps: &[usize]) -> Result<()> {
        let _alone = self.creation.lock().await;
        let names: Vec<String> = steps
            .iter()
            .filter_map(|at| match &plan.steps[*at].action {
                Action::Create(name) | Action::Recreate(name) => Some(name.to_string()),
                _ => None,
            })
            .collect();
        let parts: Vec<&Part> = names.iter().filter_map(|name| self.environment.parts.get(name.as_str())).collect();
        for part in &parts {
            self.make_mount_points(part)?;
        }
        let call = compose::call(&self.engine.endpoint, self.root, &self.environment.project, &self.compose_files);
        let call = compose::create(call, &names).envs(self.variables);
        compose::run(&call, |line| {
            for at in steps {
                (self.report)(StepEvent::Doing(*at, line.trim().to_owned()));
            }
        })
        .await?;
        let label = labels::of_checkout(&self.environment.id);
        let found = self.engine.containers(&label).await?;
        let mut containers = self.containers.lock().await;
        containers.clear();
        for container in found.into_iter().filter(|container| container.role == Role::Part) {
            containers.entry(container.part).or_default().insert(container.id);
        }
        for part in parts {
            if let Some(id) = containers.get(part.name.as_str()).and_then(BTreeSet::first) {
                self.own_volumes(part, id).await?;
            }
        }
        Ok(())
    }

    /// Hands the volumes of a part to their owner. Not only new ones: a command that was killed may have left one that it
    /// had only made.
    async fn own_volumes(&self, part: &Part, container: &str) -> Result<()> {
        for mount in part.data.iter().chain(&part.mounts) {
            let MountSource::Volume(name) = &mount.source else { continue };
            let Some(owner) = self.environment.volumes.get(name).and_then(|volume| volume.owner) else { continue };
            self.engine.own(container, &mount.target, owner).await?;
            for folder in part.mirror.iter().flat_map(|copy| folders_above(copy, &mount.target)) {
                self.engine.own(container, &folder, owner).await?;
            }
        }
        Ok(())
    }

    /// Folders of the checkout that volumes are mounted on: made here, else the engine makes them as root.
    fn make_mount_points(&self, part: &Part) -> Result<()> {
        let folders = part.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Folder(source) if mount.writable => Some((source, &mount.target)),
            _ => None,
        });
        for (source, target) in folders {
            for inner in part.mounts.iter().chain(&part.data) {
                let MountSource::Volume(_) = &inner.source else { continue };
                if let Some(below) = inner.target.strip_prefix(&format!("{target}/")) {
                    files::make_mount_point(&Path::new(source).join(below))?;
                }
            }
        }
        Ok(())
    }

    /// Makes the copy of a part's source equal, by content, so that nothing ever starts on stale source.
    async fn mirror(&self, at: usize, part: &Part) -> Result<()> {
        let Some(copy) = &part.mirror else { return Ok(()) };
        let id = self.container(&part.name).await?;
        let project = &self.environment.project;
        let equal = Equal { engine: self.engine, root: self.root, project, guard: self.guard };
        if !stand_in::runs(self.engine, &id).await {
            self.own_volumes(part, &id).await?;
        }
        let sent = equal.before_start(part, copy, &id).await?;
        let count = sent.operations.len();
        if count > 0 {
            (self.report)(StepEvent::Doing(at, format!("{count} changes, {}", bytes(sent.bytes))));
        }
        let untold = stand_in::untold(self.root, part, &sent)?;
        if !untold.is_empty() {
            (self.report)(StepEvent::Note(at, left_out(&part.name, &untold)));
        }
        for back in sent.brought {
            (self.report)(StepEvent::Note(at, format!("{}: {back}", part.name)));
        }
        Ok(())
    }

    /// Installs dependencies in a one-off container of the part's own definition; the stamp is written last.
    async fn install(&self, at: usize, part: &Part) -> Result<()> {
        let like = self.container(&part.name).await?;
        self.own_volumes(part, &like).await?;
        let mut last: Vec<String> = Vec::new();
        let (begin, began) = (Instant::now(), clock::seconds());
        let code = module_steps::install(self.engine, &self.environment.project, part, &like, |line| {
            last.push(line.to_owned());
            (self.report)(StepEvent::Line(at, line.to_owned()));
        })
        .await?;
        let run = Run::new(&like, code, (began, begin.elapsed()), last.iter().map(|line| hide(line)).collect());
        watcher_process::update(self.root, |state| {
            state.modules.entry(part.name.clone()).or_default().steps.insert(LoopStep::Deps, run);
        })?;
        if code == 0 {
            return Ok(());
        }
        let lines: String =
            last.iter().skip(last.len().saturating_sub(20)).map(|line| format!("\n    {line}")).collect();
        let message = format!("the dependencies of `{}` could not be installed (code {code}){lines}", part.name);
        Err(Error::message(Kind::Failed, message)
            .hint("nothing was started with them; fix it and run `devenv up` again"))
    }

    async fn start(&self, part: &Part) -> Result<(), StepError> {
        if part.once.is_some() {
            self.stamp_data(part, once::UNFINISHED).await?;
        }
        for id in self.all(&part.name).await? {
            if let Err(error) = self.engine.start(&id).await {
                return Err(port_in_use::explained(self.engine, part, &self.environment.id, &error).await);
            }
        }
        Ok(())
    }
}

/// Folders between a copy and a volume that is mounted in it: the engine has made them as root.
fn folders_above(copy: &Copy, target: &str) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    if target == copy.dir {
        for mounted in &copy.mounted {
            let above = Path::new(mounted).ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
            folders.extend(above.map(|above| format!("{}/{}", copy.dir, above.display())));
        }
    }
    folders.sort();
    folders.dedup();
    folders
}

fn unknown(name: impl std::fmt::Display) -> Error {
    Error::message(Kind::Bug, format!("a step names `{name}`, which is not in the environment"))
}
