//! Which containers of a checkout run, now and whenever that changes, through restarts of the engine.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc::UnboundedSender;

use crate::apply::watch::watch_events::{Containers, Message};
use crate::error::Result;
use crate::host::clock;
use crate::host::engine::Engine;
use crate::labels;
use crate::names::PartName;
use crate::plan::observed::{ContainerState, Role, has_failed};

/// An answer of a healthy engine takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// After an event the list is looked at again: the engine says that a container has started before it lists it so.
const AGAIN: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(2)];
/// After this time without events the engine is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(20);
/// Between two tries to reach it, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));

/// Follows the containers of a checkout until the receiver is gone.
pub(crate) async fn follow(engine: Engine, checkout: String, outbox: UnboundedSender<Message>) {
    let label = labels::of_checkout(&checkout);
    let mut pause = PAUSE.0;
    let mut known = None;
    loop {
        // What happens between the list and the first event is reported afterwards, by the time that events begin at.
        let since = clock::seconds();
        let mut events = pin!(engine.events(&label, since.saturating_sub(1)));
        let mut looks = 0;
        while let Ok(now) = containers(&engine, &label).await {
            pause = PAUSE.0;
            if known.as_ref() != Some(&now) && outbox.send(Message::Containers(Some(now.clone()))).is_err() {
                return;
            }
            known = Some(now);
            let silence = AGAIN.get(looks).copied().unwrap_or(SILENCE);
            match tokio::time::timeout(silence, events.next()).await {
                Ok(Some(Ok(()))) => looks = 0,
                Err(_) => looks += 1,
                Ok(None | Some(Err(_))) => break,
            }
        }
        if containers(&engine, &label).await.is_ok() {
            // An engine that answers and has no events would be asked without a pause.
            tokio::time::sleep(PAUSE.0).await;
            continue;
        }
        if known.take().is_some() && outbox.send(Message::Containers(None)).is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

async fn containers(engine: &Engine, label: &str) -> Result<Containers> {
    let listed = tokio::time::timeout(PATIENCE, engine.containers(label)).await;
    let listed = listed.unwrap_or_else(|_| {
        Err(crate::error::Error::message(crate::error::Kind::Missing, "the engine does not answer"))
    })?;
    let mut all = Containers::default();
    for container in listed.into_iter().filter(|container| container.role == Role::Part) {
        let Ok(part) = PartName::new(container.part) else { continue };
        match container.state {
            ContainerState::Running => drop(all.running.insert(part, container.id)),
            ContainerState::Exited(code) if has_failed(code) => drop(all.failed.insert(part, container.id)),
            _ => {}
        }
    }
    Ok(all)
}
