//! What runs of a checkout whose files cannot be read or merged, or whose folder is gone: the engine's labels say what there is, so
//! that it can be ended all the same.

use std::path::{Path, PathBuf};

use crate::apply::executor::removals;
use crate::apply::session::observe;
use crate::commands::context::Context;
use crate::commands::preflight;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::locks::{self, ProjectLock};
use crate::host::user::checkout_table;
use crate::host::{checkout, watcher_process};
use crate::plan::observed::{Container, ContainerState, Observed, Role};
use crate::plan::steps::down::{self, Volumes};
use crate::ui::errors;
use crate::ui::progress::Progress;
use crate::ui::screen::visible;

/// What runs of a checkout. Nobody else changes it meanwhile.
pub(super) struct Remains {
    engine: Engine,
    observed: Observed,
    _lock: ProjectLock,
}

impl Remains {
    /// Looks what there is, where what should be cannot be found out: a file cannot be read, or compose cannot merge it.
    /// The error is the one that says so, where nobody knows which checkout it is.
    pub(super) async fn after(cx: &Context, error: Error) -> Result<Self> {
        if matches!(error.kind, Kind::Signal(_) | Kind::Bug) {
            return Err(error);
        }
        let Some((root, id)) = identity(cx)? else { return Err(error) };
        let mut engine = cx.engine()?;
        cx.screen.say(errors::text(&error, false));
        cx.screen.say("so running parts are known by their labels alone:");
        let wait = |holder: &str| cx.screen.say(format!("waiting for {holder}"));
        let lock = locks::take(&root, &engine.endpoint, &cx.command, wait).await?;
        engine.finish_orphaned(lock.journal()).await?;
        let observed = observe::world(&engine, observe::describe(&engine), "").await?.of(&id);
        Ok(Self { engine, observed, _lock: lock })
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
        preflight::confirm(cx, &plan)?;
        let progress = Progress::new(cx.screen, &plan);
        let ended = removals::carry_out(&self.engine, &plan, &|event| progress.show(event)).await;
        progress.finish();
        Ok(ended?)
    }

    /// What runs of a checkout whose parts are not known, for `status`: name and state of each container.
    pub(super) async fn states(cx: &Context, error: &Error) -> Result<Option<Vec<(String, String)>>> {
        let Some((_, id)) = identity(cx)? else { return Ok(None) };
        let engine = cx.engine()?;
        let observed = observe::world(&engine, observe::describe(&engine), "").await?.of(&id);
        cx.screen.say(errors::text(error, false));
        cx.screen.say("so running parts are known by their labels alone:");
        let parts = observed.containers.into_iter().filter(|one| one.role == Role::Part);
        let mut states: Vec<(String, String)> = parts.map(|one| (one.part, one.status)).collect();
        states.sort();
        Ok(Some(states))
    }

    /// Stops those parts that are named, or all.
    pub(super) async fn stop(&self, cx: &Context, names: &[String]) -> Result<()> {
        let parts: Vec<&Container> = self.observed.containers.iter().filter(|one| one.role == Role::Part).collect();
        if let Some(unknown) = names.iter().find(|name| parts.iter().all(|one| one.part != **name)) {
            return Err(Error::message(Kind::Usage, format!("there is no container of `{}`", visible(unknown))));
        }
        let is_wanted = |one: &&&Container| names.is_empty() || names.contains(&one.part);
        let running: Vec<_> =
            parts.iter().filter(|one| one.state == ContainerState::Running).filter(is_wanted).collect();
        if running.is_empty() {
            cx.screen.say("nothing runs");
        }
        for container in running {
            self.engine.stop(&container.id).await?;
            cx.screen.say(format!("stop {}", container.part));
        }
        Ok(())
    }
}

/// Ends the watcher of a checkout, where there is a folder that it could watch.
pub(super) async fn end_watcher(cx: &Context) {
    if cx.environment.is_none()
        && let Ok(Some(root)) = cx.find()
    {
        watcher_process::end(&root).await;
    }
}

/// The checkout's folder and id: by what `up` has left in the folder or above it, or as the table of all checkouts knows
/// a folder that is gone.
pub(super) fn identity(cx: &Context) -> Result<Option<(PathBuf, String)>> {
    let Ok(folder) = cx.folder.canonicalize() else {
        let table = checkout_table::look()?.table;
        let home = cx.home(&cx.folder);
        let held = table.checkouts.into_iter().find(|held| Path::new(&held.path) == home);
        return Ok(held.map(|held| (cx.folder.clone(), held.id)));
    };
    let root = folder.ancestors().find(|root| checkout::id_file(&cx.home(root)).is_some());
    Ok(root.and_then(|root| Some((root.to_owned(), checkout::own_id(&cx.home(root))?))))
}
