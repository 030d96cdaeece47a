//! What released images are called, here and in the team's registry.

use crate::digest::Fingerprint;
use crate::plan::release::source::SourceState;

/// The repository of release sets, below the registry.
pub const SETS: &str = "release";

/// The tag of a released image: its fingerprint, marked where no commit has its source. Without any commit there is none.
#[must_use]
pub fn tag(fingerprint: &Fingerprint, state: SourceState) -> String {
    match state {
        SourceState::Clean => fingerprint.to_string(),
        SourceState::Dirty => format!("{fingerprint}-dirty"),
        SourceState::Uncommitted => SourceState::Uncommitted.to_string(),
    }
}

/// The reference of a released image in the engine: `PROJECT/PART:FINGERPRINT`. In a registry it is `REGISTRY/PART:FINGERPRINT`.
#[must_use]
pub fn reference(repository: &str, part: &str, tag: &str) -> String {
    format!("{repository}/{part}:{tag}")
}

/// The reference of the release set of a commit: `REGISTRY/release:COMMIT`.
#[must_use]
pub fn set(registry: &str, commit: &str) -> String {
    format!("{registry}/{SETS}:{commit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_wherever_the_inputs_are() {
        let fingerprint = Fingerprint::of("x");
        let tag = tag(&fingerprint, SourceState::Dirty);
        assert_eq!(reference("shop", "api", &tag), "shop/api:2d711642b726b04401627ca9-dirty");
        assert_eq!(set("registry.example.com/shop", "c0ffee"), "registry.example.com/shop/release:c0ffee");
    }
}
