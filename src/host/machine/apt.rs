//! What apt can install on this machine, and from where.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::host::machine::os_release::system;
use crate::host::machine::programs::{output, program};
use crate::host::process::Cmd;
use crate::plan::machine::{Apt, System};

/// Packages whose versions in apt are of interest.
const PACKAGES: [&str; 15] = [
    "apparmor",
    "docker-buildx",
    "docker-buildx-plugin",
    "docker-ce",
    "docker-ce-cli",
    "docker-cli",
    "docker-compose",
    "docker-compose-plugin",
    "docker-compose-v2",
    "docker.io",
    "fuse-overlayfs",
    "git",
    "mmdebstrap",
    "tmux",
    "uidmap",
];

/// Asks apt; nothing where there is none.
pub(super) async fn look() -> Option<Apt> {
    program("apt-get")?;
    let codename = match system() {
        System::Linux(release) | System::Wsl(release) => release.codename,
        System::Macos | System::Other(_) => String::new(),
    };
    let format = "$(COMPONENT) $(RELEASE) $(REPO_URI)";
    let policy = Cmd::new("apt-cache", ["policy"]).args(PACKAGES).env("LC_ALL", "C");
    let targets =
        Cmd::new("apt-get", ["indextargets", "--no-release-info", "--format", format, "Created-By: Packages"]);
    let (policy, targets) = tokio::join!(output(&policy), output(&targets));
    let keyring = PathBuf::from("/usr/share/keyrings/debian-archive-keyring.gpg");
    Some(Apt {
        candidates: candidates(&policy.map(|output| output.stdout).unwrap_or_default()),
        mirror: mirror(&targets.map(|output| output.stdout).unwrap_or_default(), &codename),
        keyring: keyring.exists().then_some(keyring),
    })
}

/// What `apt-cache policy` says an archive offers. Before the first `apt-get update` it knows only what is installed:
/// that is no offer, and says nothing about other packages.
fn candidates(policy: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let (mut package, mut candidate) = ("", None);
    for line in policy.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            (package, candidate) = (name, None);
        } else if let Some(version) = line.trim().strip_prefix("Candidate: ") {
            candidate = Some(version).filter(|version| *version != "(none)");
        } else if let Some(version) = candidate.filter(|_| is_archive(line)) {
            found.insert(package.to_owned(), version.to_owned());
        }
    }
    found
}

/// Whether a line of a version table names an archive: priority, place, suite.
fn is_archive(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next().is_some_and(|word| word.parse::<i32>().is_ok()) && words.next().is_some_and(|word| word.contains(":/"))
}

/// The place from which the distribution's own suite comes; other archives use other suites or components.
fn mirror(targets: &str, codename: &str) -> Option<String> {
    let places = targets.lines().filter_map(|line| line.strip_prefix(&format!("main {codename} ")));
    places.filter(|place| place.starts_with("http")).map(|place| place.trim_end_matches('/').to_owned()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_that_can_be_installed_are_candidates() {
        let policy = "\
docker.io:
  Installed: (none)
  Candidate: 20.10.24+dfsg1-1
  Version table:
     20.10.24+dfsg1-1 500
        500 http://deb.example.org/debian bookworm/main amd64 Packages
docker-cli:
  Installed: (none)
  Candidate: (none)
  Version table:
";
        let wanted = [("docker.io".to_owned(), "20.10.24+dfsg1-1".to_owned())];
        assert_eq!(candidates(policy), BTreeMap::from(wanted));
    }

    #[test]
    fn what_is_only_installed_is_no_offer() {
        let policy = "\
git:
  Installed: 1:2.39.5-0+deb12u3
  Candidate: 1:2.39.5-0+deb12u3
  Version table:
 *** 1:2.39.5-0+deb12u3 100
        100 /var/lib/dpkg/status
";
        assert_eq!(candidates(policy), BTreeMap::new());
    }

    #[test]
    fn the_mirror_is_that_of_the_suite_itself() {
        let targets = "\
stable bookworm https://download.example.com/linux/debian/
main bookworm-security http://mirror.example.org/debian-security/
main bookworm copy:/media/cdrom/
main bookworm http://mirror.example.org/debian/
";
        assert_eq!(mirror(targets, "bookworm"), Some("http://mirror.example.org/debian".to_owned()));
        assert_eq!(mirror(targets, "trixie"), None);
    }
}
