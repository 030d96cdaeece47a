//! What a person may write about a task whose tests are split. No decisions here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::grammar::{Artifact, Shell};

/// Runs the tests of a task in several containers at once. Tests are dealt by how long they took in earlier runs; `run` gets
/// those of a batch as `$DEVENV_SPLIT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Into how many containers.
    #[schemars(range(min = 1, max = 64))]
    pub into: u32,
    /// Files that are its tests, as a pattern below its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Artifact>")]
    pub of: Option<String>,
    /// Shell command that prints the names of its tests instead, one per line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub command: Option<String>,
}
