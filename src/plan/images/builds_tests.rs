//! Which images are built, and why, as text.

use std::collections::BTreeMap;

use crate::assets::Assets;
use crate::config;
use crate::config::inputs::{InputFile, Inputs};
use crate::names::ImageName;
use crate::plan::Plan;
use crate::plan::catalogue::Catalogue;
use crate::plan::images::builds;
use crate::plan::images::lock::{Lock, Root};
use crate::plan::images::package_list::PackageList;
use crate::plan::images::{self, Hierarchy};
use crate::plan::observed::{Observed, samples};

const PLATFORM: &str = "linux/amd64";

fn lock(lists: &[(&str, &str)]) -> Lock {
    let root = Root::Packages { suite: "trixie".to_owned(), archive: "20261121T000000Z".to_owned() };
    let mut lock = Lock { root, images: BTreeMap::new(), packages: BTreeMap::new() };
    for (image, record) in lists {
        lock.list(PLATFORM, image, PackageList::of_record(record));
    }
    lock
}

/// The hierarchy of a project with these `images`.
fn hierarchy(images: &str, lock: &Lock) -> Hierarchy {
    hierarchy_of("shop", images, lock)
}

fn hierarchy_of(name: &str, images: &str, lock: &Lock) -> Hierarchy {
    let assets = Assets::embedded();
    let catalogue = Catalogue::of(&assets).unwrap();
    let main = InputFile { name: "devenv.yaml".to_owned(), bytes: format!("project: {name}\n{images}").into_bytes() };
    let draft = config::read(Inputs { main: &main, local: None, env: &BTreeMap::new() })
        .checked_against(&catalogue.known((0, 1, 0)));
    let project = draft.finish(&BTreeMap::new()).unwrap();
    Hierarchy::new(&project, &assets, &catalogue.images, lock, PLATFORM).unwrap()
}

/// What is there when all of them are.
fn present(images: &Hierarchy) -> Observed {
    let mut observed = Observed { images: samples::images(images), ..Observed::default() };
    for node in images.nodes() {
        observed.tags.extend([node.tag.clone(), node.parent_tag.clone()]);
    }
    observed
}

/// The plan that makes one image present.
fn plan(images: &Hierarchy, lock: &Lock, observed: &Observed, image: &str, forced: Option<&str>) -> String {
    let mut plan = Plan::default();
    let needed = images.needed(&[ImageName::new(image).unwrap()].into());
    let mut made = builds::images(&mut plan, &needed, lock, observed, forced);
    builds::standing(&mut plan, &mut made, images, observed, forced);
    plan.to_string()
}

/// The plan for `python` after a change of the configuration or of the lock.
fn after(before: (&str, &Lock), now: (&str, &Lock)) -> String {
    let observed = present(&hierarchy(before.0, before.1));
    plan(&hierarchy(now.0, now.1), now.1, &observed, "python", None)
}

/// What stands on `python` is built after it.
const AFTER_PYTHON: &str = "2 build image:s3: parent python is rebuilt (after 1)\n";

#[test]
fn the_cause_of_a_build_is_the_input_that_changed() {
    let lock = lock(&[]);
    let cause = |before: &str, now: &str| after((before, &lock), (now, &lock));
    let python = |what: &str| format!("images:\n  python: {{{what}}}\n");
    let build = |cause: &str| format!("1 build image:python: {cause}\n{AFTER_PYTHON}");
    assert_eq!(cause("", ""), "");
    assert_eq!(cause("", &python("packages: [jq]")), build("images.python.packages is new"));
    assert_eq!(cause(&python("packages: [jq]"), &python("packages: [git]")), build("images.python.packages changed"));
    assert_eq!(cause(&python("packages: [jq]"), ""), build("images.python.packages is gone"));
    assert_eq!(cause(&python("args: {X: a}"), &python("args: {X: b}")), build("images.python.args.X changed"));
}

#[test]
fn other_locked_packages_rebuild_their_image_and_what_stands_on_it() {
    let moved = |image: &str| after(("", &lock(&[(image, "a 1 x")])), ("", &lock(&[(image, "a 2 y")])));
    let python = format!("1 build image:python: packages in devenv.lock changed\n{AFTER_PYTHON}");
    assert_eq!(moved("python"), python);
    assert_eq!(moved("redis"), "");
    let base = moved("base");
    assert!(base.starts_with("1 build image:base: packages in devenv.lock changed\n"), "{base}");
    assert!(base.contains(" build image:python: parent base is rebuilt (after 1)\n"), "{base}");
    let root = moved("root");
    assert!(root.contains("2 build image:base: root in devenv.lock changed (after 1)\n"), "{root}");
}

#[test]
fn a_targeted_rebuild_rebuilds_what_stands_on_it_and_is_there() {
    let lock = lock(&[]);
    let images = hierarchy("images:\n  ml: {parent: python}\n", &lock);
    let mut observed = present(&images);
    observed
        .images
        .retain(|image| image.name.as_ref().is_some_and(|name| ["base", "python", "ml"].contains(&name.as_str())));
    assert_eq!(plan(&images, &lock, &observed, "base", None), "");
    assert_eq!(
        plan(&images, &lock, &observed, "python", Some("--no-cache")),
        "\
1 build image:base: asked for by --no-cache
2 build image:python: asked for by --no-cache (after 1)
3 build image:ml: parent python is rebuilt (after 2)
"
    );
}

#[test]
fn an_image_that_another_project_has_built_gets_this_projects_name_too() {
    let lock = lock(&[]);
    let images = hierarchy("", &lock);
    let other = present(&images);
    let mut observed = Observed::default();
    for node in images.nodes().iter().filter(|node| node.name.as_str() != "python") {
        observed.elsewhere.insert(node.id(), "sha256:1".to_owned());
    }
    let root = images.nodes().iter().find(|node| node.parent.is_none()).unwrap().parent_tag.clone();
    let from_nothing = plan(&images, &lock, &observed, "python", None);
    assert!(from_nothing.contains("build image:base: not there yet"), "there is no root to stand on: {from_nothing}");
    observed.tags.insert(root);
    assert_eq!(
        plan(&images, &lock, &observed, "python", None),
        "1 reuse image:base: another project of this machine has built it\n\
         2 build image:python: not there yet (after 1)\n"
    );
    assert_eq!(
        plan(&images, &lock, &observed, "python", Some("--force")),
        "1 build image:base: asked for by --force\n2 build image:python: asked for by --force (after 1)\n"
    );
    assert_eq!(plan(&images, &lock, &other, "python", None), "");
}

#[test]
fn no_project_is_in_what_an_image_is_made_from() {
    let lock = lock(&[]);
    let prints = |project: &str| {
        let images = hierarchy_of(project, "", &lock);
        images.nodes().iter().map(images::Node::id).collect::<Vec<_>>()
    };
    assert_eq!(prints("shop"), prints("other"));
}
