//! Which images are to be built, pulled or made from the root, and why. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{ImageName, PartName};
use crate::plan::cause::Cause;
use crate::plan::images::inputs::{self, InputChange};
use crate::plan::images::lock::Lock;
use crate::plan::images::{Hierarchy, Node};
use crate::plan::observed::Observed;
use crate::plan::parts::{ImageRef, Part};
use crate::plan::release::recipe::Recipe;
use crate::plan::{Action, Plan};

/// The images that parts run in.
#[must_use]
pub fn wanted_images<'a>(parts: impl Iterator<Item = &'a Part>) -> BTreeSet<ImageName> {
    parts
        .filter_map(|part| match &part.image {
            ImageRef::Ours(name, _) => Some(name.clone()),
            // It is made when it is missing, and then its plan says on what.
            ImageRef::Released(..) | ImageRef::Theirs(_) => None,
        })
        .collect()
}

/// The step that makes each image that is not there.
pub type Made = BTreeMap<ImageName, usize>;

/// Steps that make the images present, and the step that makes each of those that are not. An option that is named by
/// `forced` builds them even if they are there.
#[must_use]
pub fn images(plan: &mut Plan, needed: &[&Node], lock: &Lock, observed: &Observed, forced: Option<&str>) -> Made {
    let mut made = Made::new();
    let mut root = None;
    for node in needed {
        if observed.tags.contains(&node.tag) && forced.is_none() {
            continue;
        }
        let parent = node.parent.as_ref().and_then(|parent| made.get(parent)).copied();
        if let (Some(id), None) = (observed.elsewhere.get(&node.id()), forced)
            && (parent.is_some() || observed.tags.contains(&node.parent_tag))
        {
            let reuse = Action::Reuse { image: node.name.clone(), id: id.clone() };
            made.insert(node.name.clone(), plan.push(reuse, Cause::BuiltElsewhere, parent.into_iter().collect()));
            continue;
        }
        if observed.in_registry.contains_key(&node.tag) && forced.is_none() {
            made.insert(
                node.name.clone(),
                plan.push(Action::Pull(node.name.clone()), why_image(node, observed), vec![]),
            );
            continue;
        }
        let mut after: Vec<usize> = parent.into_iter().collect();
        if node.is_on_root() {
            if root.is_none() && !observed.tags.contains(&node.parent_tag) {
                root = Some(plan.push(Action::Root, Cause::Root(lock.root.to_string()), vec![]));
            }
            after.extend(root);
        }
        let own = why_image(node, observed);
        let cause = match (&node.parent, parent, forced) {
            (_, _, Some(option)) => Cause::AskedFor(option.to_owned()),
            (Some(parent), Some(_), None) if is_of_parent(&own) => Cause::ParentRebuilt(parent.clone()),
            _ => own,
        };
        made.insert(node.name.clone(), plan.push(Action::Build(node.name.clone()), cause, after));
    }
    made
}

/// The images that released ones need to be made: those that they are built in and laid on. What the registry has needs none.
#[must_use]
pub fn wanted_by_releases(recipes: &[&Recipe], observed: &Observed) -> BTreeSet<ImageName> {
    let made = recipes.iter().filter(|recipe| !observed.in_registry.contains_key(&recipe.reference));
    made.flat_map(|recipe| [recipe.builder.clone(), recipe.parent.clone()]).collect()
}

/// Steps that make released images that are not there, by module: pulled where the registry has them, else built after the
/// images that they need.
#[must_use]
pub fn releases(plan: &mut Plan, recipes: &[&Recipe], made: &Made, observed: &Observed) -> BTreeMap<PartName, usize> {
    let mut steps = BTreeMap::new();
    for recipe in recipes.iter().filter(|recipe| !observed.tags.contains(&recipe.reference)) {
        let step = if observed.in_registry.contains_key(&recipe.reference) {
            plan.push(Action::PullReleased(recipe.part.clone()), Cause::NotThere, vec![])
        } else {
            let after: BTreeSet<usize> =
                [&recipe.builder, &recipe.parent].into_iter().filter_map(|image| made.get(image)).copied().collect();
            plan.push(Action::Release(recipe.part.clone()), Cause::NotThere, after.into_iter().collect())
        };
        steps.insert(recipe.part.clone(), step);
    }
    steps
}

/// Adds steps that rebuild what stands on the images that are made, as far as some version of it is there: a container of
/// it would not descend from them.
pub fn standing(plan: &mut Plan, made: &mut Made, images: &Hierarchy, observed: &Observed, forced: Option<&str>) {
    for node in images.nodes().iter().filter(|node| observed.latest(&node.name).is_some()) {
        let Some(parent) = node.parent.as_ref().filter(|_| !made.contains_key(&node.name)) else { continue };
        let Some(step) = made.get(parent).copied() else { continue };
        if forced.is_some() || !observed.tags.contains(&node.tag) {
            let build = Action::Build(node.name.clone());
            made.insert(node.name.clone(), plan.push(build, Cause::ParentRebuilt(parent.clone()), vec![step]));
        }
    }
}

/// Why an image is not the one that exists.
#[must_use]
pub fn why_image(node: &Node, observed: &Observed) -> Cause {
    let Some(earlier) = observed.latest(&node.name) else { return Cause::NotThere };
    match inputs::changes(&earlier.inputs, &node.inputs) {
        changes if changes.is_empty() => Cause::TagGone,
        changes => Cause::Inputs(changes),
    }
}

/// Whether nothing but the parent of an image differs.
fn is_of_parent(cause: &Cause) -> bool {
    matches!(cause, Cause::Inputs(changes) if changes.iter().all(InputChange::is_of_parent))
}

#[cfg(test)]
#[path = "builds_tests.rs"]
mod tests;
