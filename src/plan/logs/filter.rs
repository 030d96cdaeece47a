//! Which lines of a log are wanted: by a pattern and by how urgent they are. A line that names no level has that of the
//! line before it where it goes on with that, so that a traceback stays whole.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::Regex;

use crate::error::{Error, Kind};
use crate::plan::logs::access::Access;
use crate::plan::logs::level::{self, Level};

/// What a pattern may use of memory when it is compiled, in bytes.
const LARGEST: usize = 1_000_000;

/// What is wanted, and what the last line of each part was.
#[derive(Debug, Default)]
pub struct Filter {
    pattern: Option<Regex>,
    least: Option<Level>,
    last: BTreeMap<String, Level>,
}

/// A line that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown<'a> {
    /// What a person reads.
    pub text: Cow<'a, str>,
    /// How urgent it is, where it says so.
    pub level: Option<Level>,
}

/// Whose line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The gateway, whose access log is JSON.
    Gateway,
    /// Any other part.
    Other,
}

impl Filter {
    /// Lets lines through that a regular expression matches and that are at least so urgent.
    pub fn new(pattern: Option<&str>, least: Option<Level>) -> Result<Self, Error> {
        let compile = |pattern: &str| {
            let built = regex::RegexBuilder::new(pattern).size_limit(LARGEST).build();
            built.map_err(|error| {
                let reason = match error {
                    regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                    error => {
                        error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
                    }
                };
                Error::message(Kind::Usage, format!("`--grep` is not a regular expression: {reason}"))
                    .hint("a backslash makes a character literal: `--grep 'a\\.b'`")
            })
        };
        Ok(Self { pattern: pattern.map(compile).transpose()?, least, last: BTreeMap::new() })
    }

    /// A line of a part as it is shown; none where it is not wanted. `wants_level` says whether anybody reads the level.
    pub fn take<'a>(&mut self, part: &str, author: Author, line: &'a str, wants_level: bool) -> Option<Shown<'a>> {
        let access = if author == Author::Gateway { Access::read(line) } else { None };
        let level = match &access {
            Some(access) => Some(access.level()),
            None if self.least.is_some() || wants_level => self.level(part, line),
            None => None,
        };
        if self.least.is_some_and(|least| level.unwrap_or(Level::Info) < least) {
            return None;
        }
        let text = access.map_or(Cow::Borrowed(line), |access| Cow::Owned(access.to_string()));
        let is_matched = |pattern: &Regex| {
            let bare = without_colours(line);
            pattern.is_match(&bare) || (text != bare && pattern.is_match(&text))
        };
        self.pattern.as_ref().is_none_or(is_matched).then_some(Shown { text, level })
    }

    fn level(&mut self, part: &str, line: &str) -> Option<Level> {
        let bare = without_colours(line);
        let found = level::level(&bare);
        let known = match found {
            None if level::continues(&bare) => self.last.get(part).copied(),
            found => found,
        };
        match known {
            Some(level) => drop(self.last.insert(part.to_owned(), level)),
            None => drop(self.last.remove(part)),
        }
        known
    }
}

/// A line without the escape sequences that colour it.
fn without_colours(line: &str) -> Cow<'_, str> {
    const BEGIN: &str = "\u{1b}[";
    if !line.contains(BEGIN) {
        return Cow::Borrowed(line);
    }
    let mut pieces = line.split(BEGIN);
    let mut bare = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit() && c != ';').filter(|end| piece[*end..].starts_with('m'));
        bare.push_str(end.map_or(piece, |end| &piece[end + 1..]));
    }
    Cow::Owned(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of the lines of `api`.
    fn left(filter: &mut Filter, lines: &[&str]) -> String {
        let shown = lines.iter().filter_map(|line| filter.take("api", Author::Other, line, false));
        shown.map(|line| line.text.into_owned() + "\n").collect()
    }

    #[test]
    fn a_traceback_stays_whole_and_what_says_nothing_is_information() {
        let lines = [
            "2026-11-30 ERROR shop: no",
            "Traceback (most recent call last):",
            "  File \"app.py\", line 3",
            "ValueError: no",
            "listening",
            "  indented",
            "2026-11-30 INFO shop: yes",
        ];
        let mut filter = Filter::new(None, Some(Level::Warn)).unwrap();
        assert_eq!(left(&mut filter, &lines), lines[..4].join("\n") + "\n");
        let mut filter = Filter::new(None, Some(Level::Info)).unwrap();
        assert_eq!(left(&mut filter, &lines).lines().count(), lines.len());
    }

    #[test]
    fn a_pattern_matches_what_a_person_reads() {
        let mut filter = Filter::new(Some("^red [0-9]+$"), None).unwrap();
        assert_eq!(left(&mut filter, &["\u{1b}[31mred\u{1b}[0m 7", "red x", "a red 7"]), "\u{1b}[31mred\u{1b}[0m 7\n");
        let error = Filter::new(Some("a("), None).unwrap_err();
        assert_eq!(error.to_string(), "`--grep` is not a regular expression: unclosed group");
        assert_eq!(error.kind, Kind::Usage);
        let error = Filter::new(Some("(a{1000}){1000}"), None).unwrap_err();
        assert_eq!(error.to_string(), "`--grep` is not a regular expression: it is too large");
    }

    #[test]
    fn the_lines_of_the_gateway_are_readable_and_have_the_level_of_their_status() {
        let line = r#"{"method":"GET","uri":"/x","status":404,"request_time":0.001,"upstream":"web"}"#;
        let mut filter = Filter::new(Some("/x 404"), Some(Level::Warn)).unwrap();
        let shown = filter.take("gateway", Author::Gateway, line, false).unwrap();
        assert_eq!((shown.text.as_ref(), shown.level), ("GET /x 404 1 ms → web", Some(Level::Warn)));
        // A module that prints the same is not the gateway.
        assert_eq!(Filter::default().take("api", Author::Other, line, false).unwrap().text, line);
    }
}
