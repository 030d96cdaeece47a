//! An engine made of recorded answers: a unix socket that the program finds by `DOCKER_HOST`.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// The engine's description, as a real one gave it, shortened.
const INFO: &str = r#"{"ID":"SAZN:PL4H:YK54:BJGC","Driver":"overlay2","OperatingSystem":"Debian GNU/Linux 12 (bookworm)",
"OSType":"linux","Architecture":"x86_64","NCPU":2,"MemTotal":25276514304,"DockerRootDir":"/var/lib/docker",
"Name":"vm","ServerVersion":"20.10.24+dfsg1","SecurityOptions":["name=seccomp,profile=default"]}"#;

/// An engine with nothing in it beside what it is given.
pub(crate) struct FakeEngine {
    socket: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeEngine {
    /// Listens on `socket`. `containers` is its answer to what containers there are.
    pub(crate) fn new(socket: PathBuf, containers: &'static str) -> Self {
        let listener = UnixListener::bind(&socket).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = Arc::clone(&log);
                thread::spawn(move || while answer(&stream, containers, &log).is_some() {});
            }
        });
        Self { socket, asked }
    }

    /// What `DOCKER_HOST` must be.
    pub(crate) fn host(&self) -> String {
        host(&self.socket)
    }

    /// How many requests so far were about this path.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|line| line.contains(path)).count()
    }

    /// Methods of the requests so far which were not only questions.
    pub(crate) fn orders(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|line| !line.starts_with("GET ")).cloned().collect()
    }
}

/// The address of a socket.
pub(crate) fn host(socket: &Path) -> String {
    format!("unix://{}", socket.display())
}

/// Answers one request; none when the other side has gone.
fn answer(mut stream: &UnixStream, containers: &str, log: &Mutex<Vec<String>>) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next()?.ok()?;
    // The questions have no bodies: what follows is the headers, to the first empty line.
    while lines.next()?.ok().is_some_and(|line| !line.is_empty()) {}
    log.lock().unwrap().push(request.clone());
    let path = request.split(' ').nth(1)?.trim_start_matches("/v1.").trim_start_matches(|c: char| c.is_ascii_digit());
    let (status, body) = match path.split('?').next()?.trim_start_matches('.') {
        "/info" => ("200 OK", INFO),
        "/containers/json" => ("200 OK", containers),
        "/volumes" => ("200 OK", r#"{"Volumes":[],"Warnings":null}"#),
        "/networks" | "/images/json" => ("200 OK", "[]"),
        // No registry can be reached.
        path if path.starts_with("/distribution/") => ("503 Service Unavailable", r#"{"message":"i/o timeout"}"#),
        _ => ("404 Not Found", r#"{"message":"not recorded"}"#),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}
