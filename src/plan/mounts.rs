//! What is mounted into containers: folders of the machine, volumes with what they are for, and what a change means.

use serde::Serialize;

/// A folder in a container that comes from elsewhere. Only folders: a mounted file keeps showing the old inode after
/// a rename.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it comes from.
    pub source: MountSource,
    /// Absolute path in the container.
    pub target: String,
    /// Whether the container may write.
    pub writable: bool,
    /// What a change of its content means.
    pub class: MountClass,
}

/// Where a mount comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A folder of this machine.
    Folder(String),
    /// A volume, by name.
    Volume(String),
    /// Nowhere: an empty folder in memory, which covers what would be there.
    Memory,
}

/// What a change of a mounted folder's content means for its container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountClass {
    /// Nothing.
    Ignore,
    /// The container reloads; the digest is of the content.
    Reload(String),
    /// The container is recreated; the digest is of the content.
    Recreate {
        /// What it is, for whoever reads why.
        what: &'static str,
        /// The digest of the content.
        digest: String,
    },
}

/// What a volume is for; decides who owns it and what deletes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VolumeClass {
    /// Downloads, shared by all modules of a language in all checkouts of this user.
    Cache,
    /// Installed dependencies of one module.
    Deps,
    /// What must not be lost.
    Data,
    /// A copy of source, which the checkout has.
    Mirror,
}

impl VolumeClass {
    /// The word on the label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Deps => "deps",
            Self::Data => "data",
            Self::Mirror => "mirror",
        }
    }
}

/// A volume that devenv makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its name in the engine.
    pub name: String,
    /// What it is for.
    pub class: VolumeClass,
    /// Major version of the service that writes it.
    pub major: Option<String>,
    /// Owner of a new volume's root; `None` leaves it to the image.
    pub owner: Option<(u32, u32)>,
}
