//! `devenv start` and `devenv restart`

use crate::apply::session::Intent;
use crate::apply::session::{Options, Session};
use crate::commands::carry_out::carry_out;
use crate::commands::context::{Context, InEnvironment};
use crate::commands::watch;
use crate::error::{Error, Kind, Result};
use crate::names::PartName;
use crate::plan::Plan;
use crate::plan::observed::NoContainer;
use crate::plan::steps::down::{self, Running};
use crate::ui::screen::in_ci;

/// Start parts that are stopped, as they are
///
/// Unlike `up` it builds and replaces nothing.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv start worker")]
pub struct StartArgs {
    /// Modules and services to start, with what they need [default: all]
    pub names: Vec<String>,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// Stop parts and start them again, as they are
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv restart api")]
pub struct RestartArgs {
    /// Modules and services to restart [default: all]
    pub names: Vec<String>,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// Runs `start`.
pub async fn start(cx: &Context, args: &StartArgs) -> Result<()> {
    let (session, lock) = cx.locked_session(Intent::Look).await?;
    let names: Vec<PartName> = session.names(&args.names)?;
    let missing =
        session.environment.closure(&names).into_iter().find(|part| session.observed.container(&part.name).is_none());
    if let Some(part) = missing {
        return Err(NoContainer(part.name.clone()).into());
    }
    refuse_outdated(&session, &names, Running::GoesOn)?;
    let plan = down::start(&session.environment, &session.observed, &names);
    if plan.is_empty() {
        cx.screen.say("everything runs");
    }
    carry_out(cx.screen, &session, &plan, Options::default()).await?;
    drop(lock);
    if in_ci() { Ok(()) } else { watch::ensure(cx, &session).await }
}

fn refuse_outdated(session: &Session, names: &[PartName], running: Running) -> Result<()> {
    match down::outdated(&session.environment, &session.observed, &session.definitions, names, running) {
        None => Ok(()),
        Some((part, why)) => {
            let error = Error::message(Kind::Failed, format!("`{part}` cannot start as it is: {why}"));
            Err(error.hint("`devenv up` recreates it"))
        }
    }
}

/// Runs `restart`.
pub async fn restart(cx: &Context, args: &RestartArgs) -> Result<()> {
    let (session, _lock) = cx.locked_session(Intent::Look).await?;
    let names = session.names(&args.names)?;
    refuse_outdated(&session, &names, Running::Counts)?;
    let plan: Plan = down::stop(&session.environment, &session.observed, &names);
    carry_out(cx.screen, &session, &plan, Options::default()).await?;
    let session = cx.session(Intent::Look).await?;
    let plan = down::start(&session.environment, &session.observed, &names);
    carry_out(cx.screen, &session, &plan, Options::default()).await?;
    Ok(())
}
