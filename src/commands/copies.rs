//! What commands do with the copy of a part's source before they run something on it.

use crate::apply::mirror::Guard;
use crate::apply::mirror::stand_in::Equal;
use crate::apply::session::Session;
use crate::commands::context::Context;
use crate::error::Result;
use crate::host::watcher_process;
use crate::plan::observed::{Container, ContainerState};
use crate::plan::parts::Part;

/// What the copies of a session are made equal with.
#[must_use]
pub fn equal(session: &Session, guard: Guard) -> Equal<'_> {
    let project = &session.environment.project;
    Equal { engine: &session.engine, root: &session.checkout.root, project, guard }
}

/// Makes the copy of a part equal where no watcher keeps it so: nothing is run on stale source.
pub async fn settle(cx: &Context, session: &Session, part: &Part, container: &Container) -> Result<()> {
    let Some(copy) = &part.mirror else { return Ok(()) };
    let is_kept = part.is_copied()
        && container.state == ContainerState::Running
        && watcher_process::holder(&session.checkout.root).is_some();
    if is_kept {
        return Ok(());
    }
    let sent = equal(session, Guard::On).before_start(part, copy, &container.id).await?;
    for back in sent.brought {
        cx.screen.say(format!("{} {back}", part.name));
    }
    Ok(())
}
