//! Batches on their way into the copies: one at a time, by a task of its own, so that an engine that does not answer
//! holds up nothing else. What comes meanwhile is the next one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::apply::watch::sync_sessions::Copies;
use crate::apply::watch::watch_events::Message;
use crate::apply::watch::watch_settings::Changed;
use crate::apply::watch::watch_settings::WatchSettings;
use crate::host::engine::Engine;
use crate::names::PartName;

/// Between two tries to repair a copy that could not be kept.
const AGAIN: Duration = Duration::from_secs(5);

/// A batch that is on its way.
struct Sending {
    number: u64,
    changed: Changed,
    task: JoinHandle<()>,
}

/// What a batch needs to know.
pub(crate) struct Road<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) setting: &'a Arc<WatchSettings>,
    pub(crate) containers: &'a BTreeMap<PartName, String>,
    pub(crate) outbox: &'a UnboundedSender<Message>,
}

/// Batches on their way into the copies.
#[derive(Default)]
pub(crate) struct Batches {
    copies: Arc<Mutex<Copies>>,
    sending: Option<Sending>,
    number: u64,
    /// What goes next.
    unsent: Option<Changed>,
    /// When a copy that could not be kept is tried again.
    retry: Option<Instant>,
}

impl Batches {
    /// Sends changes, or keeps them until the batch that is on its way has arrived. A batch without changes opens copies
    /// that are not open, and looks for outputs.
    pub(crate) fn send(&mut self, road: &Road<'_>, changed: Changed) {
        if self.sending.is_some() {
            self.unsent.get_or_insert_default().extend(changed);
            return;
        }
        let mut unsent = self.unsent.take().unwrap_or_default();
        unsent.extend(changed);
        let changed = unsent;
        self.number += 1;
        let (number, batch, copies) = (self.number, changed.clone(), Arc::clone(&self.copies));
        let (engine, setting) = (road.engine.clone(), Arc::clone(road.setting));
        let (containers, outbox) = (road.containers.clone(), road.outbox.clone());
        let task = tokio::spawn(async move {
            let told = copies.lock().await.send(&engine, &setting, &containers, &batch).await;
            // The channel is closed once the watcher has stopped.
            let _ = outbox.send(Message::Mirrored(number, told));
        });
        self.sending = Some(Sending { number, changed, task });
    }

    /// What has arrived with a batch; `None` where that batch was given up. `is_broken` has it tried again soon.
    pub(crate) fn arrived(&mut self, number: u64, is_broken: bool) -> Option<Changed> {
        let sending = self.sending.take_if(|sending| sending.number == number)?;
        if is_broken {
            self.retry = Some(Instant::now() + AGAIN);
        }
        Some(sending.changed)
    }

    /// What has come while a batch was on its way.
    pub(crate) fn next(&mut self) -> Option<Changed> {
        self.unsent.take()
    }

    /// The engine is unreachable: what was on its way has to go again, after a full comparison.
    pub(crate) fn interrupt(&mut self) {
        if let Some(sending) = self.sending.take() {
            sending.task.abort();
            let unsent = self.unsent.get_or_insert_default();
            for (path, change) in sending.changed {
                unsent.entry(path).or_insert(change);
            }
        }
        let copies = Arc::clone(&self.copies);
        tokio::spawn(async move { copies.lock().await.forget() });
    }

    /// Whether nothing is on its way, and a copy is to be tried again or, for `outputs`, to be looked at.
    pub(crate) fn are_due(&mut self, outputs: bool) -> bool {
        self.sending.is_none() && (self.retry.take_if(|at| *at <= Instant::now()).is_some() || outputs)
    }

    /// Gives up what is on its way.
    pub(crate) fn end(&mut self) {
        if let Some(sending) = self.sending.take() {
            sending.task.abort();
        }
    }
}
