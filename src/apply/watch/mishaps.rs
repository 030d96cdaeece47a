//! Finds out what has happened to a part that does not run any more, and follows what parts print where somebody asked to be
//! told of errors.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::apply::watch::watch_events::Message;
use crate::host::clock;
use crate::host::engine::Engine;
use crate::host::engine::containers::LogRequest;
use crate::names::PartName;
use crate::plan::logs::filter::{Author, Filter};
use crate::plan::logs::level::Level;
use crate::plan::logs::lines::Lines;
use crate::plan::observed::State;
use crate::plan::parts::GATEWAY;
use crate::plan::states::CRASHES;
use crate::plan::watch::deaths::Mishap;
use crate::redact::hide;

/// The engine says that a container was stopped after it says that it has ended.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// The last lines of a part that are told with what has happened to it.
const LINES: usize = 10;

/// Looks at a container that has run and does not, and tells where nobody had stopped it. One that is gone was removed.
pub(crate) async fn look(engine: Engine, part: PartName, id: String, outbox: UnboundedSender<Message>) {
    tokio::time::sleep(AFTERWARDS).await;
    let Ok(detail) = engine.detail(&id).await else { return };
    let mishap = match detail.state {
        _ if detail.restarts >= CRASHES => Mishap::CrashLoop(detail.restarts),
        State::Exited(_) if detail.out_of_memory => Mishap::OutOfMemory(detail.memory_limit),
        State::Exited(code) => {
            // Since its last start: a stop before that was the end of an earlier life.
            if engine.was_stopped(&id, detail.started_at().unwrap_or_default(), clock::now()).await {
                return;
            }
            Mishap::Ended(code)
        }
        _ => return,
    };
    let lines = engine.last_lines(&id, LINES).await.iter().map(|line| hide(line)).collect();
    // Nobody listens where the watcher has ended.
    let _ = outbox.send(Message::Mishap(part, mishap, lines));
}

/// Followers of what containers print, by part.
#[derive(Default)]
pub(crate) struct Followers(BTreeMap<PartName, (String, JoinHandle<()>)>);

impl Followers {
    /// Follows these containers, and no others.
    pub(crate) fn follow(
        &mut self,
        engine: &Engine,
        containers: &BTreeMap<PartName, String>,
        outbox: &UnboundedSender<Message>,
    ) {
        self.0.retain(|part, (id, task)| {
            let stays = containers.get(part) == Some(id);
            if !stays {
                task.abort();
            }
            stays
        });
        for (part, id) in containers.iter().filter(|(part, _)| !self.0.contains_key(*part)).collect::<Vec<_>>() {
            let task = tokio::spawn(errors(engine.clone(), part.clone(), id.clone(), outbox.clone()));
            self.0.insert(part.clone(), (id.clone(), task));
        }
    }
}

impl Drop for Followers {
    fn drop(&mut self) {
        self.0.values().for_each(|(_, task)| task.abort());
    }
}

/// Tells each line of a container that is at least an error, from now on.
async fn errors(engine: Engine, part: PartName, id: String, outbox: UnboundedSender<Message>) {
    let since = i32::try_from(clock::seconds()).ok();
    let request = LogRequest { follow: true, tail: None, since };
    let Ok(mut filter) = Filter::new(None, Some(Level::Error)) else { return };
    let mut pieces = engine.follow(&id, &request).boxed();
    let mut lines = Lines::default();
    let author = if part.as_str() == GATEWAY { Author::Gateway } else { Author::Other };
    while let Some(Ok(piece)) = pieces.next().await {
        for line in lines.take(&piece) {
            let Some(shown) = filter.take(part.as_str(), author, &line.text, false) else { continue };
            let mishap = Mishap::Error(hide(&shown.text));
            if outbox.send(Message::Mishap(part.clone(), mishap, Vec::new())).is_err() {
                return;
            }
        }
    }
}
