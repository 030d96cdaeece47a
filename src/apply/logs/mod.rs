//! Follows the log of a part, also when it is restarted or recreated.

pub mod merge;
pub mod piece;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::sync::mpsc::{Sender, channel};

use crate::apply::logs::piece::{Coming, Piece};
use crate::apply::session::credentials;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::engine::containers::LogRequest;
use crate::plan::logs::lines::Lines;
use crate::plan::observed::{Role, State};
use crate::redact;

/// Between two looks whether a part runs again.
const PAUSE: Duration = Duration::from_millis(200);
/// A part that has not run for so long is not followed any more.
const GONE: Duration = Duration::from_secs(60);
/// So many batches wait for whoever reads them, of so many pieces each that have come at once.
const WAITING: usize = 8;
const BATCH: usize = 256;

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

impl Log {
    /// Its lines from the container `id` on, in their order.
    #[must_use]
    pub fn lines(self, id: String, request: LogRequest) -> Coming {
        let (sender, receiver) = channel(WAITING);
        tokio::spawn(async move {
            // An error of the sender's: nobody reads any more.
            let _ = self.send(id, request, &sender).await;
        });
        receiver
    }

    async fn send(self, mut id: String, mut request: LogRequest, to: &Sender<Result<Vec<Piece>>>) -> Option<()> {
        let mut lines = Lines::default();
        loop {
            let mut batches = self.engine.follow(&id, &request).ready_chunks(BATCH).boxed();
            while let Some(batch) = batches.next().await {
                let (mut complete, mut broken) = (Vec::new(), None);
                for piece in batch {
                    match piece {
                        Ok(piece) => complete.extend(lines.take(&piece).into_iter().map(Piece::Line)),
                        Err(error) => broken = Some(error),
                    }
                }
                if !complete.is_empty() {
                    to.send(Ok(complete)).await.ok()?;
                }
                match broken {
                    // The container may just be gone: another one comes, or the wait for it ends.
                    Some(_) if request.follow => break,
                    Some(error) => return to.send(Err(error)).await.ok(),
                    None => {}
                }
            }
            if let Some(line) = lines.end() {
                to.send(Ok(vec![Piece::Line(line)])).await.ok()?;
            }
            if !request.follow || self.is_task {
                return Some(());
            }
            let Some(next) = self.runs_again(to).await else {
                let note = format!("`{}` has not run for {} s: it is no longer followed", self.part, GONE.as_secs());
                return to.send(Ok(vec![Piece::Note(note)])).await.ok();
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
    async fn runs_again(&self, to: &Sender<Result<Vec<Piece>>>) -> Option<String> {
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
