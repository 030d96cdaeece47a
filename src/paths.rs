//! Every path below a checkout's `.devenv`, the folder that holds what is generated, and the names in a checkout that no
//! container may have or write. Paths of generated files are relative to `.devenv`, with `/` between their parts.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The folder.
pub const DEVENV: &str = ".devenv";
/// Names that are copied into no container, in any folder.
pub const NEVER_COPIED: [&str; 3] = [".git", DEVENV, "devenv.local.yaml"];
/// Folders and files that programs of the host run, or read as their settings: a container that could write them would
/// decide what runs on the host.
pub const HOST_SETTINGS: [&str; 7] =
    [".git", ".vscode", ".idea", ".devcontainer", ".envrc", "devenv.yaml", "devenv.local.yaml"];

/// Who the checkout is.
pub const ID: &str = "id";
/// Credentials.
pub const SECRETS: &str = "secrets";
/// Credentials that devenv made: no service can have that name, so none has them mounted.
pub const MADE_SECRETS: &str = "secrets/.made";
/// The key under which credentials are compared; no service can have that name.
pub const SECRETS_KEY: &str = "secrets/.key";
/// Certificates and their keys.
pub const CERTS: &str = "certs";
/// The gateway's configuration.
pub const GATEWAY: &str = "gateway";
/// The states of features.
pub const FEATURES: &str = "features";
/// Who has changed a feature, and when: a line of JSON for each change.
pub const FEATURE_CHANGES: &str = "feature-changes.jsonl";
/// The definition as compose merges it.
pub const MERGED: &str = "compose/merged.json";
/// Copies of the team's compose files.
pub const FRAGMENTS: &str = "compose/fragments";
/// The watcher's lock, state and log.
pub const WATCH: &str = "watch";
/// The records of runs of tasks, a folder each.
pub const RUNS: &str = "runs";
/// The record in such a folder.
pub const RUN_EVENTS: &str = "events.jsonl";
/// The artifacts in such a folder, a folder a task.
pub const RUN_ARTIFACTS: &str = "artifacts";
/// The JUnit files in such a folder, a folder a task.
pub const RUN_RESULTS: &str = "results";
/// What became of the splits of tasks in such a folder, a file a task.
pub const RUN_SPLITS: &str = "splits";
/// In the same: what a failed run of `devenv ci` leaves for somebody else.
pub const RUN_BUNDLE: &str = "bundle.tar";
/// The runner, for modules whose image has none.
pub const RUNNER: &str = "runner";
/// Scripts of the tool box.
pub const DEBUG_SCRIPTS: &str = "debug/scripts";
/// What they leave.
pub const DEBUG_CAPTURES: &str = "debug/captures";
/// The host file as it is to be.
pub const HOSTS: &str = "hosts";

/// Below it: what the environments beside dev have, a folder each.
const ENVIRONMENTS: &str = "environments";

/// The folder whose `.devenv` an environment has: dev that of the checkout, each other one its own.
#[must_use]
pub fn home(root: &Path, environment: Option<&str>) -> PathBuf {
    environment.map_or_else(|| root.to_owned(), |name| devenv(root).join(ENVIRONMENTS).join(name))
}

/// The checkout and the environment that a folder is the home of, where it is not that of dev.
#[must_use]
pub fn environment_of(home: &Path) -> Option<(&Path, &str)> {
    let environments = home.parent().filter(|folder| folder.ends_with(ENVIRONMENTS))?;
    let devenv = environments.parent().filter(|folder| folder.ends_with(DEVENV))?;
    Some((devenv.parent()?, home.file_name()?.to_str()?))
}

/// The folder of a checkout.
#[must_use]
pub fn devenv(root: &Path) -> PathBuf {
    root.join(DEVENV)
}

/// A path below it, as text: for a checkout whose path is known to be UTF-8.
#[must_use]
pub fn below(root: &str, path: impl Display) -> String {
    format!("{root}/{DEVENV}/{path}")
}

/// The credentials of one service, a file each.
#[must_use]
pub fn secrets_of(service: impl Display) -> String {
    format!("{SECRETS}/{service}")
}

/// The credentials of the services that a part needs, as variables.
#[must_use]
pub fn env_file(part: impl Display) -> String {
    format!("{SECRETS}/{part}.env")
}

/// A certificate or its key.
#[must_use]
pub fn certificate(name: impl Display) -> String {
    format!("{CERTS}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_known_by_its_home() {
        let root = Path::new("/home/ada/shop");
        assert_eq!(home(root, None), root);
        let ci = home(root, Some("ci"));
        assert_eq!(environment_of(&ci), Some((root, "ci")));
        assert_eq!(environment_of(root), None);
        assert_eq!(environment_of(Path::new("/home/environments/ci")), None);
    }
}
