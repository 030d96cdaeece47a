//! An engine without containers, for tests: a unix socket that keeps containers, networks, volumes and execs in memory, and
//! speaks as much of the engine's API as effects use. It remembers every order, and fails those that a test wants to fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::host::engine::{BegunSet, Engine};
use crate::labels;

/// A container in it.
#[derive(Debug, Clone)]
pub(crate) struct FakeContainer {
    /// The part that its label names.
    pub(crate) part: String,
    /// In the engine's words: `created`, `running`, `exited`.
    pub(crate) state: &'static str,
    /// The code that it ended with.
    pub(crate) code: i64,
    /// Whether the kernel ended it.
    pub(crate) out_of_memory: bool,
    /// What it printed.
    pub(crate) log: String,
    /// Whether its processes are gone already: the engine knows once it has been asked for them.
    pub(crate) is_ending: bool,
}

impl FakeContainer {
    /// A container of `part` in this state.
    pub(crate) fn new(part: &str, state: &'static str) -> Self {
        Self { part: part.to_owned(), state, code: 0, out_of_memory: false, log: String::new(), is_ending: false }
    }
}

/// What the engine has and has been asked.
#[derive(Debug, Default)]
pub(crate) struct FakeState {
    /// The checkout that everything in it belongs to.
    pub(crate) checkout: String,
    /// Containers by id.
    pub(crate) containers: BTreeMap<String, FakeContainer>,
    /// Names of networks, which are their ids too.
    pub(crate) networks: BTreeSet<String>,
    /// Names of volumes.
    pub(crate) volumes: BTreeSet<String>,
    /// What execs answer, in order: code and output; 0 and nothing after the last one.
    pub(crate) answers: VecDeque<(i64, &'static str)>,
    /// Orders that fail, such as `POST /containers/a/start`, with status and message.
    pub(crate) faults: BTreeMap<String, (u16, &'static str)>,
    orders: Vec<String>,
    execs: Vec<i64>,
}

/// The engine, as long as it is held.
pub(crate) struct FakeEngine {
    folder: tempfile::TempDir,
    state: Arc<Mutex<FakeState>>,
}

impl FakeEngine {
    /// Listens, with nothing in it.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("engine.sock")).unwrap();
        let state = Arc::new(Mutex::new(FakeState::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || while answer(&stream, &state).is_some() {});
            }
        });
        Self { folder, state }
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Engine {
        Engine::connect(&endpoint(self.folder.path()), BegunSet::default()).unwrap()
    }

    /// Changes or reads what it has.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut FakeState) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// The requests so far that were not only questions, in order.
    pub(crate) fn orders(&self) -> Vec<String> {
        self.with(|state| state.orders.clone())
    }
}

fn endpoint(folder: &Path) -> String {
    format!("unix://{}", folder.join("engine.sock").display())
}

/// Answers one request; none when the other side has gone.
fn answer(mut stream: &UnixStream, state: &Mutex<FakeState>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split('?').next()?;
    let path = path.strip_prefix("/v1.").and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or(path);
    let order = format!("{method} {path}");
    let mut state = state.lock().unwrap();
    if method != "GET" && !path.contains("/exec") && !path.ends_with("/wait") {
        state.orders.push(order.clone());
    }
    let answered = match state.faults.get(&order) {
        Some((status, message)) => (*status, json!({"message": message})),
        None if path.ends_with("/start") && path.starts_with("/exec/") => {
            return stream.write_all(&hijacked(&mut state)).ok().and(None);
        }
        None if path.ends_with("/logs") => return stream.write_all(&log(&state, path)).ok().and(None),
        None => state.answer(method, path),
    };
    drop(state);
    let (status, body) = answered;
    let body = if status == 204 { String::new() } else { body.to_string() };
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).ok()
}

/// One frame of a stream without a terminal.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![1, 0, 0, 0];
    frame.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
    frame.extend(text.as_bytes());
    frame
}

/// The output of the exec that begins now.
fn hijacked(state: &mut FakeState) -> Vec<u8> {
    let (code, output) = state.answers.pop_front().unwrap_or_default();
    state.execs.push(code);
    let head = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    [head.as_bytes(), &frame(output)].concat()
}

fn log(state: &FakeState, path: &str) -> Vec<u8> {
    let id = path.split('/').nth(2).unwrap_or_default();
    let text = state.containers.get(id).map(|container| container.log.clone()).unwrap_or_default();
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), &frame(&text)].concat()
}

impl FakeState {
    fn answer(&mut self, method: &str, path: &str) -> (u16, Value) {
        let words: Vec<&str> = path.split('/').skip(1).collect();
        match (method, words.as_slice()) {
            ("GET", ["info"]) => (200, json!({"ID": "FAKE", "ServerVersion": "26.1.0", "Architecture": "x86_64"})),
            ("GET", ["containers", "json"]) => {
                (200, self.containers.iter().map(|(id, container)| self.summary(id, container)).collect())
            }
            ("GET", ["volumes"]) => {
                let labels = json!({labels::CHECKOUT: self.checkout, labels::CLASS: "data"});
                let volume = |name| json!({"Name": name, "Labels": labels, "Driver": "local", "Mountpoint": "", "Options": {}, "Scope": "local"});
                (200, json!({"Volumes": self.volumes.iter().map(volume).collect::<Vec<_>>()}))
            }
            ("GET", ["networks"]) => {
                let labels = json!({labels::CHECKOUT: self.checkout});
                let network = |name: &String| json!({"Id": name, "Name": name, "Labels": labels});
                (200, self.networks.iter().map(network).collect())
            }
            ("GET", ["images", "json"]) => (200, json!([])),
            ("DELETE", ["networks", name]) if self.networks.remove(*name) => (204, Value::Null),
            ("DELETE", ["volumes", name]) if self.volumes.remove(*name) => (204, Value::Null),
            ("DELETE", ["containers", id]) if self.containers.remove(*id).is_some() => (204, Value::Null),
            ("GET", ["exec", _, "json"]) => (200, json!({"Running": false, "ExitCode": self.execs.last()})),
            ("POST", ["containers", id, "exec"]) if self.containers.contains_key(*id) => (201, json!({"Id": "exec"})),
            (_, ["containers", id, what]) => self.of_container(id, what),
            _ => (404, json!({"message": "no such thing"})),
        }
    }

    fn of_container(&mut self, id: &str, what: &str) -> (u16, Value) {
        let Some(container) = self.containers.get_mut(id) else {
            return (404, json!({"message": "no such container"}));
        };
        match what {
            "json" => {
                let state = json!({
                    "Status": container.state, "ExitCode": container.code, "OOMKilled": container.out_of_memory,
                    "StartedAt": "2026-01-01T00:00:00Z",
                });
                (200, json!({"Id": id, "State": state, "HostConfig": {"Memory": 64_000_000}}))
            }
            "start" if container.state == "running" => (304, Value::Null),
            "start" => {
                container.state = "running";
                (204, Value::Null)
            }
            "stop" if container.state != "running" => (304, Value::Null),
            "stop" => {
                (container.state, container.code) = ("exited", 143);
                (204, Value::Null)
            }
            "wait" => (200, json!({"StatusCode": container.code})),
            "top" if container.is_ending => {
                container.state = "exited";
                (200, json!({"Titles": ["PID"], "Processes": null}))
            }
            "top" => (200, json!({"Titles": ["PID"], "Processes": [["1"]]})),
            _ => (404, json!({"message": "not spoken here"})),
        }
    }

    fn summary(&self, id: &str, container: &FakeContainer) -> Value {
        let status = match container.state {
            "exited" => format!("Exited ({}) 1 second ago", container.code),
            state => state.to_owned(),
        };
        json!({
            "Id": id, "Names": [format!("/{id}")], "Image": "image", "ImageID": "sha256:1",
            "State": container.state, "Status": status,
            "Labels": {labels::CHECKOUT: self.checkout, labels::PART: container.part},
        })
    }
}
