//! One request from this machine, step by step: the name, the connection, the handshake, the answer, each with its time.
//! Blocking, without a pool, a redirect or a proxy: nothing stands between the request and what is seen of it.

mod timely;
mod tls;

use std::io;
use std::net::{Ipv4Addr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::host::certs::trust::system_bundle_file;
use crate::host::outside_request::timely::{Stream, connect, failure};
use crate::host::outside_request::tls::handshake;
use crate::plan::certs::domains::is_this_machine;
use crate::plan::trace::answers::answer;
use crate::plan::trace::facts::{Answer, Failure, Outside, Timed};

/// What is sent, and where to.
#[derive(Debug, Clone)]
pub struct Request {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// The whole request.
    pub bytes: Vec<u8>,
    /// Longest time for each step, whatever comes meanwhile.
    pub patience: Duration,
    /// A file of authorities that are trusted, where there is one.
    pub authorities: Option<PathBuf>,
}

/// The most that is read of an answer.
const MOST: u64 = 64 * 1024;
/// How long more of an answer is awaited when its head is there: a stream has no end.
const REST: Duration = Duration::from_millis(500);

/// Sends it.
#[must_use]
pub fn send(request: &Request) -> Outside {
    let begin = Instant::now();
    let name = Timed { ms: 0.0, result: addresses(request) };
    let mut outside = Outside {
        host: request.host.clone(),
        port: request.port,
        name: Timed { ms: ms(begin), ..name.clone() },
        tcp: None,
        tls: None,
        answer: None,
        redirects: Vec::new(),
    };
    let Ok(addresses) = name.result else { return outside };
    outside.name.result = Ok(addresses.iter().map(ToString::to_string).collect());
    let begin = Instant::now();
    let connected = connect(&addresses, request.port, request.patience);
    outside.tcp = Some(Timed {
        ms: ms(begin),
        result: connected.as_ref().map(drop).map_err(|error| failure(error, request.patience)),
    });
    let Ok(stream) = connected else { return outside };
    if !request.tls {
        outside.answer = Some(ask(stream, request));
        return outside;
    }
    let begin = Instant::now();
    let secured =
        handshake(stream, &request.host, (request.authorities.as_deref(), system_bundle_file()), request.patience);
    let shown = secured.as_ref().map(|(_, shown)| shown.clone()).map_err(Clone::clone);
    outside.tls = Some(Timed { ms: ms(begin), result: shown });
    if let Ok((stream, shown)) = secured
        && shown.may_be_told(stream.sock.peer)
    {
        outside.answer = Some(ask(stream, request));
    }
    outside
}

fn ms(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1000.0
}

/// The addresses of a name.
fn addresses(request: &Request) -> Result<Vec<String>, Failure> {
    let host = request.host.clone();
    if is_this_machine(&host) {
        return Ok(vec![Ipv4Addr::LOCALHOST.to_string()]);
    }
    // The system's resolver knows no deadline: it is left behind where it takes too long.
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send((host.as_str(), 0).to_socket_addrs()));
    let found = receive.recv_timeout(request.patience).map_err(|_| Failure::TimedOut(request.patience.as_secs()))?;
    let found = found.map_err(|_| Failure::NotFound)?;
    let mut all: Vec<String> = found.map(|address| address.ip().to_string()).collect();
    all.dedup();
    if all.is_empty() { Err(Failure::NotFound) } else { Ok(all) }
}

/// Sends the request and reads the answer; its time is that of its first bytes.
fn ask(mut stream: impl Stream, request: &Request) -> Timed<Answer> {
    let begin = Instant::now();
    let until = begin + request.patience;
    stream.end_at(until);
    // A server that refuses a body may close before it has read that: its answer counts.
    let sent = stream.write_all(&request.bytes).and_then(|()| stream.flush());
    let mut bytes = Vec::new();
    let (mut piece, mut first) = (vec![0; 8192], None);
    let ended = loop {
        match stream.read(&mut piece) {
            Ok(0) => break Err(Failure::Closed),
            Ok(count) => {
                first.get_or_insert_with(|| ms(begin));
                bytes.extend_from_slice(&piece[..count]);
                if bytes.len() as u64 >= MOST {
                    break Ok(());
                }
                stream.end_at(until.min(Instant::now() + REST));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(failure(&error, request.patience)),
        }
    };
    let ms = first.unwrap_or_else(|| ms(begin));
    let result = match (answer(&String::from_utf8_lossy(&bytes)), ended, sent) {
        (Some(answer), _, _) => Ok(answer),
        (None, _, Err(error)) => Err(failure(&error, request.patience)),
        (None, Err(_) | Ok(()), _) if !bytes.is_empty() => Err(Failure::Other("the answer is not HTTP".to_owned())),
        (None, Err(failure), _) => Err(failure),
        (None, Ok(()), _) => Err(Failure::Closed),
    };
    Timed { ms, result }
}

#[cfg(test)]
mod tests;
