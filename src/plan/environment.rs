//! Project → [`Environment`]: which containers there are and what each gets. Pure; contents of files arrive as digests.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::file::{Health, Module, ModuleMode, Service, ServiceMode};
use crate::config::project::Project;
use crate::config::values::RelPath;
use crate::digest::{self, Fingerprint};
use crate::error::{Error, Kind as ErrorKind};
use crate::names::{ImageName, PartName};
use crate::plan::certs;
use crate::plan::identity::{Identity, Wish};
use crate::plan::images::{Hierarchy, Node};
use crate::plan::lock::Lock;
use crate::plan::mirror::{self, Way};
use crate::plan::parts::{
    Ask, Copy, Environment, GATEWAY, GATEWAY_HTTP, GATEWAY_PORTS, ImageRef, Install, Kind, Mount, MountClass,
    MountSource, Part, Probe, Publish, Route, SecretVariable, Volume, VolumeClass,
};
use crate::plan::presets::{self, Preset};

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
    /// Proxy settings.
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
    /// The generated configuration of the gateway.
    pub gateway: String,
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
    certs::names(host, project.file.project.as_str(), modules.chain(services).chain([GATEWAY]))
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

    fn image(&self, part: &PartName, name: &ImageName) -> Result<(&Node, ImageRef), EnvironmentError> {
        let node = self.images.get(name);
        let node = node.ok_or_else(|| EnvironmentError::UnknownImage(part.clone(), name.clone()))?;
        Ok((node, ImageRef::Ours(name.clone(), node.tag.clone())))
    }

    fn publish(&self, name: &str, container: Option<u16>) -> Option<Publish> {
        let host = self.identity.held.ports.get(name)?;
        Some(Publish { host: *host, container: container? })
    }

    fn preset(&self, part: &PartName, service: &Service) -> Result<Option<&Preset>, EnvironmentError> {
        let Some(name) = &service.preset else { return Ok(None) };
        let preset = self.presets.get(name);
        preset.map(Some).ok_or_else(|| EnvironmentError::UnknownPreset(part.clone(), name.clone()))
    }

    fn service(
        &self,
        name: &PartName,
        service: &Service,
        environment: &mut Environment,
    ) -> Result<Part, EnvironmentError> {
        let preset = self.preset(name, service)?;
        let port = service.port.or(preset.map(|preset| preset.port)).map(super::super::config::values::Port::get);
        let image = match (preset, &service.image) {
            (Some(preset), _) => self.image(name, &preset.image)?.1,
            (None, Some(image)) => ImageRef::Theirs(match self.lock.images.get(image) {
                Some(digest) if !image.contains('@') => format!("{image}@{digest}"),
                _ => image.clone(),
            }),
            (None, None) => return Err(EnvironmentError::UnknownPreset(name.clone(), String::new())),
        };
        let mut volumes = preset.map(|preset| preset.volumes.clone()).unwrap_or_default();
        volumes.extend(service.volumes.clone());
        let major = preset.and_then(|preset| preset.major.clone());
        let mut data = Vec::new();
        for (volume, target) in volumes {
            let named = format!("{}-{name}-{volume}", environment.project);
            data.push(volume_mount(&named, &target));
            let volume = Volume { name: named.clone(), class: VolumeClass::Data, major: major.clone(), owner: None };
            environment.volumes.insert(named, volume);
        }
        let mut env = service.env.clone();
        let mut mounts = Vec::new();
        if let (Some(seed), Some(target)) = (&service.seed, preset.and_then(|preset| preset.seed.clone())) {
            let (folder, file) = seed.as_str().rsplit_once('/').unwrap_or((".", seed.as_str()));
            // A seed is read once, by a new database: its change means nothing to the one that is there.
            mounts.push(Mount {
                source: MountSource::Folder(self.below_root(folder)),
                target: target.clone(),
                writable: false,
                class: MountClass::Ignore,
            });
            env.insert("DEVENV_SEED".to_owned(), format!("{target}/{file}"));
        }
        let credentials = preset.map(|preset| preset.credentials.clone()).unwrap_or_default();
        if !credentials.is_empty() {
            let project = self.project.file.project.to_string();
            let filled = credentials
                .into_iter()
                .map(|(key, value)| {
                    let overridden = self.project.local.secrets.get(&format!("{name}.{key}")).cloned();
                    (key, overridden.or_else(|| value.map(|text| text.replace("{project}", &project))))
                })
                .collect();
            environment.credentials.insert(name.clone(), filled);
            mounts.push(self.generated(&format!("secrets/{name}"), presets::CREDENTIALS, MountClass::Ignore));
        }
        let health = service.health.clone().or_else(|| preset.map(|preset| preset.health.clone()));
        Ok(Part {
            name: name.clone(),
            kind: Kind::Service,
            image,
            command: service.command.as_ref().map(super::super::config::values::Command::argv),
            dir: None,
            user: None,
            env,
            dev_env: BTreeMap::new(),
            secret_env: BTreeMap::new(),
            credentials: preset.is_some_and(|preset| !preset.credentials.is_empty()),
            data,
            folder: None,
            mounts,
            publish: self.publish(name.as_str(), port).into_iter().collect(),
            probe: probe(health.as_ref(), port),
            needs: service.needs.clone(),
            install: None,
            mirror: None,
            extra: preset.map(|preset| preset.service.clone()).unwrap_or_default(),
        })
    }

    fn module(
        &self,
        name: &PartName,
        module: &Module,
        environment: &mut Environment,
    ) -> Result<Part, EnvironmentError> {
        if module.mode == ModuleMode::Release {
            return Err(EnvironmentError::Release(name.clone()));
        }
        let (node, image) = self.image(name, &module.image)?;
        let dir = directory(&module.path, self.project.file.project.as_str());
        let port = module.port.map(super::super::config::values::Port::get);
        let (mut env, secret_env) = self.wiring(&module.needs)?;
        env.extend(node.env.iter().map(|(key, value)| (key.clone(), value.replace("{dir}", &dir))));
        env.insert("HOME".to_owned(), "/home/app".to_owned());
        env.extend(module.env.clone());
        let source_class = match self.contents.sources.get(name) {
            Some(digest) if module.once => MountClass::Recreate(digest.clone()),
            _ => MountClass::Ignore,
        };
        let way = mirror::way(module.mirror, self.project.file.mirror, self.machine.engine_apart);
        let copy = format!("{}-mirror-{name}", environment.project);
        let source = match way {
            Way::Bind => MountSource::Folder(self.below_root(module.path.as_str())),
            Way::Sync => {
                let owner = Some((self.machine.uid, self.machine.gid));
                let volume = Volume { name: copy.clone(), class: VolumeClass::Mirror, major: None, owner };
                environment.volumes.insert(copy.clone(), volume);
                MountSource::Volume(copy.clone())
            }
        };
        let mut mounts = vec![
            Mount { source, target: dir.clone(), writable: true, class: source_class },
            self.generated("users", "/var/lib/extrausers", MountClass::Ignore),
            self.generated("certs", CERTS, MountClass::Ignore),
        ];
        let install = self.install(name, module, node, &dir, &mut mounts, environment)?;
        let mirror = (way == Way::Sync).then(|| Copy {
            folder: module.path.clone(),
            volume: copy,
            dir: dir.clone(),
            ignore: module.watch.as_ref().map(|watch| watch.ignore.clone()).unwrap_or_default(),
            outputs: module.outputs.clone(),
            mounted: mounts
                .iter()
                .filter_map(|mount| mount.target.strip_prefix(&format!("{dir}/")).map(str::to_owned))
                .collect(),
        });
        mounts.push(self.generated("ca", "/usr/local/share/devenv/host", MountClass::Ignore));
        let mut command = vec!["devenv-run".to_owned()];
        if let Some(build) = &module.build {
            command.extend(["--build".to_owned(), build.clone()]);
        }
        command.push(module.run.clone());
        Ok(Part {
            name: name.clone(),
            kind: if module.once { Kind::Task } else { Kind::Module },
            image,
            command: Some(command),
            dir: Some(dir),
            user: Some(format!("{}:{}", self.machine.uid, self.machine.gid)),
            env,
            dev_env: self.surroundings(),
            secret_env,
            credentials: false,
            data: Vec::new(),
            folder: self.contents.folders.get(name).filter(|_| way == Way::Bind).cloned(),
            mounts,
            publish: self.publish(name.as_str(), port).into_iter().collect(),
            probe: if module.once { None } else { probe(module.health.as_ref(), port) },
            needs: self.running_needs(&module.needs),
            install,
            mirror,
            extra: serde_yaml::Mapping::new(),
        })
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
            name: name.clone(),
            kind: Kind::Gateway,
            image,
            command: None,
            dir: None,
            // As the developer, whose the certificate's key is.
            user: Some(format!("{}:{}", self.machine.uid, self.machine.gid)),
            env: BTreeMap::new(),
            dev_env: BTreeMap::new(),
            secret_env: BTreeMap::new(),
            credentials: false,
            data: Vec::new(),
            folder: None,
            mounts: vec![
                self.generated("gateway", "/etc/devenv/gateway", class),
                self.generated("certs", CERTS, MountClass::Ignore),
            ],
            publish: ports.into_iter().filter_map(|(name, port)| self.publish(name, Some(port))).collect(),
            probe: Some(Probe { ask, within: std::time::Duration::from_secs(30) }),
            needs: Vec::new(),
            install: None,
            mirror: None,
            extra: hardened(),
        })
    }

    /// Volumes and script for a module's dependencies.
    fn install(
        &self,
        name: &PartName,
        module: &Module,
        node: &Node,
        dir: &str,
        mounts: &mut Vec<Mount>,
        environment: &mut Environment,
    ) -> Result<Option<Install>, EnvironmentError> {
        let Some(deps) = &module.deps else { return Ok(None) };
        let into = if deps.into.is_empty() { &node.deps.into } else { &deps.into };
        let cache = if deps.cache.is_empty() { &node.deps.cache } else { &deps.cache };
        let owner = Some((self.machine.uid, self.machine.gid));
        // A language that keeps everything in its cache still needs a place that says what was installed.
        let targets: Vec<(String, String)> = if into.is_empty() {
            vec![("stamp".to_owned(), "/var/lib/devenv".to_owned())]
        } else {
            into.iter().map(|folder| (folder.to_string(), format!("{dir}/{folder}"))).collect()
        };
        let mut first = None;
        for (folder, target) in targets {
            // Modules of one folder and image share what is installed: the same lock files make the same result.
            let key = Fingerprint::of(&format!("{}\0{}\0{folder}", module.path, module.image));
            let slug = slug(&format!("{}-{folder}", directory_name(&module.path, name.as_str())));
            let volume = format!("{}-deps-{slug}-{}", environment.project, &key.as_str()[..6]);
            mounts.push(volume_mount(&volume, &target));
            first.get_or_insert((volume.clone(), target));
            let made = Volume { name: volume.clone(), class: VolumeClass::Deps, major: None, owner };
            environment.volumes.insert(volume, made);
        }
        for folder in cache {
            let volume = format!("devenv-cache-{}-{}-{}", self.machine.uid, node.language, slug(folder));
            mounts.push(volume_mount(&volume, &folder.replacen('~', "/home/app", 1)));
            let made = Volume { name: volume.clone(), class: VolumeClass::Cache, major: None, owner };
            environment.volumes.insert(volume, made);
        }
        let script = match &node.deps.prepare {
            Some(prepare) => format!("{prepare}\n{}", deps.install),
            None => deps.install.clone(),
        };
        let mut inputs = format!("{}\n{script}\n", node.fingerprint);
        for file in &deps.lock {
            let digest = self.contents.files.get(&module.path.join(file)).map_or("absent", String::as_str);
            inputs.push_str(&format!("{file}\0{digest}\n"));
        }
        Ok(first.map(|(volume, target)| Install {
            script,
            fingerprint: Fingerprint::of(&inputs),
            stamp: format!("{target}/.devenv-stamp"),
            volume,
            secrets: deps.secrets.clone(),
            lock: deps.lock.iter().map(RelPath::as_str).collect::<Vec<_>>().join(", "),
        }))
    }

    /// The variables that a part gets for what it needs: without and with secrets.
    #[expect(clippy::type_complexity, reason = "two maps, named by what they hold")]
    fn wiring(
        &self,
        needs: &[PartName],
    ) -> Result<(BTreeMap<String, String>, BTreeMap<String, SecretVariable>), EnvironmentError> {
        let (mut plain, mut secret) = (BTreeMap::new(), BTreeMap::new());
        for need in needs {
            let prefix = need.variable();
            if let Some(module) = self.project.file.modules.get(need) {
                if let Some(port) = module.port {
                    plain.insert(format!("{prefix}_URL"), format!("http://{need}:{port}"));
                    plain.insert(format!("{prefix}_HOST"), need.to_string());
                    plain.insert(format!("{prefix}_PORT"), port.to_string());
                }
                continue;
            }
            let Some(service) = self.project.file.services.get(need) else { continue };
            if let Some(url) = &service.external {
                plain.insert(format!("{prefix}_URL"), url.clone());
                continue;
            }
            let preset = self.preset(need, service)?;
            let port = service.port.or(preset.map(|preset| preset.port));
            if let Some(preset) = preset {
                for (key, template) in &preset.connection {
                    let port = port.map(|port| port.to_string()).unwrap_or_default();
                    let text = template.replace("{host}", need.as_str()).replace("{port}", &port);
                    if preset.credentials.keys().any(|credential| text.contains(&format!("{{{credential}}}"))) {
                        let value = SecretVariable { service: need.clone(), template: text };
                        secret.insert(format!("{prefix}_{key}"), value);
                    } else {
                        plain.insert(format!("{prefix}_{key}"), text);
                    }
                }
            } else if let Some(port) = port {
                plain.insert(format!("{prefix}_HOST"), need.to_string());
                plain.insert(format!("{prefix}_PORT"), port.to_string());
                if service.health.as_ref().is_some_and(|health| health.http.is_some()) {
                    plain.insert(format!("{prefix}_URL"), format!("http://{need}:{port}"));
                }
            }
        }
        Ok((plain, secret))
    }

    /// What is external needs no waiting.
    fn running_needs(&self, needs: &[PartName]) -> Vec<PartName> {
        let external =
            |name: &PartName| self.project.file.services.get(name).is_some_and(|service| service.external.is_some());
        needs.iter().filter(|need| !external(need)).cloned().collect()
    }

    /// Variables that carry the machine's proxies and CA certificates into a dev container.
    fn surroundings(&self) -> BTreeMap<String, String> {
        let bundle = "/usr/local/share/devenv/host/ca-certificates.crt".to_owned();
        // All but this one replace what a program knows by itself, so they need the usual certificates too.
        let mut env = BTreeMap::from([("NODE_EXTRA_CA_CERTS".to_owned(), bundle.clone())]);
        if self.machine.ca != MachineCa::Unknown {
            let java = "-Djavax.net.ssl.trustStore=/usr/local/share/devenv/host/truststore.jks -Djavax.net.ssl.trustStorePassword=changeit";
            env.insert("JAVA_TOOL_OPTIONS".to_owned(), java.to_owned());
            env.extend(CA_VARIABLES.iter().map(|variable| ((*variable).to_owned(), bundle.clone())));
        }
        if !self.machine.proxy.is_empty() {
            let all = self.project.file.modules.keys().chain(self.project.file.services.keys());
            let names = all.map(PartName::as_str).chain([GATEWAY, "localhost", "127.0.0.1"]);
            let ours = names.collect::<Vec<_>>().join(",");
            for (name, value) in &self.machine.proxy {
                let value =
                    if name.eq_ignore_ascii_case("no_proxy") { format!("{value},{ours}") } else { value.clone() };
                env.insert(name.clone(), value);
            }
        }
        env
    }

    fn below_root(&self, path: &str) -> String {
        if path == "." { self.machine.root.clone() } else { format!("{}/{path}", self.machine.root) }
    }

    fn generated(&self, path: &str, target: &str, class: MountClass) -> Mount {
        let source = MountSource::Folder(format!("{}/.devenv/{path}", self.machine.root));
        Mount { source, target: target.to_owned(), writable: false, class }
    }
}

/// Where a part finds the environment's certificate, `cert.pem`, and its key, `key.pem`.
pub const CERTS: &str = "/run/devenv/certs";

/// Variables by which programs find a CA bundle in place of their own.
pub const CA_VARIABLES: &[&str] = &[
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
];

fn volume_mount(name: &str, target: &str) -> Mount {
    let source = MountSource::Volume(name.to_owned());
    Mount { source, target: target.to_owned(), writable: true, class: MountClass::Ignore }
}

/// The folder of a module in its container: the same last part as in the checkout, so that modules of one folder
/// see it at one place.
#[must_use]
pub fn directory(path: &RelPath, project: &str) -> String {
    format!("/srv/{}", directory_name(path, project))
}

fn directory_name<'a>(path: &'a RelPath, otherwise: &'a str) -> &'a str {
    match path.as_str().rsplit('/').next() {
        Some(".") | None => otherwise,
        Some(last) => last,
    }
}

fn slug(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

fn hardened() -> serde_yaml::Mapping {
    let list = |items: &[&str]| items.iter().map(|item| serde_yaml::Value::from(*item)).collect::<Vec<_>>();
    let mut keys = serde_yaml::Mapping::new();
    keys.insert("cap_drop".into(), list(&["ALL"]).into());
    keys.insert("tmpfs".into(), list(&["/tmp"]).into());
    keys
}

fn probe(health: Option<&Health>, port: Option<u16>) -> Option<Probe> {
    let within = health.and_then(|health| health.start_within).map(super::super::config::values::Duration::get);
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

/// One digest for a folder's files, given as path and digest.
#[must_use]
pub fn tree_digest(files: &BTreeMap<String, String>) -> String {
    let lines: String = files.iter().map(|(path, digest)| format!("{path}\0{digest}\n")).collect();
    digest::hex(lines.as_bytes())
}
