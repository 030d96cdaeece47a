//! Requests to a published port.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Status and body of a request to `http://HOST[:PORT]/PATH`; hosts below `localhost` are this machine.
pub(crate) fn request(method: &str, url: &str, body: &str) -> (u16, String) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("no address: {url}"));
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let port = host.split_once(':').map_or("80", |(_, port)| port);
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or_else(|| panic!("no HTTP: {answer}")), body.to_owned())
}

/// Status and body of a GET.
pub(crate) fn get(url: &str) -> (u16, String) {
    request("GET", url, "")
}
