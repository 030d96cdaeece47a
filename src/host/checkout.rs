//! A checkout on this machine: where it is, what its files say, and what stands at the paths that they name.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::assets::{Asset, AssetOrigin, Assets, FOLDERS};
use crate::config::inputs::InputFile;
use crate::config::model::values::RelPath;
use crate::config::paths::{PathFact, PathFacts};
use crate::digest;
use crate::error::{Error, Kind, Result};
use crate::host::certs::trust;
use crate::host::files;
use crate::host::ignore::source::SourceFolder;
use crate::host::ignore::tree;
use crate::host::user::checkout_table;
use crate::paths;
use crate::plan::environment::machine::{Machine, MachineCa};
use crate::plan::environment::proxies;
use crate::plan::identity::IdFile;
use crate::plan::mirror::copy::Selection;
use crate::render::references::{Counts, References};

/// The file that makes a folder a checkout.
pub const MAIN: &str = "devenv.yaml";
/// The configuration of another tool of this name, <https://devenv.sh>.
pub const NIX: &str = "devenv.nix";
/// The developer's own file next to it.
pub const LOCAL: &str = "devenv.local.yaml";
/// What was resolved and is committed.
pub const LOCK: &str = "devenv.lock";
/// What a first `up` starts from where there is no `devenv.yaml`.
pub const EXAMPLE: &str = "devenv.example.yaml";

/// The folder above `start`, or itself, that has the file `name`; links in the path are resolved.
pub fn find(start: &Path, name: &str) -> Result<Option<PathBuf>> {
    let start = start.canonicalize().map_err(files::failed("read the folder", start))?;
    Ok(start.ancestors().find(|folder| folder.join(name).is_file()).map(Path::to_owned))
}

/// `folder`, without links, where the file `name` stands in it.
pub fn here(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    let folder = folder.canonicalize().map_err(files::failed("read the folder", folder))?;
    Ok(folder.join(name).is_file().then_some(folder))
}

/// A configuration file of the checkout; `None` where there is none.
pub fn source(root: &Path, name: &str) -> Result<Option<InputFile>> {
    let bytes = files::read(&root.join(name))?;
    Ok(bytes.map(|bytes| InputFile { name: name.to_owned(), bytes }))
}

/// The variables of this process that are text.
#[must_use]
pub fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// What stands at each path.
pub fn facts(root: &Path, paths: &BTreeSet<RelPath>) -> PathFacts {
    paths.iter().map(|path| (path.clone(), fact(root, path))).collect()
}

fn fact(root: &Path, path: &RelPath) -> PathFact {
    let Ok(real) = root.join(path.as_str()).canonicalize() else { return PathFact::Missing };
    if !real.starts_with(root) {
        return PathFact::Outside { target: real.display().to_string() };
    }
    match std::fs::metadata(&real) {
        Ok(metadata) if metadata.is_dir() => PathFact::Directory,
        Ok(metadata) if metadata.is_file() => PathFact::File,
        Ok(_) => PathFact::Other,
        Err(_) => PathFact::Missing,
    }
}

/// The files in force: the embedded ones, and over them those of the project's own folder.
pub fn assets(root: &Path, folder: &RelPath) -> Result<Assets> {
    let mut assets = Assets::below_folder(folder.as_str());
    for top in FOLDERS {
        let base = root.join(folder.as_str()).join(top);
        if !base.is_dir() {
            continue;
        }
        refuse_outside(root, &base)?;
        let source = SourceFolder::at(root, &base, &selection(top))?.with_dockerignore();
        for (path, file) in tree::files(&source)? {
            let name = path.rsplit('/').next().unwrap_or_default();
            // Contexts of images may be large: they are read when they are sent.
            let held = top != "images" || matches!(name, "Dockerfile" | "image.yaml");
            if held {
                refuse_outside(root, &file.path)?;
            }
            let content = if held { files::read(&file.path)?.map(Cow::Owned) } else { None };
            if top != "certs" && content.as_deref().is_some_and(|bytes| std::str::from_utf8(bytes).is_err()) {
                let message = format!("{folder}/{top}/{path} is not UTF-8 text");
                return Err(Error::message(Kind::Usage, message).hint("save it as UTF-8"));
            }
            let asset = Asset {
                origin: AssetOrigin::Project(file.path),
                content,
                digest: file.digest,
                executable: file.executable,
            };
            assets.replace(format!("{top}/{path}"), asset);
        }
    }
    Ok(assets)
}

/// What counts of a folder of the project's files, apart from git's word. The developer's own certificate and its key
/// count although nobody should commit them.
fn selection(top: &str) -> Selection {
    let ignore = if top == "certs" { vec!["!*".to_owned()] } else { Vec::new() };
    Selection { ignore, ..Selection::default() }
}

/// Refuses a link that leads out of the checkout: what stands there would become part of what containers see.
pub fn refuse_outside(root: &Path, path: &Path) -> Result<()> {
    let Ok(real) = path.canonicalize() else { return Ok(()) };
    if real.starts_with(root) {
        return Ok(());
    }
    let message = format!("{} leads out of the checkout, to {}", path.display(), real.display());
    Err(Error::message(Kind::Usage, message).hint("copy what it leads to into the checkout"))
}

/// Digests of files of the checkout; one that is not there has none.
pub fn digests(root: &Path, paths: impl IntoIterator<Item = RelPath>) -> Result<BTreeMap<RelPath, String>> {
    let mut digests = BTreeMap::new();
    for path in paths {
        if let Some(bytes) = files::read(&root.join(path.as_str()))? {
            digests.insert(path, digest::hex(&bytes));
        }
    }
    Ok(digests)
}

/// What stands in the files that each service reads, as one text: absolute paths, or paths below `root`.
pub fn referenced(root: &Path, references: &References) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for (service, files) in references {
        let mut lines = String::new();
        for (counts, path) in files {
            let file = root.join(path);
            let state = match counts {
                Counts::Identity if !file.is_file() => continue,
                Counts::Identity => files::identity(&file).unwrap_or_default(),
                Counts::Content => files::read(&file)?.map_or("absent".to_owned(), |bytes| digest::hex(&bytes)),
            };
            lines.push_str(&format!("{path}={state}\n"));
        }
        if !lines.is_empty() {
            all.insert(service.clone(), lines);
        }
    }
    Ok(all)
}

/// `.devenv/id`; `None` where there is none or it is damaged, since the id can be found again.
pub fn id_file(root: &Path) -> Option<IdFile> {
    let text = files::read_text(&paths::devenv(root).join(paths::ID)).ok()??;
    serde_json::from_str(text.lines().find(|line| line.starts_with('{'))?).ok()
}

/// The id of the checkout in this folder, where its own `.devenv` says it.
#[must_use]
pub fn own_id(root: &Path) -> Option<String> {
    let file = id_file(root)?;
    file.is_of(&checkout_table::machine(), &root.to_string_lossy(), original_exists(&file)).then_some(file.id)
}

/// Whether the folder that an id was made in still holds a checkout with that very id.
#[must_use]
pub fn original_exists(file: &IdFile) -> bool {
    id_file(Path::new(&file.path)).is_some_and(|original| original.id == file.id)
}

/// What this machine adds to the environment of a checkout.
pub fn machine(root: &Path) -> Result<Machine> {
    let Some(text) = root.to_str() else {
        let message = format!("the path {} is not UTF-8, which Docker cannot mount", root.display());
        return Err(Error::message(Kind::Usage, message).hint("move the checkout to a folder with a plain name"));
    };
    let (uid, gid) = files::owner(root)?;
    let ca = match trust::system_bundle()? {
        None => MachineCa::Unknown,
        Some(bundle) if has_extra_ca() => MachineCa::Extended(bundle),
        Some(bundle) => MachineCa::Usual(bundle),
    };
    Ok(Machine { root: text.to_owned(), home: text.to_owned(), uid, gid, ca, proxy: proxies(), engine_apart: false })
}

/// The proxy settings of this process.
fn proxies() -> BTreeMap<String, String> {
    proxies::names()
        .filter_map(|name| Some((name.clone(), std::env::var(&name).ok().filter(|v| !v.is_empty())?)))
        .collect()
}

/// The names that a file `.env` sets, which is for the team's own programs: devenv takes no value from it.
#[must_use]
pub fn dotenv_names(root: &Path) -> BTreeSet<String> {
    let text = files::read_text(&root.join(".env")).unwrap_or_default().unwrap_or_default();
    let name = |line: &str| {
        let line = line.trim_start().trim_start_matches("export ");
        let (name, _) = line.split_once('=')?;
        (!line.starts_with('#')).then(|| name.trim().to_owned())
    };
    text.lines().filter_map(name).collect()
}

/// Whether somebody has added CA certificates to this machine's own set.
fn has_extra_ca() -> bool {
    let folders = ["/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors"];
    folders.into_iter().filter_map(|folder| std::fs::read_dir(folder).ok()).any(|mut entries| entries.next().is_some())
}
