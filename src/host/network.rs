//! This machine's network: who listens, which routes there are, and whether a part answers.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::plan::sockets;

/// Ports that somebody listens on, by the kernel's tables; empty where there are none to read.
#[must_use]
pub fn listening() -> BTreeSet<u16> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    tables.iter().flat_map(|table| sockets::listeners(table)).map(|listener| listener.port).collect()
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

/// Whether a connection is accepted within `patience`.
pub async fn answers_tcp(address: &str, port: u16, patience: Duration) -> Result<(), String> {
    connect(address, port, patience).await.map(drop)
}

async fn connect(address: &str, port: u16, patience: Duration) -> Result<TcpStream, String> {
    match tokio::time::timeout(patience, TcpStream::connect((address, port))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Err("connection refused".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no connection within {} ms", patience.as_millis())),
    }
}

/// The status that a GET is answered with, and the beginning of the body.
pub async fn get(address: &str, port: u16, path: &str, patience: Duration) -> Result<(u16, String), String> {
    let ask = async {
        let mut stream = connect(address, port, patience).await?;
        let host = if address.parse::<std::net::IpAddr>().is_ok() { "localhost" } else { address };
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: devenv\r\nAccept: */*\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
        let mut answer = Vec::new();
        stream.take(8192).read_to_end(&mut answer).await.map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
        status.map(|status| (status, body)).ok_or_else(|| "the answer is not HTTP".to_owned())
    };
    match tokio::time::timeout(patience, ask).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} ms", patience.as_millis())),
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
