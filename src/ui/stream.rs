//! Data that comes line by line, much of it at once: lines are collected and written together, and what is left is written
//! whenever nothing more is there. A line of plain text, which most are, is copied once.

use std::borrow::Cow;
use std::io::Write;

use anstream::ColorChoice;
use anstream::adapter::strip_str;

use crate::redact::hidden;
use crate::ui::screen::{kept, visible};

/// Bytes that are written together.
const TOGETHER: usize = 64 * 1024;
/// Colours that tell parts apart on dark and on light ground, in the order in which they are given.
const COLOURS: [u8; 10] = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

/// Standard output, for lines. The colours in them are left out where it is not a terminal that wants some.
pub struct Stream {
    /// What was collected.
    text: String,
    has_colours: bool,
}

impl Default for Stream {
    fn default() -> Self {
        let has_colours = anstream::AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
        Self { text: String::with_capacity(2 * TOGETHER), has_colours }
    }
}

impl Stream {
    /// A line's beginning as this stream has it: with its colours, or without.
    #[must_use]
    pub fn beginning(&self, text: &str) -> String {
        self.with_colours(text).into_owned()
    }

    fn with_colours<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.has_colours { Cow::Borrowed(text) } else { Cow::Owned(strip_str(text).to_string()) }
    }

    /// Adds a line: what is in front of it as it is, and the text of others, which steers no terminal. False when the
    /// reader has gone away.
    pub fn line(&mut self, before: [&str; 2], text: &str) -> bool {
        before.iter().for_each(|before| self.text.push_str(before));
        if is_plain(text) {
            self.text.push_str(text);
        } else {
            // Before its control characters are made visible: a credential may have some.
            let shown = visible(&hidden(text));
            let shown = self.with_colours(&shown).into_owned();
            self.text.push_str(&shown);
        }
        self.end()
    }

    /// Adds a line that holds no text of others but as JSON, in which nothing steers a terminal.
    pub fn json(&mut self, value: &impl serde::Serialize) -> bool {
        let text = serde_json::to_string(value).unwrap_or_default();
        if text.is_ascii() {
            self.text.push_str(&text);
        } else {
            self.text.push_str(&harmless(&hidden(&text)));
        }
        self.end()
    }

    fn end(&mut self) -> bool {
        self.text.push('\n');
        self.text.len() < TOGETHER || self.flush()
    }

    /// Writes what was collected, credentials hidden.
    pub fn flush(&mut self) -> bool {
        let mut out = std::io::stdout().lock();
        let written = out.write_all(hidden(&self.text).as_bytes()).and_then(|()| out.flush());
        self.text.clear();
        kept(&written)
    }
}

/// Whether a text is printable ASCII and tabs: nothing in it has to be looked at.
fn is_plain(text: &str) -> bool {
    !text.bytes().fold(false, |other, byte| other | !matches!(byte, b' '..=b'~' | b'\t'))
}

/// The name of a part in front of its lines, in the colour that its number has.
#[must_use]
pub fn coloured(name: &str, width: usize, number: usize) -> String {
    let colour = COLOURS[number % COLOURS.len()];
    format!("\u{1b}[{colour}m{name:width$} |\u{1b}[0m ")
}

/// JSON in which characters that steer a terminal are escaped: the control characters above U+007F, and marks of direction.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() || !crate::plain::steers(c) {
            text.push(c);
        } else {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_a_colour_of_its_own_that_ends_with_its_name() {
        assert_eq!(coloured("db", 4, 1), "\u{1b}[33mdb   |\u{1b}[0m ");
        assert_eq!(coloured("db", 2, 0), coloured("db", 2, COLOURS.len()));
    }

    #[test]
    fn lines_steer_no_terminal_hide_credentials_and_have_colours_where_they_are_wanted() {
        crate::redact::remember(&["stream-word-\u{7}-of-the-test".to_owned(), "plain-word-of-the-test".to_owned()]);
        for (has_colours, expected) in [
            (true, "a | \u{1b}[31mred\u{1b}[0m\na | \\u{1b}[2J\na | ********\na | ********\n"),
            (false, "a | red\na | \\u{1b}[2J\na | ********\na | ********\n"),
        ] {
            let mut stream = Stream { has_colours, ..Stream::default() };
            let texts = ["\u{1b}[31mred", "\u{1b}[2J", "stream-word-\u{7}-of-the-test", "plain-word-of-the-test"];
            texts.iter().for_each(|text| assert!(stream.line(["a |", " "], text)));
            assert_eq!(hidden(&stream.text), expected);
        }
    }

    #[test]
    fn json_is_the_same_value_and_steers_nothing() {
        let value = "a\u{9b}31mb\u{202e}\u{e4}\u{1b}[2J";
        let text = harmless(&serde_json::to_string(value).unwrap());
        assert_eq!(text, "\"a\\u009b31mb\\u202e\u{e4}\\u001b[2J\"");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }
}
