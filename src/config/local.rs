//! What only `devenv.local.yaml` may say. No decisions here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::grammar::{AnyText, SecretName};
use crate::config::values::Port;
use crate::names::PartName;

/// What only `devenv.local.yaml` may say: how this developer wants to start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalFile {
    /// What happens to data when the environment starts from nothing running.
    #[serde(default)]
    pub start: Start,
    /// What happens to containers when the environment starts from nothing running.
    #[serde(default)]
    pub containers: Containers,
    /// Ports on this machine, by part.
    #[serde(default)]
    pub ports: BTreeMap<PartName, Port>,
    /// Credentials in place of the generated ones, such as `db.password`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<SecretName, AnyText>")]
    pub secrets: BTreeMap<String, String>,
    /// What may reach out of the checkout.
    #[serde(default)]
    pub allow: Vec<Permission>,
}

/// What happens to data volumes at a start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Go on with the data of last time.
    #[default]
    Resume,
    /// Make the data volumes anew.
    Fresh,
    /// Ask; without a terminal, resume.
    Ask,
}

/// What happens to containers at a start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Containers {
    /// Start the ones that exist.
    #[default]
    Keep,
    /// Make them anew.
    Recreate,
}

/// One way out of the checkout that a developer allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Bind mounts of folders outside the checkout.
    OutsideMounts,
    /// Containers with all capabilities.
    Privileged,
    /// Containers in the host's network.
    HostNetwork,
    /// Containers that reach the engine's socket.
    EngineSocket,
    /// Containers that see the host's processes or devices.
    HostNamespaces,
}
