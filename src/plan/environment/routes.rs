//! The routes that the gateway serves.

use crate::config::model::module::Module;
use crate::config::project::Project;
use crate::names::PartName;
use crate::plan::environment::enabled::enabled_modules;
use crate::plan::environment::sites;
use crate::plan::parts::Route;

/// Routes of the enabled modules, longest path first.
#[must_use]
pub fn routes(project: &Project, host: &str) -> Vec<Route> {
    let served = enabled_modules(project).filter_map(|(name, module)| {
        let port = module.port?.get();
        Some(Route { upstream_host: name.to_string(), upstream_port: port, ..route(name, module, host)? })
    });
    let sites = sites::sites(project).filter_map(|(name, module)| {
        Some(Route { root: Some(sites::root(name, module)), ..route(name, module, host)? })
    });
    let mut routes: Vec<Route> = served.chain(sites).collect();
    routes.sort_by(|one, other| other.path.len().cmp(&one.path.len()).then_with(|| one.name.cmp(&other.name)));
    routes
}

/// A module's route, which leads nowhere yet.
fn route(name: &PartName, module: &Module, host: &str) -> Option<Route> {
    let route = module.route.as_ref()?;
    Some(Route {
        name: name.to_string(),
        path: route.path.clone().unwrap_or_default(),
        host: route.host.as_ref().map(|label| format!("{label}.{host}")).unwrap_or_default(),
        upstream_host: String::new(),
        upstream_port: 0,
        root: None,
    })
}
