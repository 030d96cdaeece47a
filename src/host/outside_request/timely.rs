//! A connection with a deadline: for all that is read and written until then, whatever comes meanwhile.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use crate::plan::trace::facts::Failure;

/// A connection that has until a point in time, for all that is read and written meanwhile.
#[derive(Debug)]
pub(super) struct Timely {
    stream: TcpStream,
    pub(super) until: Instant,
    /// The address of the other side.
    pub(super) peer: Option<IpAddr>,
}

impl Timely {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Timely {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(bytes)
    }
}

impl Write for Timely {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Connects to the first of these addresses that answers, within `patience`.
pub(super) fn connect(addresses: &[String], port: u16, patience: Duration) -> io::Result<Timely> {
    let until = Instant::now() + patience;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses.iter().filter_map(|address| address.parse::<IpAddr>().ok()) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&SocketAddr::new(address, port), left) {
            Ok(stream) => return Ok(Timely { stream, until, peer: Some(address) }),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What an error of a step means that had `patience`.
pub(super) fn failure(error: &io::Error, patience: Duration) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::TimedOut(patience.as_secs()),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Other(error.to_string()),
    }
}

/// A connection that may be given another time to end.
pub(super) trait Stream: Read + Write {
    fn end_at(&mut self, until: Instant);
}

impl Stream for Timely {
    fn end_at(&mut self, until: Instant) {
        self.until = until;
    }
}

impl Stream for StreamOwned<ClientConnection, Timely> {
    fn end_at(&mut self, until: Instant) {
        self.sock.until = until;
    }
}
