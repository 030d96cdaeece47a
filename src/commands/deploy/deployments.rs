//! `devenv deployments`: what was deployed where, from the records.

use crate::commands::context::Context;
use crate::commands::release::sets::sets;
use crate::error::Result;
use crate::plan::deploy::history;
use crate::plan::environment::target::Target;
use crate::ui::dates;
use crate::ui::screen::visible;

/// List what was deployed where, by whom, and how it ended
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv deployments\n  devenv deployments prod --json")]
pub struct DeploymentsArgs {
    /// The environment [default: all]
    pub environment: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs `deployments`.
pub async fn list(cx: &Context, args: &DeploymentsArgs) -> Result<()> {
    let checkout = cx.team_checkout()?;
    if let Some(name) = &args.environment {
        Target::of(&checkout.project, name)?;
    }
    let records = sets(cx, &checkout).await?.all_records().await?;
    let all = history::deployments(&records, args.environment.as_deref());
    if args.json {
        cx.screen.json(&all);
        return Ok(());
    }
    let row = |one: &history::Deployment<'_>| {
        let day = dates::day(i64::try_from(one.time / 1000).unwrap_or_default());
        let set = one.set.trim_start_matches("sha256:").chars().take(12).collect();
        let why = one.why.map(visible).unwrap_or_default();
        vec![day, visible(one.environment), one.outcome.to_string(), set, visible(one.by), why]
    };
    let rows: Vec<Vec<String>> = all.iter().rev().map(row).collect();
    cx.screen.table(&["DATE", "ENVIRONMENT", "OUTCOME", "RELEASE", "BY", "WHY"], &rows);
    Ok(())
}
