//! `devenv check`

use crate::apply::check::{Begun, Collected};
use crate::apply::release::sources::Changes;
use crate::apply::release::trust;
use crate::apply::unplaced::Unplaced;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::plan::check::allow::{self, Judged};
use crate::plan::check::finding::Severity;
use crate::plan::check::findings;

use crate::render::check as output;

/// Check what the team has committed: locks, images, secrets, health, environments
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv check\n  devenv check --format github\n  devenv check --format junit > check.xml"
)]
pub struct CheckArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Print JSON, as `--format json` does
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// How findings are printed.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// Annotations of GitHub's workflows
    Github,
    /// JUnit's XML, which most CI servers show
    Junit,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &CheckArgs) -> Result<()> {
    let checkout = cx.team_checkout()?;
    let begun = Begun::of(&checkout);
    // A key that cannot be used is a fault of the configuration.
    trust::signers(&checkout)?;
    // What images are called is not what is checked.
    let unplaced = Unplaced::read(&checkout, cx.moving(), Changes::LeftOut).await?;
    let files = unplaced.files();
    let collected = Collected::of(&checkout, &files, cx.main(), begun).await?;
    let Judged { findings, silenced } = allow::judged(findings(&collected.facts(&files)), &collected.texts);
    for note in &collected.notes {
        cx.screen.say(note);
    }
    match if args.json { CheckFormat::Json } else { args.format } {
        CheckFormat::Text => cx.screen.data(output::text(&findings, silenced)),
        CheckFormat::Json => cx.screen.json(&output::to_json(&findings, silenced)),
        CheckFormat::Github if findings.is_empty() => {}
        CheckFormat::Github => cx.screen.data(output::github(&findings)),
        CheckFormat::Junit => cx.screen.data(output::junit(&findings)),
    }
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        let message = "the check found errors";
        let hint = "fix each, or write `# devenv: allow RULE reason` on its line or the one above";
        return Err(Error::message(Kind::Failed, message).hint(hint));
    }
    Ok(())
}
