//! Chunks that arrive over the wire, for code that reads and blocks.

use std::io::Read;

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::error::{Error, Kind, Result};

/// Chunks that are under way at most.
const UNDER_WAY: usize = 64;

/// Begins to read on a thread of its own; what is sent is what it reads, and it ends when the sender is dropped.
pub fn reading<T: Send + 'static>(
    read: impl FnOnce(&mut Pipe) -> Result<T> + Send + 'static,
) -> (Sender<Bytes>, JoinHandle<Result<T>>) {
    let (send, receive) = channel(UNDER_WAY);
    let task = tokio::task::spawn_blocking(move || {
        let mut pipe = Pipe { chunks: receive, rest: Bytes::new() };
        let answer = read(&mut pipe)?;
        // What follows the end of an archive is padding.
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        Ok(answer)
    });
    (send, task)
}

/// What the reader has made of it.
pub async fn ended<T>(task: JoinHandle<Result<T>>) -> Result<T> {
    task.await.map_err(|error| Error::message(Kind::Bug, error))?
}

/// Chunks that arrive, as something to read from.
pub struct Pipe {
    chunks: Receiver<Bytes>,
    rest: Bytes,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.rest = chunk,
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(into.len());
        into[..count].copy_from_slice(&self.rest.split_to(count));
        Ok(count)
    }
}
