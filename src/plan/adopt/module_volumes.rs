//! Where the volumes of a module are now: what is mirrored or installed needs none.

use crate::config::relative_path::joined;
use crate::plan::adopt::dockerfile::Stage;
use crate::plan::adopt::kinds::Source;
use crate::plan::adopt::third_party::MountPlace;
use crate::plan::adopt::words::{Mount, MountSource, below};

/// Folders of what is installed or made, which has volumes of its own.
const MADE: [&str; 12] = [
    "node_modules",
    ".venv",
    "venv",
    "vendor",
    "target",
    ".next",
    "__pycache__",
    ".cache",
    ".m2",
    ".gradle",
    "mod",
    "registry",
];

/// Where a volume of a module is now.
pub(crate) fn volume(mount: &Mount, target: &str, source: &Source, stage: &Stage, folder: &str) -> MountPlace {
    let last = target.rsplit('/').next().unwrap_or_default();
    let in_source = below(target, &stage.workdir);
    match &mount.source {
        MountSource::Path(path) => {
            let path = joined(".", path);
            let of_source = path == source.path || source.path == "." || path.starts_with(&format!("{}/", source.path));
            let is_here = !path.starts_with("..") && !path.starts_with('/') && !path.starts_with('~');
            match in_source {
                Some(_) if of_source && is_here => MountPlace::Done,
                Some(rest) => MountPlace::At(format!("{folder}/{rest}").trim_end_matches('/').to_owned()),
                None if of_source && is_here && (path == source.path || target.starts_with("/var/www")) => {
                    MountPlace::Done
                }
                None => MountPlace::At(target.to_owned()),
            }
        }
        MountSource::Volume(_) | MountSource::Anonymous if MADE.contains(&last) => {
            MountPlace::Nowhere("what is installed or built has volumes of its own".to_owned())
        }
        _ => match in_source {
            Some("") => MountPlace::Nowhere("the source itself is mirrored there".to_owned()),
            Some(rest) => MountPlace::At(format!("{folder}/{rest}")),
            None => MountPlace::At(target.to_owned()),
        },
    }
}
