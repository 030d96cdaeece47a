//! How tasks make the released images of modules: from what stands in the checkout, marked where that is not committed.

use std::collections::BTreeMap;

use crate::apply::release::recipes as of_parts;
use crate::apply::release::sources::{Changes, sources};
use crate::apply::session::Session;
use crate::error::Result;
use crate::names::TaskName;
use crate::plan::release::local;
use crate::plan::release::recipe::Recipe;
use crate::plan::tasks::graph::TaskGraph;

/// How the images of tasks are made.
pub type Recipes = BTreeMap<TaskName, Recipe>;

/// The recipes of all tasks of a graph that release a module.
pub async fn recipes(session: &Session, graph: &TaskGraph) -> Result<Recipes> {
    let wanted = graph.0.values().filter_map(|node| Some((node.release.as_ref()?, &node.name)));
    let wanted: BTreeMap<_, _> = wanted.collect();
    if wanted.is_empty() {
        return Ok(Recipes::new());
    }
    for name in wanted.keys() {
        session.part(name.as_str())?;
    }
    let team = session.checkout.team()?;
    local::same_images(&team.file, &session.checkout.project.file)?;
    let modules = of_parts::modules(&team.file);
    let modules: Vec<_> = modules.into_iter().filter(|(name, _)| wanted.contains_key(name)).collect();
    let configuration = of_parts::configuration(session.checkout.name(), &team);
    let found = sources(&session.checkout.root, &modules, &configuration, Changes::Marked).await?;
    let all = of_parts::of_modules(&team, &session.images, &found)?;
    Ok(all.into_iter().filter_map(|(part, recipe)| Some(((*wanted.get(&part)?).clone(), recipe))).collect())
}
