//! What a person may write about a container beside a task. No decisions here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::model::environment::Resources;
use crate::config::model::health::Health;
use crate::config::model::values::Port;
use crate::config::schema::grammar::{AnyText, EnvName, Shell};
use crate::names::ImageName;

/// A further container for one task alone: ready before the task begins, removed after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Image of the hierarchy that it runs in.
    pub image: ImageName,
    /// Shell command, with the source of the whole checkout [default: the image's own command, without source].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub run: Option<String>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<EnvName, AnyText>")]
    pub env: BTreeMap<String, String>,
    /// Port that it listens on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// How to see that it is ready [default: `port` accepts connections; without one, it runs].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// What it may use at most: `memory` and `cpus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}
