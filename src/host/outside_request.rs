//! One request from this machine, step by step: the name, the connection, the handshake, the answer, each with its time.
//! Blocking, without a pool, a redirect or a proxy: nothing stands between the request and what is seen of it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};

use crate::host::clock;
use crate::plan::certs::x509::Facts;
use crate::plan::trace::answers::answer;
use crate::plan::trace::facts::{Answer, BadCertificate, Failure, Outside, Shown, Timed};

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
    let connected = connect(&addresses, request);
    outside.tcp =
        Some(Timed { ms: ms(begin), result: connected.as_ref().map(drop).map_err(|error| failure(error, request)) });
    let Ok(stream) = connected else { return outside };
    if !request.tls {
        outside.answer = Some(ask(stream, request));
        return outside;
    }
    let begin = Instant::now();
    let secured = handshake(stream, request);
    let shown = secured.as_ref().map(|(_, shown)| shown.clone()).map_err(Clone::clone);
    outside.tls = Some(Timed { ms: ms(begin), result: shown });
    if let Ok((stream, shown)) = secured
        && may_be_told(stream.sock.peer, &shown)
    {
        outside.answer = Some(ask(stream, request));
    }
    outside
}

/// Whether a server gets the request, which may hold credentials: not from a machine that has not proved who it is. This
/// machine is no other one.
fn may_be_told(peer: Option<IpAddr>, shown: &Shown) -> bool {
    shown.problem.is_none() || peer.is_some_and(|address| address.is_loopback())
}

fn ms(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1000.0
}

/// The addresses of a name. Those below `localhost` are this machine, whatever its resolver knows (RFC 6761): browsers
/// and curl hold it so.
fn addresses(request: &Request) -> Result<Vec<String>, Failure> {
    let host = request.host.clone();
    if host == "localhost" || host.ends_with(".localhost") {
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

/// A connection that has until a point in time, for all that is read and written meanwhile.
#[derive(Debug)]
struct Timely {
    stream: TcpStream,
    until: Instant,
    /// The address of the other side.
    peer: Option<IpAddr>,
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

fn connect(addresses: &[String], request: &Request) -> io::Result<Timely> {
    let until = Instant::now() + request.patience;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses.iter().filter_map(|address| address.parse::<IpAddr>().ok()) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&SocketAddr::new(address, request.port), left) {
            Ok(stream) => return Ok(Timely { stream, until, peer: Some(address) }),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn failure(error: &io::Error, request: &Request) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::TimedOut(request.patience.as_secs()),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Other(error.to_string()),
    }
}

/// Takes any certificate, so that it can be shown; what is wrong with it is asked afterwards.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn handshake(mut stream: Timely, request: &Request) -> Result<(StreamOwned<ClientConnection, Timely>, Shown), Failure> {
    stream.until = Instant::now() + request.patience;
    let other = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
    let provider = Arc::new(ring::default_provider());
    let name = ServerName::try_from(request.host.clone()).map_err(|error| other(&error))?;
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let config = config.map_err(|error| other(&error))?.dangerous();
    let config =
        config.with_custom_certificate_verifier(Arc::new(Anything(Arc::clone(&provider)))).with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), name.clone()).map_err(|error| other(&error))?;
    while client.is_handshaking() {
        client.complete_io(&mut stream).map_err(|error| failure(&error, request))?;
    }
    let chain: Vec<CertificateDer<'static>> =
        client.peer_certificates().unwrap_or_default().iter().map(|one| one.clone().into_owned()).collect();
    let Some((leaf, above)) = chain.split_first() else {
        return Err(Failure::Other("no certificate was shown".to_owned()));
    };
    let (facts, issuer) = Facts::of_der(leaf).map_err(Failure::Other)?;
    let shown = Shown {
        names: facts.names.iter().cloned().collect(),
        issuer,
        days_left: facts.days_left(i64::try_from(clock::seconds()).unwrap_or_default()),
        problem: problem(request, provider, (leaf, above), &name),
    };
    Ok((StreamOwned::new(client, stream), shown))
}

/// What is wrong with a certificate, for a client that trusts the file of authorities alone.
fn problem(
    request: &Request,
    provider: Arc<CryptoProvider>,
    (leaf, above): (&CertificateDer<'_>, &[CertificateDer<'_>]),
    name: &ServerName<'_>,
) -> Option<BadCertificate> {
    let mut roots = RootCertStore::empty();
    let file = request.authorities.as_deref()?;
    for authority in CertificateDer::pem_file_iter(file).into_iter().flatten().flatten() {
        // One that cannot be read is trusted by nobody.
        let _ = roots.add(authority);
    }
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return Some(BadCertificate::Untrusted);
    };
    match verifier.verify_server_cert(leaf, above, name, &[], UnixTime::now()) {
        Ok(_) => None,
        Err(rustls::Error::InvalidCertificate(error)) => Some(match error {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => BadCertificate::Expired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                BadCertificate::OtherName
            }
            CertificateError::UnknownIssuer => BadCertificate::Untrusted,
            other => BadCertificate::Other(other.to_string()),
        }),
        Err(other) => Some(BadCertificate::Other(other.to_string())),
    }
}

/// A connection that may be given another time to end.
trait Stream: Read + Write {
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
            Err(error) => break Err(failure(&error, request)),
        }
    };
    let ms = first.unwrap_or_else(|| ms(begin));
    let result = match (answer(&String::from_utf8_lossy(&bytes)), ended, sent) {
        (Some(answer), _, _) => Ok(answer),
        (None, _, Err(error)) => Err(failure(&error, request)),
        (None, Err(_) | Ok(()), _) if !bytes.is_empty() => Err(Failure::Other("the answer is not HTTP".to_owned())),
        (None, Err(failure), _) => Err(failure),
        (None, Ok(()), _) => Err(Failure::Closed),
    };
    Timed { ms, result }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection};

    use super::*;
    use crate::host::certs::{Pair, authority, leaf};
    use crate::plan::certs::cert_profile::Profile;
    use crate::plan::certs::x509::DAY;

    const YEAR: i64 = 365 * DAY;

    fn profile() -> Profile {
        Profile::parse(include_str!("../../certs/profile.yaml")).unwrap()
    }

    /// A server that shows a certificate and gives one answer; its port.
    fn serve(pair: &Pair) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(chain, key).unwrap());
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap();
            let is_whole = request[..read].starts_with(b"GET / HTTP/1.1\r\n");
            let status = if is_whole { "204 No Content" } else { "400 Bad Request" };
            write!(stream, "HTTP/1.1 {status}\r\nLocation: /there\r\n\r\n").unwrap();
            stream.conn.send_close_notify();
            let _ = stream.flush();
        });
        port
    }

    /// What is said of a certificate made for `host` at a time that lies this far in the past, by a client that asks for
    /// `shop.localhost` and trusts this or another authority.
    fn seen(host: &str, ago: i64, is_trusted: bool) -> (Option<BadCertificate>, u16) {
        let now = i64::try_from(clock::seconds()).unwrap();
        let made = authority(&profile(), "devenv on box", now - 3 * YEAR).unwrap();
        let pair = leaf(&profile(), &made, host, [host.to_owned()].iter(), now - ago, None).unwrap();
        let other = authority(&profile(), "another", now).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, if is_trusted { &made.certificate } else { &other.certificate }).unwrap();
        let outside = send(&Request {
            host: "shop.localhost".to_owned(),
            port: serve(&pair),
            tls: true,
            bytes: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            patience: Duration::from_secs(10),
            authorities: Some(file),
        });
        let shown = outside.tls.unwrap().result.unwrap();
        assert_eq!((shown.names.as_slice(), shown.issuer.as_str()), ([host.to_owned()].as_slice(), "devenv on box"));
        (shown.problem, outside.answer.unwrap().result.unwrap().status)
    }

    #[test]
    fn a_certificate_is_shown_whatever_is_wrong_with_it_and_that_is_told_apart() {
        assert_eq!(seen("shop.localhost", 0, true), (None, 204));
        assert_eq!(seen("shop.localhost", YEAR, true), (Some(BadCertificate::Expired), 204));
        assert_eq!(seen("other.localhost", 0, true), (Some(BadCertificate::OtherName), 204));
        assert_eq!(seen("shop.localhost", 0, false), (Some(BadCertificate::Untrusted), 204));
    }

    #[test]
    fn what_comes_before_the_answer_is_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let request = |host: &str, port: u16, tls: bool| Request {
            host: host.to_owned(),
            port,
            tls,
            bytes: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            patience: Duration::from_secs(1),
            authorities: None,
        };
        let port = listener.local_addr().unwrap().port();
        // Taken by the kernel, and never answered.
        let slow = send(&request("x.localhost", port, false));
        assert_eq!(slow.answer.unwrap().result, Err(Failure::TimedOut(1)));
        let thread =
            std::thread::spawn(move || drop((listener.accept().unwrap(), listener.accept().unwrap(), listener)));
        let plain = send(&request("localhost", port, true));
        thread.join().unwrap();
        assert!(plain.tls.unwrap().result.is_err() && plain.answer.is_none());
        assert_eq!(send(&request("127.0.0.1", port, false)).tcp.unwrap().result, Err(Failure::Refused));
        let unknown = send(&request("no such name", 1, false));
        assert_eq!((unknown.name.result, unknown.tcp), (Err(Failure::NotFound), None));
    }

    #[test]
    fn a_stream_that_never_pauses_ends_with_the_step() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (begin, mut request) = (Instant::now(), [0; 4096]);
            // It goes on until the client has closed the connection.
            while begin.elapsed() < Duration::from_secs(20) {
                if matches!(stream.read(&mut request), Ok(0)) || stream.write_all(b".").is_err() {
                    return true;
                }
            }
            false
        });
        let seen = send(&Request {
            host: "localhost".to_owned(),
            port,
            tls: false,
            bytes: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            patience: Duration::from_secs(1),
            authorities: None,
        });
        assert_eq!(seen.answer.unwrap().result.unwrap().status, 200);
        assert!(thread.join().unwrap(), "the stream was read until it ended by itself");
    }

    #[test]
    fn a_request_goes_to_no_other_machine_whose_certificate_is_bad() {
        let shown =
            |problem: Option<BadCertificate>| Shown { names: vec![], issuer: String::new(), days_left: 1, problem };
        let is_told = |address: &str, problem: Option<BadCertificate>| {
            may_be_told(Some(address.parse().unwrap()), &shown(problem))
        };
        assert!(is_told("192.0.2.1", None));
        assert!(!is_told("192.0.2.1", Some(BadCertificate::Untrusted)));
        assert!(!is_told("2001:db8::1", Some(BadCertificate::Expired)));
        assert!(
            is_told("127.0.0.1", Some(BadCertificate::Untrusted)) && is_told("::1", Some(BadCertificate::OtherName))
        );
    }
}
