//! What is typed into, or piped into, this process, for whoever waits for it beside other things.

use std::io::{ErrorKind, Read};

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, channel};

/// Bytes of one read.
const PIECE: usize = 64 * 1024;

/// Reads standard input to its end. The thread that waits for it ends with the process: nothing can take it back from a
/// read of a terminal.
#[must_use]
pub fn pieces() -> Receiver<Bytes> {
    let (send, receive) = channel(4);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut piece = vec![0; PIECE];
        loop {
            match input.read(&mut piece) {
                Ok(0) => break,
                Ok(count) if send.blocking_send(Bytes::copy_from_slice(&piece[..count])).is_ok() => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The reader has gone away, or there is nothing to read from.
                _ => break,
            }
        }
    });
    receive
}
