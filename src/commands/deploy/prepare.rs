//! What is deployed, and where to: asked for before anything is decided.

use crate::apply::deploy::swarm_engine;
use crate::apply::release::push::Sets;
use crate::apply::release::sources::Changes;
use crate::apply::session::checkout::Checkout;
use crate::apply::unplaced::Unplaced;
use crate::commands::context::Context;
use crate::commands::deploy::args::DeployArgs;
use crate::commands::release::sets::{head, tag_of};
use crate::config::model::environment::{Deploy, Smoke};
use crate::error::{Error, Kind, Result};
use crate::host::docker::tunnel::Tunnel;
use crate::host::engine::Engine;
use crate::host::release::source;
use crate::plan::deploy::history;
use crate::plan::deploy::planner::Tasks;
use crate::plan::deploy::stack::Stack;
use crate::plan::deploy::variables::values;
use crate::plan::environment::target::Target;
use crate::plan::release::record::{Happened, Refusal};
use crate::plan::release::set::ReleaseSet;
use crate::plan::release::signers::{Records, uncounted};
use crate::render::swarm::StackOf;
use crate::ui::screen::visible;

/// What is deployed, and where to.
pub(super) struct Deployment<'a> {
    pub(super) args: &'a DeployArgs,
    pub(super) target: Target,
    pub(super) sets: Sets,
    pub(super) engine: Engine,
    _tunnel: Option<Tunnel>,
    /// Digest of the release set.
    pub(super) set: String,
    /// As it is recorded.
    pub(super) stack: Stack,
    /// With the variables of whoever deploys.
    pub(super) filled: Stack,
    pub(super) smoke: Vec<Smoke>,
    pub(super) tasks: Tasks,
    pub(super) records: Records,
    pub(super) by: String,
}

/// Where an environment is deployed.
pub(super) fn place(checkout: &Checkout, target: &Target) -> Result<Deploy> {
    target.settings.deploy.clone().ok_or_else(|| {
        let place = target.path(&checkout.project, &[]).map(|(_, place)| format!("{place}: ")).unwrap_or_default();
        Error::message(Kind::Usage, format!("{place}{} does not say where it is deployed", target.name))
            .hint("such as `deploy: {to: swarm, context: NAME}`; `docker context ls` lists contexts")
    })
}

/// The release set of a tag, or of the commit that is checked out, with its digest; its signature counts where one is asked for.
pub(super) async fn release(checkout: &Checkout, sets: &Sets, named: Option<&str>) -> Result<(ReleaseSet, String)> {
    let tag = match named {
        Some(tag) => tag_of(sets, tag).await?,
        None => head(checkout).await?,
    };
    let Some((set, digest)) = sets.set(&tag).await? else {
        let message = format!("the registry has no release set `{}`", visible(&tag));
        let hint =
            "`devenv release build && devenv push` creates the one of this commit; `devenv release list` shows all";
        return Err(Error::message(Kind::Failed, message).hint(hint));
    };
    sets.must_be_trusted(&tag, &digest).await?;
    Ok((set, digest))
}

/// Asks for all of it.
pub(super) async fn prepare<'a>(
    cx: &Context,
    args: &'a DeployArgs,
    checkout: &Checkout,
    (target, deploy): (Target, &Deploy),
    sets: Sets,
) -> Result<Deployment<'a>> {
    let (engine, tunnel) = swarm_engine::engine(deploy, cx.begun.clone()).await?;
    let by = source::author(&checkout.root).await?;
    let unplaced = Unplaced::read(checkout, cx.moving(), Changes::Marked).await?;
    let environment = unplaced.files().environment(&target)?;
    let values = values(&checkout.project, &target, &environment);
    let (set, stack, tasks) = match &args.rollback {
        Some(to) => {
            let (set, stack) = earlier(&sets, &target.name, to).await?;
            (set, stack, Tasks::Left)
        }
        None => {
            let (set, digest) = release(checkout, &sets, args.release.as_deref()).await?;
            if set.commit != head(checkout).await? {
                cx.screen.say(format!("images are those of {}; everything else is as the files here say", set.commit));
            }
            let missing = sets.missing(&set).await?;
            if !missing.is_empty() {
                let missing = missing.iter().map(ToString::to_string).collect();
                return Err(Refusal::Incomplete(missing).into());
            }
            let (project, registry) = (&checkout.project, &sets.place);
            let of = StackOf { project, target: &target, environment: &environment, set: &set, registry, deploy };
            (digest, of.stack()?, Tasks::Run)
        }
    };
    let filled = stack.filled(&values)?;
    let records = sets.records(&set).await?;
    let smoke = target.settings.smoke.clone().unwrap_or_default();
    Ok(Deployment { args, target, sets, engine, _tunnel: tunnel, set, stack, filled, smoke, tasks, records, by })
}

/// The deployment that a rollback brings back: release set and stack.
async fn earlier(sets: &Sets, environment: &str, to: &str) -> Result<(String, Stack)> {
    let records = sets.all_records().await?;
    let all = history::deployments(&records.all, Some(environment));
    let found = if to.is_empty() {
        history::before(&all)
    } else {
        let tag = tag_of(sets, to).await?;
        let set = sets.set(&tag).await?.map(|(_, digest)| digest);
        set.and_then(|set| history::newest_of(&all, &set))
    };
    found.and_then(|one| Some((one.set.to_owned(), one.stack?.clone()))).ok_or_else(|| {
        let what =
            if to.is_empty() { "an earlier deployment".to_owned() } else { format!("a deployment of {}", visible(to)) };
        let error = Error::message(Kind::Failed, format!("no record says of {what} to {environment}"))
            .hint(format!("`devenv deployments {environment}` lists those that are recorded"));
        let is_of = |happened: &Happened| {
            matches!(happened, Happened::Deployed { environment: there, .. } if there == environment)
        };
        records.doubted.iter().filter(|one| is_of(&one.record.happened)).map(uncounted).fold(error, Error::hint)
    })
}
