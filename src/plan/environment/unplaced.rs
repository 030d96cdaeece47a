//! An environment as the team's files alone decide it: without a checkout's identity, an engine or this machine. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::assets::Assets;
use crate::config::project::Project;
use crate::plan::catalogue::Catalogue;
use crate::plan::environment::Setup;
use crate::plan::environment::contents::Contents;
use crate::plan::environment::errors::EnvironmentError;
use crate::plan::environment::machine::Machine;
use crate::plan::environment::ports::wishes;
use crate::plan::environment::target::{Placement, Target};
use crate::plan::identity::{FolderOf, Identity, Reservation};
use crate::plan::images::Hierarchy;
use crate::plan::images::errors::ImagesError;
use crate::plan::images::lock::{Lock, Root, SUITE};
use crate::plan::parts::{Environment, Part, PartKind};
use crate::plan::release::recipe::Releases;

/// What the team's files say.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    /// The configuration, without that of one developer.
    pub project: &'a Project,
    /// The files in force.
    pub assets: &'a Assets,
    /// The images and presets in force.
    pub catalogue: &'a Catalogue,
    /// The lock, or [`unlocked`].
    pub lock: &'a Lock,
    /// All images.
    pub images: &'a Hierarchy,
    /// How each part is released.
    pub releases: &'a Releases,
}

/// The platform that images are decided for.
const PLATFORM: &str = "linux/amd64";

/// What images are decided from where there is no lock: their names are not those that a build gives them.
#[must_use]
pub fn unlocked() -> Lock {
    Lock {
        root: Root::Packages { suite: SUITE.to_owned(), archive: String::new() },
        images: BTreeMap::new(),
        packages: BTreeMap::new(),
    }
}

/// All images of a project.
pub fn images(
    project: &Project,
    assets: &Assets,
    catalogue: &Catalogue,
    lock: &Lock,
) -> Result<Hierarchy, ImagesError> {
    Hierarchy::new(project, assets, &catalogue.images, lock, PLATFORM)
}

impl Files<'_> {
    /// The environment. Ports are those that are preferred, paths begin at the checkout's folder, and variables stand as
    /// they were written.
    pub fn environment(&self, target: &Target) -> Result<Environment, EnvironmentError> {
        let name = self.project.file.project.to_string();
        let host = self.project.file.gateway.as_ref().and_then(|gateway| gateway.host.as_ref());
        let host = format!("{}.localhost", host.map_or(name.as_str(), |host| host.as_str()));
        let wishes = wishes(self.project, target.base, &self.catalogue.presets, &BTreeSet::new());
        let ports = wishes.into_iter().map(|wish| (wish.part, wish.preferred)).collect();
        let id = target.name.clone();
        let held =
            Reservation { id, path: String::new(), host, project: name, subnet: 0, ports, engine: String::new() };
        let setup = Setup {
            project: self.project,
            target,
            placement: Placement::Elsewhere,
            identity: &Identity { held, news: Vec::new(), folder: FolderOf::Own },
            images: self.images,
            presets: &self.catalogue.presets,
            lock: self.lock,
            machine: &Machine { root: ".".to_owned(), home: ".".to_owned(), ..Machine::default() },
            contents: &Contents { releases: self.releases.clone(), ..Contents::default() },
        };
        let mut environment = setup.environment()?;
        for part in environment.parts.values_mut() {
            part.templates = setup.templates(part)?;
            part.env.retain(|name, _| !part.templates.contains_key(name));
        }
        Ok(environment)
    }
}

impl Setup<'_> {
    /// Variables with `${…}`, as they were written: what this machine has in their place means nothing elsewhere.
    fn templates(&self, part: &Part) -> Result<BTreeMap<String, String>, EnvironmentError> {
        let section = if part.kind == PartKind::Service { "services" } else { "modules" };
        let written = |name: &str| {
            if let Some((path, _)) = self.target.path(self.project, &["env", part.name.as_str(), name]) {
                // Names of environments and parts have no dot.
                let path: Vec<&str> = path.splitn(5, '.').collect();
                return self.project.template(&path);
            }
            self.project.template(&[section, part.name.as_str(), "env", name])
        };
        let mut templates = BTreeMap::new();
        for name in part.env.keys() {
            // One with a credential was refused.
            let text = written(name).map(|text| self.written(&part.name, text)).transpose()?;
            templates.extend(text.and_then(|text| Some((name.clone(), text.plain()?))));
        }
        Ok(templates)
    }
}
