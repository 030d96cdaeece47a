//! A `.dockerignore` as docker reads it: each pattern begins at the context's folder, the last that matches decides, and
//! what is below a folder that matches matches too.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::host::ignore::patterns::{Matched, as_git_reads};

/// The patterns of one file.
#[derive(Debug)]
pub(in crate::host) struct DockerPatterns(Vec<Line>);

#[derive(Debug)]
struct Line {
    pattern: Gitignore,
    verdict: Matched,
}

impl DockerPatterns {
    /// Reads the text of a file; a line that is no pattern is skipped.
    pub(in crate::host) fn new(text: &str) -> Self {
        Self(text.trim_start_matches('\u{feff}').lines().filter_map(line).collect())
    }

    /// What they say about a path below the context's folder.
    pub(in crate::host) fn verdict(&self, path: &Path, is_folder: bool) -> Option<Matched> {
        let matches = |line: &&Line| line.pattern.matched_path_or_any_parents(path, is_folder).is_ignore();
        let last = self.0.iter().rev().find(matches)?;
        // Below a folder that is left out, a later line may take something back.
        let may_return = || self.0.iter().any(|line| line.verdict == Matched::In);
        match last.verdict {
            Matched::Out if is_folder && may_return() => Some(Matched::In),
            verdict => Some(verdict),
        }
    }
}

fn line(text: &str) -> Option<Line> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let (text, verdict) = match text.strip_prefix('!') {
        Some(rest) => (rest.trim(), Matched::In),
        None => (text, Matched::Out),
    };
    let parts = text.split('/').filter(|part| !part.is_empty() && *part != ".");
    let anchored: String = parts.map(|part| format!("/{part}")).collect();
    let mut builder = GitignoreBuilder::new("");
    builder.add_line(None, &as_git_reads(&anchored)).ok()?;
    Some(Line { pattern: builder.build().ok()?, verdict })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these files are left out.
    fn out(text: &str, files: &[&str]) -> Vec<String> {
        let patterns = DockerPatterns::new(text);
        let is_out = |file: &&&str| patterns.verdict(Path::new(file), false) == Some(Matched::Out);
        files.iter().filter(is_out).map(|file| (*file).to_owned()).collect()
    }

    #[test]
    fn a_pattern_begins_at_the_folder_and_covers_what_is_below() {
        let files = ["a.md", "docs/a.md", "node_modules/x/y", "web/node_modules/x"];
        assert_eq!(out("*.md\n# no\n\n./node_modules/\n", &files), ["a.md", "node_modules/x/y"]);
        assert_eq!(out("**/*.md\n**/node_modules", &files), files);
        assert_eq!(out("*.{md,py}", &["a.md", "a.{md,py}"]), ["a.{md,py}"], "braces mean nothing");
    }

    #[test]
    fn the_last_line_that_matches_decides_also_below_a_folder_that_is_left_out() {
        let files = ["x", "src/app/a.py", "src/b.py", "src/app/c.log"];
        assert_eq!(out("*\n!src/app\n**/*.log\n", &files), ["x", "src/b.py", "src/app/c.log"]);
        assert_eq!(DockerPatterns::new("*\n!src/app").verdict(Path::new("src"), true), Some(Matched::In));
    }
}
