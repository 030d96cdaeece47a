//! What a configuration is read from: texts, variables, and what they may name.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::version::Version;
use crate::names::ImageName;

/// One configuration file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Name for messages, such as `devenv.yaml`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The texts and variables that a project is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// devenv.yaml.
    pub main: &'a InputFile,
    /// devenv.local.yaml, if there is one.
    pub local: Option<&'a InputFile>,
    /// Variables for `${…}`.
    pub env: &'a BTreeMap<String, String>,
}

/// What this devenv brings along: names that a configuration may refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownNames {
    /// Images that need no entry, with their parents.
    pub images: BTreeMap<ImageName, Option<ImageName>>,
    /// Presets of services.
    pub presets: BTreeSet<String>,
    /// Those of the presets that take a `seed`.
    pub seeded: BTreeSet<String>,
    /// Those of the presets that have a page for people.
    pub with_page: BTreeSet<String>,
    /// Those of the presets that keep data.
    pub with_data: BTreeSet<String>,
    /// The credentials of each preset that has any.
    pub credentials: BTreeMap<String, BTreeSet<String>>,
    /// What a service of each preset offers to those that need it.
    pub offers: BTreeMap<String, BTreeSet<String>>,
    /// The version that runs.
    pub version: Version,
}
