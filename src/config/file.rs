//! What a person may write in `devenv.yaml` and `devenv.local.yaml`. These types make the JSON Schema, the
//! table that the files are checked against, and the values that everything else reads. No decisions here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::grammar::{
    AnyText, ContainerPath, HostName, ImageReference, Package, Pattern, Registry, RequestPath, SecretName, Shell, Url,
    Variable, Versions, VolumePath,
};
use crate::config::prod::Prod;
use crate::config::values::{Command, Duration, Occasions, Port, RelPath, Route};
use crate::names::{ImageName, PartName, ProjectName};

/// `devenv.yaml`: the environment that a team commits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectFile {
    /// Name of the product; the gateway's host, image names and volumes follow from it.
    pub project: ProjectName,
    /// Versions of devenv that this file works with, such as `>=0.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Versions>")]
    pub requires: Option<String>,
    /// Where built images are shared, such as `registry.example.com/shop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Registry>")]
    pub registry: Option<String>,
    /// Folder whose `images/`, `compose/`, `templates/` and `certs/` win over the embedded ones.
    #[serde(default = "default_files")]
    pub files: RelPath,
    /// Compose files of the team, laid over the generated ones.
    #[serde(default)]
    pub compose: Vec<RelPath>,
    /// Images added to the hierarchy, and changes of the built-in ones.
    #[serde(default)]
    pub images: BTreeMap<ImageName, Image>,
    /// Parts of the team's own source.
    #[serde(default)]
    pub modules: BTreeMap<PartName, Module>,
    /// Parts that the team did not write.
    #[serde(default)]
    pub services: BTreeMap<PartName, Service>,
    /// The reverse proxy in front of the modules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// What production must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prod: Option<Prod>,
    /// Who is told when a step of a module's loop fails, and when it is mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// How source reaches the containers, where a module does not say otherwise.
    #[serde(default)]
    pub mirror: Mirror,
}

pub(crate) fn default_files() -> RelPath {
    RelPath::new("devenv").unwrap_or_default()
}

/// A node of the image hierarchy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The image that this one is built from [default: the built-in's own parent].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ImageName>,
    /// Packages of the operating system to add.
    #[serde(default)]
    #[schemars(with = "Vec<Package>")]
    pub packages: Vec<String>,
    /// Build arguments; never secrets, they stay readable in the image.
    #[serde(default)]
    #[schemars(with = "BTreeMap<Variable, AnyText>")]
    pub args: BTreeMap<String, String>,
}

/// A part of the team's own source that runs in a container made from an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Folder of the source; in the container it is below `/srv`, under its own name.
    pub path: RelPath,
    /// Image that the module runs in.
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
    /// Shell command that the module is.
    #[schemars(with = "Shell")]
    pub run: String,
    /// Who restarts the command after a change.
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
    /// What happens when a file changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// Port that the command listens on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// How to see that the module is ready [default: `port` accepts connections].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Where the gateway sends requests from: a path such as `/api`, `{host: api}`, or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// Modules and services that must be ready first; their addresses arrive as variables.
    #[serde(default)]
    pub needs: Vec<PartName>,
    /// Environment variables.
    #[serde(default)]
    #[schemars(with = "BTreeMap<Variable, AnyText>")]
    pub env: BTreeMap<String, String>,
    /// How the source reaches the container [default: as for all modules].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Mirror>,
    /// Files that come back to the checkout when the container changes them.
    #[serde(default)]
    pub outputs: Vec<RelPath>,
    /// Short cuts for `devenv shell NAME:SHORTCUT`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<PartName, ContainerPath>")]
    pub paths: BTreeMap<String, String>,
    /// True for a task that runs to its end and not again while its inputs are the same.
    #[serde(default)]
    pub once: bool,
    /// How the released image is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
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

/// Whether a service runs on this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceMode {
    /// It runs.
    #[default]
    On,
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
    /// Patterns, as in `.gitignore`, of files whose change means nothing.
    #[serde(default)]
    #[schemars(with = "Vec<Pattern>")]
    pub ignore: Vec<String>,
    /// Modules whose changes count too.
    #[serde(default)]
    pub also: Vec<PartName>,
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

/// How a module's released image is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Image that the artifacts are laid on: the module's own or an ancestor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageName>,
    /// Shell command that makes the artifacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Shell>")]
    pub build: Option<String>,
    /// Paths below the module's folder that are released.
    #[serde(default)]
    pub artifacts: Vec<RelPath>,
}

/// A part that the team did not write: exactly one of `preset`, `image`, `external`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// A service that devenv knows: `postgres`, `redis`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Any image, by name; pinned by digest in `devenv.lock`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ImageReference>")]
    pub image: Option<String>,
    /// Address of something that is not ours to run, only to wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Url>")]
    pub external: Option<String>,
    /// Whether it runs here.
    #[serde(default)]
    pub mode: ServiceMode,
    /// File that fills a new database, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<RelPath>,
    /// Port that it listens on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// Command in place of the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// How to see that it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Modules and services that must be ready first.
    #[serde(default)]
    pub needs: Vec<PartName>,
    /// Environment variables.
    #[serde(default)]
    #[schemars(with = "BTreeMap<Variable, AnyText>")]
    pub env: BTreeMap<String, String>,
    /// Data volumes: name to path in the container.
    #[serde(default)]
    #[schemars(with = "BTreeMap<PartName, VolumePath>")]
    pub volumes: BTreeMap<PartName, String>,
}

/// The reverse proxy in front of the modules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Host name below `localhost` [default: the project's name].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<PartName>,
    /// Further names that lead to the same place, such as `dev.acme.internal`; below another domain than `localhost` and
    /// `test`, they need `devenv certs add-zone`.
    #[serde(default)]
    #[schemars(with = "Vec<HostName>")]
    pub aliases: Vec<String>,
}

/// Who is told when the result of a step changes: each way that is named.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Which changes are told: `failed`, `fixed` or `any`, one or a list [default: any].
    #[serde(default)]
    pub on: Occasions,
    /// Show it on the desktop, where there is one.
    #[serde(default)]
    pub desktop: bool,
    /// Address that gets a POST request with JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Url>")]
    pub webhook: Option<String>,
    /// Command in a running container; it finds DEVENV_MODULE, DEVENV_STEP, DEVENV_RESULT and DEVENV_TEXT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<NotifyCommand>,
}

/// A command that tells somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifyCommand {
    /// Module or service whose container it runs in.
    #[serde(rename = "in")]
    pub part: PartName,
    /// Shell command.
    #[schemars(with = "Shell")]
    pub run: String,
}

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

/// How source reaches a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mirror {
    /// `bind` where engine and checkout share a kernel, else `sync`.
    #[default]
    Auto,
    /// A bind mount.
    Bind,
    /// A copy that devenv keeps equal.
    Sync,
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
