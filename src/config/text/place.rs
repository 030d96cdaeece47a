//! Positions: spans inside the configuration, places for people and editors.

use std::fmt;
use std::ops::Range;

/// A place in a configuration file, as people and editors name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the file, as it was passed in.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Bytes in the text of the file, without byte order mark.
    pub bytes: Range<usize>,
}

/// File and line, such as `devenv.local.yaml:4`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Bytes of one of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    /// Which of the [`Texts`].
    pub text: usize,
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub(crate) fn new(text: usize, bytes: Range<usize>) -> Self {
        Self { text, start: bytes.start, end: bytes.end }
    }
}

/// One file's text, in which places can be found.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub name: String,
    pub text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Text {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        Self { name: name.into(), text, lines }
    }

    /// Line and column of a byte, both from 1; a byte behind the end is the end.
    pub(crate) fn position(&self, byte: usize) -> (usize, usize) {
        let byte = self.floor(byte);
        let line = self.lines.partition_point(|start| *start <= byte).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..byte).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The line that has `byte`, without its break, and where it begins.
    pub(crate) fn line_of(&self, byte: usize) -> (usize, &str) {
        let byte = self.floor(byte);
        let line = self.lines.partition_point(|start| *start <= byte).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        (start, self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r']))
    }

    fn floor(&self, byte: usize) -> usize {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }
}

/// The texts that spans point into.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts(Vec<Text>);

impl Texts {
    /// Adds a text; its number goes into the spans.
    pub(crate) fn add(&mut self, text: Text) -> usize {
        self.0.push(text);
        self.0.len() - 1
    }

    /// The number that the next text will have.
    pub(crate) fn next(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, number: usize) -> Option<&Text> {
        self.0.get(number)
    }

    /// The bytes that a span covers.
    pub(crate) fn slice(&self, span: Span) -> &str {
        self.get(span.text).and_then(|text| text.text.get(span.start..span.end)).unwrap_or_default()
    }

    /// A span as a place; an unknown text gives a place without name.
    pub(crate) fn place(&self, span: Span) -> Place {
        let (file, (line, column)) = match self.get(span.text) {
            Some(text) => (text.name.clone(), text.position(span.start)),
            None => (String::new(), (1, 1)),
        };
        Place { file, line, column, bytes: span.start..span.end.max(span.start) }
    }

    /// Name and text of each file.
    pub(crate) fn into_named(self) -> Vec<(String, String)> {
        self.0.into_iter().map(|text| (text.name, text.text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_may_end_in_crlf() {
        let text = Text::new("a", "é: 🦀x\r\nb: 1");
        let at = |needle: &str| text.position(text.text.find(needle).unwrap());
        assert_eq!((at("x"), at("b"), at("1"), text.position(999)), ((1, 5), (2, 1), (2, 4), (2, 5)));
        assert_eq!(text.line_of(2), (0, "é: 🦀x"));
    }
}
