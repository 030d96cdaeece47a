//! What a person may write about a task: a command that runs to completion in a container of its own, in a graph. No
//! decisions here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::model::beside::Beside;
use crate::config::model::environment::Resources;
use crate::config::model::split::Split;
use crate::config::model::values::Duration;
use crate::config::schema::grammar::{AnyText, Artifact, EnvName, Lifetime, ResultFile, Shell, Variable};
use crate::names::{ImageName, PartName, TaskName};

/// A command in a container of its own, or, without `run`, a group of other tasks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Module whose image, source, dependencies and variables it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<PartName>,
    /// Image of the hierarchy that it runs in, with the source of the whole checkout, instead of a module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageName>,
    /// Shell command; it ends at the first command that fails. A task without one is a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub run: Option<String>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<EnvName, AnyText>")]
    pub env: BTreeMap<String, String>,
    /// Tasks that come first: `NAME`, or a module's own step, such as `api:test`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<TaskName>,
    /// State that its needs must reach before it starts.
    #[serde(default, skip_serializing_if = "Requires::is_default")]
    pub requires: Requires,
    /// Files and folders that are kept, as patterns below its folder; tasks that need this one find them in
    /// `/run/devenv/needs/NAME/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Artifact>")]
    pub artifacts: Vec<String>,
    /// JUnit files that it writes, below its folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<ResultFile>")]
    pub results: Vec<String>,
    /// Runs its tests in several containers at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// Variables of the host that it sees; nothing else of the host is visible to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Variable>")]
    pub secrets: Vec<String>,
    /// Further containers for this task alone, by the name under which it reaches them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub beside: BTreeMap<PartName, Beside>,
    /// What it may use at most: `memory` and `cpus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Which tasks start first if not all can start at once; waiting raises it.
    #[serde(default, skip_serializing_if = "Priority::is_default")]
    pub priority: Priority,
    /// Longest time that it may run; then everything in its container is killed, with the exception `timed-out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_run: Option<Duration>,
    /// Longest time from the beginning of the run to its end, with all waiting and retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
    /// How often it runs again after an exception, which is not a failure of the command itself.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0, max = 49))]
    pub retries: u32,
    /// Exit codes by which the command itself says that the failure is intermittent: they count as an exception.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 1, max = 255)))]
    pub retry_on: Vec<u32>,
    /// Of the tasks of a run that have the same one, one runs at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutex: Option<PartName>,
    /// How long its result counts and its artifacts are kept, such as `12h` or `30d` [default: 30d].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Lifetime>")]
    pub expires: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What the needs of a task must be before it starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Requires {
    /// All completed.
    #[default]
    Completed,
    /// All ended, however.
    Resolved,
}

impl Requires {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_default(&self) -> bool {
        *self == Self::Completed
    }
}

/// How urgent a task is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// After all others.
    Low,
    /// As most.
    #[default]
    Normal,
    /// Before all others.
    High,
}

impl Priority {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_default(&self) -> bool {
        *self == Self::Normal
    }
}
