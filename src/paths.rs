//! Every path below a checkout's `.devenv`, the folder that holds what is generated. Paths of generated files are relative to
//! it, with `/` between their parts.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The folder.
pub const DEVENV: &str = ".devenv";
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
/// The definition as compose merges it.
pub const MERGED: &str = "compose/merged.json";
/// Copies of the team's compose files.
pub const FRAGMENTS: &str = "compose/fragments";
/// The watcher's lock, state and log.
pub const WATCH: &str = "watch";
/// Scripts of the tool box.
pub const DEBUG_SCRIPTS: &str = "debug/scripts";
/// What they leave.
pub const DEBUG_CAPTURES: &str = "debug/captures";
/// The host file as it is to be.
pub const HOSTS: &str = "hosts";

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
