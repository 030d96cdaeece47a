//! Whether what runs descends from one base, and whether the same inputs have led to the same packages. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::names::ImageName;
use crate::plan::images::Node;
use crate::plan::images::image_packages::Inventory;
use crate::plan::observed::{Image, Packages};
use crate::plan::parts::{ImageRef, Part};

/// The detail of a part whose image has the right name and stands on another base.
const OTHER_LAYERS: &str = "its lowest layers are not those of base";

/// Whether an image stands on another: its lowest layers are those of that one.
#[must_use]
pub fn stands_on(layers: &[String], base: &[String]) -> bool {
    layers.starts_with(base)
}

/// What the layers of one part say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Descent {
    /// The part.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Whether it is as it should be.
    pub descends: bool,
    /// Why.
    pub detail: String,
}

/// Compares the layers of a part's image with those of base (`base`, lowest first), and the image that its container
/// was made from (`running`) with the one that it should have.
#[must_use]
pub fn descent(part: &Part, base: &[String], layers: Option<&[String]>, running: Option<&str>) -> Descent {
    let image = part.image.reference().to_owned();
    let (descends, detail) = match (&part.image, layers, running) {
        (_, _, Some(running)) if running != image => (false, format!("its container still runs {running}")),
        (_, None, _) => (false, "its image is not there".to_owned()),
        (ImageRef::Theirs(_), Some(_), _) => (true, "third-party image, pinned by the lock".to_owned()),
        (_, Some(layers), _) if stands_on(layers, base) => {
            (true, format!("{} layers on the {} of base", layers.len() - base.len(), base.len()))
        }
        (_, Some(_), _) => (false, OTHER_LAYERS.to_owned()),
    };
    Descent { name: part.name.to_string(), image, descends, detail }
}

/// What makes everything descend from base, as a next step: other bytes under a right name are built again, all else is
/// what `up` does.
#[must_use]
pub fn remedy(parts: &[Descent]) -> &'static str {
    if parts.iter().any(|part| part.detail == OTHER_LAYERS) {
        "`devenv images build --no-cache base` builds it and what stands on it; then `devenv up --recreate`"
    } else {
        "`devenv up` makes it so"
    }
}

/// An image that was made from the same inputs and holds other packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherPackages {
    /// The image of the hierarchy.
    pub image: ImageName,
    /// Where the other one is.
    pub there: String,
    /// What differs, such as `libc6 2.41-12 (there 2.41-11)`; empty where a list was too long to keep.
    pub differences: Vec<String>,
}

/// Compares each image with those of the same fingerprint: others in this engine, and the registry's by tag.
#[must_use]
pub fn other_packages(
    nodes: &[&Node],
    images: &[Image],
    registry: &BTreeMap<String, (String, Packages)>,
) -> Vec<OtherPackages> {
    let mut found = Vec::new();
    for node in nodes {
        let Some(ours) = images.iter().find(|image| image.tags.contains(&node.tag)) else { continue };
        let twins = images
            .iter()
            .filter(|image| image.id != ours.id && image.fingerprint == node.fingerprint.as_str())
            .map(|image| (short(&image.id), &image.packages));
        let shared = registry.get(&node.tag).map(|(name, packages)| (name.clone(), packages));
        for (there, packages) in twins.chain(shared) {
            if packages.digest.is_empty() || packages.digest == ours.packages.digest {
                continue;
            }
            let both = !packages.list.is_empty() && !ours.packages.list.is_empty();
            let (here, other) = (Inventory::of_label(&ours.packages.list), Inventory::of_label(&packages.list));
            let differences = if both { here.difference(&other) } else { Vec::new() };
            found.push(OtherPackages { image: node.name.clone(), there, differences });
        }
    }
    found
}

/// An image's id as people see it.
fn short(id: &str) -> String {
    format!("image {}", id.trim_start_matches("sha256:").chars().take(12).collect::<String>())
}
