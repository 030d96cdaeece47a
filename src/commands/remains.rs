//! What runs of a checkout whose files cannot be read, or whose folder is gone: the engine's labels say what there is, so
//! that it can be ended all the same.

use std::path::Path;

use crate::apply::observe;
use crate::commands::context::Context;
use crate::commands::prepare;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::{checkout, state, watch};
use crate::plan::Action;
use crate::plan::down::{self, Volumes};
use crate::plan::observed::{Observed, Role, State};
use crate::ui::errors;

/// What runs of a checkout.
pub(super) struct Remains {
    engine: Engine,
    observed: Observed,
}

impl Remains {
    /// Looks what there is, where the checkout's files cannot be read; none where they can. The error is theirs where
    /// nobody knows which checkout it is.
    pub(super) async fn of(cx: &Context) -> Result<Option<Self>> {
        let Err(error) = cx.checkout() else { return Ok(None) };
        let Some(id) = id(cx)? else { return Err(error) };
        let engine = cx.engine()?;
        let observed = observe::world(&engine, observe::describe(&engine), "").await?.of(&id);
        cx.screen.say(errors::text(&error, false));
        cx.screen.say("so what runs is known by its labels alone:");
        Ok(Some(Self { engine, observed }))
    }

    /// Removes all of it, and its data where that is asked for.
    pub(super) async fn down(&self, cx: &Context, volumes: Volumes, dry_run: bool) -> Result<()> {
        let plan = down::down(None, &self.observed, volumes);
        if dry_run {
            cx.screen.data(plan.to_string());
            return Ok(());
        }
        if plan.is_empty() {
            cx.screen.say("nothing is there");
            return Ok(());
        }
        prepare::confirm(cx, &plan)?;
        for step in &plan.steps {
            match &step.action {
                Action::Remove { id, .. } => {
                    self.engine.stop(id).await?;
                    self.engine.remove(id).await?;
                }
                Action::RemoveNetwork { id, .. } => self.engine.remove_network(id).await?,
                Action::DeleteVolume(name) => self.engine.delete_volume(name).await?,
                _ => continue,
            }
            cx.screen.say(step.action.to_string());
        }
        Ok(())
    }

    /// Stops those parts that are named, or all.
    pub(super) async fn stop(&self, cx: &Context, names: &[String]) -> Result<()> {
        let runs = self.observed.containers.iter().filter(|one| one.role == Role::Part && one.state == State::Running);
        for container in runs.filter(|one| names.is_empty() || names.contains(&one.part)) {
            self.engine.stop(&container.id).await?;
            cx.screen.say(format!("stop {}", container.part));
        }
        Ok(())
    }
}

/// Ends the watcher of a checkout, where there is a folder that it could watch.
pub(super) async fn end_watcher(cx: &Context) {
    if let Ok(Some(root)) = cx.find() {
        watch::end(&root).await;
    }
}

/// The checkout's id: as its folder has it, or as the table of all checkouts knows a folder that is gone.
fn id(cx: &Context) -> Result<Option<String>> {
    if let Ok(Some(root)) = cx.find() {
        return Ok(checkout::id_file(&root).map(|file| file.id));
    }
    let table = state::look()?.table;
    let held = table.checkouts.into_iter().find(|held| Path::new(&held.path) == cx.folder);
    Ok(held.filter(|_| !cx.folder.exists()).map(|held| held.id))
}
