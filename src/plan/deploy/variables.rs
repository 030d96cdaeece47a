//! The values of variables that are written with `${…}`, from the environment of the person who deploys. Pure.

use std::collections::BTreeMap;

use crate::config::project::Project;
use crate::names::PartName;
use crate::plan::environment::target::Target;
use crate::plan::parts::Environment;

/// The values by part; `environment` has the texts that were written.
#[must_use]
pub fn values(
    project: &Project,
    target: &Target,
    environment: &Environment,
) -> BTreeMap<PartName, BTreeMap<String, String>> {
    let file = &project.file;
    let value = |part: &PartName, name: &String| {
        let own = file.modules.get(part).map(|module| &module.env);
        let own = own.or_else(|| file.services.get(part).map(|service| &service.env));
        target.settings.env.get(part).and_then(|env| env.get(name)).or_else(|| own?.get(name)).cloned()
    };
    let parts = environment.parts.values().map(|part| {
        let values = part.templates.keys().filter_map(|name| Some((name.clone(), value(&part.name, name)?)));
        (part.name.clone(), values.collect())
    });
    parts.collect()
}
