//! Project → [`Environment`]: which containers there are and what each gets. Pure; contents of files arrive as digests.

pub mod addresses;
pub mod certificate;
pub mod compose_files;
mod container;
pub mod contents;
mod deployed;
pub mod difference;
pub mod enabled;
pub mod errors;
mod gateway;
pub mod git;
pub mod lifecycle;
pub mod machine;
pub mod modules;
pub mod needs;
#[cfg(test)]
mod needs_tests;
mod own_secrets;
pub mod pinned;
pub mod ports;
pub mod proxies;
pub mod rehearsed;
mod released;
pub mod routes;
#[cfg(test)]
pub(crate) mod samples;
mod secret_script;
pub mod services;
pub mod sites;
pub mod target;
pub mod unplaced;
pub mod variables;

use std::collections::BTreeMap;

use crate::config::model::container::Protocol;
use crate::config::model::file::Service;
use crate::config::model::health::Health;
use crate::config::project::Project;
use crate::names::{ImageName, PartName};
use crate::paths;
use crate::plan::certs;
use crate::plan::certs::zones::aliases;
use crate::plan::environment::contents::Contents;
use crate::plan::environment::enabled::{enabled_modules, enabled_services, has_gateway};
use crate::plan::environment::errors::EnvironmentError;
use crate::plan::environment::machine::Machine;
use crate::plan::environment::routes::routes;
use crate::plan::environment::target::{Base, Placement, Target};
use crate::plan::identity::Identity;
use crate::plan::images::lock::Lock;
use crate::plan::images::{Hierarchy, Node};
use crate::plan::mounts::{Mount, MountClass, MountSource};
use crate::plan::parts::{Ask, Environment, GATEWAY, ImageRef, Probe, Publish};
use crate::plan::presets::Preset;

/// Everything that an environment is decided from.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The configuration.
    pub project: &'a Project,
    /// Which of its environments.
    pub target: &'a Target,
    /// Where it is to run.
    pub placement: Placement,
    /// Who the checkout is.
    pub identity: &'a Identity,
    /// All images.
    pub images: &'a Hierarchy,
    /// All presets.
    pub presets: &'a BTreeMap<String, Preset>,
    /// The lock.
    pub lock: &'a Lock,
    /// The machine.
    pub machine: &'a Machine,
    /// What stands in files.
    pub contents: &'a Contents,
}

impl Setup<'_> {
    /// Decides the environment.
    pub fn environment(&self) -> Result<Environment, EnvironmentError> {
        let mut environment = Environment {
            project: match (self.target.base, self.placement) {
                (Base::Prod, Placement::Elsewhere) => format!("{}-{}", self.identity.held.project, self.target.name),
                _ => self.identity.compose_project(),
            },
            base: self.target.base,
            placement: self.placement,
            id: self.identity.held.id.clone(),
            root: self.machine.home.clone(),
            subnet: self.identity.subnet(),
            host: self.identity.held.host.clone(),
            domain: certs::inner(self.project.file.project.as_str()),
            aliases: aliases(self.project).to_vec(),
            parts: BTreeMap::new(),
            volumes: BTreeMap::new(),
            credentials: BTreeMap::new(),
            secrets: BTreeMap::new(),
            routes: routes(self.project, &self.identity.held.host),
            releases: BTreeMap::new(),
        };
        let external = &self.target.settings.external;
        for (name, service) in enabled_services(self.project).filter(|(name, _)| !external.contains_key(*name)) {
            let part = self.service(name, service, &mut environment)?;
            environment.parts.insert(name.clone(), part);
        }
        for (name, module) in enabled_modules(self.project) {
            let part = self.module(name, module, &mut environment)?;
            environment.parts.insert(name.clone(), part);
        }
        if let (Ok(name), true) = (PartName::new(GATEWAY), has_gateway(self.project)) {
            let part = self.gateway(&name, &mut environment)?;
            environment.parts.insert(name, part);
        }
        let mut environment = match (self.target.base, self.placement) {
            (Base::Prod, Placement::Here) => self.rehearsed(self.deployed(environment)?)?,
            (Base::Prod, Placement::Elsewhere) => {
                let mut deployed = self.deployed(environment)?;
                deployed.credentials.clear();
                deployed
            }
            (Base::Dev | Base::Ci, _) => environment,
        };
        addresses::add(&mut environment, self.target);
        Ok(environment)
    }

    pub(in crate::plan) fn image(
        &self,
        part: &PartName,
        name: &ImageName,
    ) -> Result<(&Node, ImageRef), EnvironmentError> {
        let node = self.images.get(name);
        let node = node.ok_or_else(|| EnvironmentError::UnknownImage(part.clone(), name.clone()))?;
        Ok((node, ImageRef::Ours(name.clone(), node.tag.clone())))
    }

    pub(in crate::plan) fn publish(&self, name: &str, container: Option<u16>) -> Option<Publish> {
        let host = self.identity.held.ports.get(name)?;
        Some(Publish { host: *host, container: container?, protocol: Protocol::Tcp })
    }

    pub(in crate::plan) fn preset(
        &self,
        part: &PartName,
        service: &Service,
    ) -> Result<Option<&Preset>, EnvironmentError> {
        let Some(name) = &service.preset else { return Ok(None) };
        let preset = self.presets.get(name);
        preset.map(Some).ok_or_else(|| EnvironmentError::UnknownPreset(part.clone(), name.clone()))
    }

    pub(in crate::plan) fn below_root(&self, path: &str) -> String {
        if path == "." { self.machine.root.clone() } else { format!("{}/{path}", self.machine.root) }
    }

    pub(in crate::plan) fn generated(&self, path: &str, target: &str, class: MountClass) -> Mount {
        let source = MountSource::Folder(paths::below(&self.machine.home, path));
        Mount { source, target: target.to_owned(), writable: false, class }
    }
}

pub(in crate::plan) fn volume_mount(name: &str, target: &str) -> Mount {
    let source = MountSource::Volume(name.to_owned());
    Mount { source, target: target.to_owned(), writable: true, class: MountClass::Ignore }
}

pub(in crate::plan) fn probe(health: Option<&Health>, port: Option<u16>) -> Option<Probe> {
    let within = health.and_then(|health| health.start_within).map(crate::config::model::values::Duration::get);
    let within = within.unwrap_or(std::time::Duration::from_secs(60));
    let ask = match (health, port) {
        (Some(Health { http: Some(path), .. }), Some(port)) => Ask::Http { port, path: path.clone() },
        (Some(Health { tcp: Some(port), .. }), _) => Ask::Tcp { port: port.get() },
        (Some(Health { command: Some(command), .. }), _) => Ask::Exec(command.argv()),
        (_, Some(port)) => Ask::Tcp { port },
        (_, None) => return None,
    };
    Some(Probe { ask, within })
}
