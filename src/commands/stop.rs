//! `devenv stop`

use crate::apply::session::Intent;
use crate::apply::session::Options;
use crate::commands::carry_out::carry_out;
use crate::commands::context::{Context, InEnvironment};
use crate::commands::orphaned::{self, Remains};
use crate::error::Result;
use crate::plan::steps::down;

/// Stop parts and keep their containers
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv stop worker")]
pub struct StopArgs {
    /// Modules and services to stop [default: all]
    pub names: Vec<String>,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &StopArgs) -> Result<()> {
    if args.names.is_empty() {
        orphaned::end_watcher(cx).await;
    }
    let (session, _lock) = match cx.locked_session(Intent::End).await {
        Ok(session) => session,
        Err(error) => return Remains::after(cx, error).await?.stop(cx, &args.names).await,
    };
    let plan = down::stop(&session.environment, &session.observed, &session.names(&args.names)?);
    if plan.is_empty() {
        cx.screen.say("nothing runs");
        return Ok(());
    }
    carry_out(cx.screen, &session, &plan, Options::default()).await?;
    Ok(())
}
