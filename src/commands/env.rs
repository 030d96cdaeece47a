//! `devenv env`

use serde::Serialize;

use crate::apply::session::Intent;
use crate::commands::context::Context;
use crate::error::Result;
use crate::names::PartName;
use crate::plan::environment::target::Target;
use crate::plan::part_variables::{self, Layers, Offered, PartVariable};

/// Show the variables of a part, where each comes from, and what its needs offer
///
/// Secrets are masked. What a need offers can be put into any variable of `env`, such as
/// `DATABASE_URL: "postgres://{db.user}:{db.password}@{db.host}/{db.database}"`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv env api\n  devenv env api --json")]
pub struct EnvArgs {
    /// Module, service or `gateway`
    pub name: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The answer, as `--json` prints it.
#[derive(Debug, Serialize)]
struct EnvJson {
    name: PartName,
    variables: Vec<PartVariable>,
    offers: Vec<Offered>,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &EnvArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let part = session.part(&args.name)?;
    let project = &session.checkout.project;
    let chain = part.image.node().map(|image| session.images.ancestry(image)).unwrap_or_default();
    let layers = Layers { project, target: &Target::dev(project), chain: &chain, credentials: &session.secrets };
    let mut answer =
        EnvJson { name: part.name.clone(), variables: part_variables::variables(part, &layers), offers: Vec::new() };
    for need in session.needs(&part.name) {
        answer.offers.extend(part_variables::offered(need, &session.offers(need)?, &layers));
    }
    if args.json {
        cx.screen.json(&answer);
        return Ok(());
    }
    let variables: Vec<Vec<String>> =
        answer.variables.into_iter().map(|one| vec![one.name, one.from, one.value]).collect();
    cx.screen.table(&["VARIABLE", "FROM", "VALUE"], &variables);
    if !answer.offers.is_empty() {
        let row = |one: Offered| vec![one.placeholder, one.variable.unwrap_or_default(), one.value];
        let offers: Vec<Vec<String>> = answer.offers.into_iter().map(row).collect();
        cx.screen.data("");
        cx.screen.table(&["IN ENV", "ALSO AS", "VALUE"], &offers);
    }
    Ok(())
}
