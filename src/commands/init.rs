//! `devenv init` and `devenv eject`

use std::path::Path;

use crate::assets::{Asset, Assets};
use crate::commands::adopt;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::files::generated;
use crate::host::{checkout, files, source_tree};
use crate::names::ProjectName;
use crate::plan::detect;
use crate::render::{self, Access};

/// Write a devenv.yaml for this folder
///
/// It starts from what exists: compose files, a Procfile, or what it finds in this folder and those below it, such as a
/// requirements.txt, pyproject.toml, package.json, go.mod or Cargo.toml. Each key of a compose file that is not carried
/// over is listed with the reason.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv init --name shop\n  devenv init --from compose.yaml --from compose.override.yaml\n  devenv init --from .devcontainer"
)]
pub struct InitArgs {
    /// Name of the product [default: the folder's]
    #[arg(long)]
    pub name: Option<String>,
    /// Compose file to take over; several, each over the one before; or a Procfile, or .devcontainer [default: what is there]
    #[arg(long, value_name = "FILE")]
    pub from: Vec<String>,
}

/// Copy embedded files into the project, where they win
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv eject images/python\n  devenv eject templates/gateway/nginx.conf")]
pub struct EjectArgs {
    /// File or folder, as `devenv config files` lists it
    #[arg(required = true)]
    pub paths: Vec<String>,
}

/// Runs `init`.
pub fn init(cx: &Context, args: &InitArgs) -> Result<()> {
    let path = cx.folder.join(cx.main());
    if path.exists() {
        let error = Error::message(Kind::Usage, format!("{} is already there", path.display()));
        return Err(error.hint("`devenv up` starts what it describes"));
    }
    let folder = cx.folder.canonicalize().map_err(files::failed("read the folder", &cx.folder))?;
    let name = match &args.name {
        Some(name) => ProjectName::new(name.as_str()).map_err(|error| Error::new(Kind::Usage, error))?,
        None => render::init::project_name(&folder.file_name().unwrap_or_default().to_string_lossy()),
    };
    let (tree, unread) = source_tree::read(&folder)?;
    if let Some(origin) = adopt::origin(&folder, &args.from, &tree)? {
        let adoption = adopt::adoption(&folder, &origin, &tree)?;
        adopt::refuse_existing(&folder, &adoption)?;
        ignore_local(cx, &folder)?;
        return adopt::write(cx, &folder, &name, &origin, &adoption);
    }
    let found = detect::projects(&tree);
    let text = render::init::configuration(&name, &found, &Assets::embedded())?;
    ignore_local(cx, &folder)?;
    for name in unread {
        cx.screen.say(format!("{name} cannot be read: whatever is in it was not looked at"));
    }
    // The last one: where anything failed before it, the same call can be made again.
    files::write(&path, text.as_bytes(), Access::Public)?;
    for starter in &found {
        let how = if starter.run.is_some() { "`run` is a guess" } else { "`run` is yours to fill in" };
        let (name, image, manifest) = (&starter.module, starter.image, starter.manifest);
        cx.screen.say(format!("module {name}: {image}, by its {manifest}; {how}"));
    }
    cx.screen.say(if found.is_empty() {
        format!("wrote {}, with an example to fill in: no folder here has a manifest that devenv knows", cx.main())
    } else {
        format!("wrote {}: look through it, then `devenv up`", cx.main())
    });
    Ok(())
}

/// Adds the developer's own file to `.gitignore`, and says so.
fn ignore_local(cx: &Context, folder: &Path) -> Result<()> {
    let ignore = folder.join(".gitignore");
    let mut lines = files::read(&ignore)?.unwrap_or_default();
    let listed = String::from_utf8_lossy(&lines).lines().any(|line| line.trim_start_matches('/') == checkout::LOCAL);
    if !listed && ignore.is_symlink() {
        cx.screen.say(format!(".gitignore is a link and stays as it is: add /{} to it", checkout::LOCAL));
    } else if !listed {
        let break_ = if lines.last().is_none_or(|last| *last == b'\n') { "" } else { "\n" };
        lines.extend(format!("{break_}/{}\n", checkout::LOCAL).as_bytes());
        files::rewrite(&ignore, &lines)?;
        cx.screen.say(format!(".gitignore keeps {} out of git from now on", checkout::LOCAL));
    }
    Ok(())
}

/// Runs `eject`.
pub fn eject(cx: &Context, args: &EjectArgs) -> Result<()> {
    let root = cx.root()?;
    let folder = cx.checkout()?.project.file.files.clone();
    let embedded = Assets::embedded();
    let mut chosen = Vec::new();
    for path in &args.paths {
        let path = path.trim_end_matches('/');
        let below: Vec<_> = match embedded.get(path) {
            Some(asset) => vec![(path.to_owned(), asset)],
            None => embedded.below(path).map(|(rest, asset)| (format!("{path}/{rest}"), asset)).collect(),
        };
        if below.is_empty() {
            let error = Error::message(Kind::Usage, format!("`{path}` is not embedded"));
            return Err(error.hint("`devenv config files` lists what is"));
        }
        chosen.extend(below);
    }
    let target = |path: &str| folder.at(&root).join(path);
    for (path, asset) in &chosen {
        generated::refuse_links(&root, &Path::new(folder.as_str()).join(path))?;
        let to = target(path);
        // The identical file is one that an earlier call wrote, before it was killed perhaps.
        if to.symlink_metadata().is_ok() && files::read(&to)?.as_deref() != asset.content.as_deref() {
            let message = format!("{} is already there, so nothing was written", to.display());
            return Err(Error::message(Kind::Usage, message).hint("move it away first"));
        }
    }
    let mut written = Vec::new();
    for (path, asset) in chosen {
        let to = target(&path);
        match ejected(&root, &to, asset) {
            Ok(true) => written.push((path, to)),
            Ok(false) => {}
            Err(error) => {
                // All of them or none: half of a preset means something else than the whole.
                written.iter().try_for_each(|(_, to)| files::remove(to))?;
                return Err(error.hint("no file was ejected"));
            }
        }
    }
    if written.is_empty() {
        cx.screen.say("nothing to change");
    }
    written.iter().for_each(|(path, _)| cx.screen.say(format!("{folder}/{path}")));
    Ok(())
}

/// Writes one embedded file; returns whether it was not there before.
fn ejected(root: &Path, to: &Path, asset: &Asset) -> Result<bool> {
    files::sweep(to.parent().unwrap_or(root));
    let is_new = files::write(to, asset.content.as_deref().unwrap_or_default(), Access::Public)?;
    if asset.executable {
        files::make_executable(to)?;
    }
    Ok(is_new)
}
