//! How foreign text is shown in a message: short, on one line, and harmless to a terminal.

/// Longest foreign text that a message repeats, in characters.
const MOST: usize = 60;

/// The text in backticks; control and direction characters are escaped, long texts are cut.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text))
}

/// The same without backticks.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == MOST {
            shown.push('…');
            break;
        }
        match c {
            c if c.is_control() || turns(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// True for invisible characters that change how the rest of the line is read (CVE-2021-42574).
fn turns(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_move_the_cursor_or_flood_the_message() {
        assert_eq!(quoted("a\u{1b}[2Jb\n\u{202e}c"), r"`a\u{1b}[2Jb\n\u{202e}c`");
        assert_eq!(quoted(&"é".repeat(100)), format!("`{}…`", "é".repeat(60)));
    }
}
