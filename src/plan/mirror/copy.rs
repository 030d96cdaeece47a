//! What is copied of a module's source: what counts apart from git's word, and what git leaves out, for people.

use std::path::{Path, PathBuf};

use crate::config::model::values::RelPath;
use crate::names::PartName;

/// A module's source as a copy in a volume, in place of a bind mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The source, below the checkout's root.
    pub folder: RelPath,
    /// The volume.
    pub volume: String,
    /// Where it is mounted.
    pub dir: String,
    /// What is copied.
    pub selection: Selection,
    /// What comes back, below the folder.
    pub outputs: Vec<RelPath>,
    /// What other volumes are mounted on, below the folder.
    pub mounted: Vec<String>,
}

/// What counts of a folder, apart from git's word.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selection {
    /// Patterns, as in `.gitignore`, of what does not count; `!pattern` takes back git's word too.
    pub ignore: Vec<String>,
    /// What counts although git ignores it, with all below it.
    pub also: Vec<RelPath>,
    /// Whether the file `.git` of a worktree counts.
    pub git_file: GitFile,
}

/// Whether the file `.git` of a worktree, which names the repository's folder, counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum GitFile {
    /// It does.
    Counts,
    /// It does not: that folder is not there.
    #[default]
    LeftOut,
}

impl Selection {
    /// What counts of a folder in which other volumes are mounted on `mounted`.
    #[must_use]
    pub fn new(ignore: &[String], mounted: &[String]) -> Self {
        let literal = |path: &String| {
            let escape = |c: char| if "*?[]\\!# ".contains(c) { vec!['\\', c] } else { vec![c] };
            format!("/{}", path.chars().flat_map(escape).collect::<String>())
        };
        let ignore = ignore.iter().cloned().chain(mounted.iter().map(literal)).collect();
        Self { ignore, ..Self::default() }
    }
}

/// Names of what tools make again whenever it is missing, in any folder: a copy without it lacks nothing.
const MADE_AGAIN: [&str; 18] = [
    "__pycache__",
    ".venv",
    "venv",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    ".tox",
    ".nox",
    ".cache",
    ".gradle",
    ".next",
    ".turbo",
    ".parcel-cache",
    ".idea",
    ".vscode",
    ".coverage",
    ".DS_Store",
];
/// How names of such files end.
const MADE_AGAIN_ENDS: [&str; 9] = [".pyc", ".pyo", ".class", ".o", ".log", ".tmp", ".swp", ".egg-info", "~"];

/// Whether tools make a file or folder of this name again by themselves.
#[must_use]
pub fn is_made_again(name: &str) -> bool {
    MADE_AGAIN.contains(&name) || MADE_AGAIN_ENDS.iter().any(|end| name.ends_with(end))
}

/// Paths that are named at once.
const NAMED: usize = 6;

/// What to tell of paths that are here, that git ignores or that look like private keys, and that are not in the copy.
#[must_use]
pub fn left_out(part: &PartName, paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    let more = match paths.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = paths.first().map_or(Path::new(""), PathBuf::as_path).display();
    format!(
        "not in the copy of `{part}`, since git ignores it or it may be a private key: {}{more}; if the program needs it, \
         add it to the module, such as `mirror: {{also: [{first}]}}`",
        names.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_told_by_name_and_not_without_end() {
        let paths: Vec<PathBuf> = (1..=8).map(|number| format!("media/{number}").into()).collect();
        let part = PartName::new("api").unwrap();
        assert_eq!(
            left_out(&part, &paths),
            "not in the copy of `api`, since git ignores it or it may be a private key: media/1, media/2, media/3, media/4, \
             media/5, media/6 and 2 more; if the program needs it, add it to the module, such as \
             `mirror: {also: [media/1]}`"
        );
        assert!(left_out(&part, &paths[..1]).contains("private key: media/1; if"));
    }

    #[test]
    fn caches_are_no_loss_and_settings_are() {
        let names = ["__pycache__", "a.pyc", "x.log", ".env", "local.py", "node_modules", "dist", "_version.py"];
        let lost: Vec<&str> = names.into_iter().filter(|name| !is_made_again(name)).collect();
        assert_eq!(lost, [".env", "local.py", "node_modules", "dist", "_version.py"]);
    }
}
