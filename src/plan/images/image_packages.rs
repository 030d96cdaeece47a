//! What an image turned out to hold: its operating-system packages. Inputs make the fingerprint; this shows whether
//! the same inputs have led to other bytes. Pure.

use std::collections::BTreeMap;

use crate::digest::Fingerprint;

/// Where Debian keeps the list, as [`Inventory::of_dpkg`] reads it.
pub const DPKG_STATUS: &str = "/var/lib/dpkg/status";

/// A label stays under 64 KB; a longer list is known by its digest alone.
const LONGEST: usize = 60_000;

/// Packages of an image with their versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    packages: BTreeMap<String, String>,
}

impl Inventory {
    /// Reads dpkg's status file: paragraphs with `Package:`, `Version:`, `Status:`
    /// (<https://manpages.debian.org/bookworm/dpkg-dev/deb-control.5>). Only what is installed counts.
    #[must_use]
    pub fn of_dpkg(status: &str) -> Self {
        let field = |paragraph: &str, name: &str| {
            paragraph.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
        };
        let installed = |paragraph: &&str| {
            field(paragraph, "Status:").is_some_and(|status| status.split_whitespace().last() == Some("installed"))
        };
        let packages = status
            .split("\n\n")
            .filter(installed)
            .filter_map(|paragraph| Some((field(paragraph, "Package:")?, field(paragraph, "Version:")?)))
            .collect();
        Self { packages }
    }

    /// Reads what [`Inventory::label`] has written.
    #[must_use]
    pub fn of_label(label: &str) -> Self {
        let packages = label.split_whitespace().filter_map(|entry| entry.split_once('='));
        Self { packages: packages.map(|(name, version)| (name.to_owned(), version.to_owned())).collect() }
    }

    /// `name=version` of each package, for a label; empty where the list is too long for one.
    #[must_use]
    pub fn label(&self) -> String {
        let text = self.text();
        if text.len() > LONGEST { String::new() } else { text }
    }

    /// One digest of the whole list.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        Fingerprint::of(&self.text())
    }

    /// Each package with its version.
    pub fn packages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.packages.iter().map(|(name, version)| (name.as_str(), version.as_str()))
    }

    /// The version of a package.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&str> {
        self.packages.get(name).map(String::as_str)
    }

    fn text(&self) -> String {
        self.packages.iter().map(|(name, version)| format!("{name}={version}")).collect::<Vec<_>>().join(" ")
    }

    /// What `other` has differently, named for people: `libc6 2.41-12 (there 2.41-11)`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let here = self.packages.iter().filter_map(|(name, version)| match other.packages.get(name) {
            Some(there) if there == version => None,
            Some(there) => Some(format!("{name} {version} (there {there})")),
            None => Some(format!("{name} {version} (not there)")),
        });
        let there = other.packages.iter().filter(|(name, _)| !self.packages.contains_key(*name));
        here.chain(there.map(|(name, version)| format!("{name} is not here (there {version})"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
Package: libc6
Status: install ok installed
Depends: libgcc-s1
Version: 2.41-12
Description: a library
 Package: not-a-field

Package: gone
Status: deinstall ok config-files
Version: 1

Package: tzdata
Status: install ok installed
Version: 2025b-4
";

    #[test]
    fn the_list_is_what_dpkg_has_installed() {
        let inventory = Inventory::of_dpkg(STATUS);
        assert_eq!(inventory.label(), "libc6=2.41-12 tzdata=2025b-4");
        assert_eq!(Inventory::of_label(&inventory.label()), inventory);
    }

    #[test]
    fn other_packages_are_named() {
        let here = Inventory::of_label("a=1 b=2 c=3");
        let there = Inventory::of_label("a=1 b=1 d=4");
        assert_eq!(here.difference(&there), ["b 2 (there 1)", "c 3 (not there)", "d is not here (there 4)"]);
        assert!(here.difference(&here).is_empty());
        assert_ne!(here.digest(), there.digest());
    }

    #[test]
    fn a_list_that_fits_no_label_is_known_by_its_digest() {
        let packages = (0..4000).map(|at| (format!("package-{at}"), "1.0-1+deb13u1".to_owned())).collect();
        let long = Inventory { packages };
        assert_eq!((long.label().as_str(), long.digest().as_str().len()), ("", 24));
    }
}
