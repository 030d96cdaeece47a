//! Text and path facts become a [`project::Project`]. Pure: reads no file, no clock, no environment.
//!
//! ```text
//! bytes → text → tree → interpolated → checked → merged → references → paths → structs
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::config::draft::Draft;
use crate::config::version::Version;
use crate::names::ImageName;

mod bytes;
mod check;
pub mod compose_variables;
pub mod draft;
pub mod edit;
pub mod file;
pub mod fragment;
mod grammar;
mod image;
mod interpolate;
pub mod local;
mod merge;
pub mod mirror;
pub mod module;
mod nearest;
mod nix;
pub mod once;
mod origin;
mod parse;
pub mod paths;
pub mod place;
pub mod problems;
pub mod prod;
pub mod project;
mod quote;
pub mod reference;
mod references;
mod scalar;
pub mod schema;
pub mod snapshot;
mod syntax;
mod table;
mod tree;
pub mod typed;
pub mod values;
pub mod version;
pub mod yaml;

/// One configuration file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Name for messages, such as `devenv.yaml`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What a project is made from, besides facts about paths.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// devenv.yaml.
    pub main: &'a Source,
    /// devenv.local.yaml, if there is one.
    pub local: Option<&'a Source>,
    /// Variables for `${…}`.
    pub env: &'a BTreeMap<String, String>,
    /// What this devenv brings along.
    pub known: &'a Known,
}

/// What this devenv brings along: names that a configuration may refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Images that need no entry, with their parents.
    pub images: BTreeMap<ImageName, Option<ImageName>>,
    /// Presets of services.
    pub presets: BTreeSet<String>,
    /// Those of the presets that take a `seed`.
    pub seeded: BTreeSet<String>,
    /// The credentials of each preset that has any.
    pub credentials: BTreeMap<String, BTreeSet<String>>,
    /// The version that runs.
    pub version: Version,
}

/// Reads the files as far as text alone goes; [`Draft::finish`] says what is wrong.
#[must_use]
pub fn read(setting: Setting<'_>) -> Draft {
    Draft::new(setting)
}

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod reading;

pub use references::is_reserved;
