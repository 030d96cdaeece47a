//! A folder of source as `init` looks at it: which files there are, and the texts of those that say how they run. Pure;
//! the host collects them.

use std::collections::{BTreeMap, BTreeSet};

/// Names of files whose texts say how source is installed, run and configured.
const NAMES: [&str; 19] = [
    "Procfile",
    "Gemfile",
    "Pipfile",
    "composer.json",
    "package.json",
    "devcontainer.json",
    "requirements.txt",
    "pyproject.toml",
    "go.mod",
    "Cargo.toml",
    "pom.xml",
    "schema.prisma",
    "settings.py",
    "main.py",
    "app.py",
    "wsgi.py",
    "asgi.py",
    "server.py",
    "uv.lock",
];
/// What such names begin with.
const BEGINNINGS: [&str; 6] = ["Dockerfile", "Containerfile", "Procfile", ".env", ".flaskenv", "requirements"];
/// What such names end with.
const ENDINGS: [&str; 6] = [".yaml", ".yml", ".conf", ".env", ".template", ".Dockerfile"];

/// Folders of what was installed.
const INSTALLED: [&str; 5] = ["node_modules", "vendor", ".venv", "venv", "site-packages"];

/// Largest text that is read.
pub const MOST_BYTES: u64 = 1 << 20;

/// Whether the text of a file is worth reading.
#[must_use]
pub fn is_read(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    if path.split('/').any(|part| INSTALLED.contains(&part)) {
        return false;
    }
    NAMES.contains(&name)
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || (path.contains("requirements/") && name.ends_with(".txt"))
}

/// A file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFile {
    /// Its text, where it is one that [`is_read`].
    pub text: Option<String>,
    /// Whether git ignores it: what stands in it is not for everybody.
    pub is_private: bool,
}

/// The files below a folder, by their paths relative to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceTree {
    files: BTreeMap<String, SourceFile>,
    folders: BTreeSet<String>,
}

impl SourceTree {
    /// Adds a file, and the folders that it is in.
    pub fn add(&mut self, path: &str, file: SourceFile) {
        self.add_folder(path.rsplit_once('/').map_or("", |(folder, _)| folder));
        self.files.insert(path.to_owned(), file);
    }

    /// Adds a folder, and those that it is in.
    pub fn add_folder(&mut self, path: &str) {
        let ends = path.match_indices('/').map(|(at, _)| &path[..at]);
        self.folders.extend(ends.chain([path]).filter(|folder| !folder.is_empty()).map(str::to_owned));
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.text.as_deref().map(|text| text.trim_start_matches('\u{feff}'))
    }

    /// Whether there is a file at a path.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether there is a file that git ignores.
    #[must_use]
    pub fn is_private(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|file| file.is_private)
    }

    /// Whether there is a folder at a path.
    #[must_use]
    pub fn is_folder(&self, path: &str) -> bool {
        path == "." || self.folders.contains(path)
    }

    /// The folder itself and all below it, those that hold others first.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        std::iter::once(".").chain(self.folders.iter().map(String::as_str))
    }

    /// The files at the top of a folder, by name, with the texts that were read.
    #[must_use]
    pub fn top(&self, folder: &str) -> BTreeMap<String, String> {
        let found = self.below(folder).filter(|(name, _)| !name.contains('/'));
        found.map(|(name, file)| (name.to_owned(), file.text.clone().unwrap_or_default())).collect()
    }

    /// All files below a folder, by their paths in it.
    pub fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = (&'a str, &'a SourceFile)> {
        let prefix = if folder == "." { String::new() } else { format!("{folder}/") };
        self.files.range(prefix.clone()..).map_while(move |(path, file)| Some((path.strip_prefix(&prefix)?, file)))
    }
}

/// Trees of tests: each file by its path and text.
#[cfg(test)]
pub(crate) fn sample(files: &[(&str, &str)]) -> SourceTree {
    let mut tree = SourceTree::default();
    for (path, text) in files {
        tree.add(path, SourceFile { text: Some((*text).to_owned()), is_private: false });
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_knows_the_folders_of_its_files() {
        let tree = sample(&[("a/b/main.py", "x"), ("Procfile", "y"), ("ab/c", "")]);
        assert_eq!(tree.folders().collect::<Vec<_>>(), [".", "a", "a/b", "ab"]);
        assert_eq!(tree.top("a/b").into_keys().collect::<Vec<_>>(), ["main.py"]);
        assert_eq!(tree.below("a").map(|(path, _)| path).collect::<Vec<_>>(), ["b/main.py"]);
    }
}
