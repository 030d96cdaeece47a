//! Requests to a published port, over TLS with nothing but the tests' own certificate authority trusted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::checkout::{state, until};

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Status and body of a request to `http[s]://HOST[:PORT]/PATH`; hosts below `localhost` are this machine.
pub(crate) fn request(method: &str, url: &str, body: &str) -> (u16, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or_else(|| panic!("no address: {url}"));
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let (name, port) = host.split_once(':').unwrap_or((host, if scheme == "https" { "443" } else { "80" }));
    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut stream: Box<dyn Stream> = match scheme {
        "https" => Box::new(StreamOwned::new(client(name, &[]), stream)),
        _ => Box::new(stream),
    };
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

/// A connection to an `https` address on which the caller speaks for itself, having offered these protocols.
pub(crate) fn connect(url: &str, protocols: &[&str]) -> StreamOwned<ClientConnection, TcpStream> {
    let host = url.trim_start_matches("https://").split('/').next().unwrap();
    let (name, port) = host.split_once(':').unwrap_or((host, "443"));
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut client = client(name, protocols);
    client.complete_io(&mut stream).unwrap();
    StreamOwned::new(client, stream)
}

fn client(name: &str, protocols: &[&str]) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(state().join("devenv/ca/ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).unwrap()).unwrap()
}

/// The head of an answer, up to its empty line.
pub(crate) fn head(stream: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
    }
    head
}

/// The body that a GET of `/` is answered with, on a connection that stays open.
fn ask(stream: &mut impl Stream, url: &str) -> String {
    let host = url.trim_start_matches("https://").split('/').next().unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut reader = BufReader::new(stream);
    let head = head(&mut reader).to_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// The certificate that a server shows.
pub(crate) fn certificate(url: &str) -> CertificateDer<'static> {
    connect(url, &[]).conn.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Four clients that ask for the same page without a pause, and fail at any answer but the page's `hello`. Two of them
/// open a connection for each request, the others keep theirs open.
pub(crate) struct Clients {
    end: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    pub(crate) fn of(url: &str) -> Self {
        let (end, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let client = |number: usize| {
            let (url, end, answers) = (url.to_owned(), Arc::clone(&end), Arc::clone(&answers));
            let mut kept = None;
            thread::spawn(move || {
                while !end.load(Ordering::Relaxed) {
                    if number.is_multiple_of(2) {
                        assert_eq!(get(&url), (200, "hello".to_owned()));
                    } else {
                        let (mut stream, asked) = kept.take().unwrap_or_else(|| (connect(&url, &[]), 0));
                        assert_eq!(ask(&mut stream, &url), "hello");
                        // nginx ends a connection after its 1,000th request.
                        kept = (asked < 900).then_some((stream, asked + 1));
                    }
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let threads = (0..4).map(client).collect();
        Self { end, answers, threads }
    }

    /// Waits until some more requests were answered.
    pub(crate) fn go_on(&self) {
        let wanted = self.answers.load(Ordering::Relaxed) + 50;
        until("requests go on", || (self.answers.load(Ordering::Relaxed) > wanted).then_some(()));
    }

    /// Ends them; none may have failed.
    pub(crate) fn end(self) {
        self.end.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
