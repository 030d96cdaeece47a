//! Where paths lead: links followed, and what stands there.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::host::files::reading;
use crate::paths::{DEVENV, HOST_SETTINGS};
use crate::plan::permissions::paths::{Destination, Reading, folded};

/// What stands where `path` leads; `root` is the checkout.
#[must_use]
pub fn place(path: &str, root: &Path) -> Destination {
    let real = real(Path::new(path));
    let settings = settings(&real, root);
    Destination { reading: read(&real), real: real.display().to_string(), settings }
}

/// The path without links. Of what does not exist, the part that does is followed.
fn real(path: &Path) -> PathBuf {
    for above in path.ancestors() {
        if let Ok(real) = above.canonicalize() {
            let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
            return folded(&real.join(rest));
        }
    }
    folded(path)
}

fn read(real: &Path) -> Reading {
    let Ok(facts) = fs::metadata(real) else { return Reading::Nothing };
    let kind = facts.file_type();
    match kind {
        kind if kind.is_dir() => Reading::Nothing,
        kind if kind.is_socket() => Reading::Socket,
        kind if kind.is_file() && facts.len() <= reading::MOST_TEXT => Reading::File,
        _ => Reading::Endless,
    }
}

/// The settings of a checkout that stand in a folder or above it.
fn settings(real: &Path, root: &Path) -> Option<String> {
    let below = real.strip_prefix(root).ok()?;
    let is_setting = |part: &std::ffi::OsStr| part == DEVENV || HOST_SETTINGS.iter().any(|name| part == *name);
    if below.iter().any(is_setting) {
        return Some(below.display().to_string());
    }
    let found = HOST_SETTINGS.iter().find(|name| real.join(name).symlink_metadata().is_ok())?;
    Some(below.join(found).display().to_string())
}

/// The settings that stand right in a folder, by name, in order.
#[must_use]
pub fn settings_in(folder: &Path) -> Vec<String> {
    let there = |name: &&&str| folder.join(name).symlink_metadata().is_ok_and(|facts| !facts.is_symlink());
    HOST_SETTINGS.iter().filter(there).map(|name| (*name).to_owned()).collect()
}

/// Where a path leads, for the socket of an engine; `None` where there is nothing.
#[must_use]
pub fn of_socket(path: &str) -> Option<String> {
    Some(Path::new(path).canonicalize().ok()?.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_and_settings_are_found_in_a_folder_and_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("api/.vscode/x")).unwrap();
        fs::create_dir(root.join("data")).unwrap();
        symlink("/etc", root.join("link")).unwrap();
        symlink("data", root.join("inner")).unwrap();
        symlink("/dev/zero", root.join("zero")).unwrap();
        let at = |path: &str| place(&root.join(path).display().to_string(), &root);
        assert_eq!(at("link/hosts").real, "/etc/hosts");
        assert_eq!(at("link/../etc/none/../x").real, "/etc/x");
        assert_eq!(at("inner/new").real, root.join("data/new").display().to_string());
        assert_eq!(at("zero").reading, Reading::Endless);
        assert_eq!(at("none").reading, Reading::Nothing);
        assert_eq!(at("data").settings, None);
        assert_eq!(at("api").settings.as_deref(), Some("api/.vscode"));
        assert_eq!(at("api/.vscode/x").settings.as_deref(), Some("api/.vscode/x"));
        assert_eq!(settings_in(&root.join("api")), [".vscode"]);
    }
}
