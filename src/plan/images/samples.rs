//! Hierarchies for tests.

use std::collections::BTreeMap;

use crate::assets::Assets;
use crate::config;
use crate::config::inputs::{Inputs, Source};
use crate::plan::catalogue::Catalogue;
use crate::plan::images::Hierarchy;
use crate::plan::images::lock::{Lock, Root};

/// The hierarchy of a shop whose devenv.yaml has this text too.
pub(crate) fn hierarchy(yaml: &str) -> Hierarchy {
    let root = Root::Packages { suite: "trixie".to_owned(), archive: "20261121T000000Z".to_owned() };
    let lock = Lock { root, images: BTreeMap::new(), packages: BTreeMap::new() };
    let assets = Assets::embedded();
    let catalogue = Catalogue::of(&assets).unwrap();
    let main = Source { name: "devenv.yaml".to_owned(), bytes: format!("project: shop\n{yaml}").into_bytes() };
    let draft = config::read(Inputs { main: &main, local: None, env: &BTreeMap::new() })
        .checked_against(&catalogue.known((0, 1, 0)));
    let project = draft.finish(&BTreeMap::new()).unwrap();
    Hierarchy::new(&project, &assets, &catalogue.images, &lock, "linux/amd64").unwrap()
}
