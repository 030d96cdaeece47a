//! The names of the tests of a split task: each is there once.

use std::collections::BTreeSet;

use ignore::gitignore::GitignoreBuilder;

/// Tests that one task has at most.
const MOST: usize = 100_000;

/// Why tests cannot be dealt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    /// No file matches.
    #[error("`split`: no file matches {0}")]
    NoFile(String),
    /// The command has failed.
    #[error("`split`: the command that lists the tests ended with code {0}")]
    Code(i64),
    /// The command has printed nothing.
    #[error("`split`: the command that lists the tests printed none")]
    Nothing,
    /// One name is there twice.
    #[error("`split`: the command that lists the tests printed `{0}` twice")]
    Twice(String),
    /// There are too many.
    #[error("`split`: {0} tests are more than {MOST}")]
    TooMany(usize),
}

/// The files that a pattern names, by their paths below the task's folder.
pub fn of_files<'a>(pattern: &str, files: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>, NamesError> {
    let none = || NamesError::NoFile(pattern.to_owned());
    let mut builder = GitignoreBuilder::new("");
    let anchored = format!("/{}", pattern.trim_start_matches("./"));
    builder.add_line(None, &anchored).map_err(|_| none())?;
    let matcher = builder.build().map_err(|_| none())?;
    let is_named = |file: &&str| matcher.matched_path_or_any_parents(file, false).is_ignore();
    let found: Vec<String> = files.into_iter().filter(is_named).map(str::to_owned).collect();
    match found.len() {
        0 => Err(none()),
        many if many > MOST => Err(NamesError::TooMany(many)),
        _ => Ok(found),
    }
}

/// The names that a command has printed, one per line; lines without text are none.
pub fn of_output(code: i64, output: &str) -> Result<Vec<String>, NamesError> {
    if code != 0 {
        return Err(NamesError::Code(code));
    }
    let names: Vec<String> = output.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(NamesError::Twice(twice.clone()));
    }
    match names.len() {
        0 => Err(NamesError::Nothing),
        many if many > MOST => Err(NamesError::TooMany(many)),
        _ => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_files_below_the_folder_of_the_task() {
        let files = ["tests/test_a.py", "tests/deep/test_b.py", "tests/conftest.py", "other/tests/test_c.py"];
        assert_eq!(of_files("tests/**/test_*.py", files).unwrap(), ["tests/test_a.py", "tests/deep/test_b.py"]);
        assert_eq!(of_files("./tests/test_*.py", files).unwrap(), ["tests/test_a.py"]);
        assert_eq!(of_files("spec/*", files).unwrap_err().to_string(), "`split`: no file matches spec/*");
    }

    #[test]
    fn a_command_prints_each_name_once() {
        assert_eq!(of_output(0, "a\n\n  b c  \n").unwrap(), ["a", "b c"]);
        let why = |code, output| of_output(code, output).unwrap_err().to_string();
        assert_eq!(why(0, "\n"), "`split`: the command that lists the tests printed none");
        assert_eq!(why(0, "a\nb\na\n"), "`split`: the command that lists the tests printed `a` twice");
        assert_eq!(why(2, "a\n"), "`split`: the command that lists the tests ended with code 2");
    }
}
