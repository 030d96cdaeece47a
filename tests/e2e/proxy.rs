//! A socket in front of the engine's that can be taken away, or stop to answer.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex};

use crate::checkout::{self, Checkout};

/// What goes through it, and whether anything does.
#[derive(Default)]
struct Gate {
    open: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    connections: Vec<UnixStream>,
    is_closed: bool,
    is_held: bool,
    has_far_addresses: bool,
}

impl Gate {
    /// Waits while nothing may pass.
    fn pass(&self) {
        let state = self.open.lock().unwrap();
        drop(self.changed.wait_while(state, |state| state.is_held).unwrap());
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.open.lock().unwrap());
        self.changed.notify_all();
    }
}

/// A socket in front of the engine's.
pub(crate) struct Proxy {
    path: PathBuf,
    gate: Arc<Gate>,
}

impl Proxy {
    /// Starts a checkout whose watcher knows the engine by this socket.
    pub(crate) fn up(checkout: &Checkout) -> Self {
        let proxy = Self::new(checkout.beside("proxy.sock"));
        let mut up = checkout.command();
        let up = up.arg("up").env("DOCKER_HOST", proxy.host()).stdout(Stdio::piped()).stderr(Stdio::piped());
        checkout::end(up.spawn().unwrap(), &["up"]).code(0);
        proxy
    }

    /// An engine whose containers have addresses that nothing on this machine answers at, as in a virtual machine.
    pub(crate) fn far(checkout: &Checkout) -> Self {
        let proxy = Self::new(checkout.beside("proxy.sock"));
        proxy.gate.set(|state| state.has_far_addresses = true);
        proxy
    }

    /// Where programs find it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    fn new(path: PathBuf) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        let gate = Arc::new(Gate::default());
        let shared = Arc::clone(&gate);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if shared.open.lock().unwrap().is_closed {
                    continue;
                }
                let server = UnixStream::connect("/var/run/docker.sock").unwrap();
                carry(&shared, &client, &server);
                carry(&shared, &server, &client);
                shared.open.lock().unwrap().connections.extend([client, server]);
            }
        });
        Self { path, gate }
    }

    /// Ends all connections and makes no more.
    pub(crate) fn close(&self) {
        self.gate.set(|state| {
            state.is_closed = true;
            for stream in state.connections.drain(..) {
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
        });
    }

    pub(crate) fn open(&self) {
        self.gate.set(|state| state.is_closed = false);
    }

    /// Takes what is sent, and hands nothing on until it is let go.
    pub(crate) fn hold(&self) {
        self.gate.set(|state| state.is_held = true);
    }

    pub(crate) fn let_go(&self) {
        self.gate.set(|state| state.is_held = false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Gives containers other addresses of the same length, of a kind that no connection is made to. Returns how many bytes at the end may be the beginning of one.
fn replaced(bytes: &mut [u8]) -> usize {
    const NEAR: &[u8] = b"\"IPAddress\":\"10.213.";
    while let Some(at) = bytes.windows(NEAR.len()).position(|window| window == NEAR) {
        bytes[at..at + NEAR.len()].copy_from_slice(b"\"IPAddress\":\"224.13.");
    }
    (1..NEAR.len()).rev().find(|many| bytes.ends_with(&NEAR[..*many])).unwrap_or(0)
}

fn carry(gate: &Arc<Gate>, from: &UnixStream, to: &UnixStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let gate = Arc::clone(gate);
    std::thread::spawn(move || {
        let (mut buffer, mut kept) = (vec![0; 64 * 1024], Vec::new());
        loop {
            let count = from.read(&mut buffer).unwrap_or(0);
            gate.pass();
            kept.extend(&buffer[..count]);
            let is_far = gate.open.lock().unwrap().has_far_addresses;
            let later = if is_far && count > 0 { replaced(&mut kept) } else { 0 };
            let now = kept.len() - later;
            if to.write_all(&kept[..now]).is_err() || count == 0 {
                break;
            }
            kept.drain(..now);
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}
