//! A view that is shown again and again in the same place. It changes no mode of the terminal, so that one that ends at any
//! moment leaves nothing to restore.

use std::io::{IsTerminal, Write};

use crate::host::terminal;
use crate::ui::screen::kept;

const HOME: &str = "\u{1b}[H";
const CLEAR: &str = "\u{1b}[2J";
const REST_OF_LINE: &str = "\u{1b}[K";
const REST_OF_SCREEN: &str = "\u{1b}[J";

/// A view; where standard output is not a terminal, each text that is another than the one before is printed below it.
#[derive(Debug, Default)]
pub struct Live {
    shown: Option<(String, usize)>,
}

impl Live {
    /// Shows a text; false when the reader has gone away.
    pub fn show(&mut self, text: &str) -> bool {
        let is_first = self.shown.is_none();
        // A terminal that was made smaller has pushed away what stood at its top.
        let rows = terminal::rows().unwrap_or(24);
        let next = Some((text.to_owned(), rows));
        if self.shown == next {
            return true;
        }
        self.shown = next;
        let mut out = std::io::stdout().lock();
        if !std::io::stdout().is_terminal() {
            let gap = if is_first { "" } else { "\n" };
            return kept(&write!(out, "{gap}{text}").and_then(|()| out.flush()));
        }
        let begin = if is_first { format!("{CLEAR}{HOME}") } else { HOME.to_owned() };
        let frame = frame(text, rows);
        kept(&write!(out, "{begin}{frame}").and_then(|()| out.flush()))
    }
}

/// As many lines as there is room for, each with what was there before wiped away.
fn frame(text: &str, rows: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    // The cursor stands below the last line.
    let room = rows.saturating_sub(1).max(1);
    let mut shown: Vec<String> = lines.iter().take(room).map(|line| (*line).to_owned()).collect();
    if lines.len() > room {
        shown.pop();
        shown.push(format!("… {} more lines", lines.len() - shown.len()));
    }
    let shown: String = shown.into_iter().map(|line| format!("{line}{REST_OF_LINE}\r\n")).collect();
    format!("{shown}{REST_OF_SCREEN}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_wipes_what_was_there_and_fits() {
        assert_eq!(frame("a\nb\n", 24), "a\u{1b}[K\r\nb\u{1b}[K\r\n\u{1b}[J");
        assert_eq!(frame("a\nb\nc\nd\n", 4), "a\u{1b}[K\r\nb\u{1b}[K\r\n… 2 more lines\u{1b}[K\r\n\u{1b}[J");
    }
}
