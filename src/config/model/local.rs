//! What only `devenv.local.yaml` may say. No decisions here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::model::values::Port;
use crate::config::schema::grammar::{AnyText, SecretName};
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
    /// What may reach out of the checkout. It counts once its user has confirmed it, and never if git tracks the file.
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
    /// Recreate the data volumes.
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
    /// Recreate them.
    Recreate,
}

/// One way out of the checkout that a developer allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Folders and files from outside the checkout: bind mounts, `env_file`, configs, secrets, devices of volumes.
    OutsideMounts,
    /// Containers with more than the usual capabilities, or with less of the engine's protection.
    Privileged,
    /// Containers in the host's network, and networks or logs that reach it.
    HostNetwork,
    /// Containers that reach the engine's socket.
    EngineSocket,
    /// Containers that see the host's processes or devices.
    HostNamespaces,
    /// Containers, volumes and networks that belong to other checkouts or projects.
    OtherProjects,
    /// Ports on other addresses than 127.0.0.1 and ::1.
    PublicPorts,
    /// Variables of the host as files in a container: `environment:` of secrets and configs.
    HostVariables,
    /// Containers that may write `.git`, devenv.yaml and the settings of editors.
    ProjectSettings,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::OutsideMounts,
        Self::Privileged,
        Self::HostNetwork,
        Self::EngineSocket,
        Self::HostNamespaces,
        Self::OtherProjects,
        Self::PublicPorts,
        Self::HostVariables,
        Self::ProjectSettings,
    ];

    /// Its name in `allow:`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OutsideMounts => "outside-mounts",
            Self::Privileged => "privileged",
            Self::HostNetwork => "host-network",
            Self::EngineSocket => "engine-socket",
            Self::HostNamespaces => "host-namespaces",
            Self::OtherProjects => "other-projects",
            Self::PublicPorts => "public-ports",
            Self::HostVariables => "host-variables",
            Self::ProjectSettings => "project-settings",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Permission;

    #[test]
    fn a_permission_has_the_name_that_the_file_has_for_it() {
        for permission in Permission::ALL {
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.name());
        }
    }
}
