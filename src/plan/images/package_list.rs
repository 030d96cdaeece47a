//! The packages that an image adds to its parent, as `devenv.lock` lists them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Fingerprint;
use crate::plan::images::image_packages::Inventory;

/// Where an image keeps `NAME VERSION SHA256` of each package, one a line: `images/base/devenv-apt-record` writes it.
pub const RECORD: &str = "/usr/share/devenv/packages";
/// Stands for the version of a package that the parent has and the image removed.
const REMOVED: &str = "removed";
/// Stands for the digest of a package that came past apt.
const NO_DIGEST: &str = "unknown";

/// Packages by name, each as `VERSION SHA256`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackageList(BTreeMap<String, String>);

impl PackageList {
    /// What an image with this record adds to its parent.
    #[must_use]
    pub fn added(parent: &Inventory, image: &Inventory, record: &str) -> Self {
        let sums: BTreeMap<(&str, &str), &str> =
            entries(record).map(|(name, version, sum)| ((name, version), sum)).collect();
        let new = image.packages().filter(|(name, version)| parent.version(name) != Some(version));
        let new = new.map(|(name, version)| {
            let sum = sums.get(&(name, version)).copied().unwrap_or(NO_DIGEST);
            (name.to_owned(), format!("{version} {sum}"))
        });
        let gone = parent.packages().filter(|(name, _)| image.version(name).is_none());
        let gone = gone.map(|(name, _)| (name.to_owned(), REMOVED.to_owned()));
        Self(new.chain(gone).collect())
    }

    /// All packages of a record.
    #[must_use]
    pub fn of_record(record: &str) -> Self {
        Self(entries(record).map(|(name, version, sum)| (name.to_owned(), format!("{version} {sum}"))).collect())
    }

    /// How many packages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One digest of the whole list.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        Fingerprint::of(&self.0.iter().map(|(name, rest)| format!("{name} {rest}\n")).collect::<String>())
    }

    /// Each package with its version and, where it is known, the SHA-256 of its file.
    pub fn packages(&self) -> impl Iterator<Item = (&str, &str, Option<&str>)> {
        self.0.iter().filter(|(_, rest)| rest.as_str() != REMOVED).map(|(name, rest)| {
            let sum = rest.split(' ').nth(1).filter(|sum| *sum != NO_DIGEST);
            (name.as_str(), version(rest), sum)
        })
    }

    /// Preferences by which apt takes these very versions, also older ones, where an archive still has them
    /// (<https://manpages.debian.org/trixie/apt/apt_preferences.5>).
    #[must_use]
    pub fn preferences(&self) -> String {
        let pinned = self.0.iter().filter(|(_, rest)| rest.as_str() != REMOVED);
        let paragraph = |(name, rest): (&String, &String)| {
            format!("Package: {name}\nPin: version {}\nPin-Priority: 1001\n", version(rest))
        };
        pinned.map(paragraph).collect::<Vec<_>>().join("\n")
    }

    /// How this list differs from an earlier one.
    #[must_use]
    pub fn changes(&self, before: &Self) -> Vec<PackageChange> {
        let names: BTreeSet<&String> = self.0.keys().chain(before.0.keys()).collect();
        let entry = |list: &Self, name: &String| list.0.get(name).cloned();
        let all = names.into_iter().map(|name| (name, entry(before, name), entry(self, name)));
        let changed = all.filter(|(_, before, now)| before != now);
        changed.map(|(name, before, now)| PackageChange { name: name.clone(), before, now }).collect()
    }
}

/// A package that two lists have differently; its entries are `VERSION SHA256`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageChange {
    /// Its name.
    pub name: String,
    before: Option<String>,
    now: Option<String>,
}

impl PackageChange {
    /// The version that the earlier list has.
    #[must_use]
    pub fn before(&self) -> &str {
        self.before.as_deref().map_or("not listed", version)
    }

    /// The version that the later list has.
    #[must_use]
    pub fn now(&self) -> &str {
        self.now.as_deref().map_or("not listed", version)
    }
}

impl fmt::Display for PackageChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, before, now) = (&self.name, self.before(), self.now());
        match (&self.before, &self.now) {
            (None, _) => write!(f, "{name} {now} is new"),
            (_, None) => write!(f, "{name} {before} is gone"),
            _ if before == now => write!(f, "{name} {now} has a different SHA-256"),
            _ => write!(f, "{name} {before} → {now}"),
        }
    }
}

/// The message when a build got other packages of an image than the lock listed.
#[must_use]
pub fn moved(image: &str, before: Option<&PackageList>, now: &PackageList) -> Vec<String> {
    let Some(before) = before else {
        return vec![format!("devenv.lock lists the packages of {image} now: {}", now.len())];
    };
    let line = |change: PackageChange| match (change.before(), change.now()) {
        (old, new) if change.before.is_some() && change.now.is_some() && old != new => {
            format!("devenv.lock: {image}: {change}, because its archive no longer has {old}")
        }
        _ => format!("devenv.lock: {image}: {change}"),
    };
    now.changes(before).into_iter().map(line).collect()
}

fn entries(record: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    record.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?, words.next()?))
    })
}

fn version(entry: &str) -> &str {
    entry.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = "libc6 1 old\nlibpq5 17 abc\nlibpq5 16 older\n";

    fn list() -> PackageList {
        let parent = Inventory::of_label("libc6=2 nano=8 tzdata=1");
        PackageList::added(&parent, &Inventory::of_label("by-hand=1 libc6=2 libpq5=17 tzdata=2"), RECORDED)
    }

    #[test]
    fn a_list_has_only_what_an_image_adds_with_the_sum_of_the_version_that_it_has() {
        assert_eq!(
            serde_yaml::to_string(&list()).unwrap(),
            "by-hand: 1 unknown\nlibpq5: 17 abc\nnano: removed\ntzdata: 2 unknown\n"
        );
    }

    #[test]
    fn apt_is_told_to_take_the_versions_of_the_list() {
        let pinned = PackageList::of_record("libpq5 17.1-0+deb13u1 abc\n").preferences();
        assert_eq!(pinned, "Package: libpq5\nPin: version 17.1-0+deb13u1\nPin-Priority: 1001\n");
    }

    #[test]
    fn a_version_that_the_archive_no_longer_has_is_named() {
        let (before, now) = (PackageList::of_record("a 1 x\nb 1 x"), PackageList::of_record("a 2 y\nb 1 x\nc 1 z"));
        assert_eq!(
            moved("python", Some(&before), &now),
            ["devenv.lock: python: a 1 → 2, because its archive no longer has 1", "devenv.lock: python: c 1 is new"]
        );
        assert_eq!(moved("python", None, &now), ["devenv.lock lists the packages of python now: 3"]);
    }

    #[test]
    fn lists_differ_by_name() {
        let (before, now) = (
            PackageList::of_record("a 1 x\nb 1 x\nc 1 x\nd 1 x"),
            PackageList::of_record("a 1 x\nb 2 y\nc 1 z\ne 1 x"),
        );
        let said: Vec<String> = now.changes(&before).iter().map(ToString::to_string).collect();
        assert_eq!(said, ["b 1 → 2", "c 1 has a different SHA-256", "d 1 is gone", "e 1 is new"]);
        assert!(now.changes(&now).is_empty());
        assert_ne!(now.digest(), before.digest());
    }
}
