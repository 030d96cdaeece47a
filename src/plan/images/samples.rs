//! Hierarchies for tests.

use std::collections::BTreeMap;

use crate::assets::Assets;
use crate::config;
use crate::config::inputs::{InputFile, Inputs};
use crate::config::project::Project;
use crate::plan::catalogue::Catalogue;
use crate::plan::images::Hierarchy;
use crate::plan::images::lock::{Lock, Root};

/// A shop whose devenv.yaml has this text too.
pub(crate) fn project(yaml: &str) -> Project {
    let catalogue = Catalogue::of(&Assets::embedded()).unwrap();
    let main = InputFile { name: "devenv.yaml".to_owned(), bytes: format!("project: shop\n{yaml}").into_bytes() };
    let draft = config::read(Inputs { main: &main, local: None, env: &BTreeMap::new() })
        .checked_against(&catalogue.known((0, 1, 0)));
    draft.finish(&BTreeMap::new()).unwrap()
}

/// The hierarchy of that shop.
pub(crate) fn hierarchy(yaml: &str) -> Hierarchy {
    let root = Root::Packages { suite: "trixie".to_owned(), archive: "20261121T000000Z".to_owned() };
    let lock = Lock { root, images: BTreeMap::new(), packages: BTreeMap::new() };
    let assets = Assets::embedded();
    let catalogue = Catalogue::of(&assets).unwrap();
    Hierarchy::new(&project(yaml), &assets, &catalogue.images, &lock, "linux/amd64").unwrap()
}
