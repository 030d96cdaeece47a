//! Which parts listen on a port: of this machine, or in their container.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::file::Service;
use crate::config::model::values::Port;
use crate::config::project::Project;
use crate::names::{PAGE, PartName};
use crate::plan::environment::enabled::{enabled_modules, enabled_services, has_gateway};
use crate::plan::environment::target::Base;
use crate::plan::identity::PortWish;
use crate::plan::parts::{GATEWAY, GATEWAY_HTTP, GATEWAY_PORTS};
use crate::plan::presets::Preset;

/// The parts that listen on a port of this machine, in the order in which they choose one: in an environment that is made
/// for a platform, the gateway alone.
pub fn wishes(
    project: &Project,
    base: Base,
    known: &BTreeMap<String, Preset>,
    ours: &BTreeSet<PartName>,
) -> Vec<PortWish> {
    let mut wishes = Vec::new();
    let mut wish = |name: &str, holder: &PartName, preferred: u16| {
        // The configuration was checked: each port has a name of its own.
        let Ok(part) = PartName::new(name) else { return };
        let fixed = project.local.ports.get(&part).map(|port| port.get());
        wishes.push(PortWish { part, preferred, fixed, ours: ours.contains(holder) });
    };
    if let Ok(gateway) = PartName::new(GATEWAY)
        && has_gateway(project)
    {
        wish(GATEWAY, &gateway, GATEWAY_PORTS.0);
        wish(GATEWAY_HTTP, &gateway, GATEWAY_PORTS.1);
    }
    if base == Base::Prod {
        return wishes;
    }
    for (name, service) in enabled_services(project) {
        if let Some(port) = service_port(service, known) {
            wish(name.as_str(), name, port);
        }
        let preset = service.preset.as_ref().and_then(|preset| known.get(preset));
        if let Some(page) = preset.and_then(|preset| preset.page) {
            wish(&name.of_port(PAGE), name, page.get());
        }
    }
    for (name, module) in enabled_modules(project) {
        if let Some(port) = module.port {
            wish(name.as_str(), name, port.get());
        }
        for (further, port) in &module.ports {
            wish(&name.of_port(further.as_str()), name, port.port.get());
        }
    }
    wishes
}

/// The port in its container on which others reach a module or a service.
pub(super) fn inner_port(project: &Project, presets: &BTreeMap<String, Preset>, part: &PartName) -> Option<u16> {
    if let Some(module) = project.file.modules.get(part) {
        return module.port.map(Port::get);
    }
    service_port(project.file.services.get(part)?, presets)
}

/// A service's own port, else its preset's.
pub(super) fn service_port(service: &Service, presets: &BTreeMap<String, Preset>) -> Option<u16> {
    let preset = service.preset.as_ref().and_then(|preset| presets.get(preset));
    service.port.or(preset.map(|preset| preset.port)).map(Port::get)
}
