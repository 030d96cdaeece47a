//! `devenv init` in a folder that is run by something else: compose files, a devcontainer.json, a Procfile.

use std::collections::BTreeMap;
use std::path::Path;

use crate::assets::Assets;
use crate::commands::context::Context;
use crate::config::compose_project;
use crate::config::compose_project::project::ComposeInputs;
use crate::config::relative_path::{folder_of, joined};
use crate::error::{Error, Kind, Result};
use crate::host::{checkout, files};
use crate::names::ProjectName;
use crate::plan::adopt::adoption::{self, Adoption, Facts};
use crate::plan::adopt::devcontainer::DevContainer;
use crate::plan::adopt::origin::{Origin, dotenv};
use crate::plan::adopt::{self, origin as choice, procfile};
use crate::plan::catalogue::Catalogue;
use crate::plan::detect;
use crate::plan::source_tree::SourceTree;
use crate::render::Access;
use crate::render::adopt::{self as render, FRAGMENT};

/// Largest file that is looked at.
const MOST_BYTES: u64 = 4 << 20;

/// What devenv.yaml is made from: the files that are named, else what is there.
pub fn origin(folder: &Path, from: &[String], tree: &SourceTree) -> Result<Option<Origin>> {
    if from.is_empty() {
        return Ok(choice::found(tree));
    }
    let mut names = Vec::new();
    for name in from {
        let path = Path::new(name);
        let below = if path.is_absolute() { path.strip_prefix(folder).ok() } else { Some(path) };
        let below = below.map(|below| joined(".", &below.to_string_lossy())).filter(|below| !below.starts_with(".."));
        let Some(below) = below else {
            let error = Error::message(Kind::Usage, format!("{name} is outside this folder"));
            return Err(error.hint("run `devenv init` in the folder that holds it and the source"));
        };
        if !folder.join(&below).exists() {
            return Err(Error::message(Kind::Usage, format!("there is no {name}"))
                .hint("name a compose file, a Procfile or .devcontainer"));
        }
        names.push(below);
    }
    choice::named(&names, tree).map(Some).map_err(|why| Error::message(Kind::Usage, why))
}

/// What the product becomes.
pub fn adoption(folder: &Path, origin: &Origin, tree: &SourceTree) -> Result<Adoption> {
    match origin {
        Origin::Compose(names) => compose(folder, names, tree),
        Origin::Procfile(file) => {
            let starter = detect::folder("app", ".", tree);
            Ok(procfile::adopt(file, &text(folder, file)?, starter.as_ref()))
        }
        Origin::DevContainer(file) => {
            let container = DevContainer::read(file, &text(folder, file)?);
            let container = container.map_err(|why| Error::message(Kind::Usage, why))?;
            let names = container.compose_files();
            if names.is_empty() {
                return Ok(container.adopt(detect::folder("app", ".", tree).as_ref()));
            }
            let mut adoption = compose(folder, &names, tree)?;
            adoption.notes.extend(container.notes(&[]));
            Ok(adoption)
        }
    }
}

fn text(folder: &Path, file: &str) -> Result<String> {
    files::plain_text(&folder.join(file), MOST_BYTES).ok_or_else(|| {
        let error = Error::message(Kind::Usage, format!("{file} cannot be read as text"));
        error.hint("it is a file of UTF-8 text, of at most 4 MiB, and not a link")
    })
}

fn compose(folder: &Path, names: &[String], tree: &SourceTree) -> Result<Adoption> {
    let beside = names.first().map_or(".", |name| folder_of(name));
    let env_file = joined(beside, ".env");
    let variables = tree.text(&env_file).map(dotenv).unwrap_or_default();
    let content = |path: &str| {
        let own = || files::plain_bytes(&folder.join(path), MOST_BYTES);
        tree.text(path)
            .map(|text| text.as_bytes().to_vec())
            .or_else(|| if path.starts_with("..") { None } else { own() })
    };
    let compose = compose_project::read(names, ComposeInputs { content: &content, variables: &variables })?;
    let private = if tree.is_private(&env_file) { variables } else { BTreeMap::new() };
    let catalogue = Catalogue::of(&Assets::embedded())?;
    Ok(adopt::adopt(Facts { compose: &compose, tree, catalogue: &catalogue, private: &private })?)
}

/// Refuses to write over files that are somebody's.
pub fn refuse_existing(folder: &Path, adoption: &Adoption) -> Result<()> {
    if !adoption.fragment.is_empty() && folder.join(FRAGMENT).exists() {
        return Err(Error::message(Kind::Usage, format!("{FRAGMENT} is already there")).hint("move it away first"));
    }
    Ok(())
}

/// Writes the files, and reports what each key became.
pub fn write(cx: &Context, folder: &Path, name: &ProjectName, origin: &Origin, adoption: &Adoption) -> Result<()> {
    let from = origin.to_string();
    if let Some(fragment) = render::fragment(adoption) {
        files::write(&folder.join(FRAGMENT), fragment.as_bytes(), Access::Public)?;
        cx.screen.say(format!("wrote {FRAGMENT}: settings that devenv.yaml cannot express"));
    }
    if let Some(local) = render::local(adoption) {
        let path = folder.join(checkout::LOCAL);
        if path.exists() {
            let names: Vec<&str> = adoption.secrets.keys().map(String::as_str).collect();
            cx.screen.say(format!("{} is already there: `up` asks for {}", checkout::LOCAL, names.join(", ")));
        } else {
            files::write(&path, local.as_bytes(), Access::Private)?;
            cx.screen.say(format!("wrote {}: credentials of `.env`, for this developer alone", checkout::LOCAL));
        }
    }
    // The last one: where anything failed before it, the same call can be made again.
    files::write(&folder.join(cx.main()), render::configuration(name, adoption, &from).as_bytes(), Access::Public)?;
    for part in &adoption.parts {
        cx.screen.say(part);
    }
    let lines = adoption::lines(&adoption.notes);
    if !lines.is_empty() {
        cx.screen.say(format!("not carried over from {from}, or different now:"));
        lines.iter().for_each(|line| cx.screen.say(format!("  {line}")));
    }
    cx.screen.say(format!("wrote {}: look through it, then `devenv up`", cx.main()));
    Ok(())
}
