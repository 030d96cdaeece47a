//! Configuration of apt for a build, which stays in no image: which versions the lock has, and where packages of its
//! day are.

use crate::config::model::snapshot::{self, Snapshot};
use crate::plan::images::lock::Root;
use crate::plan::images::package_list::PackageList;
use crate::render::dockerfile::MOUNT;

/// The file that `APT_CONFIG` names.
pub const CONFIGURATION: &str = "apt.conf";
const PREFERENCES: &str = "preferences";
const SOURCES: &str = "sources.list";

/// The files for one build, by name: apt's configuration, and what it refers to.
#[must_use]
pub fn files(root: &Root, snapshot: &Snapshot, locked: Option<&PackageList>) -> Vec<(&'static str, String)> {
    let mut configuration = String::new();
    let mut files = Vec::new();
    if let Some(list) = locked {
        configuration.push_str(&format!("Dir::Etc::Preferences \"{MOUNT}/{PREFERENCES}\";\n"));
        files.push((PREFERENCES, list.preferences()));
    }
    let sources = sources(root, snapshot);
    if !sources.is_empty() {
        configuration.push_str(&format!(
            "Dir::Etc::SourceList \"{MOUNT}/{SOURCES}\";\nDir::Etc::SourceParts \"/dev/null\";\nAcquire::Check-Valid-Until \"false\";\n"
        ));
        files.push((SOURCES, sources.iter().map(|line| format!("{line}\n")).collect()));
    }
    files.push((CONFIGURATION, configuration));
    files
}

/// The sources of packages of the lock's day, each a line for apt; none where no snapshot archive is configured.
#[must_use]
pub fn sources(root: &Root, snapshot: &Snapshot) -> Vec<String> {
    snapshot.0.iter().filter_map(|entry| source(root, entry)).collect()
}

/// Those of them for the root, which is made on this machine and not in a container: an option of apt's could switch off
/// the check of signatures.
#[must_use]
pub fn sources_of_root(root: &Root, snapshot: &Snapshot) -> Vec<String> {
    let plain = snapshot.0.iter().filter(|entry| snapshot::parts(entry).0.is_empty());
    plain.filter_map(|entry| source(root, entry)).collect()
}

fn source(root: &Root, entry: &str) -> Option<String> {
    let (options, rest) = snapshot::parts(entry);
    let mut words = rest.split_whitespace();
    let address = words.next()?.replace(snapshot::DATE, root.archive()?);
    let suite = words.next().unwrap_or_else(|| root.suite());
    let components: Vec<&str> = words.collect();
    let components = match components.join(" ") {
        // The archive has one folder and no components.
        _ if suite.ends_with('/') => String::new(),
        none if none.is_empty() => " main".to_owned(),
        some => format!(" {some}"),
    };
    let options = [options, "check-valid-until=no"].join(" ");
    Some(format!("deb [{}] {address} {suite}{components}", options.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Root {
        Root::Packages { suite: "trixie".to_owned(), archive: "20261121T000000Z".to_owned() }
    }

    fn snapshot(addresses: &[&str]) -> Snapshot {
        Snapshot(addresses.iter().map(|&address| address.to_owned()).collect())
    }

    #[test]
    fn without_lock_and_snapshot_apt_is_told_nothing() {
        assert_eq!(files(&root(), &snapshot(&[]), None), [("apt.conf", String::new())]);
    }

    #[test]
    fn an_address_becomes_a_source_of_the_locks_day() {
        let addresses = [
            "http://snapshot.example/{date}/debian",
            "[trusted=yes] http://s.example/{date}/security trixie-security main contrib",
            "[trusted=yes] http://s.example/{date} ./",
        ];
        assert_eq!(
            sources(&root(), &snapshot(&addresses)),
            [
                "deb [check-valid-until=no] http://snapshot.example/20261121T000000Z/debian trixie main",
                "deb [trusted=yes check-valid-until=no] http://s.example/20261121T000000Z/security trixie-security main contrib",
                "deb [trusted=yes check-valid-until=no] http://s.example/20261121T000000Z ./",
            ]
        );
        assert_eq!(sources_of_root(&root(), &snapshot(&addresses)), sources(&root(), &snapshot(&addresses[..1])));
    }

    #[test]
    fn locked_versions_are_pinned() {
        let list = PackageList::of_record("tzdata 2026a abc");
        let files = files(&root(), &snapshot(&[]), Some(&list));
        assert_eq!(files[0], ("preferences", "Package: tzdata\nPin: version 2026a\nPin-Priority: 1001\n".to_owned()));
        assert_eq!(
            files[1],
            ("apt.conf", "Dir::Etc::Preferences \"/usr/local/share/devenv/host/preferences\";\n".to_owned())
        );
    }
}
