//! Released images of an environment named by digest. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::parts::{Environment, ImageRef};

/// References of released images that have no digest, neither in them nor in `known`.
#[must_use]
pub fn unpinned(environment: &Environment, known: &BTreeMap<String, String>) -> Vec<String> {
    let references = environment.parts.values().filter_map(|part| match &part.image {
        ImageRef::Released(_, reference) => Some(reference),
        ImageRef::Ours(..) | ImageRef::Theirs(_) => None,
    });
    let all: BTreeSet<&String> = references.filter(|one| !one.contains('@') && !known.contains_key(*one)).collect();
    all.into_iter().cloned().collect()
}

/// Adds to each the digest that is known of it.
pub fn pin(environment: &mut Environment, known: &BTreeMap<String, String>) {
    for part in environment.parts.values_mut() {
        if let ImageRef::Released(_, reference) = &mut part.image
            && let Some(digest) = known.get(reference)
        {
            *reference = format!("{reference}@{digest}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{ImageName, PartName};
    use crate::plan::parts::samples::environment;
    use crate::plan::parts::{Part, PartKind};

    #[test]
    fn a_released_image_gets_the_digest_that_is_known_once_and_others_stay() {
        let part = |name: &str, image: ImageRef| Part::new(PartName::new(name).unwrap(), PartKind::Module, image);
        let released = |name: &str| ImageRef::Released(ImageName::new("base").unwrap(), format!("r.example/{name}:f"));
        let theirs = ImageRef::Theirs("axllent/mailpit:v1".to_owned());
        let parts = [part("api", released("api")), part("web", released("web")), part("mail", theirs)];
        let mut environment = environment(parts.into());
        let known = BTreeMap::from([("r.example/api:f".to_owned(), "sha256:1".to_owned())]);
        assert_eq!(unpinned(&environment, &known), ["r.example/web:f"]);
        pin(&mut environment, &known);
        pin(&mut environment, &known);
        let images: Vec<&str> = environment.parts.values().map(|part| part.image.reference()).collect();
        assert_eq!(images, ["r.example/api:f@sha256:1", "axllent/mailpit:v1", "r.example/web:f"]);
    }
}
