//! What may be laid on an image: rules for the files that a build leaves.

use crate::error::{Error, Kind};
use crate::names::PartName;

/// What cannot be released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// The build has not made it.
    #[error("{place}the build of `{module}` left no `{path}`")]
    Missing {
        /// Where it is named, with `: ` behind it.
        place: String,
        /// The module.
        module: PartName,
        /// What is released.
        path: String,
    },
    /// Only the build can follow the link.
    #[error("{place}`{path}` of `{module}` is a link to {target}, which the released image does not have")]
    Link {
        /// Where the artifact is named, with `: ` behind it.
        place: String,
        /// The module.
        module: PartName,
        /// The link, below the module's folder.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// In a layer, the name would remove a file of the image below.
    #[error("{place}`{path}` of `{module}` cannot be in an image: layers mark removed files by names with `.wh.`")]
    Whiteout {
        /// Where the artifact is named, with `: ` behind it.
        place: String,
        /// The module.
        module: PartName,
        /// The file, below the module's folder.
        path: String,
    },
}

impl From<ArtifactError> for Error {
    fn from(error: ArtifactError) -> Self {
        let hint = match &error {
            ArtifactError::Missing { .. } => {
                "`release: {build: …}` makes it, or `release: {artifacts: […]}` names something else"
            }
            ArtifactError::Link { .. } => "let the build copy the file itself, or leave the link out of the artifacts",
            ArtifactError::Whiteout { .. } => "rename it",
        };
        Self::new(Kind::Failed, error).hint(hint)
    }
}

/// The folders that only a build has, besides those of downloads.
const OF_BUILDS: [&str; 3] = ["/tmp", "/var/tmp", "/run"];

/// Where a link leads that only the build can follow; none for one into the module's folder or into the image below.
/// `path` is absolute in the container, `dir` the module's folder, `caches` the folders of downloads.
#[must_use]
pub fn lost(path: &str, target: &str, dir: &str, caches: &[String]) -> Option<String> {
    let from = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let whole = if target.starts_with('/') { target.to_owned() } else { format!("{from}/{target}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let leads = format!("/{}", parts.join("/"));
    let is_below = |folder: &str| leads == folder || leads.starts_with(&format!("{folder}/"));
    let is_lost = is_below("/srv") || OF_BUILDS.into_iter().any(is_below) || caches.iter().any(|cache| is_below(cache));
    (is_lost && !is_below(dir)).then_some(leads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_must_lead_to_something_that_the_image_has() {
        let caches = ["/home/app/.cache/pip".to_owned()];
        let lost = |path: &str, target: &str| lost(path, target, "/srv/api", &caches);
        assert_eq!(lost("/srv/api/.venv/bin/python", "/usr/bin/python3"), None);
        assert_eq!(lost("/srv/api/a/b", "../c"), None);
        assert_eq!(lost("/srv/api/a", "../other/x").as_deref(), Some("/srv/other/x"));
        assert_eq!(lost("/srv/api/a", "/tmp/x").as_deref(), Some("/tmp/x"));
        assert_eq!(lost("/srv/api/a", "/home/app/.cache/pip/x").as_deref(), Some("/home/app/.cache/pip/x"));
        assert_eq!(lost("/srv/api/a", "/srv/api2").as_deref(), Some("/srv/api2"));
    }
}
