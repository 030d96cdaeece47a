//! Bytes of a file become text, or a problem with the byte that is wrong.

use crate::config::problems::Finding;
use crate::config::text::place::{Span, Text};

/// Largest file.
const MOST_BYTES: usize = 1 << 20;

/// The text of a file; with a problem, as much of it as can be shown.
pub(crate) fn text(name: &str, bytes: &[u8], number: usize) -> (Text, Option<Finding>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.len() > MOST_BYTES {
        let what = format!("{name} has {} bytes: more than the {MOST_BYTES} of the largest configuration", bytes.len());
        return whole_file(name, number, what, "move data to files of their own");
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return whole_file(name, number, format!("{name} is in UTF-16"), "save it as UTF-8");
    }
    let (valid, broken) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let good = error.valid_up_to();
            (std::str::from_utf8(&bytes[..good]).unwrap_or_default(), bytes.get(good))
        }
    };
    let control = valid.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}'));
    let (at, what, help) = match (control, broken) {
        (Some((at, '\0')), _) => (at, "is NUL".to_owned(), "is this a binary file, or UTF-16? Save it as UTF-8 text"),
        (Some((at, c)), _) => (
            at,
            format!("is the control character U+{:04X}", u32::from(c)),
            "remove it; in double quotes write an escape such as \\e",
        ),
        (None, Some(byte)) => (valid.len(), format!("(0x{byte:02x}) is not UTF-8"), "save the file as UTF-8"),
        (None, None) => return (Text::new(name, valid), None),
    };
    let shown = format!("{}\u{fffd}", &valid[..at]);
    let span = Span::new(number, at..shown.len());
    let finding = Finding::new(span, format!("byte {at} of {name} {what}")).label("here").help(help);
    (Text::new(name, shown), Some(finding))
}

fn whole_file(name: &str, number: usize, what: String, help: &str) -> (Text, Option<Finding>) {
    (Text::new(name, ""), Some(Finding::new(Span::new(number, 0..0), what).help(help)))
}
