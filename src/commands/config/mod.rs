//! `devenv config`

mod digests;
mod kubernetes;

use std::path::PathBuf;

use serde::Serialize;

use crate::apply::release::sources::Changes;
use crate::apply::unplaced::Unplaced;
use crate::commands::config::digests::Digests;
use crate::commands::context::Context;
use crate::config::schema::json_schema;
use crate::config::text::yaml;
use crate::error::{Error, Kind, Result};
use crate::plan::environment::difference::{Reason, SettingDifference};
use crate::plan::environment::target::{Base, Target};
use crate::render;
use crate::render::differences;

/// Print the configuration that is in force
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv config --origin\n  devenv config --env prod\n  devenv config --env prod --format kubernetes\n  devenv config diff dev prod\n  devenv config files\n  devenv config schema > schema.json"
)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ConfigArgs {
    /// Print each value with where it comes from
    #[arg(long)]
    pub origin: bool,
    /// Print the compose definition of an environment in place of the configuration
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with = "origin")]
    pub env: Option<String>,
    /// What the definition is for: `kubernetes` prints manifests of an environment that is made for a platform
    #[arg(long, value_enum, default_value_t = ConfigFormat::Compose)]
    pub format: ConfigFormat,
    /// Write the manifests of all such environments to this folder: a base and overlays, as kustomize takes them
    #[arg(long, value_name = "DIR", conflicts_with_all = ["env", "origin", "json"])]
    pub to: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What to print in place of the configuration
    #[command(subcommand)]
    pub what: Option<ConfigCommand>,
}

/// A way to write a definition.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigFormat {
    /// The compose specification
    Compose,
    /// Objects of Kubernetes
    Kubernetes,
}

/// Other things that belong to the configuration.
#[derive(clap::Subcommand, Debug)]
pub enum ConfigCommand {
    /// List the files in force: embedded, or the project's own
    Files {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what differs between two environments, and why
    #[command(after_help = "Example:\n  devenv config diff dev prod")]
    Diff {
        /// An environment
        left: String,
        /// Another one
        right: String,
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
pub async fn run(cx: &Context, args: &ConfigArgs) -> Result<()> {
    match &args.what {
        Some(ConfigCommand::Schema { local: true }) => cx.screen.json(&json_schema::local()),
        Some(ConfigCommand::Schema { local: false }) => cx.screen.json(&json_schema::project()),
        Some(ConfigCommand::Diff { left, right, json }) => diff(cx, [left, right], *json).await?,
        Some(ConfigCommand::Files { json }) => files(cx, *json)?,
        None if args.origin => origin(cx, args.json)?,
        None if args.format == ConfigFormat::Kubernetes || args.to.is_some() => manifests(cx, args).await?,
        None if args.env.is_some() => environment(cx, args.env.as_deref().unwrap_or_default(), args.json).await?,
        None => {
            let checkout = cx.checkout()?;
            for line in &checkout.unread {
                cx.screen.say(line);
            }
            let value = checkout.project.shown();
            if args.json {
                cx.screen.json(&value);
            } else {
                cx.screen.data(yaml::document(&value));
            }
        }
    }
    Ok(())
}

/// The definition of an environment. It takes no engine, and nothing that is one developer's.
async fn environment(cx: &Context, name: &str, json: bool) -> Result<()> {
    let checkout = cx.team_checkout()?;
    let target = Target::of(&checkout.project, name)?;
    let unplaced = Unplaced::read(&checkout, cx.moving(), Changes::Marked).await?;
    let files = unplaced.files();
    let mut environment = files.environment(&target)?;
    if target.base == Base::Prod {
        Digests::of_commit(cx, &checkout, &target).await.pin(&target, &mut environment).await;
    }
    let definition = render::environment::definition(&environment, files.assets)?;
    if !environment.releases.is_empty() {
        unplaced.notes.iter().for_each(|note| cx.screen.say(note));
    }
    if !files.project.file.compose.is_empty() {
        cx.screen.say(
            "the compose files of the project are not in it: lay them over it where they are meant for this environment",
        );
    }
    if json {
        cx.screen.json(&definition);
    } else {
        cx.screen.data(yaml::document(&definition));
    }
    Ok(())
}

/// The manifests of one environment, or files for those of all.
async fn manifests(cx: &Context, args: &ConfigArgs) -> Result<()> {
    let problem = match (args.format, &args.env, &args.to) {
        (ConfigFormat::Compose, _, _) => Some("`--to` writes manifests for Kubernetes"),
        (ConfigFormat::Kubernetes, None, None) => Some("manifests are of an environment"),
        (ConfigFormat::Kubernetes, _, _) => None,
    };
    if let Some(problem) = problem {
        let error = Error::message(Kind::Usage, problem);
        return Err(error.hint("`devenv config --env prod --format kubernetes`, or `--format kubernetes --to DIR`"));
    }
    let checkout = cx.team_checkout()?;
    let unplaced = Unplaced::read(&checkout, cx.moving(), Changes::Marked).await?;
    unplaced.notes.iter().for_each(|note| cx.screen.say(note));
    match &args.to {
        Some(folder) => kubernetes::write(cx, &checkout, &unplaced, folder).await,
        None => {
            let name = args.env.as_deref().unwrap_or_default();
            kubernetes::print(cx, &checkout, &unplaced, name, args.json).await
        }
    }
}

/// What differs between two environments.
async fn diff(cx: &Context, names: [&String; 2], json: bool) -> Result<()> {
    let checkout = cx.team_checkout()?;
    let unplaced = Unplaced::read(&checkout, cx.moving(), Changes::Marked).await?;
    let differences = differences::between(&unplaced.files(), &checkout.sources, names)?;
    if differences.iter().any(|one| one.reason == Reason::Release) {
        unplaced.notes.iter().for_each(|note| cx.screen.say(note));
    }
    if json {
        cx.screen.json(&serde_json::json!({"left": names[0], "right": names[1], "differences": differences}));
        return Ok(());
    }
    if differences.is_empty() {
        cx.screen.say(format!("{} and {} do not differ", names[0], names[1]));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = differences.iter().map(row).collect();
    cx.screen.table(&["PART", "KEY", &names[0].to_uppercase(), &names[1].to_uppercase(), "WHY", "FROM"], &rows);
    Ok(())
}

fn row(difference: &SettingDifference) -> Vec<String> {
    let value = |value: &Option<serde_json::Value>| match value {
        Some(serde_json::Value::String(text)) => short(text),
        Some(value) => short(&value.to_string()),
        None => "-".to_owned(),
    };
    let from = match &difference.place {
        Some(place) => format!("{} ({place})", difference.from),
        None => difference.from.clone(),
    };
    vec![
        difference.part.clone(),
        difference.key.clone(),
        value(&difference.left),
        value(&difference.right),
        difference.reason.text().to_owned(),
        from,
    ]
}

/// As much of a value as tells it from others; `--json` has all of it.
fn short(text: &str) -> String {
    const MOST: usize = 32;
    let line = text.replace('\n', " ");
    if line.chars().count() <= MOST { line } else { line.chars().take(MOST - 1).chain(['…']).collect() }
}

fn files(cx: &Context, json: bool) -> Result<()> {
    let checkout = cx.checkout()?;
    let assets = &checkout.assets;
    let files: Vec<FileJson> =
        assets.all().map(|(path, _)| FileJson { path: path.to_owned(), from: assets.origin(path) }).collect();
    if json {
        cx.screen.json(&files);
    } else {
        let rows: Vec<Vec<String>> = files.into_iter().map(|file| vec![file.path, file.from]).collect();
        cx.screen.table(&["FILE", "FROM"], &rows);
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
        cx.screen.table(&["KEY", "VALUE", "FROM"], &rows);
    }
    Ok(())
}
