//! A checkout as its files have it: configuration, images, presets and compose files, read once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::apply::session::credentials;
use crate::assets::{AssetOrigin, Assets};
use crate::config::inputs::{InputFile, Inputs};
use crate::config::model::values::RelPath;
use crate::config::model::version::Version;
use crate::config::project::Project;
use crate::config::{self};
use crate::error::{Error, Result};
use crate::host::engine;
use crate::host::{checkout, child_env, own_build};
use crate::paths;
use crate::plan::catalogue::Catalogue;
use crate::plan::environment::target::{Placement, Target};
use crate::plan::images::own_dockerfile;
use crate::redact;
use crate::render;

/// A checkout as its files have it.
pub struct Checkout {
    /// Its folder.
    pub root: PathBuf,
    /// The folder whose `.devenv` the environment has.
    pub home: PathBuf,
    /// Which of its environments is meant.
    pub target: Target,
    /// The configuration.
    pub project: Project,
    /// The files in force.
    pub assets: Assets,
    /// The images and presets in force.
    pub catalogue: Catalogue,
    /// The team's compose files, as they are; [`Self::fragments`] has them checked.
    pub sources: Vec<InputFile>,
    /// What is worth a line about variables that stand in a file that nobody reads.
    pub unread: Vec<String>,
    /// The team's configuration.
    main: InputFile,
    /// Whether this developer has settings.
    has_local: bool,
}

/// The version of this devenv.
#[must_use]
pub fn version() -> Version {
    engine::version(env!("CARGO_PKG_VERSION"))
}

impl Checkout {
    /// Reads the files of a checkout: its configuration `main`, the developer's own `local`, and all that they name.
    pub fn read(root: PathBuf, main: &InputFile, local: Option<&InputFile>) -> Result<Self> {
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
        let assets = with_own_builds(&root, &project, assets)?;
        let sources = project.file.compose.iter().map(|path| fragment(&root, path)).collect::<Result<Vec<_>>>()?;
        let unread = unread.into_iter().chain(unread_variables(&root, sources.iter(), &env)).collect();
        hide_credentials(&root, &project, &env);
        let (main, has_local) = (main.clone(), local.is_some());
        let (home, target) = (root.clone(), Target::dev(&project));
        Ok(Self { root, home, target, project, assets, catalogue, sources, unread, main, has_local })
    }

    /// The same checkout for another environment than dev, which takes nothing that is one developer's, and no compose
    /// file of the team's.
    pub fn for_environment(self, name: &str) -> Result<Self> {
        let target = Target::of(&self.project, name)?;
        let home = paths::home(&self.root, Some(name));
        redact::remember(&credentials::kept_values(&home));
        Ok(Self { home, target, sources: Vec::new(), ..self })
    }

    /// Whether the environment is the one that the checkout itself stands for, dev: the others are not watched.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.home == self.root
    }

    /// The configuration without this developer's settings.
    pub fn team(&self) -> Result<Cow<'_, Project>> {
        if !self.has_local {
            return Ok(Cow::Borrowed(&self.project));
        }
        Self::read(self.root.clone(), &self.main, None).map(|checkout| Cow::Owned(checkout.project))
    }

    /// The name of the configuration's file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.main.name
    }

    /// Whether the team's files have taken the place of ours for the definition.
    #[must_use]
    pub fn has_own_templates(&self) -> bool {
        let is_own = |path| self.assets.get(path).is_some_and(|asset| asset.origin != AssetOrigin::Embedded);
        render::compose::files_of(self.target.base, Placement::Here).into_iter().any(is_own)
    }

    /// The team's compose files, checked.
    pub fn fragments(&self) -> Result<&[InputFile]> {
        let env = child_env::for_compose_files(&checkout::variables());
        let variables = config::compose_file::Variables { env: &env, unread: &checkout::dotenv_names(&self.root) };
        config::compose_file::check(&self.sources, variables)?;
        Ok(&self.sources)
    }
}

/// The files in force, with the team's own Dockerfiles and their contexts.
fn with_own_builds(root: &Path, project: &Project, mut assets: Assets) -> Result<Assets> {
    for (name, image) in &project.file.images {
        let Some((dockerfile, context)) = image.own_build() else { continue };
        let problem = |key: &str, message: &str, help: &str| {
            Error::from(project.problem(&["images", name.as_str(), key], message, help))
        };
        for (key, path) in [("dockerfile", &dockerfile), ("context", &context)] {
            if let Some(place) = own_build::hidden(root, path) {
                let message = format!("`{key}` of `{name}` leads to `{place}`, which is no source");
                return Err(problem(key, &message, "name committed files"));
            }
        }
        let build = match own_build::read(root, &dockerfile, &context)? {
            own_build::Read::Build(build) => build,
            own_build::Read::TooLarge(how) => {
                let message = format!("the context of `{name}`, `{context}`, {how}");
                let help = "list what the build does not need in its `.dockerignore`, or a smaller folder in `context`";
                return Err(problem("context", &message, help));
            }
        };
        if let Some(fault) = own_dockerfile::faults(name.as_str(), image, &build.text).first() {
            return Err(problem(fault.key, &fault.message, &fault.help));
        }
        assets.add_own(name.as_str(), build);
    }
    Ok(assets)
}

fn fragment(root: &Path, path: &RelPath) -> Result<InputFile> {
    let source = checkout::source(root, path.as_str())?;
    Ok(source.unwrap_or(InputFile { name: path.to_string(), bytes: Vec::new() }))
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
    sources: impl Iterator<Item = &'s InputFile>,
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
