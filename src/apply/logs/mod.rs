//! Follows the log of a part, also when it is restarted or recreated.

pub mod merge;
pub mod piece;
mod room;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Sender, channel};

use crate::amounts;
use crate::apply::logs::piece::{Coming, LogPiece};
use crate::apply::logs::room::{Overflow, Room};
use crate::apply::session::credentials;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::engine::log_stream::LogRequest;
use crate::plan::logs::lines::{Block, Lines};
use crate::plan::observed::{ContainerState, Role};
use crate::redact;

/// Between two looks whether a part runs again.
const PAUSE: Duration = Duration::from_millis(200);
/// A part that has not run for so long is not followed any more.
const GONE: Duration = Duration::from_secs(60);
/// Blocks of one log that wait.
const BLOCKS: usize = 1024;
/// Between two reads of a log, where the last one has brought less than this.
const PACE: Duration = Duration::from_millis(2);
const MUCH: usize = 16 * 1024;

/// The log of a part.
#[derive(Clone)]
pub struct Log {
    /// Where it runs.
    pub engine: Engine,
    /// The label of the checkout's containers.
    pub label: String,
    /// The checkout's folder.
    pub root: PathBuf,
    /// The part.
    pub part: String,
    /// It runs to completion, and what has ended is not waited for.
    pub is_task: bool,
}

impl Log {
    /// Its lines from the container `id` on, in their order; it is one of so many logs.
    #[must_use]
    pub fn lines(self, id: String, request: LogRequest, logs: usize) -> Coming {
        let (sender, receiver) = channel(BLOCKS);
        // What goes on is read as it comes: a log that is ahead of others waits for them.
        let mut room = Room::new(logs, if request.follow { Overflow::None } else { Overflow::OnDisk });
        tokio::spawn(async move {
            // An error of the sender's: nobody reads any more.
            let _ = self.send(id, request, &mut room, &sender).await;
        });
        receiver
    }

    async fn send(
        self,
        mut id: String,
        mut request: LogRequest,
        room: &mut Room,
        to: &Sender<Result<LogPiece>>,
    ) -> Option<()> {
        let mut lines = Lines::default();
        loop {
            let ended = self.read(&id, &request, &mut lines, room, to).await?;
            match ended {
                // The container may just be gone: another one comes, or the wait for it ends.
                Err(error) if !request.follow => return to.send(Err(error)).await.ok(),
                _ => {}
            }
            let mut rest = Block::default();
            lines.end(&mut rest);
            if !rest.is_empty() {
                to.send(Ok(LogPiece::Lines(rest, None))).await.ok()?;
            }
            if !request.follow || self.is_task {
                return Some(());
            }
            let Some(next) = self.runs_again(to).await else {
                let note =
                    format!("`{}` has not run for {}: it is no longer followed", self.part, amounts::limit(GONE));
                return to.send(Ok(LogPiece::Note(note))).await.ok();
            };
            // A new container is of interest from its first line on.
            request.since = lines.since().filter(|_| next == id);
            (id, request.tail) = (next, None);
            lines.begin_again();
            // It may have other credentials now.
            redact::remember(&credentials::kept_values(&self.root));
        }
    }

    /// Reads a log to its end; none where nobody reads what comes any more.
    async fn read(
        &self,
        id: &str,
        request: &LogRequest,
        lines: &mut Lines,
        room: &mut Room,
        to: &Sender<Result<LogPiece>>,
    ) -> Option<Result<()>> {
        let mut stream = match self.engine.log(id, request).await {
            Ok(stream) => stream,
            Err(error) => return Some(Err(error)),
        };
        let mut complete = Block::default();
        loop {
            let mut came = 0;
            let read = stream.next(|piece| {
                came += piece.len();
                lines.add(piece, &mut complete);
            });
            let ended = match read.await {
                Ok(true) => None,
                Ok(false) => Some(Ok(())),
                Err(error) => Some(Err(error)),
            };
            if let Some(piece) = room.place(&mut complete).await {
                to.send(Ok(piece)).await.ok()?;
            }
            if let Some(ended) = ended {
                if !complete.is_empty() {
                    to.send(Ok(LogPiece::Lines(complete, None))).await.ok()?;
                }
                return Some(ended);
            }
            // The engine sends each line by itself: more of them come together when they are left a moment.
            if came < MUCH {
                tokio::time::sleep(PACE).await;
            }
        }
    }

    /// Waits until a container of the part runs; none where that takes too long, or nobody reads any more.
    async fn runs_again(&self, to: &Sender<Result<LogPiece>>) -> Option<String> {
        let begin = Instant::now();
        while !to.is_closed() && begin.elapsed() < GONE {
            tokio::time::sleep(PAUSE).await;
            // An engine that is away may come back.
            let all = self.engine.containers(&self.label).await.unwrap_or_default();
            let mut ours = all.into_iter().filter(|one| one.role == Role::Part && one.part == self.part);
            if let Some(running) = ours.find(|one| one.state == ContainerState::Running) {
                return Some(running.id);
            }
        }
        None
    }
}
