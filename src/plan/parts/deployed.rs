//! What a part has only where it is deployed on a platform.

use std::collections::BTreeMap;

use crate::config::model::environment::Resources;

/// What a part has on a platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployed {
    /// Secrets, each with its file in the container.
    pub secrets: BTreeMap<String, String>,
    /// Ports of the platform and of the container.
    pub ports: Vec<(u16, u16)>,
    /// The port in its container on which other parts reach it.
    pub port: Option<u16>,
    /// How many containers there are of it.
    pub replicas: u16,
    /// What it may use at most.
    pub resources: Resources,
    /// Whether it may write to its root file system.
    pub file_system: FileSystem,
    /// Capabilities that it keeps, beside those that its image needs to start.
    pub capabilities: Vec<String>,
}

/// Whether a part may write to its root file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FileSystem {
    /// Only to its volumes and to folders in memory.
    #[default]
    ReadOnly,
    /// Everywhere.
    Writable,
}
