//! What a person sees: whether there is a terminal, whether colours are welcome, and the calls that print.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use crate::error::{Error, Kind, Result};
use crate::host::engine::piped::Printed;
use crate::host::terminal;
use crate::plain::steers;
use crate::redact::hide;
use crate::ui::table;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Print only what was asked for.
    pub quiet: bool,
    /// Answer every question with yes.
    pub yes: bool,
}

impl Screen {
    /// Whether a person can answer: a terminal on both sides, and not in CI.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !in_ci() && !self.yes
    }

    /// Whether a view may be redrawn.
    #[must_use]
    pub fn is_live(&self) -> bool {
        std::io::stderr().is_terminal() && !in_ci()
    }

    /// A line about what happens, to stderr.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            to_stderr(&format!("{}\n", visible(&hide(text.as_ref()))));
        }
    }

    /// Data that may hold credentials because the user asked for them, to stdout.
    pub fn secret(&self, text: impl AsRef<str>) {
        print(text.as_ref());
    }

    /// Data, to stdout. On a terminal nothing in it steers that.
    pub fn data(&self, text: impl AsRef<str>) {
        let text = hide(text.as_ref());
        print(&if std::io::stdout().is_terminal() { visible(&text) } else { text });
    }

    /// A table, to stdout, in the columns that a terminal has.
    pub fn table(&self, heading: &[&str], rows: &[Vec<String>]) {
        self.data(self.table_text(heading, rows));
    }

    /// The text of a table, in the columns that a terminal has. Nothing in it steers that, and credentials are hidden: each
    /// in its cell, before that is cut.
    #[must_use]
    pub fn table_text(&self, heading: &[&str], rows: &[Vec<String>]) -> String {
        let shown: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| visible(&hide(cell))).collect()).collect();
        table::text(heading, &shown, terminal::columns())
    }

    /// A line of data; false when the reader has gone away.
    pub fn line(&self, text: &str) -> bool {
        let mut out = anstream::stdout().lock();
        kept(&writeln!(out, "{}", hide(text)).and_then(|()| out.flush()))
    }

    /// What a command in a container prints, byte by byte as it comes; false when the reader has gone away.
    pub fn pass_on(&self, printed: Printed, bytes: &[u8]) -> bool {
        match printed {
            Printed::Output => {
                let mut out = std::io::stdout().lock();
                kept(&out.write_all(bytes).and_then(|()| out.flush()))
            }
            Printed::Error => {
                let mut err = std::io::stderr().lock();
                // Where nobody reads that, nobody can be told.
                let _ = err.write_all(bytes).and_then(|()| err.flush());
                true
            }
        }
    }

    /// Data as JSON, to stdout.
    pub fn json(&self, value: &impl serde::Serialize) {
        self.data(serde_json::to_string_pretty(value).unwrap_or_default());
    }

    /// Asks a question that must be answered with yes; anything else is the error `refused`. Without a terminal, a
    /// hint says how to confirm it.
    pub fn insist(&self, question: &str, refused: Error) -> Result<()> {
        let nobody_there = !self.can_ask();
        match self.ask(question) {
            true => Ok(()),
            false if nobody_there => Err(refused.hint("without a terminal, pass --yes")),
            false => Err(refused),
        }
    }

    /// Asks for a line of text; none where nobody can answer.
    #[must_use]
    pub fn text(&self, question: &str) -> Option<String> {
        if !has_terminal() || in_ci() {
            return None;
        }
        to_stderr(&format!("{} ", visible(&hide(question))));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok()?;
        Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty())
    }

    /// Asks a question that is answered with yes or no.
    #[must_use]
    pub fn ask(&self, question: &str) -> bool {
        if self.yes {
            return true;
        }
        if !self.can_ask() {
            return false;
        }
        to_stderr(&format!("{} [y/N] ", visible(&hide(question))));
        if !terminal::is_answered() {
            to_stderr("\n");
            return false;
        }
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }
}

fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    kept(&write!(out, "{text}{end}").and_then(|()| out.flush()));
}

/// Writes to standard error. Where that is impossible, nobody can be told.
pub fn to_stderr(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = write!(err, "{text}").and_then(|()| err.flush());
}

/// The first error of standard output. Data that was not written is a failure of the command whatever else it does, so
/// that it is kept here until the command ends.
static LOST: OnceLock<String> = OnceLock::new();

/// Whether data was written. A reader that has gone away is not an error: it has what it wanted.
pub fn kept(written: &std::io::Result<()>) -> bool {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => drop(LOST.set(error.to_string())),
        _ => {}
    }
    written.is_ok()
}

/// The error of a command whose data could not be written.
pub fn lost_output() -> Result<()> {
    match LOST.get() {
        Some(reason) => Err(Error::message(Kind::Failed, format!("cannot write to standard output: {reason}"))),
        None => Ok(()),
    }
}

/// Whether a command in a container gets a terminal: ours is one on both sides.
#[must_use]
pub fn has_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Whether this runs in CI.
#[must_use]
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Text of others with its control characters made visible, so that it cannot steer the terminal. Colours stay, and end
/// with the text.
#[must_use]
pub fn visible(text: &str) -> String {
    const PLAIN: &str = "\u{1b}[0m";
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n')) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let (mut rest, mut is_coloured) = (text, false);
    while let Some(c) = rest.chars().next() {
        let taken = colour(rest).unwrap_or(c.len_utf8());
        match c {
            _ if taken > c.len_utf8() => {
                is_coloured = true;
                shown.push_str(&rest[..taken]);
            }
            '\n' | '\t' => shown.push(c),
            c if steers(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
        rest = &rest[taken..];
    }
    if is_coloured && !shown.ends_with(PLAIN) {
        shown.push_str(PLAIN);
    }
    shown
}

/// The length of the colour that a text begins with: ESC, `[`, numbers, `m` (ECMA-48, SGR).
fn colour(text: &str) -> Option<usize> {
    const BEGIN: &str = "\u{1b}[";
    let numbers = text.strip_prefix(BEGIN)?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    let codes: Vec<&str> = numbers[..end].split(';').collect();
    // What is concealed (8) is text that nobody sees; after 38 and 48 it is the number of a colour.
    let conceals = codes.contains(&"8") && !codes.iter().any(|code| matches!(*code, "38" | "48"));
    (numbers[end..].starts_with('m') && !conceals).then_some(BEGIN.len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::{Screen, visible};

    #[test]
    fn a_table_hides_credentials_in_each_cell() {
        crate::redact::remember(&["table-credential-31".to_owned()]);
        let rows = [vec!["api".to_owned(), "probe says table-credential-31".to_owned()]];
        let text = Screen { quiet: false, yes: false }.table_text(&["NAME", ""], &rows);
        assert!(text.contains("probe says ") && !text.contains("table-credential-31"), "{text}");
    }

    #[test]
    fn colours_stay_and_what_steers_a_terminal_is_shown() {
        let red = "\u{1b}[1;31mred";
        assert_eq!(visible("plain\n\u{e4}\t"), "plain\n\u{e4}\t");
        assert_eq!(visible(red), format!("{red}\u{1b}[0m"));
        assert_eq!(visible("\u{1b}[32mgreen\u{1b}[0m"), "\u{1b}[32mgreen\u{1b}[0m");
        assert_eq!(visible("\u{1b}[8mhidden"), r"\u{1b}[8mhidden");
        assert_eq!(visible("\u{1b}[38;5;8mgrey\u{1b}[0m"), "\u{1b}[38;5;8mgrey\u{1b}[0m");
        assert_eq!(visible("a\u{85}b\u{2028}c\u{202e}d\u{2066}e"), r"a\u{85}b\u{2028}c\u{202e}d\u{2066}e");
        assert_eq!(visible("\u{1b}[2J\u{7}\u{1b}[1\u{1b}]0;x"), r"\u{1b}[2J\u{7}\u{1b}[1\u{1b}]0;x");
    }
}
