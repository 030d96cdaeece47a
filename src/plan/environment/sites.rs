//! Folders that the gateway serves itself. Pure.

use crate::config::model::module::{Module, ModuleMode};
use crate::config::project::Project;
use crate::names::PartName;

/// Where the gateway has the folders, each below the name of its module.
pub const SITES: &str = "/srv/sites";

/// The modules that are not switched off.
pub fn sites(project: &Project) -> impl Iterator<Item = (&PartName, &Module)> {
    project.sites.iter().filter(|(_, module)| module.mode != ModuleMode::Off)
}

/// The folder of a module, in the gateway's container: the folder above it is mounted, since a build may replace it.
#[must_use]
pub fn root(name: &PartName, module: &Module) -> String {
    let path = module.path.as_str();
    format!("{SITES}/{name}/{}", path.rsplit('/').next().unwrap_or(path))
}
