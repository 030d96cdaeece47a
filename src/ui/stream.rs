//! Data that comes line by line, much of it at once: lines are collected and written together, and what is left is written
//! whenever nothing more is there.

use std::io::{BufWriter, Write};

use anstream::AutoStream;

use crate::redact::hidden;
use crate::ui::screen::{kept, visible};

/// Bytes that are written together.
const TOGETHER: usize = 64 * 1024;
/// Colours that tell parts apart on dark and on light ground, in the order in which they are given.
const COLOURS: [u8; 10] = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

/// Standard output, for lines. The colours in them are left out where it is not a terminal that wants some.
pub struct Stream(BufWriter<AutoStream<std::io::Stdout>>);

impl Default for Stream {
    fn default() -> Self {
        Self(BufWriter::with_capacity(TOGETHER, anstream::stdout()))
    }
}

impl Stream {
    /// Adds a line: what is in front of it as it is, and the text of others, which steers no terminal. False when the
    /// reader has gone away.
    pub fn line(&mut self, before: &str, text: &str) -> bool {
        kept(&writeln!(self.0, "{before}{}", visible(&hidden(text))))
    }

    /// Adds a line that holds no text of others but as JSON, in which nothing steers a terminal.
    pub fn json(&mut self, value: &impl serde::Serialize) -> bool {
        let text = serde_json::to_string(value).unwrap_or_default();
        kept(&writeln!(self.0, "{}", harmless(&hidden(&text))))
    }

    /// Writes what was collected.
    pub fn flush(&mut self) -> bool {
        kept(&self.0.flush())
    }
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
    fn json_is_the_same_value_and_steers_nothing() {
        let value = "a\u{9b}31mb\u{202e}\u{e4}\u{1b}[2J";
        let text = harmless(&serde_json::to_string(value).unwrap());
        assert_eq!(text, "\"a\\u009b31mb\\u202e\u{e4}\\u001b[2J\"");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }
}
