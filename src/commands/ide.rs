//! `devenv ide`

use std::collections::BTreeSet;

use serde::Serialize;

use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::host::files::generated;
use crate::plan::observed::ContainerState;
use crate::plan::parts::{Part, PartKind};
use crate::render::ide::{self, Desk};

/// Write what VS Code and JetBrains need to attach to the running modules
///
/// One `.devcontainer/NAME/devcontainer.json` per module, in a folder that git ignores. It leads the editor to the
/// container that devenv runs, so that it sees the dependencies there. What devenv wrote for a module that is gone or
/// switched off is removed. A file of your own is never overwritten.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv ide\n  devenv ide api web")]
pub struct IdeArgs {
    /// Modules [default: all that are enabled]
    pub names: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What `--json` prints: paths relative to the checkout's root.
#[derive(Debug, Default, Serialize)]
struct IdeJson {
    written: Vec<String>,
    unchanged: Vec<String>,
    removed: Vec<String>,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &IdeArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let root = &session.checkout.root;
    let modules = modules(&session, &args.names)?;
    let compose = compose(&session);
    let mut done = IdeJson::default();
    // A file that is not ours is found before anything is written.
    let mut all = Vec::new();
    for part in &modules {
        let host = &session.environment.host;
        let desk = Desk { part, host, language: language(&session, part), compose: &compose };
        all.extend(ide::files(&desk, &session.checkout.assets)?);
    }
    for file in &all {
        generated::check(root, file)?;
    }
    for file in all {
        let changed = files::write(&root.join(&file.path), file.text.as_bytes(), file.access)?;
        if file.path.ends_with(ide::FILE) {
            let list = if changed { &mut done.written } else { &mut done.unchanged };
            list.push(file.path);
        }
    }
    let kept: BTreeSet<&str> = every_module(&session).map(|part| part.name.as_str()).collect();
    done.removed = generated::remove_stale(root, ide::FOLDER, ide::FILE, &kept)?;
    if args.json {
        cx.screen.json(&done);
    } else {
        tell(cx, &session, &modules, &done);
    }
    warn(cx, &session)
}

fn tell(cx: &Context, session: &Session, modules: &[&Part], done: &IdeJson) {
    for path in &done.written {
        cx.screen.say(format!("wrote {path}"));
    }
    for path in &done.removed {
        cx.screen.say(format!("removed {path}: its module is gone or switched off"));
    }
    if done.written.is_empty() && done.removed.is_empty() {
        cx.screen.say("nothing to change");
    }
    if !done.written.is_empty() {
        cx.screen.say(
            "VS Code: open this folder, then `Dev Containers: Reopen in Container`; \
             JetBrains: open the file, then `Create Dev Container` beside its first line",
        );
    }
    for part in modules.iter().filter(|part| part.is_copied()) {
        cx.screen.say(format!(
            "warning: `{name}` runs on a copy of its source: what an editor saves in its container is overwritten; \
             edit it on this machine, or set `mirror: bind`",
            name = part.name
        ));
    }
    let absent: Vec<&str> = modules
        .iter()
        .filter(|part| !session.observed.container(&part.name).is_some_and(|one| one.state == ContainerState::Running))
        .map(|part| part.name.as_str())
        .collect();
    if !absent.is_empty() {
        cx.screen.say(format!(
            "not running: {}; run `devenv up` first, so that editors have something to attach to",
            absent.join(", ")
        ));
    }
}

/// Says where an editor would look for another project than ours.
fn warn(cx: &Context, session: &Session) -> Result<()> {
    let env = files::read_text(&session.checkout.root.join(".env"))?.unwrap_or_default();
    let project = &session.environment.project;
    if let Some(other) = ide::other_project(&env, project) {
        cx.screen.say(format!(
            "warning: .env sets COMPOSE_PROJECT_NAME={other}, where editors look first: \
             they would make containers of their own; remove that line"
        ));
    }
    Ok(())
}

fn every_module(session: &Session) -> impl Iterator<Item = &Part> {
    session.environment.parts.values().filter(|part| part.kind == PartKind::Module)
}

fn modules<'a>(session: &'a Session, names: &[String]) -> Result<Vec<&'a Part>> {
    if names.is_empty() {
        return Ok(every_module(session).collect());
    }
    let module = |name: &String| {
        let part = session.part(name)?;
        let problem = match part.kind {
            PartKind::Module => return Ok(part),
            PartKind::Task => "runs to completion, so an editor has nothing to attach to",
            PartKind::Service | PartKind::Gateway => "is not a module: it has no source to edit",
        };
        let all: Vec<&str> = every_module(session).map(|part| part.name.as_str()).collect();
        let error = Error::message(Kind::Usage, format!("`{name}` {problem}"));
        Err(error.hint(format!("modules are: {}", all.join(", "))))
    };
    names.iter().map(module).collect()
}

/// The compose files relative to the checkout's root.
fn compose(session: &Session) -> Vec<String> {
    let root = format!("{}/", session.machine.root);
    let files = session.compose_files();
    files.into_iter().map(|file| file.strip_prefix(&root).map(str::to_owned).unwrap_or(file)).collect()
}

fn language<'a>(session: &'a Session, part: &Part) -> &'a str {
    let node = part.image.node().and_then(|name| session.images.get(name));
    node.map_or("", |node| node.language.as_str())
}
