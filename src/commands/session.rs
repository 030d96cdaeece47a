//! A checkout and the world around it, looked at once: what commands decide from, and how they carry out a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use crate::apply::executor::Executor;
use crate::apply::executor::builds::{Builder, Moving};
use crate::apply::mirror::Guard;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::credentials::{Origin, Origins};
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::files::generated;
use crate::host::user::checkout_table::HeldTable;
use crate::host::{checkout, files};
use crate::labels;
use crate::names::PartName;
use crate::plan::Plan;
use crate::plan::definition::Definition;
use crate::plan::environment::Machine;
use crate::plan::identity::{FolderOf, Identity};
use crate::plan::images::Hierarchy;
use crate::plan::images::lock::Lock;
use crate::plan::images::package_list::{self, PackageList};
use crate::plan::observed::{Observed, Role};
use crate::plan::parts::{Environment, Part};
use crate::plan::steps::up::{Request, Up};
use crate::render::secrets::Secrets;
use crate::render::{self, Access, Generated};
use crate::ui::progress::Progress;
use crate::ui::screen::Screen;

/// A checkout and the world around it.
pub struct Session {
    /// The checkout.
    pub checkout: Checkout,
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
    pub(super) table: Option<HeldTable>,
    pub(super) ca_bundle: Option<String>,
    /// Variables that the compose files name.
    pub(super) variables: BTreeMap<String, String>,
    pub(super) moving: Moving,
}

impl Session {
    /// The part called `name`, running here or not.
    pub fn part(&self, name: &str) -> Result<&Part> {
        self.environment.parts.get(name).ok_or_else(|| {
            let all: Vec<&str> = self.environment.parts.keys().map(PartName::as_str).collect();
            if let Some(error) = self.in_profile(name) {
                return error;
            }
            let off = self.checkout.project.file.modules.contains_key(name)
                || self.checkout.project.file.services.contains_key(name);
            if off {
                let error = Error::message(Kind::Usage, format!("`{name}` is switched off here"));
                return error.hint(format!("`devenv enable {name}` switches it on"));
            }
            let nearest = all
                .iter()
                .max_by(|one, other| strsim::jaro_winkler(name, one).total_cmp(&strsim::jaro_winkler(name, other)));
            let error = Error::message(Kind::Usage, format!("there is no `{}`", crate::ui::screen::visible(name)));
            match nearest.filter(|nearest| strsim::jaro_winkler(name, nearest) > 0.75) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error.hint(format!("there are: {}", all.join(", "))),
            }
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
        Some(Error::message(Kind::Usage, message).hint(format!("remove `profiles` of `{name}` in {file} to have it")))
    }

    /// Where a credential comes from.
    #[must_use]
    pub fn origin(&self, service: &PartName, name: &str) -> Origin {
        self.origins.get(service).and_then(|origins| origins.get(name)).copied().unwrap_or(Origin::NotMade)
    }

    /// What `up` would decide on.
    #[must_use]
    pub fn up<'a>(&'a self, request: &'a Request) -> Up<'a> {
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

    /// Writes what is generated, and keeps the identity.
    pub fn write(&mut self) -> Result<()> {
        let root = &self.checkout.root;
        if self.identity.folder == FolderOf::Other {
            // Also those of services that are switched off now.
            generated::remove_folder(&root.join(".devenv"), "secrets")?;
        }
        for folder in self.generated.iter().filter_map(|file| Path::new(&file.path).parent()).collect::<BTreeSet<_>>() {
            files::sweep(&root.join(".devenv").join(folder));
        }
        files::sweep(root);
        generated::write_generated(root, &self.generated)?;
        // Keys of names that the gateway has no more, and copies of fragments that are no longer named.
        for folder in ["certs", render::compose::FRAGMENTS] {
            generated::remove_forgotten(&root.join(".devenv"), folder, &self.generated)?;
        }
        if let Some(bundle) = self.generated.iter().find(|file| file.path == render::certs::BUNDLE) {
            let path = root.join(".devenv").join(render::certs::TRUSTSTORE);
            files::write(&path, &render::truststore::jks(&bundle.text), Access::Public)?;
        }
        if !root.join(checkout::LOCK).exists() {
            files::write(&root.join(checkout::LOCK), self.lock.text().as_bytes(), Access::Public)?;
        }
        match self.table.take() {
            Some(table) => table.save(),
            None => Ok(()),
        }
    }

    /// The compose files, in the order in which they are laid over each other.
    #[must_use]
    pub fn compose_files(&self) -> Vec<String> {
        let ours = |path: &str| format!("{}/.devenv/{path}", self.machine.root);
        let fragments = 0..self.checkout.project.file.compose.len();
        let fragments = fragments.map(|number| ours(&render::compose::fragment_path(number)));
        let generated = render::compose::FILES.into_iter().map(ours);
        generated.chain(fragments).chain([ours(render::compose::LABELS)]).collect()
    }

    /// Carries out a plan and shows it.
    pub async fn carry_out(&self, screen: Screen, plan: &Plan, options: Options) -> Result<Duration> {
        let progress = Progress::new(screen, plan);
        let report = |event| progress.show(event);
        let mut containers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for one in self.observed.containers.iter().filter(|container| container.role == Role::Part) {
            containers.entry(one.part.clone()).or_default().insert(one.id.clone());
        }
        let work = Executor {
            engine: &self.engine,
            builder: Builder {
                engine: &self.engine,
                assets: &self.checkout.assets,
                project: &self.checkout.project,
                checkout: &self.identity.held.id,
                platform: &self.observed.engine.platform,
                lock: &self.lock,
                moving: self.moving,
                moved: tokio::sync::Mutex::default(),
                ca_bundle: self.ca_bundle.as_deref().map(str::as_bytes),
                proxy: &self.machine.proxy,
            },
            images: &self.images,
            registry: self.checkout.project.file.registry.as_deref(),
            environment: &self.environment,
            definitions: &self.definitions,
            root: &self.checkout.root,
            compose_files: self.compose_files(),
            variables: &self.variables,
            containers: containers.into(),
            creation: tokio::sync::Mutex::default(),
            wait_timeout: options.wait_timeout,
            cache: options.cache,
            guard: options.guard,
            report: &report,
        };
        let ended = work.carry_out(plan).await;
        let took = progress.finish();
        self.keep(screen, work.builder.moved.into_inner())?;
        ended.map(|()| took)
    }

    /// Writes the lists of packages that builds have moved to the lock, and tells which.
    fn keep(&self, screen: Screen, moved: BTreeMap<String, PackageList>) -> Result<()> {
        if moved.is_empty() {
            return Ok(());
        }
        let platform = &self.observed.engine.platform;
        let mut lock = self.lock.clone();
        for (image, list) in moved {
            for line in package_list::moved(&image, self.lock.packages_of(platform, &image), &list) {
                screen.say(line);
            }
            lock.list(platform, &image, list);
        }
        files::write(&self.checkout.root.join(checkout::LOCK), lock.text().as_bytes(), Access::Public).map(drop)
    }

    /// The label filter of everything that belongs to this checkout.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}={}", labels::CHECKOUT, self.identity.held.id)
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
