//! What devenv must know of a machine, as values; `host::machine` collects them. No judgement here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// What a machine has of all that devenv uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineFacts {
    /// Operating system.
    pub system: System,
    /// Who runs devenv.
    pub user: User,
    /// Programs of the host.
    pub programs: Programs,
    /// The docker command line.
    pub docker: Tool,
    /// Its plugin `compose`.
    pub compose: Tool,
    /// Its plugin `buildx`.
    pub buildx: Tool,
    /// The engine.
    pub engine: EngineState,
    /// Free bytes where the engine keeps its images; none if that place is not on this machine.
    pub disk_free: Option<u64>,
    /// How much of the file system can be watched; none outside Linux.
    pub inotify: Option<Inotify>,
}

/// An operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum System {
    /// Linux on its own kernel.
    Linux(Release),
    /// Linux in Windows.
    Wsl(Release),
    /// macOS.
    Macos,
    /// Anything else, by the name that Rust has for it.
    Other(String),
}

/// A Linux distribution: fields of `os-release(5)`, empty where it has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// `ID`.
    pub id: String,
    /// `ID_LIKE`.
    pub like: Vec<String>,
    /// `VERSION_ID`; empty for Debian testing and unstable.
    pub version: String,
    /// `VERSION_CODENAME`.
    pub codename: String,
    /// `PRETTY_NAME`.
    pub name: String,
}

/// Who runs devenv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// What the user may do.
    pub rank: Rank,
    /// Whether the user database has the user in group `docker`; a session that is older does not know it yet.
    pub in_docker_group: bool,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// Everything.
    Root,
    /// What a normal user may.
    Normal,
}

/// Where programs are; none if they are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programs {
    /// `apt-get`: packages can be installed.
    pub apt_get: Option<PathBuf>,
    /// `dockerd`: an engine is installed.
    pub dockerd: Option<PathBuf>,
    /// `docker-compose` of the first generation.
    pub compose_1: Option<PathBuf>,
    /// `fuse-overlayfs`: a storage driver.
    pub fuse_overlayfs: Option<PathBuf>,
    /// `git`.
    pub git: Option<PathBuf>,
    /// `mmdebstrap`.
    pub mmdebstrap: Option<PathBuf>,
    /// `newuidmap`: mmdebstrap needs it where it does not run as root.
    pub newuidmap: Option<PathBuf>,
    /// `tmux`.
    pub tmux: Option<PathBuf>,
}

/// A program that has a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    /// It is not there.
    Absent,
    /// It is there but says this instead of a version.
    Broken(String),
    /// It works.
    Works(Version),
}

/// The oldest compose that devenv works with.
pub const OLDEST_COMPOSE: (u32, u32) = (2, 20);

/// A version, as in `2.26.1-4`, `v0.29.1`, `20.10.24+dfsg1` or `5:28.1.1-1~debian`: compared by its first numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    text: String,
    numbers: (u32, u32, u32),
}

impl Version {
    /// Parses a version; none if the text starts with no number.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let upstream = text.split_once(':').map_or(text, |(_, after_epoch)| after_epoch);
        let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
        let mut parts = upstream.split('.');
        let major = parts.next().and_then(digits)?;
        let minor = parts.next().and_then(digits).unwrap_or(0);
        let patch = parts.next().and_then(digits).unwrap_or(0);
        Some(Self { text: text.to_owned(), numbers: (major, minor, patch) })
    }

    /// Whether this is `major.minor` or newer.
    #[must_use]
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.numbers >= (major, minor, 0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where an engine is, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// As in `DOCKER_HOST`: `unix:///var/run/docker.sock`.
    pub url: String,
    /// Who says so.
    pub origin: EndpointOrigin,
    /// Whether the connection is encrypted.
    pub transport: Transport,
}

/// How bytes travel to an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// As they are.
    Plain,
    /// Through TLS.
    Tls,
}

/// Who chose the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointOrigin {
    /// The variable `DOCKER_HOST`.
    HostVariable,
    /// The variable `DOCKER_CONTEXT`, which names this context.
    ContextVariable(String),
    /// `docker context use`, with this context.
    CurrentContext(String),
    /// Nobody.
    Default,
}

impl fmt::Display for EndpointOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostVariable => f.write_str("from DOCKER_HOST"),
            Self::ContextVariable(name) => write!(f, "context `{name}` from DOCKER_CONTEXT"),
            Self::CurrentContext(name) => write!(f, "current context `{name}`"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.url, self.origin)
    }
}

/// Why no endpoint could be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEndpoint {
    /// The context does not exist.
    #[error("{origin} does not exist; there are: {}", known.join(", "))]
    UnknownContext {
        /// Who names it.
        origin: EndpointOrigin,
        /// The contexts that exist, sorted, `default` among them.
        known: Vec<String>,
    },
    /// A file of docker's command line cannot be used.
    #[error("cannot read {}: {problem}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// The engine, as far as it can be seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineState {
    /// It works.
    Answers {
        /// Where it is.
        endpoint: Endpoint,
        /// Its version.
        version: Version,
        /// Version of its API, as in `1.41`.
        api: String,
        /// Its storage driver.
        driver: String,
    },
    /// It cannot be used.
    Silent {
        /// Where it should be.
        endpoint: Endpoint,
        /// What came instead of an answer.
        silence: Silence,
    },
    /// It is not known where it should be.
    Nowhere(NoEndpoint),
}

/// What came instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// The socket does not exist.
    NoSocket,
    /// Nobody listens.
    Refused,
    /// The user may not open the socket.
    Denied,
    /// Nothing, for this many seconds.
    Hangs(u64),
    /// The endpoint is of a kind that devenv cannot talk to.
    Unsupported,
    /// Something else.
    Failed(String),
}

/// Limits of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inotify {
    /// `max_user_watches`: directories that all programs of a user can watch.
    pub watches: u64,
    /// `max_user_instances`: programs of a user that can watch.
    pub instances: u64,
}

/// What could be used to repair a machine. Asked only when there is something to repair: apt takes its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Means {
    /// Becoming root.
    pub sudo: Sudo,
    /// What apt offers; none where there is no apt.
    pub apt: Option<Apt>,
    /// Who starts services.
    pub init: Init,
    /// Whether an engine runs on this machine, wherever it listens.
    pub daemon: Daemon,
    /// Whether the engine can lay file systems over each other with the kernel's help.
    pub overlay: Overlay,
    /// Whether AppArmor can work.
    pub apparmor: AppArmor,
    /// `/etc/docker/daemon.json`.
    pub daemon_config: DaemonConfig,
    /// Where plugins of docker's command line are for this user.
    pub plugins: PathBuf,
    /// A directory of this user's that does not exist and may be made, used and removed.
    pub scratch: PathBuf,
}

/// Whether a normal user can become root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sudo {
    /// Without a password.
    Free,
    /// Perhaps with a password, which needs a terminal.
    Asks,
    /// There is no sudo.
    Absent,
}

/// What apt offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Apt {
    /// Package → version that would be installed. Empty before the first `apt-get update`.
    pub candidates: BTreeMap<String, String>,
    /// The Debian mirror that the machine uses, if it is Debian.
    pub mirror: Option<String>,
    /// Debian's keys, if they are there.
    pub keyring: Option<PathBuf>,
}

/// Who starts services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// systemd.
    Systemd,
    /// Scripts in `/etc/init.d`, or nobody.
    Scripts,
}

/// Whether a process `dockerd` can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// There is one.
    Runs,
    /// There is none.
    Absent,
}

/// Whether overlayfs can be mounted where the engine keeps its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// As far as can be seen.
    Mountable,
    /// The kernel does not know it (yet), or that place is on an overlay itself.
    Doubtful,
}

/// AppArmor, without which an engine starts no container where the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppArmor {
    /// The kernel has it switched off, or its program is there.
    Fine,
    /// The kernel has it, and `apparmor_parser` is not there.
    LacksParser,
}

/// The engine's own configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaemonConfig {
    /// There is none.
    Absent,
    /// There is one; what it sets `storage-driver` to, or nothing.
    Present(String),
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_compared_by_its_numbers_and_shown_as_it_is() {
        for (text, two_twenty) in [
            ("2.26.1-4", true),
            ("2.20.0", true),
            ("v2.40.3", true),
            ("2.9", false),
            ("1.29.2-3", false),
            ("5:28.1.1-1~debian.12~bookworm", true),
            ("2.24.6+ds1-0ubuntu1~22.04.1", true),
            ("3", true),
        ] {
            assert_eq!(Version::new(text).unwrap().at_least(2, 20), two_twenty, "{text}");
        }
        assert_eq!(Version::new("v0.13.1+ds1\n").unwrap().to_string(), "0.13.1+ds1");
        assert_eq!(Version::new("dev"), None);
    }
}
