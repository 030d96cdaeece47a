//! `devenv start` and `devenv restart`

use crate::commands::context::{Context, Intent};
use crate::commands::session::{Options, Session};
use crate::commands::watch;
use crate::error::{Error, Kind, Result};
use crate::names::PartName;
use crate::plan::{Plan, down};
use crate::ui::screen::in_ci;

/// Start parts that are stopped, as they are
///
/// Unlike `up` it builds and replaces nothing.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv start worker")]
pub struct StartArgs {
    /// Modules and services to start, with what they need [default: all]
    pub names: Vec<String>,
}

/// Stop parts and start them again, as they are
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv restart api")]
pub struct RestartArgs {
    /// Modules and services to restart [default: all]
    pub names: Vec<String>,
}

/// Runs `start`.
pub async fn start(cx: &Context, args: &StartArgs) -> Result<()> {
    let (session, lock) = cx.locked_session(Intent::Look).await?;
    let names: Vec<PartName> = session.names(&args.names)?;
    let missing =
        session.environment.closure(&names).into_iter().find(|part| session.observed.container(&part.name).is_none());
    if let Some(part) = missing {
        return Err(
            Error::message(Kind::Failed, format!("`{}` has no container yet", part.name)).hint("`devenv up` makes it")
        );
    }
    refuse_outdated(&session, &names)?;
    let plan = down::start(&session.environment, &session.observed, &names);
    if plan.is_empty() {
        cx.screen.say("everything runs");
    }
    session.carry_out(cx.screen, &plan, Options::default()).await?;
    drop(lock);
    if in_ci() { Ok(()) } else { watch::ensure(cx, &session).await }
}

/// Refuses to start, as it is, what could not work: it would log in with credentials of before, or listen at ports that
/// no address names any more.
fn refuse_outdated(session: &Session, names: &[PartName]) -> Result<()> {
    for part in session.environment.closure(names) {
        let container = session.observed.container(&part.name);
        let definition = session.definitions.get(part.name.as_str());
        let changed = container.zip(definition).and_then(|(container, now)| now.difference(&container.definition));
        let mut changed = changed.unwrap_or_default().into_iter();
        if let Some(what) = changed.find(|key| matches!(key.as_str(), "secrets" | "ports")) {
            let message = format!("`{}` cannot start as it is: its {what} changed since it was made", part.name);
            return Err(Error::message(Kind::Failed, message).hint("`devenv up` makes it anew"));
        }
    }
    Ok(())
}

/// Runs `restart`.
pub async fn restart(cx: &Context, args: &RestartArgs) -> Result<()> {
    let (session, _lock) = cx.locked_session(Intent::Look).await?;
    let names = session.names(&args.names)?;
    refuse_outdated(&session, &names)?;
    let plan: Plan = down::stop(&session.environment, &session.observed, &names);
    session.carry_out(cx.screen, &plan, Options::default()).await?;
    let session = cx.session(Intent::Look).await?;
    let plan = down::start(&session.environment, &session.observed, &names);
    session.carry_out(cx.screen, &plan, Options::default()).await.map(drop)
}
