//! A checkout and the world around it, looked at once: what commands decide from, and how they carry out a plan.

pub mod assemble;
pub mod checkout;
pub mod compose_merge;
mod composition;
mod contents;
pub mod credentials;
mod gateway;
mod identify;
pub mod lock;
pub mod observe;
mod offers;
pub mod permissions;
pub(in crate::apply) mod probe;
mod released;
mod signed;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::apply::Report;
use crate::apply::executor::Executor;
use crate::apply::executor::builds::{Builder, Moving};
use crate::apply::executor::failure::StepFailure;
use crate::apply::mirror::Guard;
use crate::apply::release::build::Releaser;
use crate::apply::release::recipes::Recipes;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::credentials::{CredentialOrigin, Origins};
use crate::apply::session::observe::Description;
use crate::apply::session::signed::signed;
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::user::checkout_table::HeldTable;
use crate::host::user::permissions::Kept;
use crate::host::{checkout as host, files};
use crate::labels;
use crate::names::PartName;
use crate::nearest;
use crate::paths;
use crate::plan::Plan;
use crate::plan::definition::Definition;
use crate::plan::environment::machine::Machine;
use crate::plan::identity::Identity;
use crate::plan::images::Hierarchy;
use crate::plan::images::lock::Lock;
use crate::plan::images::package_list::{self, PackageList};
use crate::plan::observed::{Observed, Role};
use crate::plan::parts::{Environment, Part};
use crate::plan::permissions::grants::Grants;
use crate::plan::presets::Preset;
use crate::plan::steps::up::{Up, UpRequest};
use crate::render::secrets::Secrets;
use crate::render::{self, Access, Generated};

/// Whether a command changes anything outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// It only looks: nothing is written.
    Look,
    /// It acts.
    Act,
    /// It only ends what runs, whatever the definition would reach.
    End,
}

/// What a session is for, and what it may do.
pub struct Terms {
    /// Whether anything outside is changed.
    pub intent: Intent,
    /// Whether builds may move the lock.
    pub moving: Moving,
    /// What the checkout may reach beyond itself.
    pub grants: Grants,
    /// What the user has confirmed before.
    pub kept: Kept,
}

/// A checkout and the world around it.
pub struct Session {
    /// The checkout.
    pub checkout: Arc<Checkout>,
    /// The engine.
    pub engine: Engine,
    /// What was resolved.
    pub lock: Lock,
    /// The machine.
    pub machine: Machine,
    /// Who the checkout is.
    pub identity: Identity,
    /// All images.
    pub images: Hierarchy,
    /// What should be.
    pub environment: Environment,
    /// What each container should be made from.
    pub definitions: BTreeMap<String, Definition>,
    /// The files that are generated.
    pub generated: Vec<Generated>,
    /// All credentials.
    pub secrets: Secrets,
    /// Where each comes from.
    pub origins: Origins,
    /// What is.
    pub observed: Observed,
    /// What is worth a line before anything is done.
    pub news: Vec<String>,
    /// The per-user table, until it is written back.
    table: Option<HeldTable>,
    /// Variables that the compose files name.
    variables: BTreeMap<String, String>,
    moving: Moving,
}

impl Session {
    /// What makes released images.
    #[must_use]
    pub fn releaser(&self) -> Releaser<'_> {
        Releaser {
            engine: &self.engine,
            checkout: &self.checkout,
            id: &self.identity.held.id,
            machine: &self.machine,
            images: &self.images,
        }
    }

    /// What devenv, or the team, knows of a service, where it has a preset.
    pub fn preset(&self, name: &PartName) -> Option<&Preset> {
        let service = self.checkout.project.file.services.get(name)?;
        self.checkout.catalogue.presets.get(service.preset.as_ref()?)
    }

    /// The part called `name`, running here or not.
    pub fn part(&self, name: &str) -> Result<&Part> {
        self.environment.parts.get(name).ok_or_else(|| {
            if let Some(error) = self.in_profile(name) {
                return error;
            }
            let off = self.checkout.project.file.modules.contains_key(name)
                || self.checkout.project.file.services.contains_key(name);
            if off {
                let error = Error::message(Kind::Usage, format!("`{name}` is switched off here"));
                return error.hint(format!("`devenv enable {name}` switches it on"));
            }
            Error::message(Kind::Usage, format!("there is no `{name}`"))
                .hint(nearest::hint(name, self.environment.parts.keys().map(PartName::as_str)))
        })
    }

    /// The error about a service that only its profiles keep away.
    fn in_profile(&self, name: &str) -> Option<Error> {
        let fragments = self.checkout.fragments().ok()?;
        let found = fragments.iter().find_map(|source| {
            let profiles =
                config::compose_file::profiles(source).remove(name).filter(|profiles| !profiles.is_empty())?;
            Some((source.name.clone(), profiles.join("`, `")))
        });
        let (file, profiles) = found?;
        let message = format!("`{name}` belongs to the profile `{profiles}` in {file}, and devenv activates none");
        Some(Error::message(Kind::Usage, message).hint(format!("remove `profiles` of `{name}` in {file} to use it")))
    }

    /// Where a credential comes from.
    #[must_use]
    pub fn origin(&self, service: &PartName, name: &str) -> CredentialOrigin {
        self.origins.get(service).and_then(|origins| origins.get(name)).copied().unwrap_or(CredentialOrigin::NotMade)
    }

    /// What `up` would decide on.
    #[must_use]
    pub fn up<'a>(&'a self, request: &'a UpRequest) -> Up<'a> {
        Up {
            project: &self.checkout.project,
            environment: &self.environment,
            images: &self.images,
            lock: &self.lock,
            definitions: &self.definitions,
            observed: &self.observed,
            request,
        }
    }

    /// Names of parts that a command was given.
    pub fn names(&self, names: &[String]) -> Result<Vec<PartName>> {
        names.iter().map(|name| self.part(name).map(|part| part.name.clone())).collect()
    }

    /// The compose files, in the order in which they are laid over each other.
    #[must_use]
    pub fn compose_files(&self) -> Vec<String> {
        let ours = |path: &str| paths::below(&self.machine.home, path);
        let fragments = 0..self.checkout.sources.len();
        let fragments = fragments.map(|number| ours(&render::compose::fragment_path(number)));
        let generated =
            render::compose::files_of(self.environment.base, self.environment.placement).into_iter().map(ours);
        generated.chain(fragments).chain([ours(render::compose::LABELS)]).collect()
    }

    /// Looks at the engine again, after a plan was carried out: what was decided stays as it is.
    pub async fn look_again(&mut self) -> Result<()> {
        let description = Description::known(self.observed.engine.clone());
        let project = self.checkout.project.file.project.as_str();
        let world = observe::world(&self.engine, description, project).await?;
        let mut observed = world.of(&self.identity.held.id);
        observed.in_registry = std::mem::take(&mut self.observed.in_registry);
        observe::details(&self.engine, &self.environment, &mut observed).await;
        self.observed = observed;
        Ok(())
    }

    /// Asks the registry for released images that are not here; returns a line about why they are not fetched.
    pub async fn look_for_releases(&mut self, recipes: &Recipes) -> Result<Option<String>> {
        let Some(registry) = self.checkout.project.file.registry.as_deref() else { return Ok(None) };
        let missing = observe::unreleased(registry, recipes.values(), &self.observed);
        let (missing, unsigned) = signed(&self.checkout, missing).await?;
        let found = observe::in_registry(&self.engine, registry, missing).await;
        self.observed.in_registry.extend(found);
        Ok(unsigned)
    }

    /// Carries out a plan, and returns a line for each package that builds have moved in the lock.
    pub async fn carry_out(
        &self,
        plan: &Plan,
        options: Options,
        report: Report<'_>,
    ) -> (Result<(), StepFailure>, Result<Vec<String>>) {
        let executor = self.executor(options, report);
        let ended = executor.carry_out(plan).await;
        (ended, self.keep(executor.builder.moved.into_inner()))
    }

    fn executor<'a>(&'a self, options: Options, report: Report<'a>) -> Executor<'a> {
        let mut containers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for one in self.observed.containers.iter().filter(|container| container.role == Role::Part) {
            containers.entry(one.part.clone()).or_default().insert(one.id.clone());
        }
        Executor {
            engine: &self.engine,
            builder: Builder {
                engine: &self.engine,
                checkout: &self.checkout,
                id: &self.identity.held.id,
                platform: &self.observed.engine.platform,
                lock: &self.lock,
                moving: self.moving,
                moved: tokio::sync::Mutex::default(),
                ca_bundle: self.machine.ca.for_builds().map(str::as_bytes),
                proxy: &self.machine.proxy,
            },
            images: &self.images,
            machine: &self.machine,
            registry: self.checkout.project.file.registry.as_deref(),
            digests: &self.observed.in_registry,
            environment: &self.environment,
            definitions: &self.definitions,
            root: &self.checkout.home,
            compose_files: self.compose_files(),
            variables: &self.variables,
            containers: containers.into(),
            creation: tokio::sync::Mutex::default(),
            wait_timeout: options.wait_timeout,
            cache: options.cache,
            guard: options.guard,
            report,
        }
    }

    /// Writes the lists of packages that builds have moved to the lock, and returns a line for each.
    fn keep(&self, moved: BTreeMap<String, PackageList>) -> Result<Vec<String>> {
        if moved.is_empty() {
            return Ok(Vec::new());
        }
        let platform = &self.observed.engine.platform;
        let mut lock = self.lock.clone();
        let mut lines = Vec::new();
        for (image, list) in moved {
            lines.extend(package_list::moved(&image, self.lock.packages_of(platform, &image), &list));
            lock.list(platform, &image, list);
        }
        files::write(&self.checkout.root.join(host::LOCK), lock.text().as_bytes(), Access::Public)?;
        Ok(lines)
    }

    /// The label filter of everything that belongs to this checkout.
    #[must_use]
    pub fn label(&self) -> String {
        labels::of_checkout(&self.identity.held.id)
    }
}

/// How a plan is carried out.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Time limit for every wait.
    pub wait_timeout: Option<Duration>,
    /// Whether builds may use earlier results.
    pub cache: bool,
    /// Whether a mirror may empty what it fills.
    pub guard: Guard,
}

impl Default for Options {
    fn default() -> Self {
        Self { wait_timeout: None, cache: true, guard: Guard::On }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
