//! What a person may write in `devenv.yaml`: the whole, images, services and what is not of one part; modules and
//! `devenv.local.yaml` have files of their own. These types make the JSON Schema, the table that the files are checked
//! against, and the values that everything else reads. No decisions here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::model::environment::EnvironmentSettings;
use crate::config::model::feature::Feature;
use crate::config::model::health::Health;
use crate::config::model::mirror::Mirror;
use crate::config::model::module::Module;
use crate::config::model::occasions::Occasions;
use crate::config::model::snapshot::Snapshot;
use crate::config::model::task::Task;
use crate::config::model::values::{Command, Port, RelPath};
use crate::config::schema::grammar::{
    AccountName, AnyText, CiEntry, EnvName, HostName, ImageReference, Package, PublicKey, Registry, Shell, Stage, Url,
    Variable, Versions, VolumePath,
};
use crate::names::{EnvironmentName, FeatureName, ImageName, PartName, ProjectName, SignerName};

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
    /// Keys whose signatures count for releases: name to public key (ECDSA P-256), as PEM or as the path of a file. With
    /// any, what is recorded in `registry` without one of their signatures opens no gate.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<SignerName, PublicKey>")]
    pub signers: BTreeMap<SignerName, String>,
    /// Archive of Debian's packages as they were on the day of `devenv.lock`, such as
    /// `https://archive.example.com/{date}/debian`, or a list; suite and components may follow each, and `[OPTIONS]` of
    /// apt come before it, which hold for builds alone.
    #[serde(default, skip_serializing_if = "Snapshot::is_empty")]
    pub snapshot: Snapshot,
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
    /// What differs between environments: `dev`, `ci`, `prod`, and the team's own, each `like` one of these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<EnvironmentName, EnvironmentSettings>,
    /// Feature gates: `owner`, `until` (a day), and for each environment `on` or `off` [default: off].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: BTreeMap<FeatureName, Feature>,
    /// Commands that run to completion in containers of their own, in a graph. Each module's `build`, `lint`, `test`
    /// and `release` are tasks too: `MODULE:STEP`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<PartName, Task>,
    /// What `devenv ci` runs: names of tasks, `*:STEP` for that step of all modules, and `check`
    /// [default: `check`, `*:lint` and `*:test`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<CiEntry>")]
    pub ci: Vec<String>,
    /// How to report a step of a module's loop that fails or passes again, and a part that dies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// How source reaches the containers, where a module does not say otherwise.
    #[serde(default)]
    pub mirror: Mirror,
    /// Windows of `devenv attach`, each with the parts that it shows [default: one for each module].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub screens: BTreeMap<PartName, Vec<PartName>>,
}

impl ProjectFile {
    /// The image of `images` that a service names, where it does.
    #[must_use]
    pub fn image_named(&self, image: &str) -> Option<&ImageName> {
        self.images.keys().find(|name| name.as_str() == image)
    }

    /// The third-party images that services run in, each with its service.
    pub fn images_of_others(&self) -> impl Iterator<Item = (&PartName, &String)> {
        let named = self.services.iter().filter_map(|(name, service)| Some((name, service.image.as_ref()?)));
        named.filter(|(_, image)| self.image_named(image).is_none())
    }
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
    /// A Dockerfile of the team's own, in any shape; with a `parent`, it has `ARG PARENT` and a `FROM ${PARENT}`
    /// [default: `Dockerfile` in `context`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<RelPath>,
    /// The folder that such a Dockerfile takes files from, except those that its `.dockerignore` names
    /// [default: the folder of `dockerfile`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<RelPath>,
    /// The stage of such a Dockerfile that is built [default: the last one].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Stage>")]
    pub target: Option<String>,
}

impl Image {
    /// Dockerfile and context, where the image has ones of the team's own.
    #[must_use]
    pub fn own_build(&self) -> Option<(RelPath, RelPath)> {
        let folder = |file: &RelPath| {
            let above = file.as_str().rsplit_once('/').map_or(".", |(above, _)| above);
            RelPath::new(above).unwrap_or_default()
        };
        let usual = || RelPath::new("Dockerfile").unwrap_or_default();
        match (&self.dockerfile, &self.context) {
            (Some(file), Some(context)) => Some((file.clone(), context.clone())),
            (Some(file), None) => Some((file.clone(), folder(file))),
            (None, Some(context)) => Some((context.join(&usual()), context.clone())),
            (None, None) => None,
        }
    }
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

/// A part that the team did not write: exactly one of `preset`, `image`, `external`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// A service that devenv knows: `postgres`, `mariadb`, `redis`, `valkey`, `memcached`, `rabbitmq`, `nats`, `mosquitto`,
    /// `mail`, `s3`, or one of the team's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Any image, by name, pinned by digest in `devenv.lock`; or the name of one in `images`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ImageReference>")]
    pub image: Option<String>,
    /// Address of an existing service that devenv connects to but does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Url>")]
    pub external: Option<String>,
    /// Whether it runs here.
    #[serde(default)]
    pub mode: ServiceMode,
    /// Names that the service has for its `user`, its `database` and its `bucket` [default: the project's name].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<Variable, AccountName>")]
    pub credentials: BTreeMap<String, String>,
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
    #[schemars(with = "BTreeMap<EnvName, AnyText>")]
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

/// Whom to notify when the result of a step changes or a part dies: each way that is named.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// What is reported, one or a list: `failed` and `fixed` steps, a part that `died` unexpectedly or is in a crash
    /// loop, `error` lines of logs, or `any` of these but errors [default: any].
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
