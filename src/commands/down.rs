//! `devenv down`

use crate::commands::context::{Context, Intent};
use crate::commands::prepare;
use crate::commands::session::Options;
use crate::error::Result;
use crate::host::watch;
use crate::plan::Action;
use crate::plan::down::{self, Volumes};

/// Stop and remove the containers and the network of this checkout
///
/// Data volumes stay, unless -v is given.
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
    if args.dry_run {
        let session = cx.session(Intent::Look).await?;
        cx.screen.data(down::down(Some(&session.environment), &session.observed, volumes).to_string());
        return Ok(());
    }
    watch::end(&cx.root()?).await;
    let (session, _lock) = cx.locked_session(Intent::Look).await?;
    let plan = down::down(Some(&session.environment), &session.observed, volumes);
    if plan.is_empty() {
        cx.screen.say("nothing is there");
        return Ok(());
    }
    let data = plan.steps.iter().filter(|step| matches!(step.action, Action::DeleteVolume(_)));
    prepare::confirm(cx, &data.map(|step| step.action.to_string()).collect::<Vec<_>>())?;
    session.carry_out(cx.screen, &plan, Options::default()).await.map(drop)
}
