//! A checkout as its files have it: configuration, images, presets and compose files, read once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::apply::session::credentials;
use crate::assets::{Assets, Origin};
use crate::config::inputs::{Inputs, Source};
use crate::config::model::values::RelPath;
use crate::config::model::version::Version;
use crate::config::project::Project;
use crate::config::{self};
use crate::error::{Error, Result};
use crate::host::engine;
use crate::host::{checkout, child_env};
use crate::plan::catalogue::Catalogue;
use crate::redact;
use crate::render;

/// A checkout as its files have it.
pub struct Checkout {
    /// Its folder.
    pub root: PathBuf,
    /// The configuration.
    pub project: Project,
    /// The files in force.
    pub assets: Assets,
    /// The images and presets in force.
    pub catalogue: Catalogue,
    /// The team's compose files, as they are; [`Self::fragments`] has them checked.
    pub sources: Vec<Source>,
    /// What is worth a line about variables that stand in a file that nobody reads.
    pub unread: Vec<String>,
}

/// The version of this devenv.
#[must_use]
pub fn version() -> Version {
    engine::version(env!("CARGO_PKG_VERSION"))
}

impl Checkout {
    /// Reads the files of a checkout: its configuration `main`, the developer's own `local`, and all that they name.
    pub fn read(root: PathBuf, main: &Source, local: Option<&Source>) -> Result<Self> {
        let env = checkout::variables();
        let draft = config::read(Inputs { main, local, env: &env });
        let assets = checkout::assets(&root, &draft.files_folder())?;
        let catalogue = Catalogue::of(&assets)?;
        let draft = draft.checked_against(&catalogue.known(version()));
        let facts = checkout::facts(&root, &draft.paths());
        let unread = unread_variables(&root, [Some(main), local].into_iter().flatten(), &env);
        let project = draft.finish(&facts).map_err(|problems| {
            let error = Error::from(problems);
            unread.iter().fold(error, Error::hint)
        })?;
        let sources = project.file.compose.iter().map(|path| fragment(&root, path)).collect::<Result<Vec<_>>>()?;
        let unread = unread.into_iter().chain(unread_variables(&root, sources.iter(), &env)).collect();
        hide_credentials(&root, &project, &env);
        Ok(Self { root, project, assets, catalogue, sources, unread })
    }

    /// Whether the team's files have taken the place of ours for the definition.
    #[must_use]
    pub fn has_own_templates(&self) -> bool {
        let is_own = |path| self.assets.get(path).is_some_and(|asset| asset.origin != Origin::Embedded);
        render::compose::FILES.into_iter().any(is_own)
    }

    /// The team's compose files, checked.
    pub fn fragments(&self) -> Result<&[Source]> {
        let env = child_env::for_compose_files(&checkout::variables());
        let variables = config::compose_file::Variables { env: &env, unread: &checkout::dotenv_names(&self.root) };
        config::compose_file::check(&self.sources, variables)?;
        Ok(&self.sources)
    }
}

fn fragment(root: &Path, path: &RelPath) -> Result<Source> {
    let source = checkout::source(root, path.as_str())?;
    Ok(source.unwrap_or(Source { name: path.to_string(), bytes: Vec::new() }))
}

/// No output shows the credentials that files and variables hold.
fn hide_credentials(root: &Path, project: &Project, env: &BTreeMap<String, String>) {
    redact::remember(project.local.secrets.values().chain(&credentials::kept_values(root)));
    let installs = project.file.modules.values().filter_map(|module| module.deps.as_ref());
    redact::remember(installs.flat_map(|deps| &deps.secrets).filter_map(|name| env.get(name)));
    redact::remember(env.iter().filter(|(name, _)| name.starts_with(credentials::VARIABLE)).map(|(_, value)| value));
}

/// A line about variables that configuration texts use and that only a file `.env` has, which is not read.
fn unread_variables<'s>(
    root: &Path,
    sources: impl Iterator<Item = &'s Source>,
    env: &BTreeMap<String, String>,
) -> Option<String> {
    let names = checkout::dotenv_names(root).into_iter().filter(|name| !env.contains_key(name));
    let names: BTreeMap<String, String> = names.map(|name| (name, String::new())).collect();
    let texts: Vec<Cow<'_, str>> = sources.map(|source| String::from_utf8_lossy(&source.bytes)).collect();
    let used: BTreeMap<String, String> =
        texts.iter().flat_map(|text| config::compose_variables::named(text, &names)).collect();
    let used: Vec<String> = used.into_keys().map(|name| format!("`{name}`")).collect();
    let line = || format!("`.env` has {}, which devenv does not read: `set -a; . ./.env` exports it", used.join(", "));
    (!used.is_empty()).then(line)
}
