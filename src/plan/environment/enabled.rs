//! Which modules and services an environment has.

use crate::config::model::file::{Service, ServiceMode};
use crate::config::model::module::{Module, ModuleMode};
use crate::config::project::Project;
use crate::names::PartName;
use crate::plan::environment::sites;

/// Modules that are not switched off.
pub fn enabled_modules(project: &Project) -> impl Iterator<Item = (&PartName, &Module)> {
    project.file.modules.iter().filter(|(_, module)| module.mode != ModuleMode::Off)
}

/// Services that are not switched off and are ours to run.
pub fn enabled_services(project: &Project) -> impl Iterator<Item = (&PartName, &Service)> {
    let services = project.file.services.iter();
    services.filter(|(_, service)| service.mode != ServiceMode::Off && service.external.is_none())
}

/// Whether anything is served by the gateway.
pub(super) fn has_gateway(project: &Project) -> bool {
    enabled_modules(project).any(|(_, module)| module.route.is_some()) || sites::sites(project).next().is_some()
}
