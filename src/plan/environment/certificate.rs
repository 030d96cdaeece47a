//! The environment's certificate: where parts find it, and which names it is for.

use std::collections::BTreeSet;

use crate::config::project::Project;
use crate::plan::certs;
use crate::plan::certs::zones::aliases;
use crate::plan::environment::enabled::{enabled_modules, enabled_services};
use crate::plan::parts::GATEWAY;

/// Where a part finds the environment's certificate, `cert.pem`, and its key, `key.pem`.
pub const CERTS: &str = "/run/devenv/certs";

/// The names that the environment's certificate is for.
#[must_use]
pub fn certificate_names(project: &Project, host: &str) -> BTreeSet<String> {
    let modules = enabled_modules(project).map(|(name, _)| name.as_str());
    let services = enabled_services(project).map(|(name, _)| name.as_str());
    let mut names = certs::names(host, project.file.project.as_str(), modules.chain(services).chain([GATEWAY]));
    names.extend(aliases(project).iter().filter(|alias| certs::domains::is_machines(alias)).cloned());
    names
}
