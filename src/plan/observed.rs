//! One snapshot of the world: what the engine has of this checkout. Collected once per run, then only read.

#[cfg(test)]
pub(crate) mod samples;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Kind};
use crate::names::{ImageName, PartName};
use crate::plan::cause::Cause;
use crate::plan::mounts::VolumeClass;

/// The engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineInfo {
    /// Its own id.
    pub id: String,
    /// Version as three numbers.
    pub version: (u64, u64, u64),
    /// Platform of its containers, such as `linux/amd64`.
    pub platform: String,
    /// What it calls its machine, its kernel and its operating system.
    pub machine: [String; 3],
}

impl EngineInfo {
    /// Whether health checks may be quicker while a container starts (Engine 25).
    #[must_use]
    pub fn has_start_interval(&self) -> bool {
        self.version >= (25, 0, 0)
    }
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    /// It was never started.
    Created,
    /// It runs.
    Running,
    /// It ended with this code.
    Exited(i64),
    /// Its processes are frozen.
    Paused,
    /// The engine is about to start it again.
    Restarting,
    /// It is being removed, or could not be removed whole.
    Removing,
}

impl ContainerState {
    /// Whether it has processes, and with them its ports.
    #[must_use]
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }
}

/// The code of a program that did as it was told by a stop: 128 and the number of SIGTERM.
pub const STOPPED: i64 = 143;

/// Whether this exit code is a program's own word that something went wrong: it was neither stopped nor killed, by
/// Ctrl-C (130), for want of time or memory (137) or in order (143).
#[must_use]
pub fn has_failed(code: i64) -> bool {
    !matches!(code, 0 | 130 | 137 | STOPPED)
}

/// What the engine's own health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineHealth {
    /// There is none, or not yet.
    Unknown,
    /// It has not said anything for good yet.
    Starting,
    /// It says yes.
    Healthy,
    /// It says no.
    Unhealthy,
}

/// What a container is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// A part runs in it.
    #[default]
    Part,
    /// A command uses it that still runs, such as `devenv run`.
    InUse,
    /// The same, but it installs dependencies, which only one should do at a time.
    Installing,
    /// A command that was killed has left it.
    LeftOver,
}

/// A container of the checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Engine's id.
    pub id: String,
    /// Engine's name.
    pub name: String,
    /// The checkout that owns it.
    pub checkout: String,
    /// What runs in it, as its label says.
    pub part: String,
    /// Its definition's label.
    pub definition: String,
    /// What it does.
    pub state: ContainerState,
    /// What the engine's check says.
    pub health: EngineHealth,
    /// The engine's own words for the two, such as `Up 3 minutes (healthy)`.
    pub status: String,
    /// What it is there for.
    pub role: Role,
    /// Addresses in the environment's network.
    pub address: Option<String>,
    /// The networks that it was connected to: name → id.
    pub networks: BTreeMap<String, String>,
    /// Names of the volumes that are mounted.
    pub volumes: Vec<String>,
    /// Image reference that it was created with.
    pub image: String,
    /// Id of the image that this was then.
    pub image_id: String,
}

impl Container {
    /// Whether compose made it to replace another one and was killed before it had: until then its name is
    /// `<id of the other>_<name>`.
    #[must_use]
    pub fn is_half_replaced(&self) -> bool {
        let prefix = self.name.split_once('_').map(|(prefix, _)| prefix);
        prefix.is_some_and(|prefix| prefix.len() == 12 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }
}

/// An image of the hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Engine's id.
    pub id: String,
    /// The node that it is.
    pub name: Option<ImageName>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What it was made from.
    pub inputs: BTreeMap<String, String>,
    /// Digest of all that it was made from.
    pub fingerprint: String,
    /// The packages that it turned out to hold.
    pub packages: Packages,
    /// Seconds since 1970.
    pub created: i64,
    /// Bytes, with all layers.
    pub size: i64,
}

/// An image's packages, as its labels have them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages {
    /// Digest of the list; empty where the image carries none.
    pub digest: String,
    /// The list; empty where it was too long for a label.
    pub list: String,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Engine's id.
    pub id: String,
    /// Engine's name.
    pub name: String,
    /// The checkout that owns it.
    pub checkout: Option<String>,
    /// The compose project that it was made for.
    pub project: Option<String>,
    /// Its subnets.
    pub subnets: Vec<String>,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Engine's name.
    pub name: String,
    /// The checkout that owns it; a cache has none.
    pub checkout: Option<String>,
    /// Folder of that checkout.
    pub path: String,
    /// Its class, as its label says.
    pub class: String,
    /// Major version of what wrote it.
    pub major: Option<String>,
    /// The compose project that it was made for.
    pub project: Option<String>,
}

/// What the engine has, of all checkouts: seen before it is known which of it is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    /// The engine.
    pub engine: EngineInfo,
    /// Containers that devenv made.
    pub containers: Vec<Container>,
    /// Volumes that devenv made.
    pub volumes: Vec<Volume>,
    /// All networks.
    pub networks: Vec<Network>,
    /// Images of the project's hierarchy.
    pub images: Vec<Image>,
    /// Images of other projects' hierarchies: `NAME:FINGERPRINT` → id.
    pub elsewhere: BTreeMap<String, String>,
    /// Tags and digests of all images.
    pub tags: BTreeSet<String>,
    /// Ids of all images, by tag and by digest.
    pub image_ids: BTreeMap<String, String>,
}

impl World {
    /// What belongs to one checkout.
    #[must_use]
    pub fn of(self, checkout: &str) -> Observed {
        let id = &checkout[..checkout.len().min(6)];
        // Of what compose has made for a fragment only its project says whose it is: `NAME-ID`.
        let ours = |owner: &Option<String>, project: &Option<String>| match owner {
            Some(owner) => owner == checkout,
            None => project
                .as_deref()
                .and_then(|name| name.rsplit_once('-'))
                .is_some_and(|(_, end)| end == id && id.len() == 6),
        };
        Observed {
            engine: self.engine,
            image_ids: self.image_ids,
            network_ids: self.networks.iter().map(|network| network.id.clone()).collect(),
            containers: self.containers.into_iter().filter(|container| container.checkout == checkout).collect(),
            images: self.images,
            elsewhere: self.elsewhere,
            tags: self.tags,
            volumes: self
                .volumes
                .into_iter()
                .filter(|volume| volume.class == VolumeClass::Cache.as_str() || ours(&volume.checkout, &volume.project))
                .map(|volume| (volume.name.clone(), volume))
                .collect(),
            networks: self.networks.into_iter().filter(|one| ours(&one.checkout, &one.project)).collect(),
            ..Observed::default()
        }
    }
}

/// Everything that was seen of one checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The engine.
    pub engine: EngineInfo,
    /// Containers of the checkout, one-offs included.
    pub containers: Vec<Container>,
    /// Images of the project's hierarchy.
    pub images: Vec<Image>,
    /// Images of other projects' hierarchies: `NAME:FINGERPRINT` → id.
    pub elsewhere: BTreeMap<String, String>,
    /// Tags of all images that the engine has, ours or not.
    pub tags: BTreeSet<String>,
    /// Ids of all images, by tag and by digest.
    pub image_ids: BTreeMap<String, String>,
    /// Ids of all networks that the engine has, ours or not.
    pub network_ids: BTreeSet<String>,
    /// Volumes of the checkout, and shared caches.
    pub volumes: BTreeMap<String, Volume>,
    /// Networks of the checkout.
    pub networks: Vec<Network>,
    /// Tags that the registry has, of those that the engine lacks, with the digest of each there.
    pub in_registry: BTreeMap<String, String>,
    /// Stamp of each module's dependencies, by part.
    pub stamps: BTreeMap<PartName, String>,
    /// Tasks that have no container which has ended well, and were done on the data that is there: with which definition,
    /// as its label says.
    pub done: BTreeMap<PartName, String>,
    /// Running parts that answered a probe just now.
    pub ready: BTreeSet<PartName>,
    /// Digest of the configuration that the running gateway has read.
    pub gateway: Option<String>,
}

/// Nothing was created for a part yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` has no container yet")]
pub struct NoContainer(pub PartName);

impl NoContainer {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("`devenv up {}` creates it", self.0)
    }
}

impl From<NoContainer> for Error {
    fn from(error: NoContainer) -> Self {
        let hint = error.hint();
        Self::new(Kind::Failed, error).hint(hint)
    }
}

impl Observed {
    /// The containers of a part.
    pub fn containers_of(&self, part: &PartName) -> impl Iterator<Item = &Container> {
        self.containers.iter().filter(|container| container.role == Role::Part && container.part == part.as_str())
    }

    /// The container of a part; of several, one.
    #[must_use]
    pub fn container(&self, part: &PartName) -> Option<&Container> {
        self.containers_of(part).next()
    }

    /// The same where there must be one.
    pub fn created(&self, part: &PartName) -> Result<&Container, NoContainer> {
        self.container(part).ok_or_else(|| NoContainer(part.clone()))
    }

    /// The parts that run.
    #[must_use]
    pub fn running(&self) -> Vec<PartName> {
        let running =
            self.containers.iter().filter(|one| one.state == ContainerState::Running && one.role == Role::Part);
        running.filter_map(|one| PartName::new(one.part.as_str()).ok()).collect()
    }

    /// The newest image of a node, whatever it was made from.
    #[must_use]
    pub fn latest(&self, name: &ImageName) -> Option<&Image> {
        let of_name = self.images.iter().filter(|image| image.name.as_ref() == Some(name));
        of_name.max_by_key(|image| image.created)
    }

    /// Whether anything of the checkout runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.containers.iter().any(|container| container.state.is_alive())
    }

    /// Why a container cannot go on although its definition is right: a network or an image that it refers to by id is
    /// not there any more under its name.
    #[must_use]
    pub fn detached(&self, container: &Container) -> Option<Cause> {
        let gone = |(_, id): &(&String, &String)| !id.is_empty() && !self.network_ids.contains(*id);
        if let Some((name, _)) = container.networks.iter().find(gone) {
            return Some(Cause::NetworkRemoved(name.clone()));
        }
        let now = self.image_ids.get(&container.image)?;
        (!container.image_id.is_empty() && *now != container.image_id)
            .then(|| Cause::ImageReplaced(container.image.clone()))
    }
}
