//! A run of `devenv ci` that has passed is recorded for the release set of its commit.

use crate::apply::release::recipes;
use crate::apply::release::sources::{Changes, sources};
use crate::commands::context::Context;
use crate::commands::release::sets::sets_at;
use crate::error::{Error, Kind, Result};
use crate::host::release::source;
use crate::plan::registry::retry::Patience;
use crate::plan::release::record::Happened;

/// Records it, unless a passed run of this set is recorded. Nothing is done where there is no registry.
pub(in crate::commands) async fn record(cx: &Context) -> Result<()> {
    let checkout = cx.team_checkout()?;
    let Some(registry) = checkout.project.file.registry.clone() else { return Ok(()) };
    let modules = recipes::modules(&checkout.project.file);
    let configuration = recipes::configuration(checkout.name(), &checkout.project);
    // What was tested is the release of a commit only where nothing else was there.
    let commit = sources(&checkout.root, &modules, &configuration, Changes::Refused).await?.head.id;
    let sets = sets_at(cx, &checkout, registry, Patience::SHORT).await?;
    let Some((_, digest)) = sets.set(&commit).await? else {
        let message = format!("the registry has no release set of {commit}");
        return Err(Error::message(Kind::Failed, message).hint("`devenv push` before `devenv ci` creates it"));
    };
    let records = sets.records(&digest).await?;
    if !records.all.iter().any(|record| record.happened == Happened::Passed) {
        sets.happened(&digest, Happened::Passed, &source::author(&checkout.root).await?).await?;
        cx.screen.say(format!("✓ recorded: the tests of {commit} have passed"));
    }
    Ok(())
}
