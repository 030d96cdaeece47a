//! `devenv doctor`

use crate::apply::certs::CertificateWish;
use crate::apply::certs::trust;
use crate::apply::doctor as mender;
use crate::apply::new_session;
use crate::assets::Assets;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::checkout::id_file;
use crate::host::clock;
use crate::host::user::checkout_table;
use crate::host::{machine, process};
use crate::plan::certs::zones;
use crate::plan::doctor::certs::Certificates;
use crate::plan::doctor::purpose::Purpose;
use crate::plan::doctor::repair_plan;
use crate::plan::doctor::repairs::Effect;
use crate::plan::identity::FolderOf;
use crate::plan::{doctor, environment};

/// Check this machine; --fix installs what is missing
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
        // What is left to do then, the table says.
        let _: Effect = repair(cx, Purpose::Everything).await?;
    }
    let (facts, certificates) = tokio::join!(machine::facts(), certificates(cx));
    let mut findings = doctor::findings(&facts);
    findings.extend(doctor::certs::findings(&certificates));
    if args.json {
        cx.screen.json(&findings);
    } else {
        cx.screen.data(doctor::table(&findings));
    }
    match doctor::missing(&findings) {
        // The table has said what; here the code is what counts.
        Some(error) if args.json => Err(error),
        Some(_) => {
            let error = Error::message(Kind::Missing, "this machine is not ready");
            Err(if args.fix || !doctor::is_repairable(&facts, &findings) {
                error.hint("the rest must be fixed by hand: see the hints above")
            } else {
                error.hint("`devenv doctor --fix` fixes it")
            })
        }
        None => Ok(()),
    }
}

/// The certificates of this machine, and of the checkout where there is one that can be read; what is wrong with its
/// configuration, other commands say.
async fn certificates(cx: &Context) -> Certificates {
    let now = clock::unix_time();
    let checkout = cx.find().ok().flatten().and_then(|_| cx.checkout().ok());
    let Some(checkout) = checkout else { return trust::look(&Assets::embedded(), None, &[], now).await };
    let aliases = zones::aliases(&checkout.project);
    let id = id_file(&checkout.root).map(|file| file.id);
    let table = checkout_table::look().map(|held| held.table).unwrap_or_default();
    let held = table.checkouts.iter().find(|held| Some(&held.id) == id.as_ref());
    let Some(held) = held else { return trust::look(&checkout.assets, None, aliases, now).await };
    let names = environment::certificate::certificate_names(&checkout.project, &held.host);
    let wish = CertificateWish {
        root: &checkout.root,
        assets: &checkout.assets,
        host: &held.host,
        folder: FolderOf::Own,
        aliases,
        names: &names,
        now,
    };
    trust::look(&checkout.assets, Some(wish), aliases, now).await
}

/// Installs what `purpose` needs, after a yes. Does nothing on a machine that is ready. The effect is
/// [`Effect::NextLogin`] if this session is older than its user's place in group `docker`.
pub async fn repair(cx: &Context, purpose: Purpose) -> Result<Effect> {
    let facts = machine::facts().await;
    let fixes = repair_plan::fixes(&facts, &machine::means().await, purpose);
    if fixes.fixes.is_empty() {
        return if fixes.by_hand.is_empty() {
            Ok(repair_plan::effect(&facts.engine, &facts.user))
        } else {
            Err(fixes
                .by_hand
                .iter()
                .fold(Error::message(Kind::Missing, "this machine must be fixed by hand"), |error, hint| {
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
    if cx.screen.yes {
        for sentence in &fixes.by_hand {
            cx.screen.say(format!("by hand: {sentence}"));
        }
    }
    mender::fix(&fixes.fixes, &mut |line| cx.screen.say(line)).await?;
    Ok(repair_plan::effect(&machine::engine().await, &machine::user()))
}

/// Goes on with this very command in a session that knows group `docker`; returns only when that is not possible.
pub async fn go_on(cx: &Context) -> Error {
    let user = machine::user();
    let name = &user.name;
    // Another one that does not help either would go on for ever.
    if new_session::is_begun() {
        return Error::message(
            Kind::Missing,
            format!("{name} is in group `docker`, but this session started before that"),
        )
        .hint("log in again, then run the same command");
    }
    match new_session::own_call() {
        Ok(own) => {
            let cmd = new_session::call(&own, &user).await;
            cx.screen
                .say(format!("{name} was just added to group `docker`: continuing in a session that has it\n$ {cmd}"));
            process::replace(&cmd)
        }
        Err(error) => error,
    }
}
