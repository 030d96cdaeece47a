//! The two ends of a mirror.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::model::values::RelPath;
use crate::host::ignore::source::SourceFolder;

/// What a mirror connects.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The running container.
    pub container: String,
    /// The source.
    pub source: Arc<SourceFolder>,
    /// The mirrored folder in the container.
    pub dir: String,
    /// Paths below it that come back, and are not taken away there.
    pub outputs: Vec<RelPath>,
    /// Paths below it that other volumes are mounted on.
    pub mounted: Vec<PathBuf>,
    /// A folder of the checkout for what comes back and is not in its place yet.
    pub spool: PathBuf,
}

impl Ends {
    /// Whether a path comes back.
    #[must_use]
    pub fn is_output(&self, path: &Path) -> bool {
        self.outputs.iter().any(|output| path.starts_with(output.as_str()))
    }
}
