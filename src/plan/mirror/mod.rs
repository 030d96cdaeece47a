//! How source reaches a module: by a bind mount or by a copy, and how a copy stands.

pub mod copy;
pub mod halt;
pub mod outputs;
pub mod sync;
pub mod tree;

use serde::{Deserialize, Serialize};

use crate::config::model::mirror::Mirror;
use crate::names::PartName;
use crate::plan::mirror::halt::Halt;
use crate::plan::mirror::outputs::{Back, Stamps};

/// How a copy stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum MirrorStatus {
    /// Both sides are equal, as far as is known.
    InSync,
    /// It stands still rather than carry a disaster into the container.
    Halted {
        /// What it saw.
        halt: Halt,
    },
    /// It could not be kept equal. It is tried again.
    Broken {
        /// What went wrong.
        why: String,
    },
    /// The engine does not answer.
    EngineAway,
}

impl MirrorStatus {
    /// The status of a part's copy, with what to do about it.
    #[must_use]
    pub fn text(&self, part: &PartName) -> String {
        match self {
            Self::InSync => "in sync".to_owned(),
            Self::Halted { halt } => {
                format!("halted: {halt}; bring the files back, or, if this is intended, `devenv mirror resume {part}`")
            }
            Self::Broken { why } => format!("broken: {why}"),
            Self::EngineAway => "waiting: the engine is unreachable".to_owned(),
        }
    }
}

/// What there is to tell about a copy after a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Whose it is.
    pub part: PartName,
    /// How it stands.
    pub status: MirrorStatus,
    /// Number of operations that were carried out.
    pub changes: usize,
    /// What came back.
    pub brought: Vec<Back>,
    /// What both sides have of the outputs, where that may be another than before.
    pub agreed: Option<Stamps>,
}

/// How source reaches a container, decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A bind mount.
    Bind,
    /// A copy in a volume, that devenv keeps equal.
    Sync,
}

/// What says whether engine and checkout share a kernel, and with it a file system. Empty where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinship<'a> {
    /// Where the engine is.
    pub endpoint: &'a str,
    /// Its name, kernel and operating system, in its own words.
    pub engine: [&'a str; 3],
    /// This machine's name and kernel.
    pub here: [&'a str; 2],
}

/// Whether engine and checkout are known not to share a kernel and a file system. A socket may lead elsewhere: into a
/// virtual machine (another kernel), through a tunnel or out of a container (another name).
#[must_use]
pub fn are_apart(kinship: &Kinship<'_>) -> bool {
    let [name, kernel, system] = kinship.engine;
    let [own_name, own_kernel] = kinship.here;
    let differ = |one: &str, other: &str| !one.is_empty() && !other.is_empty() && one != other;
    // Its virtual machine shares kernel and folders with all of WSL.
    let in_wsl = system == "Docker Desktop" && kernel.to_lowercase().contains("microsoft");
    !kinship.endpoint.starts_with("unix://") || differ(kernel, own_kernel) || (differ(name, own_name) && !in_wsl)
}

/// How the source of a module reaches its container: the module's wish, else the project's.
#[must_use]
pub fn way(module: Option<Mirror>, project: Mirror, are_apart: bool) -> Way {
    match module.unwrap_or(project) {
        Mirror::Sync => Way::Sync,
        Mirror::Bind => Way::Bind,
        Mirror::Auto if are_apart => Way::Sync,
        Mirror::Auto => Way::Bind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(endpoint: &str, engine: [&str; 3], here: [&str; 2]) -> bool {
        are_apart(&Kinship { endpoint, engine, here })
    }

    #[test]
    fn one_kernel_and_one_name_are_one_machine() {
        let debian = ["pc", "6.12.1", "Debian GNU/Linux 13"];
        assert!(!apart("unix:///var/run/docker.sock", debian, ["pc", "6.12.1"]));
        assert!(!apart("unix:///var/run/docker.sock", ["", "", ""], ["pc", "6.12.1"]));
        assert!(apart("tcp://10.0.0.2:2375", debian, ["pc", "6.12.1"]));
        assert!(apart("unix:///tmp/tunnel.sock", debian, ["laptop", "6.12.1"]));
        let desktop = ["docker-desktop", "6.10.14-linuxkit", "Docker Desktop"];
        assert!(apart("unix:///run/desktop.sock", desktop, ["pc", "6.12.1"]));
        let wsl = ["docker-desktop", "6.6.87-microsoft-standard-WSL2", "Docker Desktop"];
        assert!(!apart("unix:///var/run/docker.sock", wsl, ["pc", "6.6.87-microsoft-standard-WSL2"]));
    }

    #[test]
    fn a_module_may_wish_otherwise_than_the_project() {
        assert_eq!(way(None, Mirror::Auto, false), Way::Bind);
        assert_eq!(way(None, Mirror::Auto, true), Way::Sync);
        assert_eq!(way(Some(Mirror::Bind), Mirror::Sync, true), Way::Bind);
        assert_eq!(way(Some(Mirror::Auto), Mirror::Sync, false), Way::Bind);
        assert_eq!(way(None, Mirror::Sync, false), Way::Sync);
    }
}
