//! What differs between two builds of one thing, file by file.

use std::collections::BTreeMap;
use std::fmt;

/// The first file that differs, by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildDifference {
    /// It has different content or mode.
    Changed(String),
    /// Only the first build has it.
    Gone(String),
    /// Only the second build has it.
    New(String),
    /// All files are the same: what differs is how they are packed.
    Packing,
}

impl fmt::Display for BuildDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(path) => write!(f, "{path} differs"),
            Self::Gone(path) => write!(f, "{path} is not made again"),
            Self::New(path) => write!(f, "{path} was not made before"),
            Self::Packing => f.write_str("same files, packed differently"),
        }
    }
}

/// The first difference between the files of two builds, given as path and digest.
#[must_use]
pub fn first(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> BuildDifference {
    let changed = before.iter().find_map(|(path, digest)| match after.get(path) {
        None => Some(BuildDifference::Gone(path.clone())),
        Some(other) if other != digest => Some(BuildDifference::Changed(path.clone())),
        Some(_) => None,
    });
    let new = || after.keys().find(|path| !before.contains_key(*path)).cloned().map(BuildDifference::New);
    changed.or_else(new).unwrap_or(BuildDifference::Packing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_that_differs_is_named() {
        let files = |all: &[(&str, &str)]| all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let one: BTreeMap<String, String> = files(&[("a", "1"), ("b", "2")]);
        assert_eq!(first(&one, &files(&[("a", "1"), ("b", "3")])).to_string(), "b differs");
        assert_eq!(first(&one, &files(&[("b", "2")])).to_string(), "a is not made again");
        assert_eq!(first(&one, &files(&[("a", "1"), ("b", "2"), ("c", "")])).to_string(), "c was not made before");
        assert_eq!(first(&one, &one).to_string(), "same files, packed differently");
    }
}
