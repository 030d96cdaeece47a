//! Servers on loopback: what each step shows, and what is distinguished.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::host::certs::{Pair, authority, leaf};
use crate::host::clock;
use crate::plan::certs::cert_profile::Profile;
use crate::plan::certs::x509::DAY;
use crate::plan::trace::facts::BadCertificate;

const YEAR: i64 = 365 * DAY;

fn profile() -> Profile {
    Profile::parse(include_str!("../../../certs/profile.yaml")).unwrap()
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
    let now = clock::unix_time();
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
    let thread = std::thread::spawn(move || drop((listener.accept().unwrap(), listener.accept().unwrap(), listener)));
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
