//! What is known of the parts that run in released images: how each is made, from what is committed.

use std::collections::BTreeMap;

use crate::apply::release::recipes;
use crate::apply::release::sources::{Changes, inputs, sources};
use crate::apply::session::checkout::Checkout;
use crate::error::Result;
use crate::names::PartName;
use crate::plan::environment::target::Base;
use crate::plan::images::Hierarchy;
use crate::plan::release::recipe::Releases;
use crate::plan::release::source::SourceError;

/// What is known of them.
#[derive(Default)]
pub(super) struct Released {
    /// How each image is made.
    pub(super) releases: Releases,
    /// Digests of what tasks run on.
    pub(super) inputs: BTreeMap<PartName, String>,
    /// A line about what is not committed, in an environment of released images alone.
    pub(super) left_out: Option<String>,
}

/// Asks git for their sources.
pub(super) async fn released(checkout: &Checkout, images: &Hierarchy) -> Result<Released> {
    let target = &checkout.target;
    let names = checkout.project.file.modules.iter().filter(|(_, module)| target.releases(module));
    let names: Vec<&PartName> = names.map(|(name, _)| name).collect();
    if names.is_empty() {
        return Ok(Released::default());
    }
    let team = checkout.team()?;
    let modules: Vec<_> = team.file.modules.iter().filter(|(name, _)| names.contains(name)).collect();
    let is_dev = target.base == Base::Dev;
    let configuration = if is_dev { Vec::new() } else { recipes::configuration(checkout.name(), &team) };
    let sources = sources(&checkout.root, &modules, &configuration, Changes::LeftOut).await?;
    let tasks: Vec<_> = modules.iter().copied().filter(|(_, module)| module.is_task()).collect();
    let mut released = Released { inputs: inputs(&checkout.root, &tasks).await?, ..Released::default() };
    let mut all = recipes::of_modules(&team, images, &sources)?;
    if !is_dev {
        let gateway = recipes::of_gateway(&team, images, &checkout.assets, &sources.configuration)?;
        all.extend(gateway.map(|recipe| (recipe.part.clone(), recipe)));
        let changed = (!sources.changes.is_empty()).then_some(SourceError::Changed(sources.changes));
        released.left_out = changed.map(|changed| format!("{changed}: {} runs what is committed", target.name));
    }
    released.releases = all.into_iter().map(|(name, recipe)| (name, Ok(recipe))).collect();
    Ok(released)
}
