//! `devenv config`

use std::collections::BTreeMap;

use serde::Serialize;

use crate::apply::session::checkout::Checkout;
use crate::apply::session::lock;
use crate::commands::context::Context;
use crate::config::schema::json_schema;
use crate::config::text::yaml;
use crate::error::Result;
use crate::plan::environment::prod;
use crate::plan::environment::{Contents, Machine, Setup};
use crate::plan::identity::{FolderOf, Identity, Reservation};
use crate::plan::images::Hierarchy;
use crate::plan::images::lock::{Lock, Root, SUITE};
use crate::render;

/// Print the configuration that is in force
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv config --origin\n  devenv config --env prod\n  devenv config files\n  devenv config schema > schema.json"
)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ConfigArgs {
    /// Print each value with where it comes from
    #[arg(long)]
    pub origin: bool,
    /// Print the compose definition of an environment in place of the configuration
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with = "origin")]
    pub env: Option<For>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What to print in place of the configuration
    #[command(subcommand)]
    pub what: Option<What>,
}

/// An environment that has a definition to print.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Production: released images, and secrets that have names and no values
    Prod,
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
        Some(What::Schema { local: true }) => cx.screen.json(&json_schema::local()),
        Some(What::Schema { local: false }) => cx.screen.json(&json_schema::project()),
        Some(What::Files { json }) => files(cx, *json)?,
        None if args.env == Some(For::Prod) => production(cx, args.json)?,
        None if args.origin => origin(cx, args.json)?,
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

/// The definition of production. It takes no engine, and nothing that is one developer's.
fn production(cx: &Context, json: bool) -> Result<()> {
    let checkout = cx.team_checkout()?;
    let project = &checkout.project;
    // Images are released under names of their own, so what they would be built from here means nothing.
    let lock = Lock {
        root: Root::Packages { suite: SUITE.to_owned(), archive: String::new() },
        images: pinned(cx, &checkout)?,
        packages: BTreeMap::new(),
    };
    let images = Hierarchy::new(project, &checkout.assets, &checkout.catalogue.images, &lock, "linux/amd64")?;
    let name = project.file.project.to_string();
    let held = Reservation {
        id: prod::ID.to_owned(),
        path: String::new(),
        host: name.clone(),
        project: name,
        subnet: 0,
        ports: BTreeMap::new(),
        engine: String::new(),
    };
    let setup = Setup {
        project,
        identity: &Identity { held, news: Vec::new(), folder: FolderOf::Own },
        images: &images,
        presets: &checkout.catalogue.presets,
        lock: &lock,
        machine: &Machine::default(),
        contents: &Contents::default(),
    };
    let production = prod::production(setup.environment()?, project)?;
    let definition = render::prod::definition(&production, &checkout.assets)?;
    if !project.file.compose.is_empty() {
        cx.screen.say(
            "the compose files of the project are not in it: lay them over it where they are meant for production",
        );
    }
    if json {
        cx.screen.json(&definition);
    } else {
        cx.screen.data(yaml::document(&definition));
    }
    Ok(())
}

/// The digests of images of others.
fn pinned(cx: &Context, checkout: &Checkout) -> Result<BTreeMap<String, String>> {
    Ok(lock::read(&checkout.root, cx.moving())?.map(|lock| lock.images).unwrap_or_default())
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
