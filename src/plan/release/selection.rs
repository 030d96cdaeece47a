//! Which of the files that a build leaves behind are released.

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// What is left out of the artifacts.
#[derive(Debug)]
pub struct Selection {
    without: Gitignore,
    /// Folders of dependencies, in which every file belongs to somebody.
    whole: Vec<String>,
}

impl Selection {
    /// Leaves out what matches the patterns `without`, in the words of a `.gitignore`, except below the folders `whole`.
    #[must_use]
    pub fn new(without: &[String], whole: &[String]) -> Self {
        let mut patterns = GitignoreBuilder::new("");
        for line in without {
            // The description was checked; a pattern that is none matches nothing.
            let _ = patterns.add_line(None, line);
        }
        Self { without: patterns.build().unwrap_or_else(|_| Gitignore::empty()), whole: whole.to_vec() }
    }

    /// Whether a path below the module's folder is released.
    #[must_use]
    pub fn has(&self, path: &str, is_folder: bool) -> bool {
        let is_below = |folder: &String| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.whole.iter().any(is_below) || !self.without.matched_path_or_any_parents(path, is_folder).is_ignore()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_left_out_but_never_a_file_of_a_dependency() {
        let selection = Selection::new(&["tests/".to_owned(), "test_*.py".to_owned()], &[".venv".to_owned()]);
        assert!(selection.has("shop/app.py", false));
        assert!(!selection.has("tests", true));
        assert!(!selection.has("shop/tests/conftest.py", false));
        assert!(!selection.has("test_app.py", false));
        assert!(selection.has(".venv/lib/numpy/tests/test_a.py", false));
    }
}
