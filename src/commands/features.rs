//! `devenv features`

use std::path::Path;

use crate::apply::session::checkout::Checkout;
use crate::commands::context::Context;
use crate::config::edit::{self, ModeEdit};
use crate::config::inputs::InputFile;
use crate::config::model::feature::Switch;
use crate::error::Result;
use crate::host::clock::unix_time;
use crate::host::files::generated;
use crate::host::{checkout, files};
use crate::names::FeatureName;
use crate::paths;
use crate::plan::environment::target::{Base, Target};
use crate::plan::features::{self, FeatureChange, ListedFeature};
use crate::render::{self, Access};
use crate::ui::dates;

/// List feature gates and their states, or switch one in a running environment
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv features\n  devenv features set new-checkout on")]
#[command(args_conflicts_with_subcommands = true)]
pub struct FeaturesArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What to do instead
    #[command(subcommand)]
    pub command: Option<FeaturesCommand>,
}

/// What else can be done with features.
#[derive(clap::Subcommand, Debug)]
pub enum FeaturesCommand {
    /// Switch a feature for this checkout, in devenv.local.yaml; containers see it without being recreated
    #[command(after_help = "Example:\n  devenv features set new-checkout on")]
    Set {
        /// The feature
        name: String,
        /// Its state
        state: OnOff,
        /// The environment
        #[arg(long, value_name = "ENVIRONMENT", default_value = "dev")]
        env: String,
    },
}

/// A state as an argument.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOff {
    /// It is on
    On,
    /// It is off
    Off,
}

/// Runs the command.
pub fn run(cx: &Context, args: &FeaturesArgs) -> Result<()> {
    if let Some(FeaturesCommand::Set { name, state, env }) = &args.command {
        let state = if *state == OnOff::On { Switch::On } else { Switch::Off };
        return set(cx, name, state, env);
    }
    let checkout = cx.checkout()?;
    let journal = files::read_text(&paths::devenv(&checkout.root).join(paths::FEATURE_CHANGES))?.unwrap_or_default();
    let listed = features::listed(&checkout.project, &journal);
    if args.json {
        cx.screen.json(&listed);
    } else if listed.is_empty() {
        cx.screen.say("there are no features: `features:` in devenv.yaml declares them");
    } else {
        let heading = ["FEATURE", "OWNER", "UNTIL", "STATES", "LAST CHANGE HERE"];
        cx.screen.table(&heading, &listed.iter().map(row).collect::<Vec<_>>());
    }
    Ok(())
}

fn row(feature: &ListedFeature) -> Vec<String> {
    let states: Vec<String> = feature.states.iter().map(|(name, state)| format!("{name} {state}")).collect();
    let changed = feature.changed.as_ref().map(|change| {
        let FeatureChange { environment, state, by, at, .. } = change;
        format!("{state} in {environment} by {by}, {}", dates::day(*at))
    });
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    vec![feature.name.to_string(), text(&feature.owner), text(&feature.until), states.join(", "), text(&changed)]
}

/// Writes the state to devenv.local.yaml, or takes it away where the team says the same; then to the file that containers
/// have mounted, and to the journal.
fn set(cx: &Context, name: &str, state: Switch, env: &str) -> Result<()> {
    let team = cx.team_checkout()?;
    let team_target = Target::of(&team.project, env)?;
    let (feature, environment) = features::settable(&team.project, name, &team_target)?;
    let root = team.root.clone();
    let before = checkout::source(&root, checkout::LOCAL)?;
    let local = before.clone().unwrap_or(InputFile { name: checkout::LOCAL.to_owned(), bytes: Vec::new() });
    let word = state.to_string();
    let change = match team_target.features.get(&feature) == Some(&state) {
        true => ModeEdit::Remove,
        false => ModeEdit::Set(&word),
    };
    let edited = edit::feature(&local, &feature, &environment, change)?.into_bytes();
    let is_same = edited == local.bytes;
    // The whole is checked before it is written.
    let local = InputFile { bytes: edited, ..local };
    let whole = Checkout::read(root.clone(), &cx.source(&root)?, Some(&local))?;
    if is_same {
        cx.screen.say("nothing to change");
    } else {
        files::rewrite(&root.join(checkout::LOCAL), &local.bytes)?;
        record(&root, &feature, state, env)?;
        cx.screen.say(format!("{feature} is {state} in {env}: {} in containers changes at once", flags()));
        cx.screen.say(format!("{} changes when a container is recreated: `devenv up`", feature.variable()));
    }
    let target = Target::of(&whole.project, env)?;
    // Without the folder nothing runs that could read it, and what runs is dev.
    let is_used = env == Base::Dev.name() && paths::devenv(&root).join(paths::FEATURES).is_dir();
    let file = render::features::file(&whole.project, &target).filter(|_| is_used);
    generated::write_generated(&root, file.as_slice())
}

/// Adds a line to the journal of changes.
fn record(root: &Path, feature: &FeatureName, state: Switch, environment: &str) -> Result<()> {
    let variables = checkout::variables();
    let by = ["USER", "LOGNAME"].iter().find_map(|name| variables.get(*name).cloned());
    let by = by.unwrap_or_else(|| "unknown".to_owned());
    let (feature, environment) = (feature.clone(), environment.to_owned());
    let change = FeatureChange { feature, environment, state, by, at: unix_time() };
    generated::write_generated(root, &[])?;
    let path = paths::devenv(root).join(paths::FEATURE_CHANGES);
    let mut journal = files::read_text(&path)?.unwrap_or_default();
    journal.push_str(&(serde_json::to_string(&change).unwrap_or_default() + "\n"));
    files::write(&path, journal.as_bytes(), Access::Private).map(drop)
}

fn flags() -> String {
    format!("{}/{}", features::FOLDER, render::features::FLAGS)
}
