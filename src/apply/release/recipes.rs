//! How every part of a product is released: its modules, and the gateway with its configuration.

use std::collections::BTreeMap;

use crate::apply::release::sources::ReleaseSources;
use crate::assets::{Assets, FOLDERS};
use crate::config::model::file::ProjectFile;
use crate::config::model::module::Module;
use crate::config::model::values::RelPath;
use crate::config::project::Project;
use crate::error::Result;
use crate::host::checkout;
use crate::names::{ImageName, PartName};
use crate::plan::certs::inner;
use crate::plan::environment::routes;
use crate::plan::environment::sites::sites;
use crate::plan::images::Hierarchy;
use crate::plan::parts::{GATEWAY, GATEWAY_CONFIGURATION};
use crate::plan::release::recipe::Recipe;
use crate::plan::release::recipe_error::RecipeError;
use crate::plan::release::source::Source;
use crate::render;

/// Recipes by part.
pub type Recipes = BTreeMap<PartName, Recipe>;

/// The modules that are released: those that the team has not switched off.
#[must_use]
pub fn modules(file: &ProjectFile) -> Vec<(&PartName, &Module)> {
    use crate::config::model::module::ModuleMode;
    file.modules.iter().filter(|(_, module)| module.mode != ModuleMode::Off).collect()
}

/// The files that decide how modules are released; `main` is the configuration.
#[must_use]
pub fn configuration(main: &str, project: &Project) -> Vec<RelPath> {
    let files = &project.file.files;
    let files = FOLDERS.iter().filter_map(|folder| Some(files.join(&RelPath::new(folder).ok()?).to_string()));
    let names = [main.to_owned(), checkout::LOCK.to_owned()].into_iter().chain(files);
    names.filter_map(|name| RelPath::new(name).ok()).collect()
}

/// The recipes of modules; the project is the team's.
pub fn of_modules(project: &Project, images: &Hierarchy, sources: &ReleaseSources) -> Result<Recipes> {
    let mut recipes = Recipes::new();
    for (name, source) in &sources.modules {
        if let Some(module) = project.file.modules.get(name) {
            recipes.insert(name.clone(), Recipe::new(project, images, (name, module), source)?);
        }
    }
    Ok(recipes)
}

/// Why the gateway is not released: it serves a folder of this machine.
#[must_use]
pub fn static_site(project: &Project) -> Option<RecipeError> {
    let (module, _) = sites(project).next()?;
    let place = project.place(&["modules", module.as_str()]);
    let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
    Some(RecipeError::StaticSite { place, module: module.clone() })
}

/// The recipe of the gateway; none where nothing is routed.
pub fn of_gateway(project: &Project, images: &Hierarchy, assets: &Assets, source: &Source) -> Result<Option<Recipe>> {
    let routes = routes::routes(project, render::gateway::ANY_HOST);
    if let Some(error) = static_site(project) {
        return Err(error.into());
    }
    let (Ok(name), Ok(image)) = (PartName::new(GATEWAY), ImageName::new(GATEWAY)) else { return Ok(None) };
    let Some(node) = images.get(&image).filter(|_| !routes.is_empty()) else { return Ok(None) };
    let text = render::gateway::released(&routes, &inner(project.file.project.as_str()), assets)?;
    let file = (GATEWAY_CONFIGURATION, text.as_str());
    Ok(Some(Recipe::of_gateway(project, images, &name, node, file, source)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::environment::samples::project;

    #[test]
    fn a_static_site_is_not_released_and_one_that_is_off_is_in_nobodys_way() {
        let text =
            |more: &str| format!("project: shop\nmodules:\n  site: {{path: dist, serve: static, route: /{more}}}\n");
        let error = static_site(&project(&text(""))).unwrap();
        assert_eq!(
            error.to_string(),
            "devenv.yaml:3: the static site `site` is not released: only this machine's gateway serves it"
        );
        assert_eq!(static_site(&project(&text(", mode: off"))), None);
    }
}
