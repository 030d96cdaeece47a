//! The engine's API: one call per function, and the words of the engine turned into ours.

pub mod archive;
pub mod builds;
pub mod containers;
pub mod exec;
pub mod exec_stream;
pub mod image_contents;
pub mod images;
pub mod log_stream;
pub mod one_off;
mod orphaned;
pub mod piped;
pub mod release;
pub mod swarm;
pub mod task_networks;
pub mod tasks;
pub mod tool_box;
pub mod usage;
pub mod volumes;

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::{Arc, Mutex};

use bollard::Docker;
use bollard::errors::Error as ApiError;

use crate::error::{Error, Kind, Result};
use crate::plan::observed;

/// A connection to the engine; made without asking it anything.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    /// Where it is, such as `unix:///var/run/docker.sock`; children get the same.
    pub endpoint: String,
    /// What this process has begun in the engine and not ended yet.
    begun: BegunSet,
    /// Where it is written down what the engine is asked to end.
    journal: Option<Arc<File>>,
}

/// Something in the engine that must not outlive this process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Begun {
    /// A one-off container, by its id.
    OneOff(String),
    /// A step in a container: its id, and the process group.
    Step(String, i64),
    /// What a step that is cut short needs afterwards: the container's id, and a shell script.
    Cleanup(String, String),
    /// A command of a person in a container: its id, and the mark in the variables of all its processes.
    Command(String, String),
    /// An image that holds the files of a container, by its id. Last: what is made from it is ended before.
    Image(String),
}

/// All that was begun; shared, so that whoever ends the process can end and remove what is left.
pub type BegunSet = Arc<Mutex<BTreeSet<Begun>>>;

/// Longest wait for the beginning of an answer; builds and stops with a long grace take their time.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(3600);

impl Engine {
    /// Connects to `endpoint`.
    pub fn connect(endpoint: &str, begun: BegunSet) -> Result<Self> {
        let docker = Docker::connect_with_host(endpoint).map_err(|error| unreachable(endpoint, &error))?;
        Ok(Self { docker: docker.with_timeout(PATIENCE), endpoint: endpoint.to_owned(), begun, journal: None })
    }

    /// Remembers what must not outlive this process.
    pub fn keep(&self, begun: Begun) {
        if let Ok(mut all) = self.begun.lock() {
            all.insert(begun);
        }
    }

    /// Forgets what has ended by itself.
    pub fn forget(&self, begun: &Begun) {
        if let Ok(mut all) = self.begun.lock() {
            all.remove(begun);
        }
    }

    /// Ends and removes what was begun.
    pub async fn end_begun(&self, begun: &Begun) -> Result<()> {
        match begun {
            Begun::OneOff(id) => self.remove(id).await,
            Begun::Step(container, group) => self.end_group(container, *group).await,
            Begun::Cleanup(container, script) => self.step(container, script, &[], |_| {}, |_| {}).await.map(drop),
            Begun::Command(container, mark) => self.end_command(container, mark).await,
            Begun::Image(id) => self.remove_image(id).await,
        }
    }

    /// What the engine is. The first call of every command, so it is the one with a deadline.
    pub async fn describe(&self) -> Result<observed::EngineInfo> {
        let deadline = std::time::Duration::from_secs(5);
        let info = match tokio::time::timeout(deadline, self.docker.info()).await {
            Ok(answer) => answer.map_err(|error| unreachable(&self.endpoint, &error))?,
            Err(_) => {
                let message = format!("the engine at {} does not answer", self.endpoint);
                return Err(Error::message(Kind::Missing, message).hint("`devenv doctor` says what is wrong with it"));
            }
        };
        let architecture = match info.architecture.as_deref() {
            Some("x86_64") | None => "amd64",
            Some("aarch64") => "arm64",
            Some(other) => other,
        };
        Ok(observed::EngineInfo {
            id: info.id.unwrap_or_default(),
            version: crate::host::engine::version(info.server_version.as_deref().unwrap_or_default()),
            platform: format!("linux/{architecture}"),
            machine: [info.name, info.kernel_version, info.operating_system].map(Option::unwrap_or_default),
        })
    }
}

/// Three numbers of a version such as `20.10.24+dfsg1`.
#[must_use]
pub fn version(text: &str) -> (u64, u64, u64) {
    let mut numbers = text
        .trim_start_matches('v')
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    (next(), next(), next())
}

fn unreachable(endpoint: &str, error: &ApiError) -> Error {
    let text = error.to_string();
    let mut source: Option<&dyn std::error::Error> = Some(error);
    let mut denied = false;
    let mut reason = text.clone();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            denied |= io.kind() == std::io::ErrorKind::PermissionDenied;
        }
        reason = cause.to_string();
        source = cause.source();
    }
    denied |= text.contains("ermission denied") || reason.contains("ermission denied");
    let message = format!("cannot reach the Docker engine at {endpoint}: {reason}");
    let error = Error::message(Kind::Missing, message);
    if denied {
        error.hint("your user may not use the socket: `sudo usermod -aG docker $USER`, then log in again")
    } else {
        error.hint("`devenv doctor --fix` installs and starts it; DOCKER_HOST or `docker context use` choose another")
    }
}

/// An error of the API, with what was being done.
fn failed(doing: impl std::fmt::Display) -> impl FnOnce(ApiError) -> Error {
    move |error| {
        let text = match &error {
            ApiError::DockerResponseServerError { message, .. } => message.clone(),
            ApiError::DockerStreamError { error } => error.clone(),
            other => other.to_string(),
        };
        if is_lost(&error) {
            let error = Error::message(Kind::Missing, format!("{doing}: the connection to the engine was lost"));
            return error.hint("`devenv doctor` says what is wrong with it; run the command again to continue");
        }
        let full = text.contains("no space left on device");
        let error = Error::message(Kind::Failed, format!("{doing}: {}", text.trim()));
        if full { error.hint("the engine's disk is full: `docker system df` shows what uses it") } else { error }
    }
}

/// Whether the engine went away, or cannot be reached any more, before it had answered.
fn is_lost(error: &ApiError) -> bool {
    matches!(
        error,
        ApiError::HttpClientError { .. }
            | ApiError::HyperResponseError { .. }
            | ApiError::HyperLegacyError { .. }
            | ApiError::SocketNotFoundError(_)
    ) || matches!(error, ApiError::IOError { .. } if !is_torn_end(error))
}

/// Whether a stream of messages has ended in less than a message. That is its good end, too, when the line break of the
/// last message came by itself (bollard's decoder keeps the half of it), so that whoever asks must know by other means
/// whether the last message was there.
fn is_torn_end(error: &ApiError) -> bool {
    matches!(error, ApiError::IOError { err } if err.to_string() == "bytes remaining on stream")
}

/// Whether the engine has no such thing.
fn is_missing(error: &ApiError) -> bool {
    matches!(error, ApiError::DockerResponseServerError { status_code: 404, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers_whatever_follows() {
        assert_eq!(version("20.10.24+dfsg1"), (20, 10, 24));
        assert_eq!(version("v2.40.3-3"), (2, 40, 3));
        assert_eq!(version("28.0"), (28, 0, 0));
        assert_eq!(version(""), (0, 0, 0));
    }
}
