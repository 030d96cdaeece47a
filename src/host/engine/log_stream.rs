//! The log of a container as the engine sends it, on a connection of its own. The engine writes each line by itself, and a
//! log may have a million of them: one read takes what has come, and nothing is copied or woken up for a line. By HTTP/1.0
//! (RFC 1945) the body is as it is, and ends with the connection.

use std::pin::Pin;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::redact::percent;

/// Bytes that one read takes at most.
const TOGETHER: usize = 128 * 1024;
/// The longest head of an answer.
const HEAD: usize = 64 * 1024;
/// The head of a frame: which stream, three zeros, and the length.
const FRAME: usize = 8;
/// The port of an engine whose address names none.
const PORT: u16 = 2375;

/// Which part of a log is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRequest {
    /// Follow new output.
    pub follow: bool,
    /// Number of lines from the end.
    pub tail: Option<String>,
    /// Seconds since 1970.
    pub since: Option<i32>,
}

/// A log as it comes.
pub struct LogStream {
    from: Pin<Box<dyn AsyncRead + Send>>,
    come: BytesMut,
    shape: Shape,
}

/// How the body is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Nothing has come yet.
    Unknown,
    /// Frames, each of standard output or standard error.
    Frames,
    /// The bytes of a terminal.
    Plain,
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl Engine {
    /// A container's log as it grows, the engine's time in front of each line.
    pub async fn log(&self, id: &str, request: &LogRequest) -> Result<LogStream> {
        let lost = |error: std::io::Error| failed(&error.to_string());
        let mut connection = connect(&self.endpoint).await.map_err(lost)?;
        connection.write_all(head(id, request).as_bytes()).await.map_err(lost)?;
        let mut come = BytesMut::with_capacity(TOGETHER);
        let end = loop {
            if let Some(end) = come.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            if come.len() > HEAD || connection.read_buf(&mut come).await.map_err(lost)? == 0 {
                return Err(failed("the engine has not answered"));
            }
        };
        let status = come.split_to(end);
        let mut stream = LogStream { from: Box::pin(connection), come, shape: Shape::Unknown };
        if status.starts_with(b"HTTP/1.") && status.get(9..12) == Some(b"200") {
            return Ok(stream);
        }
        while stream.come.len() < HEAD && stream.from.read_buf(&mut stream.come).await.map_err(lost)? > 0 {}
        Err(failed(&words(&stream.come)))
    }
}

impl LogStream {
    /// Waits for more and hands on each piece that has come whole; pieces may end anywhere in a line. False at the end.
    /// Nothing is lost where the wait is given up.
    pub async fn next(&mut self, mut each: impl FnMut(&[u8])) -> Result<bool> {
        // The first pieces may have come with the head of the answer.
        if self.hand_on(&mut each) {
            return Ok(true);
        }
        self.come.reserve(TOGETHER);
        if self.from.read_buf(&mut self.come).await.map_err(|error| failed(&error.to_string()))? == 0 {
            return Ok(false);
        }
        self.hand_on(&mut each);
        Ok(true)
    }

    /// Hands on each piece that has come whole, and says whether there was one.
    fn hand_on(&mut self, each: &mut impl FnMut(&[u8])) -> bool {
        if self.shape == Shape::Unknown {
            self.shape = match self.come.get(..4) {
                Some([0..=2, 0, 0, 0]) => Shape::Frames,
                Some(_) => Shape::Plain,
                None => return false,
            };
        }
        let before = self.come.len();
        if self.shape == Shape::Plain && before > 0 {
            each(&self.come);
            self.come.clear();
        } else if self.shape == Shape::Frames {
            while let Some([_, _, _, _, length @ ..]) = self.come.first_chunk::<FRAME>() {
                let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                let Some(piece) = self.come.get(FRAME..).and_then(|rest| rest.get(..length)) else { break };
                each(piece);
                self.come.advance(FRAME + length);
            }
        }
        self.come.len() < before
    }
}

async fn connect(endpoint: &str) -> std::io::Result<Box<dyn Connection>> {
    let Some((_, place)) = endpoint.split_once("://").filter(|(scheme, _)| *scheme != "unix") else {
        let path = endpoint.strip_prefix("unix://").unwrap_or(endpoint);
        return Ok(Box::new(UnixStream::connect(path).await?));
    };
    let place = place.trim_end_matches('/');
    let has_port = place.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
    let stream = match has_port {
        true => TcpStream::connect(place).await?,
        false => TcpStream::connect((place, PORT)).await?,
    };
    Ok(Box::new(stream))
}

/// The request.
fn head(id: &str, request: &LogRequest) -> String {
    let mut query = format!("stdout=1&stderr=1&timestamps=1&follow={}", u8::from(request.follow));
    for (name, value) in [("tail", request.tail.clone()), ("since", request.since.map(|since| since.to_string()))] {
        query.extend(value.map(|value| format!("&{name}={}", percent(&value))));
    }
    format!("GET /containers/{}/logs?{query} HTTP/1.0\r\nHost: docker\r\n\r\n", percent(id))
}

/// The engine's words in the body of an error.
fn words(body: &[u8]) -> String {
    let message = serde_json::from_slice::<serde_json::Value>(body).ok();
    let message = message.and_then(|value| Some(value.get("message")?.as_str()?.to_owned()));
    message.unwrap_or_else(|| "the engine has refused it".to_owned())
}

fn failed(words: &str) -> Error {
    Error::message(Kind::Failed, format!("cannot read the log: {}", words.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a body that comes in parts, the first one with the head of the answer.
    async fn pieces(parts: &[&[u8]]) -> Vec<String> {
        let (with_head, parts) = parts.split_first().unwrap();
        let mut reader: Pin<Box<dyn AsyncRead + Send>> = Box::pin(tokio::io::empty());
        for part in parts {
            reader = Box::pin(reader.chain(std::io::Cursor::new(part.to_vec())));
        }
        let mut stream = LogStream { from: reader, come: BytesMut::from(*with_head), shape: Shape::Unknown };
        let mut all = Vec::new();
        while stream.next(|piece| all.push(String::from_utf8_lossy(piece).into_owned())).await.unwrap() {}
        all
    }

    #[tokio::test]
    async fn frames_are_taken_whole_wherever_reads_end() {
        let body = b"\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x05other";
        assert_eq!(pieces(&[body]).await, ["one\n", "other"]);
        for at in 0..body.len() {
            assert_eq!(pieces(&[&body[..at], &body[at..]]).await, ["one\n", "other"], "at {at}");
            assert_eq!(pieces(&[b"", &body[..at], &body[at..]]).await, ["one\n", "other"], "at {at}, after the head");
        }
        // One that says it is longer than memory is waited for until the connection ends.
        assert_eq!(pieces(&[b"\x01\0\0\0\xff\xff\xff\xffone"]).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn the_log_of_a_terminal_comes_as_it_is() {
        assert_eq!(pieces(&[b"plain\r\n", b"\x01\0\0\0"]).await, ["plain\r\n", "\x01\0\0\0"]);
    }

    #[test]
    fn a_request_names_what_is_wanted() {
        let request = LogRequest { follow: true, tail: Some("5".to_owned()), since: Some(7) };
        assert_eq!(
            head("a/b", &request),
            "GET /containers/a%2Fb/logs?stdout=1&stderr=1&timestamps=1&follow=1&tail=5&since=7 HTTP/1.0\r\nHost: docker\r\n\r\n"
        );
        assert_eq!(words(br#"{"message":"No such container: x"}"#), "No such container: x");
    }
}
