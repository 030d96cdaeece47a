//! How a part is asked whether it is ready. No decisions here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::model::values::{Command, Duration, Port};
use crate::config::schema::grammar::RequestPath;

/// How to see that a part is ready: exactly one of `http`, `tcp`, `command`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Path that answers with a status below 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RequestPath>")]
    pub http: Option<String>,
    /// Port that accepts connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Port>,
    /// Command inside the container that exits 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// Longest time from start to ready [default: 60s].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_within: Option<Duration>,
}
