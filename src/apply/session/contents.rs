//! Reads what an environment depends on in files of the checkout, as digests.

use std::collections::BTreeMap;

use crate::apply::session::checkout::Checkout;
use crate::apply::session::gateway::Site;
use crate::config::model::local::Permission;
use crate::config::model::module::Module;
use crate::config::model::values::RelPath;
use crate::error::Result;
use crate::host::files::places;
use crate::host::ignore::source::SourceFolder;
use crate::host::ignore::tree;
use crate::host::{checkout, files, git};
use crate::names::PartName;
use crate::plan::environment;
use crate::plan::environment::contents::Contents;
use crate::plan::environment::git::Repository;
use crate::plan::mirror::copy::Selection;
use crate::plan::permissions::grants::Grants;
use crate::plan::release::recipe::Releases;

/// Digests of the files that the environment depends on.
pub(super) fn contents(checkout: &Checkout, site: &Site, grants: &Grants) -> Result<Contents> {
    let modules = || environment::enabled::enabled_modules(&checkout.project);
    let locks = modules().flat_map(|(_, module)| {
        let deps = module.deps.iter().flat_map(|deps| &deps.lock);
        deps.map(|file| module.path.join(file)).collect::<Vec<RelPath>>()
    });
    let mut sources = BTreeMap::new();
    // What a released task runs on is committed.
    for (name, module) in modules().filter(|(_, module)| module.is_task() && !checkout.target.releases(module)) {
        let source = SourceFolder::open(&checkout.root, &module.path, &Selection::default())?;
        let tree = tree::files(&source)?;
        let digests = tree.into_iter().map(|(path, file)| (path, file.digest)).collect();
        sources.insert(name.clone(), environment::contents::tree_digest(&digests, &module.inputs));
    }
    let folders = modules()
        .filter_map(|(name, module)| Some((name.clone(), files::identity(&checkout.root.join(module.path.as_str()))?)));
    let may_write = grants.allowed.contains(&Permission::ProjectSettings);
    let settings = modules()
        .filter(|_| !may_write)
        .map(|(name, module)| (name.clone(), places::settings_in(&module.path.at(&checkout.root))));
    Ok(Contents {
        settings: settings.collect(),
        files: checkout::digests(&checkout.root, locks)?,
        sources,
        folders: folders.collect(),
        repositories: modules().filter_map(|(name, module)| repository(checkout, name, module)).collect(),
        gateway: site.fingerprint.clone(),
        authorities: site.authorities_digest(),
        releases: Releases::new(),
    })
}

/// The repository that a module's folder lies in.
fn repository(checkout: &Checkout, name: &PartName, module: &Module) -> Option<(PartName, Repository)> {
    Some((name.clone(), git::repository(&checkout.root, &module.path.at(&checkout.root))?))
}
