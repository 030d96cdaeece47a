//! A checkout as its files have it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::assets::Assets;
use crate::config::project::Project;
use crate::plan::environment::presets::Preset;

/// A checkout as its files have it.
pub struct Checkout {
    /// Its folder.
    pub root: PathBuf,
    /// The configuration.
    pub project: Project,
    /// The files in force.
    pub assets: Assets,
    /// The presets in force.
    pub presets: BTreeMap<String, Preset>,
    /// What is worth a line about variables that stand in a file that nobody reads.
    pub unread: Vec<String>,
}
