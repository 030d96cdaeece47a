//! An engine on another machine: ssh brings its socket here, once for all calls. A connection by ssh for each call, as docker's
//! command line makes them, would cost a second each.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::process::Child;

use crate::error::{Error, Kind, Result};
use crate::host::process::{self, Cmd};

/// How long ssh may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where an engine listens, if nobody says anything else.
const SOCKET: &str = "/var/run/docker.sock";

/// Where ssh leads: `ssh://USER@HOST:PORT/SOCKET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// User and host, as ssh takes them.
    to: String,
    port: Option<u16>,
    socket: String,
}

impl Ssh {
    /// Reads the address of an engine; none where it is not reached by ssh.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("ssh://")?;
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (to, port) = match place.rsplit_once(':') {
            Some((to, port)) if !port.ends_with(']') => (to, Some(port.parse().ok()?)),
            _ => (place, None),
        };
        let socket = if path.is_empty() { SOCKET.to_owned() } else { format!("/{path}") };
        Some(Self { to: to.replace(['[', ']'], ""), port, socket })
    }

    fn call(&self, options: &[&str]) -> Cmd {
        let port = self.port.map(|port| ["-p".to_owned(), port.to_string()]);
        let call = Cmd::new("ssh", options.iter().copied()).args(port.into_iter().flatten());
        // A name that begins like an option is none.
        if options.is_empty() { call } else { call.args(["--"]) }.args([self.to.as_str()])
    }
}

/// A way to an engine; it is closed when this is dropped.
#[derive(Debug)]
pub struct Tunnel {
    _ssh: Child,
    _folder: tempfile::TempDir,
    /// Where the engine is reached here.
    pub url: String,
}

/// Opens a way to an engine.
pub async fn open(ssh: &Ssh) -> Result<Tunnel> {
    let folder = tempfile::tempdir().map_err(|error| Error::message(Kind::Failed, format!("no folder: {error}")))?;
    let socket = folder.path().join("sock");
    let forward = format!("{}:{}", socket.display(), ssh.socket);
    let options = ["-N", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-L", &forward];
    let mut child = process::start(&ssh.call(&options))?;
    let begin = Instant::now();
    while !socket.exists() {
        let has_ended = child.try_wait().is_ok_and(|status| status.is_some());
        if has_ended || begin.elapsed() >= PATIENCE {
            return Err(failed(ssh, child).await);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Tunnel { _ssh: child, url: format!("unix://{}", socket.display()), _folder: folder })
}

async fn failed(ssh: &Ssh, mut child: Child) -> Error {
    // What it has said is all there when it has ended.
    let _ = child.start_kill();
    let mut said = String::new();
    if let Some(mut pipe) = child.stderr.take() {
        let _ = pipe.read_to_string(&mut said).await;
    }
    let said = if said.trim().is_empty() { "it does not answer" } else { said.trim() };
    Error::message(Kind::Missing, format!("cannot reach the engine on {} by ssh: {said}", ssh.to))
        .hint(format!("`{}` must work without a question", ssh.call(&[])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_user_host_port_and_socket() {
        let read = |url: &str| Ssh::parse(url).map(|ssh| (ssh.call(&["-N"]).to_string(), ssh.socket));
        let call = |text: &str, socket: &str| Some((text.to_owned(), socket.to_owned()));
        assert_eq!(read("ssh://manager"), call("ssh -N -- manager", SOCKET));
        assert_eq!(read("ssh://me@manager:2222/"), call("ssh -N -p 2222 -- me@manager", SOCKET));
        assert_eq!(read("ssh://me@[fd00::1]/run/other.sock"), call("ssh -N -- me@fd00::1", "/run/other.sock"));
        assert_eq!(read("ssh://-oProxyCommand=x"), call("ssh -N -- '-oProxyCommand=x'", SOCKET));
        assert_eq!(read("unix:///run/docker.sock"), None);
    }
}
