//! `devenv doctor`

use crate::apply::doctor as mender;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::machine;
use crate::plan::doctor;
use crate::plan::fixes::Effect;
use crate::plan::mend::{self, Purpose};

/// Look at this machine, say what is missing, and mend it with --fix
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv doctor\n  devenv doctor --fix --yes")]
pub struct DoctorArgs {
    /// Install and start what is missing, printing each command
    #[arg(long)]
    pub fix: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &DoctorArgs) -> Result<()> {
    if args.fix {
        mend(cx, Purpose::Everything).await?;
    }
    let findings = doctor::findings(&machine::facts().await);
    if args.json {
        cx.screen.json(&findings);
    } else {
        cx.screen.data(doctor::table(&findings));
    }
    match doctor::missing(&findings) {
        // The table has said what; here the code is what counts.
        Some(error) if args.json => Err(error),
        Some(_) => {
            Err(Error::message(Kind::Missing, "this machine is not ready").hint("`devenv doctor --fix` mends it"))
        }
        None => Ok(()),
    }
}

/// Mends what `purpose` needs, after a yes. Does nothing on a machine that is ready.
pub async fn mend(cx: &Context, purpose: Purpose) -> Result<()> {
    let facts = machine::facts().await;
    let fixes = mend::fixes(&facts, &machine::means().await, purpose);
    if fixes.fixes.is_empty() {
        return if fixes.by_hand.is_empty() {
            Ok(())
        } else {
            Err(fixes
                .by_hand
                .iter()
                .fold(Error::message(Kind::Missing, "this machine needs a person's hand"), |error, hint| {
                    error.hint(hint.as_str())
                }))
        };
    }
    if !cx.screen.yes {
        cx.screen.say(format!("something is missing on this machine; this installs it:\n\n{fixes}"));
        if !cx.screen.ask("run these commands?") {
            let error =
                Error::message(Kind::Missing, "something that devenv needs is missing; the commands above install it");
            return Err(error.hint("`devenv doctor --fix --yes` runs them"));
        }
    }
    let effect = mender::fix(&fixes.fixes, &mut |line| cx.screen.say(line)).await?;
    if effect == Effect::NextLogin {
        cx.screen.say("log in again: your user is in the group `docker` from then on");
    }
    Ok(())
}
