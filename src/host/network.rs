//! This machine's network: who listens, which routes there are, and whether a part answers.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::amounts;
use crate::plan::sockets;

/// Ports that somebody listens or receives on, by the kernel's tables; empty where there are none to read.
#[must_use]
pub fn listening() -> BTreeSet<u16> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let datagrams = ["/proc/net/udp", "/proc/net/udp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let received = datagrams.iter().flat_map(|table| sockets::receivers(table));
    tables.iter().flat_map(|table| sockets::listeners(table)).map(|listener| listener.port).chain(received).collect()
}

/// The program that listens on a port, as far as this user may see it.
#[must_use]
pub fn holder(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let sockets: BTreeSet<String> =
        tables.iter().flat_map(|table| sockets::inodes(table, port)).map(|inode| format!("socket:[{inode}]")).collect();
    let has_one = |process: &std::path::Path| {
        let files = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        let mut links = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        links.any(|link| sockets.contains(&*link.to_string_lossy()))
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let found = processes.filter(|path| path.join("fd").is_dir()).find(|path| has_one(path))?;
    std::fs::read_to_string(found.join("comm")).ok().map(|name| name.trim().to_owned())
}

/// Third octets of 10.213.x.0/24 that a route of this machine covers.
#[must_use]
pub fn routed_octets() -> BTreeSet<u8> {
    let table = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    table
        .lines()
        .skip(1)
        .filter_map(|line| u32::from_str_radix(line.split_whitespace().nth(1)?, 16).ok())
        .filter_map(octet)
        .collect()
}

/// The third octet of an address in 10.213.0.0/16, as the kernel's table writes it: lowest byte first.
fn octet(address: u32) -> Option<u8> {
    let [one, two, three, _] = address.to_le_bytes();
    (one == 10 && two == 213).then_some(three)
}

/// Whether the system's resolver leads a name to this machine and nowhere else.
pub async fn resolves_here(name: &str) -> bool {
    let ask = tokio::net::lookup_host((name, 0));
    let Ok(Ok(found)) = tokio::time::timeout(Duration::from_secs(2), ask).await else { return false };
    let mut found = found.peekable();
    found.peek().is_some() && found.all(|address| address.ip().is_loopback())
}

/// Why nothing answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The address exists, and nothing listens there.
    #[error("connection refused")]
    Refused,
    /// No connection came about within this time.
    #[error("no connection within {}", amounts::limit(*.0))]
    NoConnection(Duration),
    /// A connection did, and no answer came within this time.
    #[error("no answer within {}", amounts::limit(*.0))]
    Late(Duration),
    /// Something else than HTTP answers.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Whether a connection is accepted within `patience`.
pub async fn answers_tcp(address: &str, port: u16, patience: Duration) -> Result<(), NoAnswer> {
    match tokio::time::timeout(patience, TcpStream::connect((address, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Err(NoAnswer::Refused),
        Ok(Err(error)) => Err(NoAnswer::Other(error.to_string())),
        Err(_) => Err(NoAnswer::NoConnection(patience)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_tells_its_third_octet() {
        assert_eq!(octet(u32::from_le_bytes([10, 213, 7, 0])), Some(7));
        assert_eq!(octet(u32::from_le_bytes([10, 0, 7, 0])), None);
    }
}
