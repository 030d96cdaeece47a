//! `devenv deps`

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::amounts;
use crate::apply::session::Intent;
use crate::apply::session::{Options, Session};
use crate::commands::carry_out::carry_out;
use crate::commands::context::Context;
use crate::commands::up::{self, UpArgs};
use crate::error::{Error, Kind, Result};
use crate::host::archive::deps_export;
use crate::plan::mounts::{MountSource, VolumeClass};
use crate::plan::parts::{Part, PartKind};
use crate::plan::steps::dependencies;

/// Copy a module's installed dependencies to this machine, or install them again
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv deps export api\n  devenv deps reset api")]
pub struct DepsArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Copy a module's installed dependencies to the checkout, for editors that run on this machine
    ///
    /// They live in volumes, where such an editor does not see them. Each folder (`.venv`, `node_modules`) is copied to
    /// the same place in the checkout, replacing an earlier copy; containers continue to use the volume. It is a copy:
    /// run it again when a lock file has changed.
    #[command(after_help = "Examples:\n  devenv deps export api\n  devenv deps export api --to /tmp/api")]
    Export {
        /// The module
        name: String,
        /// Copy into this folder instead of the module's own
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a module's installed dependencies, and install them from scratch
    ///
    /// Downloads that are kept for all modules of a language stay. Parts that use the dependencies, including other
    /// modules that share them, are recreated and started again.
    #[command(after_help = "Example:\n  devenv deps reset api")]
    Reset {
        /// The module
        name: String,
    },
}

/// A folder that was copied, for programs.
#[derive(Debug, Serialize)]
struct Copied {
    path: String,
    files: u64,
    bytes: u64,
    ignored_by_git: bool,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &DepsArgs) -> Result<()> {
    match &args.verb {
        Verb::Export { name, to, json } => export(cx, name, to.as_deref(), *json).await,
        Verb::Reset { name } => reset(cx, name).await,
    }
}

async fn reset(cx: &Context, name: &str) -> Result<()> {
    let (session, lock) = cx.locked_session(Intent::Look).await?;
    let part = session.part(name)?;
    check(part)?;
    let all = volumes(&session, part);
    let volumes: Vec<&str> = all.iter().map(|(volume, _)| *volume).collect();
    let plan = dependencies::reset(&session.observed, &volumes);
    let names = dependencies::users(&session.observed, &volumes);
    carry_out(cx.screen, &session, &plan, Options::default()).await?;
    // `up` takes both again.
    drop((session, lock));
    if names.is_empty() {
        cx.screen.say(format!("`devenv up {name}` installs them"));
        return Ok(());
    }
    up::run(cx, &UpArgs { names, ..UpArgs::default() }).await
}

async fn export(cx: &Context, name: &str, to: Option<&Path>, json: bool) -> Result<()> {
    // Nobody installs while they are copied.
    let (session, _lock) = cx.locked_session(Intent::Look).await?;
    let part = session.part(name)?;
    let folders = folders(&session, part)?;
    let container = installed(&session, part)?;
    let to = match to {
        Some(to) => cx.folder.join(to),
        None => own_folder(&session, part),
    };
    for (_, below) in &folders {
        deps_export::check(&to.join(below))?;
    }
    let owner = (session.machine.uid, session.machine.gid);
    let mut all = Vec::new();
    for (inside, below) in &folders {
        let folder = to.join(below);
        let stage = deps_export::stage(&folder)?;
        let copied = session.engine.copy_folder(container, inside, &stage, owner).await?;
        deps_export::replace(&folder, inside.rsplit('/').next().unwrap_or(inside))?;
        let path = folder.strip_prefix(&session.checkout.root).unwrap_or(&folder).display().to_string();
        let ignored_by_git = !deps_export::is_seen_by_git(&folder).await;
        all.push(Copied { path, files: copied.files, bytes: copied.bytes, ignored_by_git });
    }
    if json {
        cx.screen.json(&all);
    }
    for one in &all {
        tell(cx, part, one);
    }
    Ok(())
}

fn tell(cx: &Context, part: &Part, copied: &Copied) {
    let Copied { path, files, bytes, ignored_by_git } = copied;
    cx.screen.say(format!("copied {path}: {files} files, {}", amounts::bytes(*bytes)));
    let limit = if path.ends_with(".venv") {
        "its interpreter and scripts point to places in the container"
    } else {
        "its compiled parts are for the container's system"
    };
    cx.screen.say(format!(
        "an editor on this machine can read it (completion, jumping to definitions) but should not run it: {limit}"
    ));
    cx.screen.say(format!("to run and debug, attach the editor to the container: `devenv ide {}`", part.name));
    if !ignored_by_git {
        let name = Path::new(path).file_name().unwrap_or_default().display();
        cx.screen.say(format!("warning: git does not ignore {path}; add `{name}/` to .gitignore"));
    }
}

fn refused(part: &Part, what: &str, hint: impl Into<String>) -> Error {
    Error::message(Kind::Usage, format!("`{}` {what}", part.name)).hint(hint)
}

/// Refuses a part that installs nothing.
fn check(part: &Part) -> Result<()> {
    if !matches!(part.kind, PartKind::Module | PartKind::Task) {
        return Err(refused(part, "is not a module, so it has no dependencies", "only modules have `deps`"));
    }
    if part.install.is_none() {
        let hint = format!("`deps` of the module in {} says how to install them", crate::host::checkout::MAIN);
        return Err(refused(part, "has no dependencies", hint));
    }
    Ok(())
}

/// The volumes of a module's dependencies, and where each is mounted.
fn volumes<'a>(session: &Session, part: &'a Part) -> Vec<(&'a str, &'a str)> {
    let is_deps =
        |volume: &str| session.environment.volumes.get(volume).is_some_and(|volume| volume.class == VolumeClass::Deps);
    let of_deps = part.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume(volume) if is_deps(volume) => Some((volume.as_str(), mount.target.as_str())),
        _ => None,
    });
    of_deps.collect()
}

/// The folders of a module's dependencies: path in the container, and below the module's own folder.
fn folders(session: &Session, part: &Part) -> Result<Vec<(String, String)>> {
    check(part)?;
    let dir = format!("{}/", part.dir.as_deref().unwrap_or_default());
    let folders: Vec<(String, String)> = volumes(session, part)
        .into_iter()
        .filter_map(|(_, target)| Some((target.to_owned(), target.strip_prefix(&dir)?.to_owned())))
        .collect();
    if folders.is_empty() {
        let hint = format!("`devenv ide {}` attaches an editor to the container, where they are", part.name);
        return Err(refused(part, "keeps its dependencies in a download cache and not in a folder of its own", hint));
    }
    Ok(folders)
}

/// The container in which the dependencies are as the lock files say.
fn installed<'a>(session: &'a Session, part: &Part) -> Result<&'a str> {
    let name = &part.name;
    let stamp = session.observed.stamps.get(name);
    let problem = match (session.observed.container(name), &part.install, stamp) {
        (Some(one), Some(install), Some(stamp)) if install.changed(stamp).is_empty() => return Ok(&one.id),
        (_, Some(install), Some(stamp)) => format!("are outdated: {} changed", install.changed(stamp).join(", ")),
        _ => "are not installed yet".to_owned(),
    };
    let error = Error::message(Kind::Failed, format!("the dependencies of `{name}` {problem}"));
    Err(error.hint(format!("`devenv up {name}` installs them")))
}

fn own_folder(session: &Session, part: &Part) -> PathBuf {
    let root = &session.checkout.root;
    let module = session.checkout.project.file.modules.get(&part.name);
    module.map_or_else(|| root.clone(), |module| module.path.at(root))
}
