//! What an image is made from, input by input: each has a name that people know and a short digest. Pure.

use std::collections::BTreeMap;
use std::fmt;

use crate::digest;

/// The parent among the inputs of an image.
pub const PARENT: &str = "parent";
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

/// How an input differs from that of an earlier image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputDifference {
    /// It has different content.
    Changed,
    /// The earlier image had none of this name.
    New,
    /// Only the earlier image had it.
    Gone,
}

/// An input that is not that of an earlier image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputChange {
    /// Its name.
    pub input: String,
    /// How it differs.
    pub difference: InputDifference,
}

impl InputChange {
    /// Whether the parent differs, and not the image itself.
    #[must_use]
    pub fn is_of_parent(&self) -> bool {
        self.input == PARENT
    }
}

impl fmt::Display for InputChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let difference = match self.difference {
            InputDifference::Changed => "changed",
            InputDifference::New => "is new",
            InputDifference::Gone => "is gone",
        };
        write!(f, "{} {difference}", self.input)
    }
}

/// What differs between the inputs of an earlier image and these.
#[must_use]
pub fn changes(earlier: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<InputChange> {
    let changed = now.iter().filter(|(input, digest)| earlier.get(*input).is_some_and(|before| before != *digest));
    let changed = changed.map(|(input, _)| (input, InputDifference::Changed));
    let new = now.keys().filter(|input| !earlier.contains_key(*input)).map(|input| (input, InputDifference::New));
    let gone = earlier.keys().filter(|input| !now.contains_key(*input)).map(|input| (input, InputDifference::Gone));
    let all = changed.chain(new).chain(gone);
    all.map(|(input, difference)| InputChange { input: input.clone(), difference }).collect()
}
