//! Programs of this machine: where they are, and what they say within a deadline.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use crate::host::process::{self, Cmd, Output};

/// How long anything may take to answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// Where a program is, on PATH or where programs of the administrator are.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    let folders = env::join_paths(folders).ok()?;
    which::which_in(name, Some(folders), "/").ok()
}

pub(super) async fn output(cmd: &Cmd) -> Option<Output> {
    timeout(DEADLINE, process::output(cmd)).await.ok()?.ok()
}
