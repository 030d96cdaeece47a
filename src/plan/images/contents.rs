//! An image as it is: what the engine says about it, and what lies in it. Pure.

use std::collections::BTreeMap;
use std::fmt;

use crate::labels;
use crate::plan::images::image_packages::Inventory;
use crate::plan::images::package_list::PackageList;

/// What the engine says about an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// Its id.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Digests of its layers, lowest first.
    pub layers: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Variables.
    pub env: BTreeMap<String, String>,
    /// User.
    pub user: String,
    /// Working directory.
    pub dir: String,
    /// Program in front of the command.
    pub entrypoint: Vec<String>,
    /// Command.
    pub command: Vec<String>,
    /// Ports, as `80/tcp`.
    pub ports: Vec<String>,
    /// Signal that ends it.
    pub stop_signal: String,
}

/// The module that an image was released from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released<'a> {
    /// `PROJECT/MODULE`.
    pub title: &'a str,
    /// The module, or `gateway`.
    pub part: &'a str,
    /// The commit; with `-dirty` behind it where the source was not as committed.
    pub revision: &'a str,
}

impl ImageFacts {
    /// Where a released image comes from; none for an image of the hierarchy, and for those of others.
    #[must_use]
    pub fn released(&self) -> Option<Released<'_>> {
        let label = |name: &str| self.labels.get(name).map(String::as_str);
        let part = label(labels::RELEASE)?;
        Some(Released {
            title: label(labels::oci::TITLE).unwrap_or_default(),
            part,
            revision: label(labels::oci::REVISION).unwrap_or_default(),
        })
    }

    /// The fingerprint; the id where devenv has not made the image.
    #[must_use]
    pub fn version(&self) -> &str {
        let own = if self.released().is_some() { labels::RELEASE_FINGERPRINT } else { labels::IMAGE_FINGERPRINT };
        self.labels.get(own).map_or(self.id.as_str(), String::as_str)
    }
}

/// The operating system's packages of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemPackages {
    /// With their versions.
    pub inventory: Inventory,
    /// The image's own record of where they came from.
    pub record: String,
}

impl SystemPackages {
    /// All of them, each with the digest that the record has for it.
    #[must_use]
    pub fn list(&self) -> PackageList {
        PackageList::added(&Inventory::default(), &self.inventory, &self.record)
    }
}

/// The files of an image, by path.
pub type Files = BTreeMap<String, ContainedFile>;

/// A file of an image, without its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainedFile {
    /// What it is.
    pub kind: FileKind,
    /// Its permissions.
    pub mode: u32,
    /// Numbers of its owner and group.
    pub owner: (u64, u64),
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A file, with the SHA-256 of its content.
    File(String),
    /// A folder.
    Folder,
    /// A symbolic link, with its target.
    Link(String),
    /// A device or a pipe.
    Special,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => f.write_str("a file"),
            Self::Folder => f.write_str("a folder"),
            Self::Link(target) => write!(f, "a link to {target}"),
            Self::Special => f.write_str("a device or a pipe"),
        }
    }
}
