//! Projects for tests, and what their files say.

use std::collections::BTreeMap;

use crate::assets::Assets;
use crate::config;
use crate::config::inputs::{InputFile, Inputs};
use crate::config::project::Project;
use crate::names::{ImageName, PartName};
use crate::plan::catalogue::Catalogue;
use crate::plan::environment::unplaced::{self, Files};
use crate::plan::images::Hierarchy;
use crate::plan::images::lock::Lock;
use crate::plan::parts::GATEWAY;
use crate::plan::release::recipe::{Recipe, Releases};
use crate::plan::release::source::Source;

/// A project whose devenv.yaml is `text`.
pub(crate) fn project(text: &str) -> Project {
    let main = InputFile { name: "devenv.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
    let known = Catalogue::of(&Assets::embedded()).unwrap().known((0, 1, 0));
    let env = BTreeMap::new();
    let draft = config::read(Inputs { main: &main, local: None, env: &env }).checked_against(&known);
    draft.finish(&BTreeMap::new()).map_err(|problems| problems.to_string()).unwrap()
}

/// How the parts of a project without a commit are released.
pub(crate) fn releases(project: &Project, images: &Hierarchy) -> Releases {
    let source = Source::uncommitted();
    let module = |(name, module)| (PartName::clone(name), Recipe::new(project, images, (name, module), &source));
    let mut all: Releases = project.file.modules.iter().map(module).collect();
    let (gateway, image) = (PartName::new(GATEWAY).unwrap(), ImageName::new(GATEWAY).unwrap());
    let node = images.get(&image).unwrap();
    let recipe = Recipe::of_gateway(project, images, &gateway, node, ("etc/x", ""), &source);
    all.insert(gateway, Ok(recipe));
    all
}

/// A project and all that its files say, without a lock and a commit.
pub(crate) struct Team {
    pub(crate) project: Project,
    pub(crate) assets: Assets,
    pub(crate) catalogue: Catalogue,
    pub(crate) lock: Lock,
    pub(crate) images: Hierarchy,
    pub(crate) releases: Releases,
}

impl Team {
    /// Of a project whose devenv.yaml is `text`.
    pub(crate) fn of(text: &str) -> Self {
        Self::with(project(text), Assets::embedded())
    }

    /// Of a project with these files in force.
    pub(crate) fn with(project: Project, assets: Assets) -> Self {
        let catalogue = Catalogue::of(&assets).unwrap();
        let lock = unplaced::unlocked();
        let images = unplaced::images(&project, &assets, &catalogue, &lock).unwrap();
        let releases = releases(&project, &images);
        Self { project, assets, catalogue, lock, images, releases }
    }

    pub(crate) fn files(&self) -> Files<'_> {
        let Self { project, assets, catalogue, lock, images, releases } = self;
        Files { project, assets, catalogue, lock, images, releases }
    }
}
