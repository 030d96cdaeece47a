//! Why a module cannot be released as it is configured, and what to do about it.

use crate::error::{Error, Kind};
use crate::names::{ImageName, PartName};

/// Why a module cannot be released as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// A text with variables of this machine.
    #[error(
        "{}`{}` of `{}` has {}, which each machine fills in differently, but a release is the same everywhere",
        .0.place, .0.key, .0.module, .0.written
    )]
    Machine(FilledIn),
    /// The image that its language is released on is not one that it is built from.
    #[error("{place}the release of `{module}` is laid on `{wanted}`, which `{image}` is not built from")]
    NotAncestor {
        /// Where the module stands, with `: ` behind it.
        place: String,
        /// The module.
        module: PartName,
        /// What it would be laid on.
        wanted: ImageName,
        /// The module's image.
        image: ImageName,
    },
    /// The command needs a program that the result will not have.
    #[error("{place}`{module}` starts with `{program}`, and its release is laid on `{parent}`, which does not have it")]
    NoProgram {
        /// Where the command stands, with `: ` behind it.
        place: String,
        /// The module.
        module: PartName,
        /// The program.
        program: String,
        /// What the result is laid on.
        parent: ImageName,
    },
    /// Only the gateway of this machine serves it.
    #[error("{place}the static site `{module}` is not released: only this machine's gateway serves it")]
    StaticSite {
        /// Where the module stands, with `: ` behind it.
        place: String,
        /// The module.
        module: PartName,
    },
    /// Nothing says which files are released.
    #[error("{place}nothing says which files of `{module}` are released")]
    NoArtifacts {
        /// Where the module stands, with `: ` behind it.
        place: String,
        /// The module.
        module: PartName,
    },
}

/// A text that another machine would fill in otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledIn {
    /// Where it stands, with a colon behind it.
    pub place: String,
    /// The module.
    pub module: PartName,
    /// The key.
    pub key: String,
    /// The text as it is written.
    pub written: String,
}

impl RecipeError {
    /// Where it stands, `devenv.yaml:3`; empty where that is not known.
    #[must_use]
    pub fn place(&self) -> &str {
        let (Self::NotAncestor { place, .. }
        | Self::NoProgram { place, .. }
        | Self::StaticSite { place, .. }
        | Self::NoArtifacts { place, .. }
        | Self::Machine(FilledIn { place, .. })) = self;
        place.trim_end_matches(": ")
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Machine(_) => {
                "write the value out, or let the program read a variable when it starts: `$$NAME`".to_owned()
            }
            Self::NotAncestor { .. } => {
                "name the module's image or one of its parents: `release: {image: …}`".to_owned()
            }
            Self::NoProgram { program, .. } => format!(
                "say how the released module starts, `release: {{run: …}}`, or name an image that has `{program}`, \
                 `release: {{image: …}}`"
            ),
            Self::StaticSite { .. } => {
                "serve it from a module with an image and `run`, or switch it off in devenv.yaml (`mode: off`)"
                    .to_owned()
            }
            Self::NoArtifacts { .. } => "name them below the module's folder: `release: {artifacts: […]}`".to_owned(),
        }
    }
}

impl From<RecipeError> for Error {
    fn from(error: RecipeError) -> Self {
        let hint = error.hint();
        Self::new(Kind::Usage, error).hint(hint)
    }
}
