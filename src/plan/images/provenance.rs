//! Whether what runs descends from one base, and whether the same inputs have led to the same packages. Pure.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::names::{ImageName, PartName};
use crate::plan::images::Node;
use crate::plan::images::image_packages::Inventory;
use crate::plan::observed::{Image, Packages};
use crate::plan::parts::{ImageRef, Part};

/// Whether an image stands on another: its lowest layers are those of that one.
#[must_use]
pub fn stands_on(layers: &[String], base: &[String]) -> bool {
    layers.starts_with(base)
}

/// What the layers of a part's image say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lineage {
    /// It stands on base.
    OnBase {
        /// How many layers are its own.
        own: usize,
        /// How many are those of base.
        base: usize,
    },
    /// Its container was made from another image.
    StillRuns(String),
    /// The engine does not have it.
    Missing,
    /// Others have made it, so nobody expects it to stand on base.
    OfOthers,
    /// The team's own Dockerfile builds it, on something else.
    OwnDockerfile,
    /// It has the right name and stands on another base.
    OtherLayers,
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnBase { own, base } => write!(f, "{own} on the {base} layers of base"),
            Self::StillRuns(image) => write!(f, "its container still runs {image}"),
            Self::Missing => f.write_str("its image is missing"),
            Self::OfOthers => f.write_str("a third-party image, which is not built on base"),
            Self::OwnDockerfile => f.write_str("its Dockerfile is not based on base"),
            Self::OtherLayers => f.write_str("its lowest layers are not those of base"),
        }
    }
}

/// What the layers of one part say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descent {
    /// The part.
    pub name: PartName,
    /// Its image.
    pub image: String,
    /// Whether it is a third-party image, which nobody expects to.
    pub third_party: bool,
    /// Whether it stands on base, and if not, why.
    pub verdict: Lineage,
}

/// Where an image stands by what the configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageOrigin {
    /// On base, if it is of the hierarchy at all.
    Hierarchy,
    /// A Dockerfile of the team's own decides.
    OwnDockerfile,
}

impl ImageOrigin {
    /// That of a node, where there is one.
    #[must_use]
    pub fn of(node: Option<&Node>) -> Self {
        let is_own = node.is_some_and(|node| node.apart || node.own.is_some());
        if is_own { Self::OwnDockerfile } else { Self::Hierarchy }
    }
}

/// Compares the layers of a part's image with those of base (`base`, lowest first), and the image that its container
/// was made from (`running`) with the one that it should have.
#[must_use]
pub fn descent(
    part: &Part,
    base: &[String],
    layers: Option<&[String]>,
    running: Option<&str>,
    root: ImageOrigin,
) -> Descent {
    let image = part.image.reference().to_owned();
    let third_party = matches!(part.image, ImageRef::Theirs(_));
    let verdict = match (layers, running) {
        (_, Some(running)) if running != image => Lineage::StillRuns(running.to_owned()),
        (None, _) => Lineage::Missing,
        (Some(layers), _) if stands_on(layers, base) => {
            Lineage::OnBase { own: layers.len() - base.len(), base: base.len() }
        }
        (Some(_), _) if third_party => Lineage::OfOthers,
        (Some(_), _) if root == ImageOrigin::OwnDockerfile => Lineage::OwnDockerfile,
        (Some(_), _) => Lineage::OtherLayers,
    };
    Descent { name: part.name.clone(), image, third_party, verdict }
}

impl Descent {
    /// Whether it stands on base.
    #[must_use]
    pub fn descends(&self) -> bool {
        matches!(self.verdict, Lineage::OnBase { .. })
    }

    /// Whether it is as it should be: a third-party image is there, and all else stands on base.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.descends() || matches!(self.verdict, Lineage::OfOthers | Lineage::OwnDockerfile)
    }
}

/// What makes everything descend from base, as a next step: other bytes under a right name are built again, all else is
/// what `up` does.
#[must_use]
pub fn remedy(parts: &[Descent]) -> &'static str {
    if parts.iter().any(|part| part.verdict == Lineage::OtherLayers) {
        "`devenv images build --no-cache base` builds it and the images built on it; then `devenv up --recreate`"
    } else {
        "`devenv up` creates it so"
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parts::PartKind;

    #[test]
    fn an_image_of_others_is_right_and_is_not_said_to_stand_on_base() {
        let image = ImageRef::Theirs("postgres@sha256:1".to_owned());
        let part = Part::new(PartName::new("db").unwrap(), PartKind::Service, image);
        let layers = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let base = layers(&["a"]);
        let verdict = |found: Option<&[&str]>, running| {
            let found = found.map(layers);
            let descent = descent(&part, &base, found.as_deref(), running, ImageOrigin::Hierarchy);
            (descent.descends(), descent.is_right())
        };
        assert_eq!(verdict(Some(&["x"]), None), (false, true));
        assert_eq!(verdict(Some(&["a", "x"]), None), (true, true));
        assert_eq!(verdict(None, None), (false, false));
        assert_eq!(verdict(Some(&["x"]), Some("postgres:16")), (false, false));
    }

    #[test]
    fn an_image_by_the_teams_own_dockerfile_is_judged_by_its_layers_and_may_stand_on_anything() {
        let image = ImageRef::Ours(ImageName::new("legacy").unwrap(), "shop/legacy:1".to_owned());
        let part = Part::new(PartName::new("legacy").unwrap(), PartKind::Module, image);
        let layers = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let verdict = |found: &[&str], standing| {
            let descent = descent(&part, &layers(&["a"]), Some(&layers(found)), None, standing);
            (descent.descends(), descent.is_right())
        };
        assert_eq!(verdict(&["x"], ImageOrigin::OwnDockerfile), (false, true));
        assert_eq!(verdict(&["a", "x"], ImageOrigin::OwnDockerfile), (true, true));
        assert_eq!(verdict(&["x"], ImageOrigin::Hierarchy), (false, false));
    }
}
