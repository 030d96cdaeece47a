//! `devenv hosts`

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::apply::doctor as mender;
use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::process::{self, Cmd};
use crate::host::{files, machine, network};
use crate::names::is_host_label;
use crate::paths;
use crate::plan::doctor::repairs::{RepairAction, RootAccess, Way};
use crate::plan::identity::hosts::{self, Since};
use crate::render::Access;

/// Where every Unix keeps names.
const FILE: &str = "/etc/hosts";

/// Show this environment's host names and which programs here resolve them
///
/// Browsers and newer versions of curl resolve every name below `localhost` themselves; other programs ask the system,
/// which may not know them, and other names do not resolve at all. For those, `add` writes a marked block into the
/// hosts file, and `remove` removes it.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv hosts\n  devenv hosts add\n  devenv hosts add shop.internal\n  devenv hosts remove"
)]
#[command(args_conflicts_with_subcommands = true)]
pub struct HostsArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What to do in place of showing them
    #[command(subcommand)]
    pub what: Option<HostsCommand>,
}

/// What can be done with host names.
#[derive(clap::Subcommand, Debug)]
pub enum HostsCommand {
    /// Write a marked block into the hosts file
    Add {
        /// Names beside those of the environment
        names: Vec<String>,
    },
    /// Take the block away
    Remove,
}

/// HostsCommand `--json` prints.
#[derive(Debug, Serialize)]
struct HostsJson {
    names: Vec<NameJson>,
    programs: Vec<ProgramJson>,
}

/// A program of this machine.
#[derive(Debug, Serialize)]
struct ProgramJson {
    name: &'static str,
    /// Whether it finds names below `localhost` without asking the system.
    itself: bool,
}

/// A name of the environment, or of its block in the hosts file.
#[derive(Debug, Serialize)]
struct NameJson {
    name: String,
    /// Whether the system's resolver, which most programs ask, leads to this machine.
    system: bool,
    /// Whether it is below `localhost`, where some programs know it without asking.
    local: bool,
    /// Whether the hosts file has it in devenv's block.
    hosts_file: bool,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &HostsArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let text = files::read_text(Path::new(FILE))?.unwrap_or_default();
    let owner = &session.identity.held.id;
    match &args.what {
        None => show(cx, &session, &text, args.json).await,
        Some(HostsCommand::Add { names }) => {
            let mut all = environment_names(&session);
            // HostsCommand was added before stays until `remove`.
            all.extend(hosts::block(&text, owner));
            for name in names {
                check(name)?;
                all.push(name.clone());
            }
            all.sort();
            all.dedup();
            write(cx, &session, &text, &hosts::with_block(&text, owner, &all)).await
        }
        Some(HostsCommand::Remove) => write(cx, &session, &text, &hosts::without_block(&text, owner)).await,
    }
}

/// The names outside containers: the product's, and those of routes that have a host.
fn environment_names(session: &Session) -> Vec<String> {
    let routes = session.environment.routes.iter().map(|route| route.host.clone()).filter(|host| !host.is_empty());
    let own = std::iter::once(session.environment.host.clone()).chain(session.environment.aliases.iter().cloned());
    let mut names: Vec<String> = own.chain(routes).collect();
    names.sort();
    names.dedup();
    names
}

async fn show(cx: &Context, session: &Session, text: &str, json: bool) -> Result<()> {
    let block = hosts::block(text, &session.identity.held.id);
    let mut names = environment_names(session);
    names.extend(block.iter().cloned());
    names.sort();
    names.dedup();
    let mut all = Vec::new();
    for name in names {
        let system = network::resolves_here(&name).await;
        let hosts_file = block.contains(&name);
        all.push(NameJson { local: name.ends_with(".localhost"), name, system, hosts_file });
    }
    let programs = programs().await;
    if json {
        cx.screen.json(&HostsJson { names: all, programs });
        return Ok(());
    }
    let those = |itself: bool| -> Vec<&str> {
        programs.iter().filter(|program| program.itself == itself).map(|program| program.name).collect()
    };
    let (itself, asking) = (those(true), those(false));
    let word = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|name| {
            let finders = match (name.system, name.local) {
                (true, _) => "every program".to_owned(),
                (false, true) if !itself.is_empty() => itself.join(", "),
                (false, _) => "no program".to_owned(),
            };
            vec![name.name.clone(), word(name.system), word(name.hosts_file), finders]
        })
        .collect();
    cx.screen.table(&["NAME", "SYSTEM RESOLVER", "HOSTS FILE", "FOUND BY"], &rows);
    if all.iter().any(|name| !name.system) && !asking.is_empty() {
        cx.screen.say(format!(
            "these use the system's resolver, which does not find every name: {}: `devenv hosts add` writes all into {FILE}",
            asking.join(", ")
        ));
    }
    Ok(())
}

/// The programs of this machine that people open addresses with.
async fn programs() -> Vec<ProgramJson> {
    let mut all = Vec::new();
    for (name, since) in hosts::PROGRAMS {
        if !process::exists(name) {
            continue;
        }
        let said = match since {
            Since::Version(..) => process::output(&Cmd::new(name, ["--version"])).await.ok(),
            Since::Ever | Since::Never => None,
        };
        let said = said.map(|output| output.stdout).unwrap_or_default();
        all.push(ProgramJson { name, itself: since.has(&said) });
    }
    all
}

/// Names go into a file of the system, so nothing else may.
fn check(name: &str) -> Result<()> {
    if name.len() <= 253 && name.to_ascii_lowercase().split('.').all(is_host_label) {
        return Ok(());
    }
    let shown = crate::ui::screen::visible(name);
    Err(Error::message(Kind::Usage, format!("`{shown}` is not a valid host name")).hint("such as `shop.internal`"))
}

/// Shows what changes, asks, and writes: in place, since the file may be a mount of its own.
async fn write(cx: &Context, session: &Session, before: &str, after: &str) -> Result<()> {
    if before == after {
        cx.screen.say("nothing to do");
        return Ok(());
    }
    let prepared: PathBuf = paths::devenv(&session.checkout.root).join(paths::HOSTS);
    let root = RootAccess::of(&machine::facts().await, &machine::means().await);
    let copy: RepairAction = root.call(&["cp", &prepared.to_string_lossy(), FILE]);
    for line in after.lines().filter(|line| !before.lines().any(|old| old == *line)) {
        cx.screen.say(format!("+ {line}"));
    }
    for line in before.lines().filter(|line| !after.lines().any(|new| new == *line)) {
        cx.screen.say(format!("- {line}"));
    }
    let refused = Error::message(Kind::Missing, format!("nothing was changed in {FILE}: writing must be confirmed"));
    cx.screen.insist(&format!("write this into {FILE}?"), refused)?;
    files::write(&prepared, after.as_bytes(), Access::Public)?;
    let written = mender::go(&Way::of(vec![copy]), &mut |line| cx.screen.say(line)).await;
    files::remove(&prepared)?;
    written
}
