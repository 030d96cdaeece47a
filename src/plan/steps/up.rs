//! The plan of `up`: what is missing, stale or not running, and in which order it is fixed.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::project::Project;
use crate::error::{Error, Kind};
use crate::names::{ImageName, PartName};
use crate::plan::cause::Cause;
use crate::plan::definition::{self, Definition};
use crate::plan::environment::lifecycle::{Condition, End};
use crate::plan::images::Hierarchy;
use crate::plan::images::builds;
use crate::plan::images::lock::Lock;
use crate::plan::mounts::{MountClass, VolumeClass};
use crate::plan::observed::{Container, ContainerState, EngineHealth, Observed, STOPPED};
use crate::plan::parts::{Environment, ImageRef, Part, PartKind};
use crate::plan::release::recipe::Recipe;
use crate::plan::steps::once::Again;
use crate::plan::{Action, Plan};

/// What the user asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpRequest {
    /// Parts to start, with what they need; all where it is empty.
    pub names: Vec<PartName>,
    /// Build images even if they exist.
    pub build: bool,
    /// Recreate containers even if they are up to date.
    pub recreate: bool,
    /// Recreate data volumes.
    pub fresh: bool,
    /// Tasks that run again although the data that they work on is not new.
    pub again: Vec<PartName>,
}

/// Everything that `up` is decided from.
#[derive(Debug, Clone, Copy)]
pub struct Up<'a> {
    /// The configuration, for the places of its settings.
    pub project: &'a Project,
    /// What should be.
    pub environment: &'a Environment,
    /// All images.
    pub images: &'a Hierarchy,
    /// The lock.
    pub lock: &'a Lock,
    /// What each container should be made from.
    pub definitions: &'a BTreeMap<String, Definition>,
    /// What is.
    pub observed: &'a Observed,
    /// What was asked for.
    pub request: &'a UpRequest,
}

/// A data volume was written by another major version than the one that would run on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the volume {volume} was written by version {found} of its service, and version {wanted} would run on it")]
pub struct OtherMajor {
    volume: String,
    found: String,
    wanted: String,
}

impl From<OtherMajor> for Error {
    fn from(error: OtherMajor) -> Self {
        Self::new(Kind::Failed, error)
            .hint("nothing was changed: dump the data with the old version, or give it up with `devenv up --fresh`")
    }
}

impl Up<'_> {
    /// Refuses to run a service on data of another major version.
    pub fn check_majors(&self) -> Result<(), OtherMajor> {
        let volumes = self.environment.volumes.values().filter(|volume| !self.fresh(volume.class));
        for volume in volumes {
            let found = self.observed.volumes.get(&volume.name).and_then(|seen| seen.major.clone());
            if let (Some(found), Some(wanted)) = (found, &volume.major)
                && found != *wanted
            {
                return Err(OtherMajor { volume: volume.name.clone(), found, wanted: wanted.clone() });
            }
        }
        Ok(())
    }

    /// Decides the plan.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        let parts = self.environment.closure(&self.request.names);
        let recipes = self.unreleased(&parts);
        let mut wanted = builds::wanted_images(parts.iter().copied());
        wanted.extend(builds::wanted_by_releases(&recipes, self.observed));
        let needed = self.images.needed(&wanted);
        let built =
            builds::images(&mut plan, &needed, self.lock, self.observed, self.request.build.then_some("--build"));
        let released = builds::releases(&mut plan, &recipes, &built, self.observed);
        let fetched = self.third_party(&mut plan, &parts);
        let removed = self.removals(&mut plan);
        let volumes = self.volumes(&mut plan, &parts);

        let mut created: BTreeMap<&PartName, usize> = BTreeMap::new();
        let settled = |part: &Part| self.is_settled(part, &volumes);
        for part in parts.iter().filter(|part| !settled(part)) {
            if let Some((action, cause)) = self.creation(part, &built, &volumes, &plan) {
                let image = match &part.image {
                    ImageRef::Ours(name, _) => built.get(name),
                    ImageRef::Released(..) => released.get(&part.name),
                    ImageRef::Theirs(reference) => fetched.get(reference),
                };
                let mut after: Vec<usize> = removed.iter().chain(image).copied().collect();
                after.extend(volumes_of(part).filter_map(|volume| volumes.get(volume)));
                after.sort_unstable();
                created.insert(&part.name, plan.push(action, cause, after));
            }
        }
        let mut installed: BTreeMap<String, usize> = BTreeMap::new();
        let mut ready: BTreeMap<&PartName, usize> = BTreeMap::new();
        let mut started: BTreeMap<&PartName, usize> = BTreeMap::new();
        for part in in_order(&parts).into_iter().filter(|part| !settled(part)) {
            let mut after: Vec<usize> = created.get(&part.name).copied().into_iter().collect();
            if let Some(cause) = self.mirroring(part, created.contains_key(&part.name)) {
                after = vec![plan.push(Action::Mirror(part.name.clone()), cause, after)];
            }
            if let Some(install) = &part.install {
                if let Some(step) = installed.get(&install.volume) {
                    after.push(*step);
                } else if let Some(cause) = self.installation(part, &plan) {
                    let step = plan.push(Action::Install(part.name.clone()), cause, after.clone());
                    installed.insert(install.volume.clone(), step);
                    after = vec![step];
                }
            }
            after.extend(part.needs.iter().filter_map(|need| match part.lifecycle.conditions.get(need) {
                Some(Condition::Started) => started.get(need),
                Some(Condition::Ready | Condition::Completed) | None => ready.get(need),
            }));
            let start = self.start(part, created.contains_key(&part.name), &plan, &installed);
            if let Some(cause) = &start {
                let runs = self.observed.containers_of(&part.name).all(|one| one.state == ContainerState::Running);
                let action = if runs && !created.contains_key(&part.name) { Action::Restart } else { Action::Start };
                let step = plan.push(action(part.name.clone()), cause.clone(), after);
                started.insert(&part.name, step);
                after = vec![step];
            } else if self.must_reload(part) {
                after = vec![plan.push(Action::Reload(part.name.clone()), Cause::ConfigurationChanged, after)];
            }
            if let Some(cause) = self.waiting(part, start.is_some()) {
                ready.insert(&part.name, plan.push(Action::Wait(part.name.clone()), cause, after));
            }
        }
        plan
    }

    /// How the released images are made that are not there.
    fn unreleased(&self, parts: &[&Part]) -> Vec<&Recipe> {
        let of = |part: &&Part| self.environment.releases.get(&part.name);
        parts.iter().filter_map(of).filter(|recipe| !self.observed.tags.contains(&recipe.reference)).collect()
    }

    /// Steps that get third-party images, by reference.
    fn third_party(&self, plan: &mut Plan, parts: &[&Part]) -> BTreeMap<String, usize> {
        let images: BTreeSet<&String> = parts
            .iter()
            .filter_map(|part| match &part.image {
                ImageRef::Theirs(reference) => Some(reference),
                ImageRef::Ours(..) | ImageRef::Released(..) => None,
            })
            .collect();
        images
            .into_iter()
            .filter(|image| !self.observed.tags.contains(*image))
            .map(|image| (image.clone(), plan.push(Action::Fetch(image.clone()), Cause::NotThere, vec![])))
            .collect()
    }

    /// Whether data volumes are recreated.
    fn fresh(&self, class: VolumeClass) -> bool {
        self.request.fresh && class == VolumeClass::Data
    }

    /// Steps that make volumes, by name.
    pub(super) fn volumes(&self, plan: &mut Plan, parts: &[&Part]) -> BTreeMap<String, usize> {
        let used: BTreeSet<&str> = parts.iter().flat_map(|part| volumes_of(part)).collect();
        let mut steps = BTreeMap::new();
        for volume in self.environment.volumes.values() {
            let exists = self.observed.volumes.contains_key(&volume.name);
            // Compose wants all that the files name, also for services that it is not asked to create.
            if exists && !used.contains(volume.name.as_str()) {
                continue;
            }
            let mut after = Vec::new();
            if exists && self.fresh(volume.class) {
                let users = self.observed.containers.iter().filter(|one| one.volumes.contains(&volume.name));
                for container in users {
                    let action = Action::Remove { id: container.id.clone(), name: container.part.clone() };
                    let known = plan.find(|earlier| *earlier == action);
                    after.push(known.unwrap_or_else(|| plan.push(action, Cause::DataRecreated, vec![])));
                }
                let delete = Action::DeleteVolume(volume.name.clone());
                after = vec![plan.push(delete, Cause::StartFresh, after)];
            } else if exists {
                continue;
            }
            let cause = if exists { Cause::StartFresh } else { Cause::NotThere };
            let made = plan.push(Action::MakeVolume(volume.name.clone()), cause, after);
            steps.insert(volume.name.clone(), made);
        }
        steps
    }

    fn creation(
        &self,
        part: &Part,
        built: &BTreeMap<ImageName, usize>,
        made: &BTreeMap<String, usize>,
        plan: &Plan,
    ) -> Option<(Action, Cause)> {
        let Some(first) = self.observed.container(&part.name) else {
            return Some((Action::Create(part.name.clone()), Cause::NotThere));
        };
        let removal = |one: &Container| plan.find(|step| matches!(step, Action::Remove { id, .. } if *id == one.id));
        let stay: Vec<&Container> =
            self.observed.containers_of(&part.name).filter(|one| removal(one).is_none()).collect();
        if stay.is_empty() {
            let cause = removal(first).and_then(|step| plan.steps[step].cause.clone()).unwrap_or(Cause::NotThere);
            return Some((Action::Create(part.name.clone()), cause));
        }
        let wanted = part.lifecycle.replicas;
        if stay.len() < wanted {
            return Some((Action::Create(part.name.clone()), Cause::TooFew { there: stay.len(), wanted }));
        }
        if let Some(Again::Yes(cause)) = self.again(part, made) {
            return Some((Action::Recreate(part.name.clone()), cause));
        }
        let definition = self.definitions.get(part.name.as_str());
        let changed =
            stay.iter().find_map(|container| definition.and_then(|one| one.difference(&container.definition)));
        let cause = match (changed, &part.image) {
            (Some(keys), _) if keys.contains(&definition::KEY.to_owned()) => Cause::CannotCompare,
            (None, ImageRef::Ours(image, _)) if built.contains_key(image) => Cause::ImageRebuilt(image.clone()),
            (None, _) if self.request.recreate => Cause::AskedFor("--recreate".to_owned()),
            (None, _) => match volumes_of(part).find(|volume| made.contains_key(*volume)) {
                Some(volume) => Cause::VolumeRemoved(volume.to_owned()),
                None => stay.iter().find_map(|container| self.observed.detached(container))?,
            },
            (Some(keys), ImageRef::Ours(image, tag)) if keys.contains(&"image".to_owned()) => {
                if built.contains_key(image) { Cause::ImageRebuilt(image.clone()) } else { Cause::ImageIs(tag.clone()) }
            }
            (Some(keys), ImageRef::Released(_, tag)) if keys.contains(&"image".to_owned()) => {
                Cause::ImageIs(tag.clone())
            }
            (Some(keys), _) if keys.is_empty() => Cause::DefinitionChanged,
            (Some(keys), _) => Cause::Changed(keys),
        };
        Some((Action::Recreate(part.name.clone()), cause))
    }

    /// Why the copy of a part's source is compared: always, but for a task that does not run again.
    fn mirroring(&self, part: &Part, created: bool) -> Option<Cause> {
        part.mirror.as_ref()?;
        let container = self.observed.container(&part.name);
        let runs = container.is_some_and(|container| container.state == ContainerState::Running);
        let has_ended = container.is_some_and(|container| container.state == ContainerState::Exited(0));
        if created || !(runs || (has_ended && part.kind == PartKind::Task)) {
            Some(Cause::BeforeStart)
        } else {
            runs.then_some(Cause::RunsOnCopy)
        }
    }

    fn installation(&self, part: &Part, plan: &Plan) -> Option<Cause> {
        let install = part.install.as_ref()?;
        let new_volume = plan.find(|action| *action == Action::MakeVolume(install.volume.clone())).is_some();
        match self.observed.stamps.get(&part.name) {
            _ if new_volume => Some(Cause::NotInstalled),
            None if self.observed.container(&part.name).is_none() => Some(Cause::NoContainer),
            None => Some(Cause::NotInstalled),
            Some(stamp) => {
                let changed = install.changed(stamp);
                (!changed.is_empty()).then_some(Cause::Changed(changed))
            }
        }
    }

    /// Why a part is started, if it is; one that is created is started for that.
    fn start(
        &self,
        part: &Part,
        created: bool,
        plan: &Plan,
        installed: &BTreeMap<String, usize>,
    ) -> Option<Option<Cause>> {
        if created {
            return Some(None);
        }
        let mut all = self.observed.containers_of(&part.name);
        all.find_map(|container| self.start_of(part, container, plan, installed)).map(Some)
    }

    fn start_of(
        &self,
        part: &Part,
        container: &Container,
        plan: &Plan,
        installed: &BTreeMap<String, usize>,
    ) -> Option<Cause> {
        let reinstalled = part.install.as_ref().is_some_and(|install| installed.contains_key(&install.volume));
        match (container.state, part.kind) {
            (ContainerState::Exited(0), PartKind::Task) => self.task_again(part, plan),
            (ContainerState::Exited(0), _) if part.lifecycle.end == End::Done => None,
            (ContainerState::Running, _) if reinstalled => Some(Cause::DependenciesChanged),
            (ContainerState::Running, _) => None,
            (ContainerState::Created, _) => Some(Cause::NeverStarted),
            (ContainerState::Exited(0 | STOPPED), _) => Some(Cause::Stopped),
            (ContainerState::Exited(code), _) => Some(Cause::Ended(code)),
            (ContainerState::Paused, _) => Some(Cause::Paused),
            (ContainerState::Restarting | ContainerState::Removing, _) => {
                Some(Cause::InState(container.status.clone()))
            }
        }
    }

    /// Whether a running part has read another configuration than the one that is generated now.
    fn must_reload(&self, part: &Part) -> bool {
        part.mounts.iter().any(|mount| match &mount.class {
            MountClass::Reload(digest) => self.observed.gateway.as_ref().is_some_and(|loaded| loaded != digest),
            MountClass::Ignore | MountClass::Recreate { .. } => false,
        })
    }

    fn waiting(&self, part: &Part, started: bool) -> Option<Cause> {
        if started {
            return match (&part.probe, part.kind) {
                (_, PartKind::Task) => Some(Cause::UntilEnded),
                (Some(probe), _) => Some(Cause::UntilReady(probe.ask.clone())),
                (None, _) if part.lifecycle.has_check => Some(Cause::HealthCheck),
                (None, _) => Some(Cause::UntilSteady),
            };
        }
        let container = self.observed.container(&part.name)?;
        let ready = part.kind == PartKind::Task || self.observed.ready.contains(&part.name);
        let has_check = matches!(container.health, EngineHealth::Starting | EngineHealth::Unhealthy);
        match &part.probe {
            _ if ready => None,
            Some(probe) => Some(Cause::UntilReady(probe.ask.clone())),
            None => (has_check && container.state == ContainerState::Running).then_some(Cause::HealthCheck),
        }
    }
}

pub(super) fn volumes_of(part: &Part) -> impl Iterator<Item = &str> {
    part.data.iter().chain(&part.mounts).filter_map(|mount| match &mount.source {
        crate::plan::mounts::MountSource::Volume(name) => Some(name.as_str()),
        crate::plan::mounts::MountSource::Folder(_) | crate::plan::mounts::MountSource::Memory => None,
    })
}

/// Parts with what they need before them; the configuration has no cycles.
#[must_use]
pub fn in_order<'a>(parts: &[&'a Part]) -> Vec<&'a Part> {
    let mut ordered: Vec<&Part> = Vec::new();
    let mut waiting: Vec<&Part> = parts.to_vec();
    while !waiting.is_empty() {
        let is_free = |part: &Part| !part.needs.iter().any(|need| waiting.iter().any(|other| other.name == *need));
        let next = waiting.iter().position(|part| is_free(part)).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}

#[cfg(test)]
#[path = "up_tests.rs"]
mod tests;
