//! Why images do not make a hierarchy, and what to do about it.

use crate::config::problems::Problems;
use crate::error::{Error, Kind};
use crate::names::ImageName;

/// Why images do not make a hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImagesError {
    /// `image.yaml` does not parse.
    #[error(transparent)]
    Description(Problems),
    /// A folder in `images/` is not a name.
    #[error("images/{0}: {1}")]
    FolderName(String, String),
    /// An image has neither a folder nor a parent.
    #[error("image `{0}` has no parent: name one with `parent:`, or add images/{0}/Dockerfile")]
    NoParent(ImageName),
    /// A parent is not defined.
    #[error("image `{image}` is built from `{parent}`, which is not defined")]
    UnknownParent {
        /// The image.
        image: ImageName,
        /// What it names.
        parent: ImageName,
    },
    /// Images are each other's parents.
    #[error("images are each other's parents: {0}")]
    Cycle(String),
    /// The Dockerfile does not begin as the hierarchy needs it.
    #[error("images/{0}/Dockerfile must begin with `ARG PARENT` and `FROM ${{PARENT}}`, so that its parent is known")]
    NotFromParent(ImageName),
}

impl From<ImagesError> for Error {
    fn from(error: ImagesError) -> Self {
        let made = match error {
            ImagesError::Description(problems) => Self::from(problems),
            error => Self::new(Kind::Usage, error),
        };
        made.hint("`devenv config files` lists which files are in force")
    }
}
