//! What runs: each module, service and the gateway as one container, in the terms that every environment shares.

pub mod deployed;
pub mod rights;
#[cfg(test)]
pub(crate) mod samples;
pub mod secret_variable;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::model::container::Protocol;
use crate::config::model::once::Per;
use crate::names::{ImageName, PartName};
use crate::plan::definition::Definition;
use crate::plan::environment::lifecycle::Lifecycle;
use crate::plan::environment::target::{Base, Placement};
use crate::plan::mirror::copy::Copy;
use crate::plan::mounts::{Mount, Volume};
use crate::plan::parts::deployed::Deployed;
use crate::plan::parts::secret_variable::SecretVariable;
use crate::plan::release::recipe::Recipe;

/// The gateway's name: no module or service may have it.
pub const GATEWAY: &str = "gateway";
/// What the gateway's second port is called where ports are named: it leads from HTTP to HTTPS.
pub const GATEWAY_HTTP: &str = "gateway-http";
/// Where the gateway listens in its container, for HTTPS and for HTTP.
pub const GATEWAY_PORTS: (u16, u16) = (8443, 8080);
/// Where it has its configuration there.
pub const GATEWAY_CONFIGURATION: &str = "/etc/devenv/gateway/nginx.conf";

/// What kind of part it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PartKind {
    /// The team's own source.
    Module,
    /// A module that runs to completion.
    Task,
    /// A part that the team did not write.
    Service,
    /// The reverse proxy.
    Gateway,
}

/// The word that `--json` has, too.
impl std::fmt::Display for PartKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Module => "module",
            Self::Task => "task",
            Self::Service => "service",
            Self::Gateway => "gateway",
        })
    }
}

/// Where a container's file system begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageRef {
    /// A node of the hierarchy, by name and tag.
    Ours(ImageName, String),
    /// A released image, by its reference, and the node of the hierarchy that it stands on.
    Released(ImageName, String),
    /// A third-party image, with its digest where the lock has one.
    Theirs(String),
}

impl ImageRef {
    /// The node of the hierarchy that it is or stands on.
    #[must_use]
    pub fn node(&self) -> Option<&ImageName> {
        match self {
            Self::Ours(name, _) | Self::Released(name, _) => Some(name),
            Self::Theirs(_) => None,
        }
    }

    /// What the engine calls it.
    #[must_use]
    pub fn reference(&self) -> &str {
        match self {
            Self::Ours(_, reference) | Self::Released(_, reference) | Self::Theirs(reference) => reference,
        }
    }
}

/// A port of a container on this machine, on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Publish {
    /// On this machine.
    pub host: u16,
    /// In the container.
    pub container: u16,
    /// Transport protocol.
    pub protocol: Protocol,
}

/// How to see that a part is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What is asked.
    pub ask: Ask,
    /// Longest time from start to ready.
    pub within: std::time::Duration,
}

/// What a probe asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A GET that answers with a status below 400.
    Http {
        /// Port in the container.
        port: u16,
        /// Path with a leading `/`.
        path: String,
    },
    /// A connection.
    Tcp {
        /// Port in the container.
        port: u16,
    },
    /// A command in the container that exits 0.
    Exec(Vec<String>),
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http { path, .. } => write!(f, "http {path}"),
            Self::Tcp { port } => write!(f, "tcp {port}"),
            Self::Exec(argv) => f.write_str(&argv.join(" ")),
        }
    }
}

/// How a module's dependencies are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// Shell script.
    pub script: String,
    /// Everything that the result depends on; its label stands in the stamp file.
    pub made_from: Definition,
    /// Path of the stamp file in the container, inside the first of the volumes.
    pub stamp: String,
    /// Name of the volume that holds the stamp.
    pub volume: String,
    /// Variables of the host that only the install command sees.
    pub secrets: Vec<String>,
}

impl Install {
    /// What it would be installed from that is not what `stamp` says; nothing where that is installed.
    #[must_use]
    pub fn changed(&self, stamp: &str) -> Vec<String> {
        self.made_from.difference(stamp).unwrap_or_default()
    }
}

/// When a task runs again, and for how long it may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskRules {
    /// For what it runs once.
    pub per: Per,
    /// Whether its inputs were named, so that a change of one is meant to run it again.
    pub narrowed: bool,
    /// Longest time that it may run.
    pub max: Option<std::time::Duration>,
}

/// One container of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name, which is its host name in the environment too.
    pub name: PartName,
    /// What kind of part it is.
    pub kind: PartKind,
    /// Its image.
    pub image: ImageRef,
    /// Command in place of the image's own.
    pub command: Option<Vec<String>>,
    /// Working directory in place of the image's own.
    pub dir: Option<String>,
    /// `uid:gid` in place of the image's own, in dev.
    pub user: Option<String>,
    /// Variables without secrets, in every environment.
    pub env: BTreeMap<String, String>,
    /// Variables without secrets, in dev only.
    pub dev_env: BTreeMap<String, String>,
    /// Variables with secrets.
    pub secret_env: BTreeMap<String, SecretVariable>,
    /// Whether a folder with its own credentials is mounted.
    pub credentials: bool,
    /// Data that persists, in every environment.
    pub data: Vec<Mount>,
    /// Which folder the mounted source is: one that is recreated under the same path is another one, and a running
    /// container goes on to see the old one.
    pub folder: Option<String>,
    /// Mounts of dev only: source, dependencies, downloads, generated files.
    pub mounts: Vec<Mount>,
    /// Ports on this machine, the one that people use first.
    pub publish: Vec<Publish>,
    /// How to see that it is ready.
    pub probe: Option<Probe>,
    /// What must be ready first.
    pub needs: Vec<PartName>,
    /// How its dependencies are installed.
    pub install: Option<Install>,
    /// The copy of its source, where it has one.
    pub mirror: Option<Copy>,
    /// When it runs again, where it is a module that runs to completion.
    pub once: Option<TaskRules>,
    /// Digest of what such a module runs on, where that is in its image.
    pub inputs: Option<String>,
    /// Variables as they were written, with `${…}`, which are filled in where the environment runs.
    pub templates: BTreeMap<String, String>,
    /// What it has on a platform; nothing on this machine.
    pub deployed: Option<Deployed>,
    /// How it lives.
    pub lifecycle: Lifecycle,
    /// Keys of the compose specification on top.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Part {
    /// A part that runs what its image says, and has nothing else.
    #[must_use]
    pub fn new(name: PartName, kind: PartKind, image: ImageRef) -> Self {
        Self {
            name,
            kind,
            image,
            command: None,
            dir: None,
            user: None,
            env: BTreeMap::new(),
            dev_env: BTreeMap::new(),
            secret_env: BTreeMap::new(),
            credentials: false,
            data: Vec::new(),
            folder: None,
            mounts: Vec::new(),
            publish: Vec::new(),
            probe: None,
            needs: Vec::new(),
            install: None,
            mirror: None,
            once: None,
            inputs: None,
            templates: BTreeMap::new(),
            deployed: None,
            lifecycle: Lifecycle::default(),
            extra: serde_json::Map::new(),
        }
    }

    /// The port on this machine that people use.
    #[must_use]
    pub fn port(&self) -> Option<Publish> {
        self.publish.iter().copied().find(|publish| publish.protocol == Protocol::Tcp)
    }

    /// The port on this machine that leads to a port of the container.
    #[must_use]
    pub fn published(&self, container: u16) -> Option<u16> {
        let is_it = |publish: &&Publish| publish.container == container && publish.protocol == Protocol::Tcp;
        self.publish.iter().find(is_it).map(|publish| publish.host)
    }

    /// Paths below its folder that volumes other than its source's are mounted on.
    #[must_use]
    pub fn mounted(&self) -> Vec<String> {
        let Some(dir) = &self.dir else { return Vec::new() };
        let below = |mount: &Mount| Some(mount.target.strip_prefix(dir)?.strip_prefix('/')?.to_owned());
        self.mounts.iter().filter_map(below).collect()
    }

    /// Whether a copy of its source must be kept equal while it runs.
    #[must_use]
    pub fn is_copied(&self) -> bool {
        self.mirror.is_some() && self.kind == PartKind::Module
    }
}

/// The whole environment of a checkout.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Name of the compose project.
    pub project: String,
    /// What it is made for.
    pub base: Base,
    /// Where it is to run.
    pub placement: Placement,
    /// Id of the checkout.
    pub id: String,
    /// The checkout's folder.
    pub root: String,
    /// Subnet of the one network.
    pub subnet: String,
    /// Host name of the gateway.
    pub host: String,
    /// The domain of all parts inside containers, such as `shop.test`.
    pub domain: String,
    /// Further host names of the gateway.
    pub aliases: Vec<String>,
    /// What runs, by name.
    pub parts: BTreeMap<PartName, Part>,
    /// Volumes that the parts use, by name.
    pub volumes: BTreeMap<String, Volume>,
    /// Credentials that services want: `None` is made at random.
    pub credentials: BTreeMap<PartName, BTreeMap<String, Option<String>>>,
    /// What each secret is called where the platform keeps it.
    pub secrets: BTreeMap<String, String>,
    /// What the gateway sends where.
    pub routes: Vec<Route>,
    /// How the images of released parts are made.
    pub releases: BTreeMap<PartName, Recipe>,
}

/// A route of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    /// The module.
    pub name: String,
    /// Path prefix; empty for all paths of a host.
    pub path: String,
    /// Full host name; empty for the gateway's own.
    pub host: String,
    /// Where requests go.
    pub upstream_host: String,
    /// Port there.
    pub upstream_port: u16,
    /// The folder in the gateway's container that it serves itself; there is no upstream then.
    pub root: Option<String>,
}

impl Environment {
    /// The address of a part for a person or a program on this machine.
    #[must_use]
    pub fn url(&self, part: &Part) -> Option<String> {
        if let Some(url) = self.routed_url(&part.name) {
            return Some(url);
        }
        let port = part.port()?.host;
        Some(match (part.kind, &part.probe) {
            (PartKind::Gateway, _) => https(&self.host, port),
            (_, Some(Probe { ask: Ask::Http { .. }, .. })) => format!("http://127.0.0.1:{port}"),
            _ => format!("127.0.0.1:{port}"),
        })
    }

    /// The address of what the gateway sends requests to, or serves itself.
    #[must_use]
    pub fn routed_url(&self, name: &PartName) -> Option<String> {
        let route = self.routes.iter().find(|route| route.name == name.as_str())?;
        let gateway = self.parts.get(GATEWAY).and_then(Part::port)?;
        let host = if route.host.is_empty() { &self.host } else { &route.host };
        Some(format!("{}{}", https(host, gateway.host), route.path))
    }

    /// `names` and everything that they need, directly or not; all parts where `names` is empty.
    #[must_use]
    pub fn closure(&self, names: &[PartName]) -> Vec<&Part> {
        if names.is_empty() {
            return self.parts.values().collect();
        }
        let mut wanted: Vec<&PartName> = names.iter().collect();
        let mut at = 0;
        while at < wanted.len() {
            let needs = self.parts.get(wanted[at]).map(|part| part.needs.as_slice()).unwrap_or_default();
            for need in needs {
                if !wanted.contains(&need) {
                    wanted.push(need);
                }
            }
            at += 1;
        }
        self.parts.values().filter(|part| wanted.contains(&&part.name)).collect()
    }
}

fn https(host: &str, port: u16) -> String {
    match port {
        443 => format!("https://{host}"),
        port => format!("https://{host}:{port}"),
    }
}
