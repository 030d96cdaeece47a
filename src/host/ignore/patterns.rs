//! Patterns of `.gitignore` files, read as git reads them: what git takes literally and the matcher would not is escaped
//! on the way.

use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// What patterns say about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::host) enum Matched {
    /// It does not count.
    Out,
    /// It counts, whatever weaker patterns say.
    In,
}

/// The patterns of one file, in force below one folder.
#[derive(Debug, Clone)]
pub(in crate::host) struct Patterns(Gitignore);

impl Patterns {
    /// Patterns in the words of a `.gitignore` that stands in `folder`. A line that is no pattern is skipped, as git
    /// does.
    pub(in crate::host) fn new(folder: &Path, text: &[u8]) -> Self {
        let mut builder = GitignoreBuilder::new(folder);
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        for line in text.split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
            if !line.starts_with('#') {
                // What cannot be parsed matches nothing.
                let _ = builder.add_line(None, &as_git_reads(&line));
            }
        }
        Self(builder.build().unwrap_or_else(|_| Gitignore::empty()))
    }

    /// What they say about a path below their folder.
    pub(in crate::host) fn verdict(&self, path: &Path, is_folder: bool) -> Option<Matched> {
        match self.0.matched(path, is_folder) {
            Match::Ignore(_) => Some(Matched::Out),
            Match::Whitelist(_) => Some(Matched::In),
            Match::None => None,
        }
    }
}

/// Classes that POSIX names, which git knows and the matcher does not.
const CLASSES: [(&str, &str); 12] = [
    ("[:alnum:]", "a-zA-Z0-9"),
    ("[:alpha:]", "a-zA-Z"),
    ("[:blank:]", " \t"),
    ("[:cntrl:]", "\u{1}-\u{1f}\u{7f}"),
    ("[:digit:]", "0-9"),
    ("[:graph:]", "!-~"),
    ("[:lower:]", "a-z"),
    ("[:print:]", " -~"),
    ("[:punct:]", "!-/:-@[-`{-~"),
    ("[:space:]", " \t\n\u{b}\u{c}\r"),
    ("[:upper:]", "A-Z"),
    ("[:xdigit:]", "0-9a-fA-F"),
];

/// Braces are nothing special to git and docker, and `[[:digit:]]` is to git.
pub(super) fn as_git_reads(line: &str) -> String {
    let mut made = String::with_capacity(line.len());
    let mut rest = line;
    let mut in_class = false;
    while let Some(first) = rest.chars().next() {
        if in_class && let Some((name, members)) = CLASSES.iter().find(|(name, _)| rest.starts_with(name)) {
            made.push_str(members);
            rest = &rest[name.len()..];
            continue;
        }
        let length = first.len_utf8();
        match first {
            '\\' => {
                let after = rest[1..].chars().next().map_or(0, char::len_utf8);
                made.push_str(&rest[..1 + after]);
                rest = &rest[1 + after..];
                continue;
            }
            '{' | '}' if !in_class => {
                made.push('\\');
                made.push(first);
            }
            '[' if !in_class => {
                // A class ends at the first `]` that is not its first member; one without end is not a class.
                let mut begin = length;
                if rest[begin..].starts_with(['!', '^']) {
                    begin += 1;
                }
                if rest[begin..].starts_with(']') {
                    begin += 1;
                }
                in_class = rest[begin..].contains(']');
                made.push_str(&rest[..begin]);
                rest = &rest[begin..];
                continue;
            }
            ']' if in_class => {
                in_class = false;
                made.push(first);
            }
            _ => made.push(first),
        }
        rest = &rest[length..];
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_nothing_special_and_classes_have_names() {
        assert_eq!(as_git_reads("*.{js,ts}"), "*.\\{js,ts\\}");
        assert_eq!(as_git_reads("a[[:digit:]_]{"), "a[0-9_]\\{");
        assert_eq!(as_git_reads("[!]{]x"), "[!]{]x");
        assert_eq!(as_git_reads("\\{x\\ "), "\\{x\\ ");
    }
}
