//! Which images are to be built, pulled or made from the root, and why. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::ImageName;
use crate::plan::images::{self, Node};
use crate::plan::lock::Lock;
use crate::plan::observed::Observed;
use crate::plan::parts::{ImageRef, Part};
use crate::plan::{Action, Plan};

/// The images that parts run in.
#[must_use]
pub fn wanted_images<'a>(parts: impl Iterator<Item = &'a Part>) -> BTreeSet<ImageName> {
    parts
        .filter_map(|part| match &part.image {
            ImageRef::Ours(name, _) => Some(name.clone()),
            ImageRef::Theirs(_) => None,
        })
        .collect()
}

/// Steps that make the images present, and the step that makes each of those that are not.
#[must_use]
pub fn images(
    plan: &mut Plan,
    needed: &[&Node],
    lock: &Lock,
    observed: &Observed,
    build: bool,
) -> BTreeMap<ImageName, usize> {
    let mut made: BTreeMap<ImageName, usize> = BTreeMap::new();
    let mut root = None;
    for node in needed {
        if observed.tags.contains(&node.tag) && !build {
            continue;
        }
        if observed.in_registry.contains(&node.tag) && !build {
            made.insert(
                node.name.clone(),
                plan.push(Action::Pull(node.name.clone()), why_image(node, observed), vec![]),
            );
            continue;
        }
        let parent = node.parent.as_ref().and_then(|parent| made.get(parent)).copied();
        let mut after: Vec<usize> = parent.into_iter().collect();
        if node.parent.is_none() {
            if root.is_none() && !observed.tags.contains(&node.parent_tag) {
                root = Some(plan.push(Action::Root, lock.root.to_string(), vec![]));
            }
            after.extend(root);
        }
        let own = why_image(node, observed);
        let cause = match (&node.parent, parent) {
            _ if build => "asked for by --build".to_owned(),
            (Some(parent), Some(_)) if observed.latest(&node.name).is_some() && own.starts_with("parent") => {
                format!("parent {parent} is rebuilt")
            }
            _ => own,
        };
        made.insert(node.name.clone(), plan.push(Action::Build(node.name.clone()), cause, after));
    }
    made
}

/// Why an image is not the one that is there.
#[must_use]
pub fn why_image(node: &Node, observed: &Observed) -> String {
    let Some(earlier) = observed.latest(&node.name) else { return "not there yet".to_owned() };
    let changes = images::difference(&earlier.inputs, &node.inputs);
    match changes.as_slice() {
        [] => "its tag is gone".to_owned(),
        [one] => one.clone(),
        several => {
            let own: Vec<&String> = several.iter().filter(|change| !change.starts_with("parent")).collect();
            let rest = several.len() - 1;
            let first = own.first().copied().unwrap_or(&several[0]);
            format!("{first}, and {rest} more")
        }
    }
}
