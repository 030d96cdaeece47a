//! Project → [`Environment`]: which containers there are and what each gets. Pure; contents of files arrive as digests.

pub mod compose_files;
pub mod git;
pub mod lifecycle;
pub mod modules;
pub mod presets;
pub mod prod;
pub mod proxies;
pub mod services;
pub mod variables;

use std::collections::{BTreeMap, BTreeSet};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::config::model::file::{Service, ServiceMode};
use crate::config::model::health::Health;
use crate::config::model::module::{Module, ModuleMode};
use crate::config::model::values::RelPath;
use crate::config::project::Project;
use crate::digest::{self};
use crate::error::{Error, Kind as ErrorKind};
use crate::names::{ImageName, PartName};
use crate::paths;
use crate::plan::certs;
use crate::plan::certs::zones::aliases;
use crate::plan::environment::git::Repository;
use crate::plan::environment::presets::Preset;
use crate::plan::identity::{Identity, Wish};
use crate::plan::images::lock::Lock;
use crate::plan::images::{Hierarchy, Node};
use crate::plan::mounts::{Mount, MountClass, MountSource};
use crate::plan::parts::{
    Ask, Environment, GATEWAY, GATEWAY_HTTP, GATEWAY_PORTS, ImageRef, Kind, Part, Probe, Publish, Route,
};

/// What the machine adds to an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The checkout's folder.
    pub root: String,
    /// Owner of the checkout.
    pub uid: u32,
    /// Group of the checkout.
    pub gid: u32,
    /// The machine's CA certificates.
    pub ca: MachineCa,
    /// Proxy settings: the machine's, then those that [`crate::plan::environment::proxies::variables`] makes of them.
    pub proxy: BTreeMap<String, String>,
    /// The engine is known not to share a kernel and a file system with the checkout.
    pub engine_apart: bool,
}

/// The CA certificates of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MachineCa {
    /// It has none in one file.
    #[default]
    Unknown,
    /// The usual ones, as a PEM text.
    Usual(String),
    /// The usual ones and some of its own, which builds need too.
    Extended(String),
}

impl MachineCa {
    /// All of them.
    #[must_use]
    pub fn bundle(&self) -> Option<&str> {
        match self {
            Self::Unknown => None,
            Self::Usual(text) | Self::Extended(text) => Some(text),
        }
    }

    /// All of them, where builds cannot do without.
    #[must_use]
    pub fn for_builds(&self) -> Option<&str> {
        if let Self::Extended(text) = self { Some(text) } else { None }
    }
}

/// Digests of what stands in files: lock files and seeds by path, the source of tasks by module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Files of the checkout.
    pub files: BTreeMap<RelPath, String>,
    /// Folders of tasks, as one digest each.
    pub sources: BTreeMap<PartName, String>,
    /// Folders of modules: device and inode of each.
    pub folders: BTreeMap<PartName, String>,
    /// Settings of the host that stand in the folders of modules, and that no container may write.
    pub settings: BTreeMap<PartName, Vec<String>>,
    /// Repositories that modules lie in.
    pub repositories: BTreeMap<PartName, Repository>,
    /// The generated configuration of the gateway.
    pub gateway: String,
    /// The certificates of devenv's own authorities; none where there is none yet.
    pub authorities: Option<String>,
}

/// Everything that an environment is decided from.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The configuration.
    pub project: &'a Project,
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

/// What stands in the way of an environment although the configuration is right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// A module's image is not in the hierarchy.
    #[error("module `{0}`: image `{1}` is not defined")]
    UnknownImage(PartName, ImageName),
    /// A service's preset is not in force.
    #[error("service `{0}`: preset `{1}` is not defined")]
    UnknownPreset(PartName, String),
    /// What only a later version does.
    #[error("module `{0}` has `mode: release`, which comes with the release images: this version runs `dev` and `off`")]
    Release(PartName),
}

impl From<EnvironmentError> for Error {
    fn from(error: EnvironmentError) -> Self {
        Self::new(ErrorKind::Usage, error)
    }
}

/// The parts that listen on a port, in the order in which they choose one on this machine.
pub fn wishes(project: &Project, presets: &BTreeMap<String, Preset>, ours: &BTreeSet<PartName>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    let mut wish = |name: &str, holder: &PartName, preferred: u16| {
        let Ok(part) = PartName::new(name) else { return };
        let fixed = project.local.ports.get(&part).map(|port| port.get());
        wishes.push(Wish { part, preferred, fixed, ours: ours.contains(holder) });
    };
    if let Ok(gateway) = PartName::new(GATEWAY)
        && has_gateway(project)
    {
        wish(GATEWAY, &gateway, GATEWAY_PORTS.0);
        wish(GATEWAY_HTTP, &gateway, GATEWAY_PORTS.1);
    }
    for (name, service) in enabled_services(project) {
        let preset = service.preset.as_ref().and_then(|preset| presets.get(preset));
        if let Some(port) = service.port.or(preset.map(|preset| preset.port)) {
            wish(name.as_str(), name, port.get());
        }
    }
    for (name, module) in enabled_modules(project) {
        if let Some(port) = module.port {
            wish(name.as_str(), name, port.get());
        }
    }
    wishes
}

/// The names that the environment's certificate is for.
#[must_use]
pub fn certificate_names(project: &Project, host: &str) -> BTreeSet<String> {
    let modules = enabled_modules(project).map(|(name, _)| name.as_str());
    let services = enabled_services(project).map(|(name, _)| name.as_str());
    let mut names = certs::names(host, project.file.project.as_str(), modules.chain(services).chain([GATEWAY]));
    names.extend(aliases(project).iter().filter(|alias| certs::domains::is_machines(alias)).cloned());
    names
}

/// Modules that are not switched off.
pub fn enabled_modules(project: &Project) -> impl Iterator<Item = (&PartName, &Module)> {
    project.file.modules.iter().filter(|(_, module)| module.mode != ModuleMode::Off)
}

/// Services that are not switched off and are ours to run.
pub fn enabled_services(project: &Project) -> impl Iterator<Item = (&PartName, &Service)> {
    let services = project.file.services.iter();
    services.filter(|(_, service)| service.mode != ServiceMode::Off && service.external.is_none())
}

fn has_gateway(project: &Project) -> bool {
    enabled_modules(project).any(|(_, module)| module.route.is_some())
}

impl Setup<'_> {
    /// Decides the environment.
    pub fn environment(&self) -> Result<Environment, EnvironmentError> {
        let mut environment = Environment {
            project: self.identity.compose_project(),
            id: self.identity.held.id.clone(),
            root: self.machine.root.clone(),
            subnet: self.identity.subnet(),
            host: self.identity.held.host.clone(),
            domain: certs::inner(self.project.file.project.as_str()),
            aliases: aliases(self.project).to_vec(),
            parts: BTreeMap::new(),
            volumes: BTreeMap::new(),
            credentials: BTreeMap::new(),
            routes: routes(self.project, &self.identity.held.host),
        };
        for (name, service) in enabled_services(self.project) {
            let part = self.service(name, service, &mut environment)?;
            environment.parts.insert(name.clone(), part);
        }
        for (name, module) in enabled_modules(self.project) {
            let part = self.module(name, module, &mut environment)?;
            environment.parts.insert(name.clone(), part);
        }
        if let (Ok(name), true) = (PartName::new(GATEWAY), has_gateway(self.project)) {
            let part = self.gateway(&name)?;
            environment.parts.insert(name, part);
        }
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
        Some(Publish { host: *host, container: container? })
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

    fn gateway(&self, name: &PartName) -> Result<Part, EnvironmentError> {
        let image = ImageName::new(GATEWAY).ok();
        let image = match &image {
            Some(image) => self.image(name, image)?.1,
            None => return Err(EnvironmentError::UnknownPreset(name.clone(), GATEWAY.to_owned())),
        };
        let class = MountClass::Reload(self.contents.gateway.clone());
        let ask = Ask::Http { port: GATEWAY_PORTS.1, path: "/.devenv/health".to_owned() };
        let ports = [(GATEWAY, GATEWAY_PORTS.0), (GATEWAY_HTTP, GATEWAY_PORTS.1)];
        Ok(Part {
            // As the developer, whose the certificate's key is.
            user: Some(format!("{}:{}", self.machine.uid, self.machine.gid)),
            // Else compose adds those of the docker client's configuration, which exempt nothing of the environment.
            dev_env: self.machine.proxy.clone(),
            mounts: vec![
                self.generated(paths::GATEWAY, "/etc/devenv/gateway", class),
                self.generated(paths::CERTS, CERTS, MountClass::Ignore),
            ],
            publish: ports.into_iter().filter_map(|(name, port)| self.publish(name, Some(port))).collect(),
            probe: Some(Probe { ask, within: std::time::Duration::from_secs(30) }),
            extra: of_gateway(self.machine.uid),
            ..Part::new(name.clone(), Kind::Gateway, image)
        })
    }

    pub(in crate::plan) fn below_root(&self, path: &str) -> String {
        if path == "." { self.machine.root.clone() } else { format!("{}/{path}", self.machine.root) }
    }

    pub(in crate::plan) fn generated(&self, path: &str, target: &str, class: MountClass) -> Mount {
        let source = MountSource::Folder(paths::below(&self.machine.root, path));
        Mount { source, target: target.to_owned(), writable: false, class }
    }
}

/// Where a part finds the environment's certificate, `cert.pem`, and its key, `key.pem`.
pub const CERTS: &str = "/run/devenv/certs";

pub(in crate::plan) fn volume_mount(name: &str, target: &str) -> Mount {
    let source = MountSource::Volume(name.to_owned());
    Mount { source, target: target.to_owned(), writable: true, class: MountClass::Ignore }
}

/// What only the gateway has: no capabilities, but for root one with which nginx sets its workers' groups; a folder to write
/// to; and ports enough for the connections to modules.
fn of_gateway(uid: u32) -> serde_json::Map<String, serde_json::Value> {
    let list = |items: &[&str]| items.iter().map(|item| serde_json::Value::from(*item)).collect::<Vec<_>>();
    let mut keys = serde_json::Map::new();
    keys.insert("cap_drop".into(), list(&["ALL"]).into());
    if uid == 0 {
        keys.insert("cap_add".into(), list(&["SETGID"]).into());
    }
    // Each request opens a connection to its module; their ports would be used up within seconds under load.
    let ports = [("net.ipv4.tcp_tw_reuse", "1"), ("net.ipv4.ip_local_port_range", "1024 65535")];
    let ports: serde_json::Map<String, serde_json::Value> =
        ports.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    keys.insert("sysctls".into(), ports.into());
    keys.insert("tmpfs".into(), list(&["/tmp"]).into());
    keys
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

/// Routes of the enabled modules, longest path first.
#[must_use]
pub fn routes(project: &Project, host: &str) -> Vec<Route> {
    let mut routes: Vec<Route> = enabled_modules(project)
        .filter_map(|(name, module)| {
            let route = module.route.as_ref()?;
            Some(Route {
                name: name.to_string(),
                path: route.path.clone().unwrap_or_default(),
                host: route.host.as_ref().map(|label| format!("{label}.{host}")).unwrap_or_default(),
                upstream_host: name.to_string(),
                upstream_port: module.port?.get(),
            })
        })
        .collect();
    routes.sort_by(|one, other| other.path.len().cmp(&one.path.len()).then_with(|| one.name.cmp(&other.name)));
    routes
}

/// One digest for a folder's files, given as path and digest: of those that the patterns `inputs` name, or of all where
/// there are none.
#[must_use]
pub fn tree_digest(files: &BTreeMap<String, String>, inputs: &[String]) -> String {
    let mut wanted = GitignoreBuilder::new("");
    for line in inputs {
        // The configuration was checked; a pattern that is none matches nothing.
        let _ = wanted.add_line(None, line);
    }
    let wanted = wanted.build().unwrap_or_else(|_| Gitignore::empty());
    let is_input = |path: &str| inputs.is_empty() || wanted.matched_path_or_any_parents(path, false).is_ignore();
    let lines = files.iter().filter(|(path, _)| is_input(path)).map(|(path, digest)| format!("{path}\0{digest}\n"));
    digest::hex(lines.collect::<String>().as_bytes())
}
