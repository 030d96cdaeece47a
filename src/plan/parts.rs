//! What runs: each module, service and the gateway as one container, in the terms that every environment shares.

#[cfg(test)]
pub(crate) mod samples;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::model::once::Per;
use crate::names::{ImageName, PartName};
use crate::plan::definition::Definition;
use crate::plan::environment::lifecycle::Lifecycle;
use crate::plan::mirror::copy::Copy;
use crate::plan::mounts::{Mount, Volume};

/// The gateway's name: no module or service may have it.
pub const GATEWAY: &str = "gateway";
/// What the gateway's second port is called where ports are named: it leads from HTTP to HTTPS.
pub const GATEWAY_HTTP: &str = "gateway-http";
/// Where the gateway listens in its container, for HTTPS and for HTTP.
pub const GATEWAY_PORTS: (u16, u16) = (8443, 8080);

/// What kind of part it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The team's own source.
    Module,
    /// A module that runs to its end.
    Task,
    /// A part that the team did not write.
    Service,
    /// The reverse proxy.
    Gateway,
}

/// The word that `--json` has, too.
impl std::fmt::Display for Kind {
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
    /// A third-party image, with its digest where the lock has one.
    Theirs(String),
}

impl ImageRef {
    /// What the engine calls it.
    #[must_use]
    pub fn reference(&self) -> &str {
        match self {
            Self::Ours(_, reference) | Self::Theirs(reference) => reference,
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

/// A variable whose value holds credentials: it stands in no compose file, only in an env file of mode 0600.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVariable {
    /// The service whose credentials fill the holes.
    pub service: PartName,
    /// Text with holes such as `{password}`.
    pub template: String,
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
    pub kind: Kind,
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
    /// When it runs again, where it is a module that runs to its end.
    pub once: Option<TaskRules>,
    /// How it lives.
    pub lifecycle: Lifecycle,
    /// Keys of the compose specification on top.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Part {
    /// A part that runs what its image says, and has nothing else.
    #[must_use]
    pub fn new(name: PartName, kind: Kind, image: ImageRef) -> Self {
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
            lifecycle: Lifecycle::default(),
            extra: serde_json::Map::new(),
        }
    }

    /// The port on this machine that people use.
    #[must_use]
    pub fn port(&self) -> Option<Publish> {
        self.publish.first().copied()
    }

    /// The port on this machine that leads to a port of the container.
    #[must_use]
    pub fn published(&self, container: u16) -> Option<u16> {
        self.publish.iter().find(|publish| publish.container == container).map(|publish| publish.host)
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
        self.mirror.is_some() && self.kind == Kind::Module
    }
}

/// The whole environment of a checkout.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Name of the compose project.
    pub project: String,
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
    /// What the gateway sends where.
    pub routes: Vec<Route>,
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
}

impl Environment {
    /// The address of a part for a person or a program on this machine.
    #[must_use]
    pub fn url(&self, part: &Part) -> Option<String> {
        let port = part.port()?.host;
        let https = |host: &str, port: u16| match port {
            443 => format!("https://{host}"),
            port => format!("https://{host}:{port}"),
        };
        if part.kind == Kind::Gateway {
            return Some(https(&self.host, port));
        }
        let route = self.routes.iter().find(|route| route.name == part.name.as_str());
        let gateway = self.parts.get(GATEWAY).and_then(Part::port);
        match (route, gateway) {
            (Some(route), Some(gateway)) => {
                let host = if route.host.is_empty() { &self.host } else { &route.host };
                Some(format!("{}{}", https(host, gateway.host), route.path))
            }
            _ if matches!(part.probe, Some(Probe { ask: Ask::Http { .. }, .. })) => {
                Some(format!("http://127.0.0.1:{port}"))
            }
            _ => Some(format!("127.0.0.1:{port}")),
        }
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
