//! `devenv debug`: a container full of tools that joins another one for as long as a person, or a command, uses it.

use std::path::Path;

use crate::apply::debug::{create, has_lost, image, lifeline, remove_left_over};
use crate::apply::session::checkout::Checkout;
use crate::apply::session::{Intent, Session};
use crate::assets::AssetOrigin;
use crate::commands::context::{Context, InEnvironment};
use crate::commands::images;
use crate::error::{Error, Kind, Result};
use crate::host::checkout::refuse_outside;
use crate::host::engine::Engine;
use crate::host::files::generated;
use crate::host::process::{self, Cmd};
use crate::host::{clock, files, random, standard_input};
use crate::paths;
use crate::plan::debug::scripts::{self, Script};
use crate::plan::debug::{BoxFiles, Net, NoToolBox, Target, ToolBoxRequest};
use crate::plan::images::DEBUG;
use crate::plan::parts::Part;
use crate::render::secrets::fill;
use crate::render::{Access, Generated, MARKER};
use crate::ui::screen;

/// Look into a part, or the network, with a tool box: curl, psql, strace, tcpdump and more
///
/// The tool box is a container of its own. With NAME it joins the network and the processes of that part, whatever its
/// image has, and sees its files at /target and its volumes; without NAME it joins the network of the environment.
/// `psql` and `redis-cli` log in to what the part needs. It is removed when you leave.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv debug api\n  devenv debug api -- ss -tlnp\n  devenv debug api -- psql -c 'select 1'\n  devenv debug -- probe\n  devenv debug --list"
)]
pub struct DebugArgs {
    /// Module or service [default: the environment's network]
    pub name: Option<String>,
    /// Command in place of a shell
    #[arg(last = true)]
    pub command: Vec<String>,
    /// Allow changing addresses, routes and queues of its network (NET_ADMIN)
    #[arg(long)]
    pub net: bool,
    /// List the scripts
    #[arg(long, conflicts_with_all = ["name", "command", "net"])]
    pub list: bool,
    /// With --list, print JSON
    #[arg(long, requires = "list")]
    pub json: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// The scripts among the files in force.
const SCRIPTS_FOLDER: &str = "images/debug/scripts";
/// The exit code of what the kernel kills, as it does with all processes of a namespace whose first one has ended.
const KILLED: i32 = 137;

/// Runs the command.
pub async fn run(cx: &Context, args: &DebugArgs) -> Result<()> {
    if args.list {
        return list(cx, args.json);
    }
    if args.command.is_empty() && !screen::has_terminal() {
        return Err(NoToolBox::NoTerminal.into());
    }
    let mut session = cx.session(Intent::Look).await?;
    // What cannot be joined is reported before an image is built for it.
    Target::of(part(&session, args)?, &session.observed)?;
    if !session.observed.tags.contains(&image(&session)?) {
        images::build(cx, &[DEBUG.to_owned()], None).await?;
        session = cx.session(Intent::Look).await?;
    }
    while use_one(cx, &session, args).await? == Next::Again {
        session = cx.session(Intent::Look).await?;
    }
    Ok(())
}

/// What a person wants after the tool box has ended with the container that it had joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Leave,
    Again,
}

/// Makes a tool box, hands the terminal over to it, and removes it.
async fn use_one(cx: &Context, session: &Session, args: &DebugArgs) -> Result<Next> {
    let target = Target::of(part(session, args)?, &session.observed)?;
    remove_left_over(&session.engine, &session.observed).await?;
    let terminal = screen::has_terminal();
    let (image, random) = (image(session)?, random::text(4)?);
    let team = write_scripts(&session.checkout)?;
    let request = ToolBoxRequest {
        target,
        environment: &session.environment,
        images: &session.images,
        image: &image,
        command: &args.command,
        net: if args.net { Net::Admin } else { Net::Default },
        terminal,
        random: &random,
        team: team.as_deref(),
        owner: (session.machine.uid, session.machine.gid),
        files: if session.machine.engine_apart { BoxFiles::Copied } else { BoxFiles::Mounted },
        has_bundle: session.machine.ca.bundle().is_some(),
    };
    let secrets = &session.secrets;
    let tool_box = request.tool_box(|variable| fill(variable, secrets));
    target.note().into_iter().for_each(|note| cx.screen.say(note));
    if args.command.is_empty() {
        cx.screen.say(request.greeting());
    }
    let joined = clock::now();
    let id = create(&session.engine, &tool_box, &target).await?;
    let ended = if terminal { on_terminal(&session.engine, &id).await } else { piped(cx, &session.engine, &id).await };
    session.engine.remove_one_off(&id).await?;
    let code = ended?;
    if let (KILLED, Some(part)) = (code, target.part())
        && has_lost(&session.engine, &target, joined).await
    {
        let part = &part.name;
        let question = format!("`{part}` has ended, and the tool box with it; join it again?");
        if args.command.is_empty() && cx.screen.ask(&question) {
            return Ok(Next::Again);
        }
        let error = Error::message(Kind::Failed, format!("`{part}` has ended, and with it the tool box in it"));
        return Err(error.hint(format!("`devenv status` says how; `devenv debug {part}` joins it again")));
    }
    if code == 0 { Ok(Next::Leave) } else { Err(Error::message(Kind::Child(code), "")) }
}

/// Runs a tool box on our own terminal, which docker's command has meanwhile.
async fn on_terminal(engine: &Engine, id: &str) -> Result<i32> {
    let call = Cmd::new("docker", ["start", "--attach", "--interactive", id]).env("DOCKER_HOST", &engine.endpoint);
    let line = async {
        // Without it only a kill of this very process leaves something behind.
        let _held = lifeline(engine, id).await;
        std::future::pending::<()>().await;
    };
    let status = tokio::select! {
        status = process::interactive(&call) => status?,
        () = line => return Err(Error::message(Kind::Bug, "a lifeline has ended")),
    };
    status.code().ok_or_else(|| Error::message(Kind::Failed, "docker was ended by a signal"))
}

/// Runs a tool box between our own input and output.
async fn piped(cx: &Context, engine: &Engine, id: &str) -> Result<i32> {
    let pass_on = |printed, bytes: &[u8]| cx.screen.pass_on(printed, bytes);
    let code = engine.run_piped(id, standard_input::pieces(), pass_on).await?;
    Ok(i32::try_from(code).unwrap_or(1))
}

/// The part that is looked into.
fn part<'a>(session: &'a Session, args: &DebugArgs) -> Result<Option<&'a Part>> {
    let is_part = |name: &str| session.environment.parts.contains_key(name);
    let meant = match &args.name {
        Some(name) => Some(name.as_str()),
        None => scripts::meant(&args.command, &all(&session.checkout)?, is_part),
    };
    meant.map(|name| session.part(name)).transpose()
}

fn list(cx: &Context, json: bool) -> Result<()> {
    let checkout = cx.checkout()?;
    let all = all(&checkout)?;
    if json {
        cx.screen.json(&all);
        return Ok(());
    }
    let from = |script: &Script| script.file.clone().unwrap_or_else(|| "devenv".to_owned());
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|script| {
            vec![script.usage.clone().unwrap_or_else(|| script.name.clone()), from(script), script.about.clone()]
        })
        .collect();
    cx.screen.table(&["SCRIPT", "FROM", "WHAT IT DOES"], &rows);
    Ok(())
}

/// All scripts in force.
fn all(checkout: &Checkout) -> Result<Vec<Script>> {
    let mut all = Vec::new();
    for (name, asset) in checkout.assets.below(SCRIPTS_FOLDER) {
        let script = match &asset.origin {
            AssetOrigin::Embedded => Script::new(name, asset.text(), None),
            AssetOrigin::Project(path) => {
                let text = files::read_text(path)?.unwrap_or_default();
                let shown = path.strip_prefix(&checkout.root).unwrap_or(path).display().to_string();
                Script::new(name, &text, Some(shown))
            }
        };
        all.push(script);
    }
    Ok(all)
}

/// Writes devenv's own scripts to where they are mounted from, and says where the team's stand.
fn write_scripts(checkout: &Checkout) -> Result<Option<String>> {
    let all = checkout.assets.below(SCRIPTS_FOLDER);
    let (own, team): (Vec<_>, Vec<_>) = all.partition(|(_, asset)| asset.origin == AssetOrigin::Embedded);
    let own: Vec<Generated> = own.into_iter().map(|(name, asset)| script_file(name, asset.text())).collect();
    generated::write_generated(&checkout.home, &own)?;
    let folder = paths::devenv(&checkout.home);
    generated::remove_forgotten(&folder, paths::DEBUG_SCRIPTS, &own)?;
    // What the tool box may write is never anywhere else, and its captures are for nobody else.
    for mounted in [paths::DEBUG_SCRIPTS, paths::DEBUG_CAPTURES, "ca"] {
        generated::refuse_links(&folder, &Path::new(mounted).join("file"))?;
    }
    files::make_folder(&folder.join(paths::DEBUG_CAPTURES), Access::Private)?;
    let team = team.into_iter().find_map(|(name, asset)| match &asset.origin {
        AssetOrigin::Project(path) => scripts_folder(path, name),
        AssetOrigin::Embedded => None,
    });
    team.iter().try_for_each(|folder| refuse_outside(&checkout.root, folder))?;
    Ok(team.map(|folder| folder.display().to_string()))
}

/// The folder below which a script stands at `name`, which may have folders of its own.
fn scripts_folder<'a>(path: &'a Path, name: &str) -> Option<&'a Path> {
    path.ancestors().nth(Path::new(name).components().count())
}

/// A script of devenv's own as a generated file, whose second line says that it is one.
fn script_file(name: &str, text: &str) -> Generated {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let text = format!("{first}\n# {MARKER}\n{rest}");
    Generated { path: format!("{}/{name}", paths::DEBUG_SCRIPTS), text, access: Access::Program }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_the_scripts_is_mounted_wherever_the_first_one_stands() {
        let folder = Path::new("/shop/devenv/images/debug/scripts");
        assert_eq!(scripts_folder(&folder.join("greet"), "greet"), Some(folder));
        assert_eq!(scripts_folder(&folder.join("a/deep/greet"), "a/deep/greet"), Some(folder));
    }
}
