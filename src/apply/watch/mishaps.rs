//! Finds out what has happened to a part that does not run any more, and follows what parts print where somebody asked to be
//! told of errors.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::apply::watch::watch_events::Message;
use crate::host::clock::{self, unix_time};
use crate::host::engine::Engine;
use crate::host::engine::log_stream::LogRequest;
use crate::names::PartName;
use crate::plan::logs::filter::{Author, Filter};
use crate::plan::logs::level::Level;
use crate::plan::logs::lines::{Block, Lines};
use crate::plan::parts::GATEWAY;
use crate::plan::watch::deaths::{LastSeen, Mishap};
use crate::redact::hide;

/// The engine says that a container was stopped after it says that it has ended.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// The last lines of a part that are reported with what has happened to it.
const LINES: usize = 10;

/// Looks at a container that has run and does not, and tells where nobody had stopped it. One that is gone was removed.
pub(crate) async fn look(engine: Engine, part: PartName, id: String, outbox: UnboundedSender<Message>) {
    tokio::time::sleep(AFTERWARDS).await;
    let Ok(detail) = engine.detail(&id).await else { return };
    let seen = LastSeen {
        state: detail.state,
        restarts: detail.restarts,
        since: detail.since(),
        out_of_memory: detail.out_of_memory.then_some(detail.memory_limit),
    };
    let Some(mishap) = Mishap::of(&seen, unix_time()) else { return };
    // Since its last start: a stop before that was the end of an earlier life.
    if engine.was_stopped(&id, detail.started_at().unwrap_or_default(), clock::now()).await {
        return;
    }
    let lines = engine.last_lines(&id, LINES).await.iter().map(|line| hide(line)).collect();
    // The channel is closed once the watcher has stopped.
    let _ = outbox.send(Message::Mishap(part, mishap, lines));
}

/// Followers of what containers print, by part.
#[derive(Default)]
pub(crate) struct Followers {
    tasks: BTreeMap<PartName, (String, JoinHandle<()>)>,
    /// When it was last looked at which containers there are, in seconds since 1970.
    looked: Option<u64>,
}

impl Followers {
    /// Follows these containers, and no others. A log ends with the run of its container, and is followed again in the next.
    pub(crate) fn follow(
        &mut self,
        engine: &Engine,
        containers: &BTreeMap<PartName, String>,
        outbox: &UnboundedSender<Message>,
    ) {
        let now = clock::seconds();
        // What was printed since is reported, too: a log that has ended since was followed until then.
        let since = self.looked.replace(now).unwrap_or(now);
        self.tasks.retain(|part, (id, task)| {
            let stays = containers.get(part) == Some(id) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        for (part, id) in containers.iter().filter(|(part, _)| !self.tasks.contains_key(*part)).collect::<Vec<_>>() {
            let task = tokio::spawn(errors(engine.clone(), part.clone(), id.clone(), since, outbox.clone()));
            self.tasks.insert(part.clone(), (id.clone(), task));
        }
    }
}

impl Drop for Followers {
    fn drop(&mut self) {
        self.tasks.values().for_each(|(_, task)| task.abort());
    }
}

/// Tells each line of a container that is at least an error, from `since` on, in seconds since 1970.
async fn errors(engine: Engine, part: PartName, id: String, since: u64, outbox: UnboundedSender<Message>) {
    let since = i32::try_from(since).ok();
    let request = LogRequest { follow: true, tail: None, since };
    let Ok(mut filter) = Filter::new(None, Some(Level::Error)) else { return };
    let Ok(mut stream) = engine.log(&id, &request).await else { return };
    let mut lines = Lines::default();
    let author = if part.as_str() == GATEWAY { Author::Gateway } else { Author::Other };
    loop {
        let mut complete = Block::default();
        let Ok(true) = stream.next(|piece| lines.add(piece, &mut complete)).await else { return };
        for line in complete.iter() {
            let Some(shown) = filter.take(part.as_str(), author, line.text, false) else { continue };
            let mishap = Mishap::Error(hide(&shown.text));
            if outbox.send(Message::Mishap(part.clone(), mishap, Vec::new())).is_err() {
                return;
            }
        }
    }
}
