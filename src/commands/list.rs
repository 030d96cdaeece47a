//! `devenv list`

use std::collections::BTreeMap;
use std::path::Path;

use crate::apply::session::observe;
use crate::commands::context::Context;
use crate::error::Result;
use crate::host::git;
use crate::host::user::checkout_table;
use crate::plan::identity::listing::{self, CheckoutFolder, EngineLists, Listed};

/// List all your environments on this machine: folder, branch, state, address
///
/// `-p NAME` before another command acts on one of them from anywhere; `devenv -p FOLDER down` works even if the folder
/// is gone.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv list\n  devenv list --json")]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &ListArgs) -> Result<()> {
    let (engine, description) = cx.ask()?;
    let world = observe::world(&engine, description, "").await?;
    let table = checkout_table::look()?.table;
    let folders: BTreeMap<String, CheckoutFolder> =
        listing::folders(&table).into_iter().map(|path| (path.clone(), facts(Path::new(&path)))).collect();
    let engine = EngineLists { id: &world.engine.id, containers: &world.containers, volumes: &world.volumes };
    let all = listing::listing(&table, engine, &folders);
    if args.json {
        cx.screen.json(&all);
        return Ok(());
    }
    if all.is_empty() {
        cx.screen.say("there is none yet: `devenv up` in a checkout creates one");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    cx.screen.table(&["PROJECT", "ENVIRONMENT", "BRANCH", "STATE", "URL", "FOLDER"], &rows);
    Ok(())
}

fn facts(folder: &Path) -> CheckoutFolder {
    let exists = folder.is_dir();
    CheckoutFolder { exists, branch: if exists { git::branch(folder) } else { None } }
}

fn row(one: &Listed) -> Vec<String> {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        one.project.clone(),
        one.environment.clone(),
        or_empty(&one.branch),
        one.text(),
        or_empty(&one.url),
        one.folder.clone(),
    ]
}
