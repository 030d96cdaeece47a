//! A checkout as its files have it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::assets::{Assets, Origin};
use crate::config::project::Project;
use crate::config::{self, inputs::Source, model::values::RelPath};
use crate::error::Result;
use crate::host::{checkout, child_env};
use crate::plan::environment::presets::Preset;
use crate::render;

/// A checkout as its files have it.
pub struct Checkout {
    /// Its folder.
    pub root: PathBuf,
    /// The configuration.
    pub project: Project,
    /// The files in force.
    pub assets: Assets,
    /// The presets in force.
    pub presets: BTreeMap<String, Preset>,
    /// What is worth a line about variables that stand in a file that nobody reads.
    pub unread: Vec<String>,
}

impl Checkout {
    /// Whether the team's files have taken the place of ours for the definition.
    #[must_use]
    pub fn has_own_templates(&self) -> bool {
        let is_own = |path| self.assets.get(path).is_some_and(|asset| asset.origin != Origin::Embedded);
        render::compose::FILES.into_iter().any(is_own)
    }

    /// The team's compose files, checked.
    pub fn fragments(&self) -> Result<Vec<Source>> {
        let files = self.project.file.compose.iter();
        let read = |path: &RelPath| {
            let source = checkout::source(&self.root, path.as_str())?;
            Ok(source.unwrap_or(Source { name: path.to_string(), bytes: Vec::new() }))
        };
        let sources: Vec<Source> = files.map(read).collect::<Result<_>>()?;
        let env = child_env::for_compose_files(&checkout::variables());
        let variables = config::compose_file::Variables { env: &env, unread: &checkout::dotenv_names(&self.root) };
        config::compose_file::check(&sources, variables)?;
        Ok(sources)
    }
}
