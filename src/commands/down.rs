//! `devenv down`

use crate::commands::context::{Context, Intent};
use crate::commands::prepare;
use crate::commands::remains::{self, Remains};
use crate::commands::session::Options;
use crate::error::Result;
use crate::plan::down::{self, Volumes};

/// Stop and remove the containers and the network of this checkout
///
/// Data volumes stay, unless -v is given. It also works where devenv.yaml cannot be read, and with `-p NAME` where the
/// folder of a checkout is gone.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv down\n  devenv down -v --yes")]
pub struct DownArgs {
    /// Delete the data volumes too
    #[arg(short, long)]
    pub volumes: bool,
    /// Print the plan and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &DownArgs) -> Result<()> {
    let volumes = if args.volumes { Volumes::Delete } else { Volumes::Keep };
    if !args.dry_run {
        remains::end_watcher(cx).await;
    }
    if let Some(remains) = Remains::of(cx).await? {
        return remains.down(cx, volumes, args.dry_run).await;
    }
    if args.dry_run {
        let session = cx.session(Intent::Look).await?;
        cx.screen.data(down::down(Some(&session.environment), &session.observed, volumes).to_string());
        return Ok(());
    }
    let (session, _lock) = cx.locked_session(Intent::Look).await?;
    let plan = down::down(Some(&session.environment), &session.observed, volumes);
    if plan.is_empty() {
        cx.screen.say("nothing is there");
        return Ok(());
    }
    prepare::confirm(cx, &plan)?;
    session.carry_out(cx.screen, &plan, Options::default()).await.map(drop)
}
