//! `devenv enable` and `devenv disable`

use crate::apply::session::checkout::version;
use crate::commands::context::Context;
use crate::config;
use crate::config::edit::{self, ModeEdit, Section};
use crate::config::inputs::{InputFile, Inputs};
use crate::config::model::file::ServiceMode;
use crate::config::model::module::ModuleMode;
use crate::error::{Error, Kind, Result};
use crate::host::{checkout, files};
use crate::names::PartName;
use crate::nearest;
use crate::plan::catalogue::Catalogue;

/// Switch modules or services on, in devenv.local.yaml
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv enable worker")]
pub struct EnableArgs {
    /// Modules and services
    #[arg(required = true)]
    pub names: Vec<String>,
}

/// Switch modules or services off, in devenv.local.yaml
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv disable worker")]
pub struct DisableArgs {
    /// Modules and services
    #[arg(required = true)]
    pub names: Vec<String>,
}

/// Runs `enable`.
pub fn enable(cx: &Context, args: &EnableArgs) -> Result<()> {
    set(cx, &args.names, true)
}

/// Runs `disable`.
pub fn disable(cx: &Context, args: &DisableArgs) -> Result<()> {
    set(cx, &args.names, false)
}

fn set(cx: &Context, names: &[String], on: bool) -> Result<()> {
    let root = cx.root()?;
    let main = cx.source(&root)?;
    let before = checkout::source(&root, checkout::LOCAL)?;
    let env = checkout::variables();
    // The team's file alone says what the default is, and works even where the local file is what is wrong.
    let team = config::read(Inputs { main: &main, local: None, env: &env });
    let known = Catalogue::of(&checkout::assets(&root, &team.files_folder())?)?.known(version());
    let team = team.checked_against(&known);
    let paths = checkout::facts(&root, &team.paths());
    let team = team.finish(&paths)?;
    let mut local = before.clone().unwrap_or(InputFile { name: checkout::LOCAL.to_owned(), bytes: Vec::new() });
    for name in names {
        let (name, section, is_on) = find(&team, name)?;
        let change = match (section, on, is_on) {
            (_, true, true) => ModeEdit::Remove,
            (Section::Modules, true, false) => ModeEdit::Set("dev"),
            (Section::Services, true, false) => ModeEdit::Set("on"),
            (_, false, true) => ModeEdit::Set("off"),
            (_, false, false) => ModeEdit::Remove,
        };
        local.bytes = edit::mode(&local, section, &name, change)?.into_bytes();
    }
    if before.as_ref().map(|before| &before.bytes) == Some(&local.bytes) || (before.is_none() && local.bytes.is_empty())
    {
        cx.screen.say("nothing to change");
        return Ok(());
    }
    // What another part needs may not be switched off: the whole is checked before it is written.
    let whole = config::read(Inputs { main: &main, local: Some(&local), env: &env }).checked_against(&known);
    let paths = checkout::facts(&root, &whole.paths());
    whole.finish(&paths)?;
    files::rewrite(&root.join(checkout::LOCAL), &local.bytes)?;
    let word = if on { "on" } else { "off" };
    cx.screen.say(format!("{} switched {word} in {}; `devenv up` applies it", names.join(", "), checkout::LOCAL));
    Ok(())
}

/// The part's name, its section, and whether the team's file has it on.
fn find(team: &config::project::Project, name: &str) -> Result<(PartName, Section, bool)> {
    if let Some((name, module)) = team.file.modules.get_key_value(name).or_else(|| team.sites.get_key_value(name)) {
        return Ok((name.clone(), Section::Modules, module.mode != ModuleMode::Off));
    }
    if let Some((name, service)) = team.file.services.get_key_value(name) {
        return Ok((name.clone(), Section::Services, service.mode != ServiceMode::Off));
    }
    let all = team.file.modules.keys().chain(team.sites.keys()).chain(team.file.services.keys()).map(PartName::as_str);
    let error = Error::message(Kind::Usage, format!("there is no `{}`", crate::ui::screen::visible(name)));
    Err(error.hint(nearest::hint(name, all)))
}
