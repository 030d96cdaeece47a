//! `devenv config`

use serde::Serialize;

use crate::assets::Origin;
use crate::commands::context::Context;
use crate::config::schema;
use crate::error::Result;
use crate::ui::table;

/// Print the configuration that is in force
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv config --origin\n  devenv config files\n  devenv config schema > schema.json"
)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ConfigArgs {
    /// Print each value with where it comes from
    #[arg(long)]
    pub origin: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What to print in place of the configuration
    #[command(subcommand)]
    pub what: Option<What>,
}

/// Other things that belong to the configuration.
#[derive(clap::Subcommand, Debug)]
pub enum What {
    /// List the files in force: embedded, or the project's own
    Files {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema, for editors
    Schema {
        /// That of devenv.local.yaml
        #[arg(long)]
        local: bool,
    },
}

/// A file in force, as `--json` prints it.
#[derive(Debug, Serialize)]
struct FileJson {
    path: String,
    from: String,
}

/// A value, as `--origin --json` prints it.
#[derive(Debug, Serialize)]
struct OriginJson {
    path: String,
    value: serde_json::Value,
    origin: String,
}

/// Runs the command.
pub fn run(cx: &Context, args: &ConfigArgs) -> Result<()> {
    match &args.what {
        Some(What::Schema { local: true }) => cx.screen.json(&schema::local()),
        Some(What::Schema { local: false }) => cx.screen.json(&schema::project()),
        Some(What::Files { json }) => files(cx, *json)?,
        None if args.origin => origin(cx, args.json)?,
        None => {
            let project = cx.checkout()?.project;
            let value = project.shown();
            if args.json {
                cx.screen.json(&value);
            } else {
                cx.screen.data(serde_yaml::to_string(&value).unwrap_or_default());
            }
        }
    }
    Ok(())
}

fn files(cx: &Context, json: bool) -> Result<()> {
    let checkout = cx.checkout()?;
    let from = |origin: &Origin| match origin {
        Origin::Embedded => "embedded".to_owned(),
        Origin::Project(path) => path.strip_prefix(&checkout.root).unwrap_or(path).display().to_string(),
    };
    let files = checkout.assets.all();
    let files: Vec<FileJson> =
        files.map(|(path, asset)| FileJson { path: path.to_owned(), from: from(&asset.origin) }).collect();
    if json {
        cx.screen.json(&files);
    } else {
        let rows: Vec<Vec<String>> = files.into_iter().map(|file| vec![file.path, file.from]).collect();
        cx.screen.data(table::text(&["FILE", "FROM"], &rows));
    }
    Ok(())
}

fn origin(cx: &Context, json: bool) -> Result<()> {
    let lines = cx.checkout()?.project.origin();
    let lines: Vec<OriginJson> = lines
        .into_iter()
        .map(|line| OriginJson { path: line.path, value: line.value, origin: line.origin.to_string() })
        .collect();
    if json {
        cx.screen.json(&lines);
    } else {
        let rows: Vec<Vec<String>> =
            lines.into_iter().map(|line| vec![line.path, line.value.to_string(), line.origin]).collect();
        cx.screen.data(table::text(&["KEY", "VALUE", "FROM"], &rows));
    }
    Ok(())
}
