//! Which characters do not stand for themselves on a terminal. Text of others is shown without them, or with their codes.

/// Whether a character steers a terminal, or hides from a person: control characters, U+0085 among them; separators that
/// some take for line breaks; and marks that change the direction of what follows.
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{feff}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with a space in place of each such character.
#[must_use]
pub fn spaced(text: &str) -> String {
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_becomes_a_space_and_letters_stay() {
        assert_eq!(spaced("a\u{85}b\u{2028}c\u{202e}d\u{2066}e\u{feff}\u{1b}[2J\r\u{e4}"), "a b c d e  [2J \u{e4}");
    }
}
