//! The HTTP client: a question to a part, and news to a webhook. The engine has a client of its own.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use ureq::config::{Config, ConfigBuilder};
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Timeout};

use crate::host::network::NoAnswer;

/// As much of a body is read.
const MOST: u64 = 8192;
/// As much of an exchange is read, and so long is waited for more of it.
const MUCH: usize = 64 * 1024;
const REST: Duration = Duration::from_millis(100);

/// The status that a GET is answered with, and the beginning of the body. No redirect is followed, and no proxy is asked.
pub async fn get(address: &str, port: u16, path: &str, patience: Duration) -> Result<(u16, String), NoAnswer> {
    let host = if address.parse::<IpAddr>().is_ok() { "localhost" } else { address }.to_owned();
    let url = match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("http://[{address}]:{port}{path}"),
        _ => format!("http://{address}:{port}{path}"),
    };
    let asked = tokio::task::spawn_blocking(move || {
        let agent = configuration(patience).proxy(None).max_redirects(0).build().new_agent();
        let asked = agent.get(&url).header("Host", host).header("Accept", "*/*").call();
        let mut answer = asked.map_err(|error| no_answer(error, patience))?;
        let mut body = Vec::new();
        // A body that does not end is cut by the time that is left: the status is the answer.
        let _ = answer.body_mut().as_reader().take(MOST).read_to_end(&mut body);
        Ok((answer.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
    });
    asked.await.unwrap_or_else(|error| Err(NoAnswer::Other(error.to_string())))
}

/// Sends a request as it is to an address. Returns what comes back, at most [`MUCH`] of it, and after how long its first
/// bytes came; none where that took longer than `patience`. What has begun and goes on is left after a while.
pub async fn exchange(at: SocketAddr, request: &[u8], patience: Duration) -> Option<(Vec<u8>, Duration)> {
    let begin = Instant::now();
    let mut come = Vec::new();
    let asked = timeout(patience, async {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(request).await?;
        stream.read_buf(&mut come).await?;
        Ok::<_, io::Error>(stream)
    });
    let mut stream = asked.await.ok()?.ok()?;
    let first = begin.elapsed();
    while come.len() < MUCH
        && let Ok(Ok(1..)) = timeout(REST, stream.read_buf(&mut come)).await
    {}
    Some((come, first))
}

/// Leads every name to one address.
#[derive(Debug)]
struct At(SocketAddr);

impl Resolver for At {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut all = self.empty();
        all.push(self.0);
        Ok(all)
    }
}

/// The status that a GET by HTTPS is answered with, at this address in place of the host's own where there is one. The
/// certificate must be the host's, from an authority of this machine. The error is for people.
pub async fn get_secure(host: &str, at: Option<SocketAddr>, path: &str, patience: Duration) -> Result<u16, String> {
    let url = format!("https://{host}{path}");
    let asked = tokio::task::spawn_blocking(move || {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let configuration = configuration(patience).max_redirects(0).tls_config(tls);
        let agent = match at {
            Some(at) => Agent::with_parts(configuration.proxy(None).build(), DefaultConnector::new(), At(at)),
            None => configuration.build().new_agent(),
        };
        agent.get(&url).header("Accept", "*/*").call().map(|answer| answer.status().as_u16())
    });
    asked.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// Posts JSON; the error is for people.
pub async fn post(url: &str, json: String, patience: Duration) -> Result<(), String> {
    let url = url.to_owned();
    let posted = tokio::task::spawn_blocking(move || {
        // This machine's own certificates: a network may inspect TLS.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let agent = configuration(patience).http_status_as_error(true).tls_config(tls).build().new_agent();
        agent.post(&url).header("Content-Type", "application/json").send(json).map(drop)
    });
    posted.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

fn configuration(patience: Duration) -> ConfigBuilder<AgentScope> {
    let configuration = Agent::config_builder().user_agent("devenv").http_status_as_error(false);
    configuration.max_idle_connections(0).timeout_global(Some(patience))
}

fn no_answer(error: ureq::Error, patience: Duration) -> NoAnswer {
    match error {
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => NoAnswer::Refused,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => NoAnswer::NotHttp,
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => NoAnswer::NoConnection(patience),
        ureq::Error::Timeout(_) => NoAnswer::Late(patience),
        ureq::Error::ConnectionFailed => NoAnswer::NoConnection(patience),
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => NoAnswer::NotHttp,
        error => NoAnswer::Other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes, then keeps the connection or closes it.
    async fn asked(answer: &'static [u8], closes: bool) -> Result<(u16, String), NoAnswer> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer).unwrap();
            let rest = if closes { None } else { Some(stream) };
            (String::from_utf8_lossy(&request[..read]).into_owned(), rest)
        });
        let answer = get("127.0.0.1", port, "/health?x=1", Duration::from_millis(300)).await;
        let (request, _stream) = server.join().unwrap();
        assert!(request.starts_with("GET /health?x=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.to_lowercase().contains("\r\nhost: localhost\r\n"), "{request}");
        answer
    }

    #[tokio::test]
    async fn an_answer_is_a_status_and_the_beginning_of_a_body_however_it_ends() {
        let text = |body: &str| Ok((200, body.to_owned()));
        assert_eq!(asked(b"HTTP/1.0 200 OK\r\n\r\nfine", true).await, text("fine"));
        assert_eq!(asked(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine", false).await, text("fine"));
        assert_eq!(
            asked(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n", false).await,
            text("fine")
        );
        assert_eq!(asked(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", false).await, Ok((503, String::new())));
        let moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(asked(moved, false).await, Ok((302, String::new())));
        assert_eq!(asked(b"HTTP/1.1 200 OK\r\n\r\nendless", false).await.map(|(status, _)| status), Ok(200));
    }

    #[tokio::test]
    async fn an_exchange_is_the_bytes_as_they_are() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(b"HTTP/1.0 204 No\r\n\r\n").unwrap();
            request
        });
        let (answer, first) = exchange(at, b"PING", Duration::from_secs(10)).await.unwrap();
        assert_eq!((answer.as_slice(), &server.join().unwrap()), (&b"HTTP/1.0 204 No\r\n\r\n"[..], b"PING"));
        assert!(first < Duration::from_secs(10));
        assert_eq!(exchange(at, b"PING", Duration::from_secs(10)).await, None);
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told_apart() {
        let patience = Duration::from_millis(300);
        assert_eq!(asked(b"SSH-2.0-OpenSSH\r\n", true).await, Err(NoAnswer::NotHttp));
        assert_eq!(asked(b"", true).await, Err(NoAnswer::NotHttp));
        assert_eq!(asked(b"", false).await, Err(NoAnswer::Late(patience)));
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert_eq!(get("127.0.0.1", closed, "/", patience).await, Err(NoAnswer::Refused));
        assert_eq!(get("224.0.0.1", 80, "/", patience).await.map_err(|error| error == NoAnswer::Refused), Err(false));
    }
}
