//! `devenv deployments`: what was deployed where, from the records.

use std::collections::BTreeSet;

use crate::apply::session::checkout::Checkout;
use crate::commands::context::Context;
use crate::commands::release::sets::sets_of;
use crate::error::Result;
use crate::plan::deploy::history;
use crate::plan::environment::target::{self, Target};
use crate::plan::release::signers::Records;
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

/// What is recorded in the registry of an environment, or in those of all.
async fn records(cx: &Context, checkout: &Checkout, environment: Option<&str>) -> Result<Records> {
    let project = &checkout.project;
    let names = environment.map_or_else(|| target::names(project), |name| vec![name.to_owned()]);
    let (mut asked, mut records) = (BTreeSet::new(), Records::default());
    for name in names {
        let target = Target::of(project, &name)?;
        if asked.insert(target.registry(project).map(str::to_owned)) {
            records.extend(sets_of(cx, checkout, &target).await?.all_records().await?);
        }
    }
    Ok(records)
}

/// Runs `deployments`.
pub async fn list(cx: &Context, args: &DeploymentsArgs) -> Result<()> {
    let checkout = cx.team_checkout()?;
    let records = records(cx, &checkout, args.environment.as_deref()).await?;
    let all = history::deployments(&records.all, args.environment.as_deref());
    if !records.doubted.is_empty() {
        let count = records.doubted.len();
        cx.screen.say(format!("{count} records are not shown: they are not signed by a key in `signers`"));
    }
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
