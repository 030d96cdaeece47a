//! Whether an engine answers on this machine, and why not.

use std::io;
use std::path::PathBuf;

use bollard::Docker;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::host::docker::endpoint::{self, Choice};
use crate::host::machine::programs::DEADLINE;
use crate::plan::machine::{Endpoint, EngineState, Silence, Transport, Version};

/// The engine, and where it keeps its images.
pub(super) async fn look() -> (EngineState, Option<PathBuf>) {
    let endpoint = match endpoint::find(&Choice::of_environment()) {
        Ok(endpoint) => endpoint,
        Err(problem) => return (EngineState::Nowhere(problem), None),
    };
    match timeout(DEADLINE, ask(&endpoint)).await.unwrap_or(Err(Silence::Hangs(DEADLINE.as_secs()))) {
        Ok((version, api, driver, root)) => (EngineState::Answers { endpoint, version, api, driver }, root),
        Err(silence) => (EngineState::Silent { endpoint, silence }, None),
    }
}

async fn ask(endpoint: &Endpoint) -> Result<(Version, String, String, Option<PathBuf>), Silence> {
    let failed = |error: bollard::errors::Error| Silence::Failed(error.to_string());
    // One plain connection first: bollard hides why there is none.
    let docker = match (endpoint.url.split_once("://"), endpoint.transport) {
        (Some(("unix", path)), Transport::Plain) => {
            UnixStream::connect(path).await.map_err(|error| silence(&error))?;
            Docker::connect_with_unix(path, DEADLINE.as_secs(), bollard::API_DEFAULT_VERSION)
        }
        (Some(("tcp" | "http", address)), Transport::Plain) => {
            TcpStream::connect(address.trim_end_matches('/')).await.map_err(|error| silence(&error))?;
            Docker::connect_with_http(&endpoint.url, DEADLINE.as_secs(), bollard::API_DEFAULT_VERSION)
        }
        _ => return Err(Silence::Unsupported),
    }
    .map_err(failed)?;
    let (version, info) = tokio::try_join!(docker.version(), docker.info()).map_err(failed)?;
    let text = version.version.unwrap_or_default();
    let number = Version::new(&text).ok_or_else(|| Silence::Failed(format!("`{text}` is not a version")))?;
    Ok((
        number,
        version.api_version.unwrap_or_default(),
        info.driver.unwrap_or_default(),
        info.docker_root_dir.map(PathBuf::from),
    ))
}

fn silence(error: &io::Error) -> Silence {
    match error.kind() {
        io::ErrorKind::NotFound => Silence::NoSocket,
        io::ErrorKind::ConnectionRefused => Silence::Refused,
        io::ErrorKind::PermissionDenied => Silence::Denied,
        _ => Silence::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_a_connection_says_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &Path| Endpoint {
            url: format!("unix://{}", path.display()),
            origin: crate::plan::machine::EndpointOrigin::HostVariable,
            transport: Transport::Plain,
        };
        assert_eq!(ask(&at(&dir.path().join("none"))).await, Err(Silence::NoSocket));
        let stale = dir.path().join("stale");
        drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
        assert_eq!(ask(&at(&stale)).await, Err(Silence::Refused));
        let far = Endpoint { url: "ssh://far".to_owned(), ..at(&stale) };
        assert_eq!(ask(&far).await, Err(Silence::Unsupported));
        let mute = dir.path().join("mute");
        let _listener = std::os::unix::net::UnixListener::bind(&mute).unwrap();
        assert!(timeout(Duration::from_millis(200), ask(&at(&mute))).await.is_err());
    }
}
