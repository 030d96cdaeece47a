//! A release set: the images of one commit, by digest. In the registry it is an artefact of the OCI image specification whose
//! one layer is the set as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::names::PartName;
use crate::plan::release::artefact::Artefact;
use crate::plan::release::names;

/// The media type of a set, which is also its type as an artefact.
pub const TYPE: &str = "application/vnd.devenv.release.v1+json";
/// An image of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its repository in the registry.
    pub repository: String,
    /// Its tag there, which is its fingerprint.
    pub tag: String,
    /// Digest of its manifest.
    pub digest: String,
}

impl Member {
    /// Its name below the place of a registry: a set may lie in several, under other paths.
    #[must_use]
    pub fn name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }
}

/// The images of one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSet {
    /// The project.
    pub project: String,
    /// The commit.
    pub commit: String,
    /// When it was made, in seconds since 1970.
    pub time: i64,
    /// Images of modules, the gateway and services, by part.
    pub images: BTreeMap<PartName, Member>,
}

impl ReleaseSet {
    /// The set as an artefact; the same set gives the same bytes.
    #[must_use]
    pub fn artefact(&self) -> Artefact {
        Artefact::new(TYPE, serde_json::to_vec(self).unwrap_or_default())
    }

    /// The digest of each image by its reference below the place `registry`.
    #[must_use]
    pub fn digests(&self, registry: &str) -> BTreeMap<String, String> {
        let all = self.images.values();
        all.map(|one| (names::reference(registry, one.name(), &one.tag), one.digest.clone())).collect()
    }

    /// Parts whose image is another one in `other`, or in one of the two sets alone.
    #[must_use]
    pub fn other_images(&self, other: &Self) -> Vec<PartName> {
        let names: BTreeSet<&PartName> = self.images.keys().chain(other.images.keys()).collect();
        let digest = |set: &Self, name: &PartName| set.images.get(name).map(|one| one.digest.clone());
        names.into_iter().filter(|name| digest(self, name) != digest(other, name)).cloned().collect()
    }

    /// Reads the content of a set.
    pub fn parse(content: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(content).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::release::artefact::content;

    fn set() -> ReleaseSet {
        let member = Member { repository: "shop/api".to_owned(), tag: "f00".to_owned(), digest: "sha256:1".to_owned() };
        ReleaseSet {
            project: "shop".to_owned(),
            commit: "c0ffee".to_owned(),
            time: 7,
            images: BTreeMap::from([(PartName::new("api").unwrap(), member)]),
        }
    }

    #[test]
    fn a_set_is_the_same_bytes_each_time_and_comes_back() {
        let artefact = set().artefact();
        assert_eq!(artefact, set().artefact());
        let (digest, size) = content(TYPE, &artefact.manifest).unwrap();
        let (_, bytes) = artefact.blobs.iter().find(|(one, _)| *one == digest).unwrap();
        assert_eq!(bytes.len() as u64, size);
        assert_eq!(ReleaseSet::parse(bytes).unwrap(), set());
    }

    #[test]
    fn two_sets_differ_in_the_images_that_are_others_or_are_in_one_of_them_alone() {
        let (set, mut other) = (set(), set());
        assert_eq!(set.other_images(&other), Vec::<PartName>::new());
        let api = other.images.get_mut(&PartName::new("api").unwrap()).unwrap();
        api.digest = "sha256:2".to_owned();
        let more = Member { repository: "shop/web".to_owned(), ..api.clone() };
        other.images.insert(PartName::new("web").unwrap(), more);
        let names: Vec<String> = set.other_images(&other).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["api", "web"]);
    }

    #[test]
    fn an_image_of_a_set_has_its_name_wherever_the_set_lies() {
        let digests = BTreeMap::from([("other.example/x/api:f00".to_owned(), "sha256:1".to_owned())]);
        assert_eq!(set().digests("other.example/x"), digests);
    }

    #[test]
    fn an_image_is_not_a_set() {
        let image =
            br#"{"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:1","size":1}]}"#;
        assert_eq!(content(TYPE, image), None);
        assert_eq!(content(TYPE, b"no"), None);
        assert!(ReleaseSet::parse(b"{}").is_err());
    }
}
