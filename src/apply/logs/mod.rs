//! Follows the log of a part, also when it is restarted or recreated.

pub mod merge;
pub mod piece;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::amounts;
use crate::apply::logs::piece::{Coming, LogPiece};
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
/// So many kilobytes of lines wait for whoever reads them, of all logs together: what one part has printed at a time is
/// read while another one's lines are older.
const WAITING: usize = 24 * 1024;
/// The fewest kilobytes of one log, and blocks of it.
const LEAST: usize = 256;
const BLOCKS: usize = 1024;
/// Between two reads of a log.
const PACE: Duration = Duration::from_millis(2);

/// The room for lines that wait.
struct Room {
    kilobytes: usize,
    free: Arc<Semaphore>,
}

impl Room {
    fn new(kilobytes: usize) -> Self {
        Self { kilobytes, free: Arc::new(Semaphore::new(kilobytes)) }
    }

    /// Waits until there is room for so many bytes, and takes it; more than there is counts as all.
    async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let wanted = bytes.div_ceil(1024).min(self.kilobytes);
        Arc::clone(&self.free).acquire_many_owned(u32::try_from(wanted).ok()?).await.ok()
    }
}

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
        let room = Room::new((WAITING / logs.max(1)).max(LEAST));
        tokio::spawn(async move {
            // An error of the sender's: nobody reads any more.
            let _ = self.send(id, request, &room, &sender).await;
        });
        receiver
    }

    async fn send(
        self,
        mut id: String,
        mut request: LogRequest,
        room: &Room,
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
        room: &Room,
        to: &Sender<Result<LogPiece>>,
    ) -> Option<Result<()>> {
        let mut stream = match self.engine.log(id, request).await {
            Ok(stream) => stream,
            Err(error) => return Some(Err(error)),
        };
        loop {
            let mut complete = Block::default();
            match stream.next(|piece| lines.add(piece, &mut complete)).await {
                Ok(true) => {}
                Ok(false) => return Some(Ok(())),
                Err(error) => return Some(Err(error)),
            }
            if !complete.is_empty() {
                let taken = room.take(complete.size()).await;
                to.send(Ok(LogPiece::Lines(complete, taken))).await.ok()?;
            }
            // The engine sends each line by itself: more of them come together when they are left a moment.
            tokio::time::sleep(PACE).await;
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
