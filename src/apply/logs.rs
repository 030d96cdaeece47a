//! Follows the log of a part, also when it is restarted or recreated.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::apply::session::credentials;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::engine::containers::LogRequest;
use crate::plan::log::{Line, Lines};
use crate::plan::observed::{Role, State};
use crate::redact;

/// Between two looks whether a part runs again.
const PAUSE: Duration = Duration::from_millis(200);
/// A part that has not run for so long is not followed any more.
const GONE: Duration = Duration::from_secs(60);
/// So many lines wait for whoever reads them.
const WAITING: usize = 1024;

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
    /// It runs to its end, and what has ended is not waited for.
    pub is_task: bool,
}

/// What comes of a log.
#[derive(Debug)]
pub enum Piece {
    /// A line.
    Line(Line),
    /// What is worth a line beside the log.
    Note(String),
}

impl Piece {
    /// When it was written; a note has no time, and comes before all that has.
    #[must_use]
    pub fn time(&self) -> &str {
        match self {
            Self::Line(line) => &line.time,
            Self::Note(_) => "",
        }
    }
}

impl Log {
    /// Its lines from the container `id` on, in their order.
    #[must_use]
    pub fn lines(self, id: String, request: LogRequest) -> Receiver<Result<Piece>> {
        let (sender, receiver) = channel(WAITING);
        tokio::spawn(async move {
            // An error of the sender's: nobody reads any more.
            let _ = self.send(id, request, &sender).await;
        });
        receiver
    }

    async fn send(self, mut id: String, mut request: LogRequest, to: &Sender<Result<Piece>>) -> Option<()> {
        let mut lines = Lines::default();
        loop {
            let mut pieces = self.engine.follow(&id, &request).boxed();
            while let Some(piece) = pieces.next().await {
                let complete = match piece {
                    Ok(piece) => lines.take(&piece),
                    // The container may just be gone: another one comes, or the wait for it ends.
                    Err(_) if request.follow => break,
                    Err(error) => return to.send(Err(error)).await.ok(),
                };
                for line in complete {
                    to.send(Ok(Piece::Line(line))).await.ok()?;
                }
            }
            if let Some(line) = lines.end() {
                to.send(Ok(Piece::Line(line))).await.ok()?;
            }
            if !request.follow || self.is_task {
                return Some(());
            }
            let Some(next) = self.runs_again(to).await else {
                let note = format!("`{}` has not run for {} s: it is no longer followed", self.part, GONE.as_secs());
                return to.send(Ok(Piece::Note(note))).await.ok();
            };
            // A new container is of interest from its first line on.
            request.since = lines.since().filter(|_| next == id);
            (id, request.tail) = (next, None);
            lines.begin_again();
            // It may have other credentials now.
            redact::remember(&credentials::kept_values(&self.root));
        }
    }

    /// Waits until a container of the part runs; none where that takes too long, or nobody reads any more.
    async fn runs_again(&self, to: &Sender<Result<Piece>>) -> Option<String> {
        let begin = Instant::now();
        while !to.is_closed() && begin.elapsed() < GONE {
            tokio::time::sleep(PAUSE).await;
            // An engine that is away may come back.
            let all = self.engine.containers(&self.label).await.unwrap_or_default();
            let mut ours = all.into_iter().filter(|one| one.role == Role::Part && one.part == self.part);
            if let Some(running) = ours.find(|one| one.state == State::Running) {
                return Some(running.id);
            }
        }
        None
    }
}
