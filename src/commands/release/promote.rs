//! `devenv promote`, `devenv release passed`: a release set gets another name, and what allows it.

use crate::apply::release::promote::Untested;
use crate::apply::release::push::Sets;
use crate::apply::session::checkout::Checkout;
use crate::commands::context::Context;
use crate::commands::release::sets::{reference, sets, sets_at, tag_of};
use crate::error::{Error, Kind, Result};
use crate::host::release::source;
use crate::plan::environment::target::Target;
use crate::plan::registry::retry::Patience;
use crate::plan::release::record::Happened;
use crate::ui::screen::visible;

/// Give a release set another name: exactly the same images, by digest
///
/// The manifest of the set is put under the new name byte for byte, and read back. A name in another registry is
/// written with its place: images, records and the set are brought there first. It is refused when an image of the set is
/// gone, when no passed run is recorded for it, or when the name was moved to another set meanwhile.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv promote 6fe697a staging\n  devenv promote staging prod\n  devenv promote staging registry.example.net/shop:prod\n  devenv promote prod --rollback"
)]
pub struct PromoteArgs {
    /// The commit, or a name of the set; with `--rollback`, the name that goes back
    pub from: String,
    /// The name that it gets; in another registry `REGISTRY:NAME`, or the name of an environment that has one
    #[arg(required_unless_present = "rollback", conflicts_with = "rollback")]
    pub to: Option<String>,
    /// Promote even if no passing run is recorded; the record says so
    #[arg(long, conflicts_with = "rollback")]
    pub force: bool,
    /// Give a name back to the set that had it before
    #[arg(long)]
    pub rollback: bool,
}

#[derive(clap::Args, Debug)]
pub(super) struct PassedArgs {
    /// The commit, or a name of the set [default: the commit that is checked out]
    commit: Option<String>,
}

/// Runs `promote`.
pub async fn promote(cx: &Context, args: &PromoteArgs) -> Result<()> {
    let checkout = cx.checkout()?;
    let sets = sets(cx, &checkout).await?;
    let by = source::author(&checkout.root).await?;
    let (name, named) = match &args.to {
        None => {
            let elsewhere = elsewhere(cx, &checkout, &args.from).await?;
            let (sets, name) = elsewhere.as_ref().map_or((&sets, args.from.as_str()), |(sets, name)| (sets, name));
            (args.from.as_str(), sets.roll_back(reference(name)?, &by).await?)
        }
        Some(to) => {
            let untested = if args.force { Untested::Forced } else { Untested::Refused };
            let elsewhere = elsewhere(cx, &checkout, to).await?;
            let source = if elsewhere.is_some() { long(cx, &checkout, &sets).await? } else { sets };
            let (target, name) = elsewhere.as_ref().map_or((&source, to.as_str()), |(sets, name)| (sets, name));
            let from = tag_of(&source, &args.from).await?;
            (to.as_str(), target.promote(&source, &from, name, untested, &by).await?)
        }
    };
    if named.was_there {
        cx.screen.say(format!("nothing to do: {} is {name}", named.set.commit));
    } else {
        cx.screen.say(format!("✓ `{name}` now points to {} ({})", named.set.commit, named.digest));
    }
    Ok(())
}

/// The registry and the name that `REGISTRY:NAME` says, or an environment with a registry of its own; none for other names.
async fn elsewhere<'a>(cx: &Context, checkout: &Checkout, text: &'a str) -> Result<Option<(Sets, &'a str)>> {
    if let Some((place, name)) = text.rsplit_once(':').filter(|(place, _)| place.contains('/')) {
        return Ok(Some((sets_at(cx, checkout, place.to_owned(), Patience::LONG).await?, name)));
    }
    let own = Target::of(&checkout.project, text).ok().and_then(|target| target.settings.registry);
    match own.filter(|own| checkout.project.file.registry.as_ref() != Some(own)) {
        Some(own) => Ok(Some((sets_at(cx, checkout, own, Patience::LONG).await?, text))),
        None => Ok(None),
    }
}

/// The same registry, asked for images of any size.
async fn long(cx: &Context, checkout: &Checkout, sets: &Sets) -> Result<Sets> {
    sets_at(cx, checkout, sets.text.clone(), Patience::LONG).await
}

/// Runs `release passed`.
pub(super) async fn passed(cx: &Context, args: &PassedArgs) -> Result<()> {
    let checkout = cx.checkout()?;
    let sets = sets(cx, &checkout).await?;
    let tag = match &args.commit {
        Some(tag) => tag_of(&sets, tag).await?,
        None => super::sets::head(&checkout).await?,
    };
    let Some((set, digest)) = sets.set(&tag).await? else {
        let message = format!("the registry has no release set `{}`", visible(&tag));
        return Err(Error::message(Kind::Failed, message).hint("`devenv push` creates the one of this commit"));
    };
    sets.happened(&digest, Happened::Passed, &source::author(&checkout.root).await?).await?;
    cx.screen.say(format!("✓ recorded: the tests of {} have passed", set.commit));
    Ok(())
}
