//! `devenv down`

use crate::apply::session::Intent;
use crate::apply::session::Options;
use crate::commands::carry_out::carry_out;
use crate::commands::context::{Context, InEnvironment};
use crate::commands::orphaned::{self, Remains};
use crate::commands::preflight;
use crate::error::Result;
use crate::host::tmux::Tmux;
use crate::plan::steps::down::{self, Volumes};

/// Stop and remove the containers and the network of this checkout
///
/// Data volumes stay, unless -v is given. The session of `devenv attach` ends too. It also works if devenv.yaml or a
/// compose file cannot be used, and with `-p NAME` if the folder of a checkout is gone.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv down\n  devenv down -v --yes")]
pub struct DownArgs {
    /// Delete the data volumes too
    #[arg(short, long)]
    pub volumes: bool,
    /// Print the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &DownArgs) -> Result<()> {
    let known = orphaned::identity(cx)?;
    take_down(cx, args).await?;
    // Last: this command may run in one of its panes.
    if let Some((_, id)) = known.filter(|_| !args.dry_run)
        && let Some(tmux) = Tmux::found(&id)
        && tmux.end().await
    {
        cx.screen.say("ended the session of `devenv attach`");
    }
    Ok(())
}

async fn take_down(cx: &Context, args: &DownArgs) -> Result<()> {
    let volumes = if args.volumes { Volumes::Delete } else { Volumes::Keep };
    if !args.dry_run {
        orphaned::end_watcher(cx).await;
    }
    if args.dry_run {
        return match cx.session(Intent::End).await {
            Ok(session) => {
                cx.screen.data(down::down(Some(&session.environment), &session.observed, volumes).to_string());
                Ok(())
            }
            Err(error) => Remains::after(cx, error).await?.down(cx, volumes, true).await,
        };
    }
    let (session, _lock) = match cx.locked_session(Intent::End).await {
        Ok(session) => session,
        Err(error) => return Remains::after(cx, error).await?.down(cx, volumes, false).await,
    };
    let plan = down::down(Some(&session.environment), &session.observed, volumes);
    if plan.is_empty() {
        cx.screen.say("nothing is there");
        return Ok(());
    }
    preflight::confirm(cx, &plan)?;
    carry_out(cx.screen, &session, &plan, Options::default()).await?;
    Ok(())
}
