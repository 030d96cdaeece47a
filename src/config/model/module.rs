//! What a person may write about a module. No decisions here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::model::container::{NamedPort, Ulimit};
use crate::config::model::health::Health;
use crate::config::model::mirror::ModuleMirror;
use crate::config::model::once::Once;
use crate::config::model::secret::ModuleSecret;
use crate::config::model::values::{Duration, Port, RelPath, Route};
use crate::config::schema::grammar::{
    AnyText, Capability, ContainerPath, EnvName, HostAddress, HostLabel, LabelName, LimitName, Memory, MemoryFolder,
    Pattern, Shell, Signal, SysctlName, Variable, VolumePath,
};
use crate::names::{ImageName, PartName};

/// A part of the team's own source that runs in a container made from an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Folder of the source; in the container it is below `/srv`, under its own name.
    pub path: RelPath,
    /// Image that the module runs in; every module has one that the gateway does not serve itself.
    #[serde(default = "of_a_site")]
    #[schemars(extend("default" = null))]
    pub image: ImageName,
    /// How the module runs here: from source, as released image, or not at all.
    #[serde(default)]
    pub mode: ModuleMode,
    /// Dependencies, installed into volumes when their lock files changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deps: Option<Deps>,
    /// Shell command that compiles; it runs before each start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub build: Option<String>,
    /// Command that starts the module; every module has one that the gateway does not serve itself.
    #[serde(default)]
    #[schemars(with = "Shell", extend("default" = null))]
    pub run: String,
    /// `static` for a folder that the gateway serves itself, below `route`: it has no container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serve: Option<Serve>,
    /// What restarts the command after a change.
    #[serde(default)]
    pub reload: Reload,
    /// Shell command that checks style.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub lint: Option<String>,
    /// Shell command that tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub test: Option<String>,
    /// Shell command that runs in the container after a step was cut short, such as one that drops a test's database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub cleanup: Option<String>,
    /// What happens when a file changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// Port that the command listens on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// Further ports that it listens on, by name, such as `debug: 5678` or `dns: {port: 53, protocol: udp}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<PartName, NamedPort>,
    /// How to see that the module is ready [default: `port` accepts connections].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Requests that the gateway sends to the module: a path such as `/api`, `{host: api}`, or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// Modules and services that must be ready first; their addresses arrive as variables.
    #[serde(default)]
    pub needs: Vec<PartName>,
    /// Environment variables.
    #[serde(default)]
    #[schemars(with = "BTreeMap<EnvName, AnyText>")]
    pub env: BTreeMap<String, String>,
    /// Credentials of its own, by the variable that has them; `NAME_FILE` names a file with the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<Variable, ModuleSecret>")]
    pub secrets: BTreeMap<String, ModuleSecret>,
    /// How the source reaches the container [default: as for all modules].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<ModuleMirror>,
    /// Whether tools in the container may use git: the repository's folder is mounted read-only.
    #[serde(default)]
    pub git: bool,
    /// Data of its own, which outlives its container: name to path in the container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<PartName, VolumePath>")]
    pub volumes: BTreeMap<PartName, String>,
    /// Folders in memory, such as `/tmp` or `/cache:size=64m`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<MemoryFolder>")]
    pub tmpfs: Vec<String>,
    /// Limits of the kernel for its processes, such as `nofile: 65536` or `nofile: {soft: 1024, hard: 65536}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<LimitName, Ulimit>")]
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Capabilities of Linux that it has, without `CAP_`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Capability>")]
    pub cap_add: Vec<String>,
    /// Settings of the kernel in its namespaces, such as `net.core.somaxconn: 1024`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<SysctlName, AnyText>")]
    pub sysctls: BTreeMap<String, String>,
    /// Size of its `/dev/shm`, such as `128m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Memory>")]
    pub shm_size: Option<String>,
    /// Signal that asks it to end, such as `SIGINT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Signal>")]
    pub stop_signal: Option<String>,
    /// Longest time from that signal to its end [default: 10s].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_grace_period: Option<Duration>,
    /// Further host names in its container, with their addresses; `host-gateway` is this machine.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<HostLabel, HostAddress>")]
    pub extra_hosts: BTreeMap<String, String>,
    /// Labels of its container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<LabelName, AnyText>")]
    pub labels: BTreeMap<String, String>,
    /// Files that come back to the checkout when the container changes them.
    #[serde(default)]
    pub outputs: Vec<RelPath>,
    /// Shortcuts for `devenv shell NAME:SHORTCUT`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<PartName, ContainerPath>")]
    pub paths: BTreeMap<String, String>,
    /// True for a task that runs to completion, and again when its inputs or the data that it works on are new;
    /// `{per: data}` runs it once for new data, whatever becomes of its inputs.
    #[serde(default)]
    pub once: Once,
    /// Files whose change runs the task again, as patterns like those of `.gitignore` [default: all of its folder].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Pattern>")]
    pub inputs: Vec<String>,
    /// Longest time that a task may run, such as `10m` [default: no limit].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Duration>,
    /// How the released image is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// What a folder that the gateway serves stands for as an image: it runs in none.
fn of_a_site() -> ImageName {
    ImageName::gateway()
}

/// How the gateway serves a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Serve {
    /// Its files, as they are.
    Static,
}

impl Module {
    /// The shell command that it is. That of a task ends at the first command that fails: one that goes on would count as
    /// done.
    #[must_use]
    pub fn script(&self) -> String {
        if self.is_task() { format!("set -e\n{}", self.run) } else { self.run.clone() }
    }

    /// Whether it runs to completion.
    #[must_use]
    pub fn is_task(&self) -> bool {
        self.once != Once::No
    }
}

/// How a module runs on this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModuleMode {
    /// From source, mirrored and watched.
    #[default]
    Dev,
    /// The released image.
    Release,
    /// Not at all.
    Off,
}

/// Who restarts a module's command after a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reload {
    /// devenv does.
    #[default]
    Restart,
    /// The command notices by itself.
    #[serde(rename = "self")]
    Itself,
}

/// Dependencies of a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deps {
    /// Lock files, below the module's folder; a change of their content installs again.
    pub lock: Vec<RelPath>,
    /// Shell command that installs.
    #[schemars(with = "Shell")]
    pub install: String,
    /// Folders below the module's that hold what was installed [default: the image's].
    #[serde(default)]
    pub into: Vec<RelPath>,
    /// Folders of downloads, shared by all modules of a language [default: the image's].
    #[serde(default)]
    #[schemars(with = "Vec<ContainerPath>")]
    pub cache: Vec<String>,
    /// Variables of the host that only the install command may see.
    #[serde(default)]
    #[schemars(with = "Vec<Variable>")]
    pub secrets: Vec<String>,
}

/// What happens when a file of a module changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// Steps to run, in this order.
    #[serde(default)]
    pub on_change: Vec<StepName>,
    /// Patterns, as in `.gitignore`, of files whose change sets off nothing.
    #[serde(default)]
    #[schemars(with = "Vec<Pattern>")]
    pub ignore: Vec<String>,
    /// Modules whose changes count too.
    #[serde(default)]
    pub also: Vec<PartName>,
    /// When the command is restarted: right after a good build, with lint and test beside the new process, or only after
    /// all steps have passed.
    #[serde(default)]
    pub restart: RestartWhen,
}

/// When a module's command is restarted in its loop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartWhen {
    /// After the build; lint and test follow beside the new process.
    #[default]
    AfterBuild,
    /// After lint and test, and only if they have passed.
    AfterTests,
}

/// A step of a module's loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepName {
    /// Compile.
    Build,
    /// Check style.
    Lint,
    /// Test.
    Test,
}

/// How a module's released image is made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Image that the artifacts are laid on: the module's own or an ancestor [default: the image's].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageName>,
    /// Shell command that installs what the release needs [default: `deps.install`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub install: Option<String>,
    /// Shell command that makes the artifacts [default: the module's `build`, else the image's].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub build: Option<String>,
    /// Paths below the module's folder that are released [default: the image's].
    #[serde(default)]
    pub artifacts: Vec<RelPath>,
    /// Command that starts the released module [default: the module's `run`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub run: Option<String>,
}
