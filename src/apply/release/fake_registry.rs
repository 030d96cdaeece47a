//! A registry in memory, for tests: it keeps what it gets, and may fall silent after some requests.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::digest;

/// What it keeps: repository and tag or digest → bytes.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) manifests: BTreeMap<(String, String), Vec<u8>>,
    pub(super) blobs: BTreeMap<(String, String), Vec<u8>>,
}

#[derive(Clone)]
pub(super) struct FakeRegistry {
    pub(super) host: String,
    pub(super) kept: Arc<Mutex<Kept>>,
    /// Requests that are answered until it falls silent.
    pub(super) left: Arc<AtomicUsize>,
    /// Connections that get no answer.
    pub(super) silent: Arc<Mutex<Vec<TcpStream>>>,
}

impl FakeRegistry {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let registry = Self { host, kept: Arc::default(), left, silent: Arc::default() };
        let own = registry.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                if own.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
                    own.silent.lock().unwrap().push(stream);
                    continue;
                }
                if own.serve(&mut stream).is_none() {
                    return;
                }
            }
        });
        registry
    }

    fn serve(&self, stream: &mut TcpStream) -> Option<()> {
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        let (head, body) = loop {
            let many = stream.read(&mut piece).ok()?;
            request.extend_from_slice(&piece[..many]);
            let end = request.windows(4).position(|four| four == b"\r\n\r\n");
            let Some(end) = end.filter(|_| many > 0) else { continue };
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length =
                head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
            if request.len() - end - 4 >= length.unwrap_or(0) {
                break (String::from_utf8_lossy(&request[..end]).into_owned(), request[end + 4..].to_vec());
            }
        };
        let mut words = head.split_whitespace();
        let (method, path) = (words.next()?, words.next()?.trim_start_matches("/v2/").to_owned());
        let (status, headers, bytes) = self.answer(method, &path, body);
        let sent = if method == "HEAD" { Vec::new() } else { bytes.clone() };
        let length = bytes.len();
        write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n").ok()?;
        stream.write_all(&sent).ok()
    }

    fn answer(&self, method: &str, path: &str, body: Vec<u8>) -> (&'static str, String, Vec<u8>) {
        let mut kept = self.kept.lock().unwrap();
        let digest = |bytes: &[u8]| format!("sha256:{}", digest::hex(bytes));
        let missing = ("404 Not Found", String::new(), Vec::new());
        if let Some((repository, reference)) = path.split_once("/manifests/") {
            let key = (repository.to_owned(), reference.to_owned());
            if method == "PUT" {
                let text = String::from_utf8_lossy(&body).into_owned();
                let blobs = kept.blobs.keys().filter(|(one, _)| one == repository);
                let named = text.split('"').filter(|word| word.starts_with("sha256:"));
                let has: Vec<&String> = blobs.map(|(_, digest)| digest).collect();
                if !named.into_iter().all(|name| has.iter().any(|one| *one == name)) {
                    return ("400 Bad Request", String::new(), Vec::new());
                }
                let own = digest(&body);
                kept.manifests.insert((repository.to_owned(), own), body.clone());
                kept.manifests.insert(key, body);
                return ("201 Created", String::new(), Vec::new());
            }
            let Some(bytes) = kept.manifests.get(&key) else { return missing };
            return (
                "200 OK",
                format!("Content-Type: x\r\nDocker-Content-Digest: {}\r\n", digest(bytes)),
                bytes.clone(),
            );
        }
        if let Some((repository, rest)) = path.split_once("/blobs/uploads/") {
            if method == "POST" {
                return ("202 Accepted", format!("Location: /v2/{repository}/blobs/uploads/1?state=x\r\n"), Vec::new());
            }
            let named = rest.split("digest=").nth(1).unwrap_or_default().to_owned();
            if named != digest(&body) {
                return ("400 Bad Request", String::new(), Vec::new());
            }
            kept.blobs.insert((repository.to_owned(), named), body);
            return ("201 Created", String::new(), Vec::new());
        }
        if let Some((repository, named)) = path.split_once("/blobs/") {
            return match kept.blobs.get(&(repository.to_owned(), named.to_owned())) {
                Some(bytes) => ("200 OK", String::new(), bytes.clone()),
                None => missing,
            };
        }
        let repository = path.trim_end_matches("/tags/list");
        let tags = kept.manifests.keys().filter(|(one, tag)| one == repository && !tag.starts_with("sha256:"));
        let tags: Vec<&String> = tags.map(|(_, tag)| tag).collect();
        ("200 OK", String::new(), serde_json::json!({"tags": tags}).to_string().into_bytes())
    }
}
