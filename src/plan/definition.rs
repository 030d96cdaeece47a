//! What a container, or a volume of dependencies, is made from, as a digest of each key: says whether it is stale, and why.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Fingerprint;

/// Names the digest of the checkout's key: with another key, every other digest is another too.
pub const KEY: &str = "key";

/// What a container is made from: digest by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition(BTreeMap<String, String>);

impl Definition {
    /// A definition with these digests.
    #[must_use]
    pub fn new(digests: BTreeMap<String, String>) -> Self {
        Self(digests)
    }

    /// The same with another digest for one key.
    #[must_use]
    pub fn with(mut self, key: &str, digest: &str) -> Self {
        self.0.insert(key.to_owned(), digest.to_owned());
        self
    }

    /// The names of what it is made from, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The label's text: the fingerprint, then each key with its digest.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", self.fingerprint(), self.keys())
    }

    /// One digest for all keys, with which the label begins.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.keys())
    }

    fn keys(&self) -> String {
        let keys: Vec<String> = self.0.iter().map(|(key, digest)| format!("{key}={digest}")).collect();
        keys.join(" ")
    }

    /// The keys in which the container with this label differs; `None` where nothing does.
    #[must_use]
    pub fn difference(&self, label: &str) -> Option<Vec<String>> {
        if label == self.label() {
            return None;
        }
        let earlier: BTreeMap<&str, &str> = label.split(' ').skip(1).filter_map(|pair| pair.split_once('=')).collect();
        let now = self.0.iter().filter(|(key, digest)| earlier.get(key.as_str()) != Some(&digest.as_str()));
        let gone = earlier.keys().filter(|key| !self.0.contains_key(**key));
        Some(now.map(|(key, _)| key.clone()).chain(gone.map(|key| (*key).to_owned())).collect())
    }
}
