//! What `up` does before it can decide: a configuration for a clone that has none, tools for a plan.

use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::docker::compose;
use crate::host::{checkout, files, root_image};
use crate::plan::images::lock::{Lock, Root};
use crate::plan::{Action, Plan};
use crate::render::Access;

/// Makes sure that there is a configuration.
pub fn prepare(cx: &Context, dry_run: bool) -> Result<()> {
    if cx.file.is_none() && cx.find()?.is_none() && checkout::find(&cx.folder, checkout::NIX)?.is_none() {
        configure(cx, dry_run)?;
    }
    Ok(())
}

/// Makes sure that the programs which a plan needs are there, before anything is changed.
pub async fn check_tools(plan: &Plan, lock: &Lock) -> Result<()> {
    if plan.find(|action| matches!(action, Action::Create(_) | Action::Recreate(_))).is_some() {
        compose::version().await?;
    }
    if plan.find(|action| *action == Action::Root).is_some() && matches!(lock.root, Root::Packages { .. }) {
        root_image::check()?;
    }
    Ok(())
}

/// Copies the example of a repository that brings one.
fn configure(cx: &Context, dry_run: bool) -> Result<()> {
    let Some(folder) = checkout::find(&cx.folder, checkout::EXAMPLE)? else {
        // The error of the command itself says what is missing.
        return Ok(());
    };
    let (from, to) = (folder.join(checkout::EXAMPLE), folder.join(checkout::MAIN));
    if dry_run {
        let message = format!("there is no {}: `devenv up` would make it from {}", checkout::MAIN, checkout::EXAMPLE);
        return Err(Error::message(Kind::Usage, message));
    }
    let bytes = files::read(&from)?.unwrap_or_default();
    files::write(&to, &bytes, Access::Public)?;
    cx.screen.say(format!("made {} from {}", checkout::MAIN, checkout::EXAMPLE));
    Ok(())
}

/// Asks before a plan deletes anything that cannot be made again.
pub fn confirm(cx: &Context, plan: &Plan) -> Result<()> {
    let deletions = plan.steps.iter().filter(|step| matches!(step.action, Action::DeleteVolume(_)));
    let deletions: Vec<String> = deletions.map(|step| step.action.to_string()).collect();
    if deletions.is_empty() || cx.screen.yes {
        return Ok(());
    }
    for deletion in deletions {
        cx.screen.say(format!("  {deletion}"));
    }
    let refused = Error::message(Kind::Usage, "nothing was deleted: deleting data needs a yes");
    cx.screen.insist("delete this data?", refused)
}
