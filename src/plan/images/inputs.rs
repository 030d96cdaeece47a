//! What an image is made from, input by input: each has a name that people know and a short digest. Pure.

use std::collections::BTreeMap;

use crate::digest;

/// The locked packages among the inputs of an image.
pub const LOCKED: &str = "packages in devenv.lock";
/// The locked root among the inputs of the image that stands on it.
pub const LOCKED_ROOT: &str = "root in devenv.lock";

/// The beginning of the digest of a content.
#[must_use]
pub fn short(digest: &str) -> String {
    digest.chars().take(16).collect()
}

/// A label stays under 64 KB: files beyond the first hundred are summed up by their folder.
#[must_use]
pub fn summary(inputs: BTreeMap<String, String>) -> BTreeMap<String, String> {
    if inputs.len() <= 100 {
        return inputs;
    }
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    for (input, digest) in inputs {
        let folder = input.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let sum = folders.entry(folder).or_default();
        *sum = short(&digest::hex(format!("{sum}{input}{digest}").as_bytes()));
    }
    if folders.len() > 400 {
        let all: String = folders.iter().map(|(folder, digest)| format!("{folder}{digest}")).collect();
        return BTreeMap::from([("files".to_owned(), short(&digest::hex(all.as_bytes())))]);
    }
    folders
}

/// What differs between the inputs of an earlier image and these, named for people.
#[must_use]
pub fn difference(earlier: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let added = now.keys().filter(|input| !earlier.contains_key(*input)).map(|input| format!("{input} is new"));
    let removed = earlier.keys().filter(|input| !now.contains_key(*input)).map(|input| format!("{input} is gone"));
    let changed = now
        .iter()
        .filter(|(input, digest)| earlier.get(*input).is_some_and(|before| before != *digest))
        .map(|(input, _)| format!("{input} changed"));
    changed.chain(added).chain(removed).collect()
}
