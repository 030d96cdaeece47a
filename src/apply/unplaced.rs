//! What environments are decided from without an engine: the team's files, the lock, and what git knows of the source.

use std::collections::BTreeMap;

use crate::apply::executor::builds::Moving;
use crate::apply::release::recipes;
use crate::apply::release::sources::{Changes, ReleaseSources, SHALLOW, sources};
use crate::apply::session::checkout::Checkout;
use crate::apply::session::lock;
use crate::error::Result;
use crate::host::checkout;
use crate::names::PartName;
use crate::plan::environment::unplaced::{self, Files};
use crate::plan::images::Hierarchy;
use crate::plan::images::lock::Lock;
use crate::plan::parts::GATEWAY;
use crate::plan::release::recipe::{Recipe, Releases};
use crate::plan::release::source::{Source, SourceError};

/// The files of a team's checkout, read once.
pub struct Unplaced<'a> {
    checkout: &'a Checkout,
    lock: Lock,
    images: Hierarchy,
    releases: Releases,
    /// Why the names of images are not final, each with the next step.
    pub notes: Vec<String>,
}

impl<'a> Unplaced<'a> {
    /// Reads them; `checkout` has no settings of one developer.
    pub async fn read(checkout: &'a Checkout, moving: Moving, changes: Changes) -> Result<Self> {
        let mut notes = Vec::new();
        let lock = lock::read(&checkout.root, moving)?.unwrap_or_else(|| {
            let file = checkout::LOCK;
            notes.push(format!("there is no {file}, so image tags will change: `devenv up` creates it; commit it"));
            unplaced::unlocked()
        });
        let images = unplaced::images(&checkout.project, &checkout.assets, &checkout.catalogue, &lock)?;
        let modules = recipes::modules(&checkout.project.file);
        let configuration = recipes::configuration(checkout.name(), &checkout.project);
        let releases = match sources(&checkout.root, &modules, &configuration, changes).await {
            Ok(found) => {
                notes.extend(about(&found));
                releases(checkout, &images, &found.modules, &found.configuration)?
            }
            Err(error) => {
                notes.push(format!(
                    "{}, so released images have no names yet: `git commit`, then `devenv release build`",
                    error.source
                ));
                let all = modules.iter().map(|(name, _)| ((*name).clone(), Source::uncommitted())).collect();
                releases(checkout, &images, &all, &Source::uncommitted())?
            }
        };
        Ok(Self { checkout, lock, images, releases, notes })
    }

    /// The same for decisions.
    #[must_use]
    pub fn files(&self) -> Files<'_> {
        Files {
            project: &self.checkout.project,
            assets: &self.checkout.assets,
            catalogue: &self.checkout.catalogue,
            lock: &self.lock,
            images: &self.images,
            releases: &self.releases,
        }
    }
}

/// What is worth a line about the source.
fn about(found: &ReleaseSources) -> Vec<String> {
    let mut lines = Vec::new();
    if found.shallow {
        lines.push(SHALLOW.to_owned());
    }
    if !found.changes.is_empty() {
        let changed = SourceError::Changed(found.changes.clone());
        lines.push(format!("{changed}: commit it, or `devenv release build --dirty` makes the images that are named"));
    }
    lines
}

/// How every part is released, or why it cannot be.
fn releases(
    checkout: &Checkout,
    images: &Hierarchy,
    modules: &BTreeMap<PartName, Source>,
    configuration: &Source,
) -> Result<Releases> {
    let project = &checkout.project;
    let all = modules.iter().filter_map(|(name, source)| {
        let module = project.file.modules.get(name)?;
        Some((name.clone(), Recipe::new(project, images, (name, module), source)))
    });
    let gateway = match recipes::static_site(project) {
        Some(error) => PartName::new(GATEWAY).ok().map(|name| (name, Err(error))),
        None => {
            let recipe = recipes::of_gateway(project, images, &checkout.assets, configuration)?;
            recipe.map(|recipe| (recipe.part.clone(), Ok(recipe)))
        }
    };
    Ok(all.chain(gateway).collect())
}
