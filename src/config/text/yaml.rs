//! How values are written as YAML: each text reads back as that very text, by readers of YAML 1.1 and of YAML 1.2.
//!
//! A plain scalar is what its reader takes it for: a date, a number to base 60, a boolean, null. So only what begins with
//! a letter and is no such word stands plain; everything else is quoted, with escapes for all that YAML cannot hold or
//! takes for a line break (YAML 1.2, section 5.1; U+0085 is a break in YAML 1.1).

use serde::Serialize;
use serde_yaml::Value;

/// Words that a reader takes for something else, in any case of letters: booleans and null of YAML 1.1, and numbers.
const WORDS: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan"];
/// Longest text of a key that stands before its `:`; YAML allows 1,024 characters.
const LONGEST_KEY: usize = 800;

/// A value as a document in block style.
#[must_use]
pub fn document(value: &impl Serialize) -> String {
    let mut out = String::new();
    node(&mut out, &serde_yaml::to_value(value).unwrap_or_default(), 0, After::Nothing);
    out
}

/// A text as a scalar: plain where that means the same to every reader, else quoted.
#[must_use]
pub fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { json(&text) }
}

/// A value as JSON that is YAML too, on one line.
#[must_use]
pub fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    if text.chars().all(|c| !is_invisible(c)) {
        return text;
    }
    // In JSON, these stand in strings alone.
    text.chars().fold(String::new(), |mut escaped, c| {
        if is_invisible(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
        escaped
    })
}

/// Characters that YAML does not allow as they are, or takes for a line break or a mark of byte order.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn is_plain(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || " _./@+=-()$&;*?~^'\"".contains(c);
    let mut chars = text.chars();
    let begins = match chars.next() {
        Some('.') => chars.next().is_some_and(|c| c.is_ascii_alphabetic()),
        Some(first) => first.is_ascii_alphabetic() || first == '/' || first == '_',
        None => false,
    };
    // A colon is a key's end before a space, and at the end of the text.
    let colons = text.split(':').skip(1).all(|rest| rest.starts_with(|c: char| c != ' ' && inner(c)));
    begins
        && colons
        && text.chars().all(|c| c == ':' || inner(c))
        && !text.ends_with(' ')
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a text may stand as it is, line by line: nothing in it is changed by a reader.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let visible = |c: char| c == '\n' || (c >= ' ' && !is_invisible(c));
    body.contains('\n') && !body.starts_with([' ', '\n']) && !body.ends_with('\n') && text.chars().all(visible)
}

/// What stands on the line before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nothing: it is the document.
    Nothing,
    /// A key and its colon, or a tag.
    Key,
    /// The dash of a list.
    Dash,
}

fn node(out: &mut String, value: &Value, indent: usize, after: After) {
    let space = if after == After::Nothing { "" } else { " " };
    match value {
        Value::Mapping(map) if !map.is_empty() => {
            begin(out, after);
            for (at, (key, value)) in map.iter().enumerate() {
                lead(out, indent, at == 0 && after != After::Key);
                self::key(out, key, indent);
                // A list stands below its key, not under it.
                let is_list = matches!(value, Value::Sequence(items) if !items.is_empty());
                node(out, value, if is_list { indent } else { indent + 2 }, After::Key);
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            begin(out, after);
            for (at, item) in items.iter().enumerate() {
                lead(out, indent, at == 0 && after != After::Key);
                out.push('-');
                node(out, item, indent + 2, After::Dash);
            }
        }
        Value::Tagged(tagged) => {
            out.push_str(&format!("{space}{}", tagged.tag));
            node(out, &tagged.value, indent, After::Key);
        }
        Value::String(text) if after != After::Nothing && is_block(text) => {
            let (body, keep) = text.strip_suffix('\n').map_or((text.as_str(), "-"), |body| (body, ""));
            out.push_str(&format!(" |{keep}\n"));
            for line in body.split('\n') {
                lead(out, if line.is_empty() { 0 } else { indent }, false);
                out.push_str(line);
                out.push('\n');
            }
        }
        Value::String(text) => out.push_str(&format!("{space}{}\n", scalar(text))),
        other => out.push_str(&format!("{space}{}\n", json(other))),
    }
}

fn key(out: &mut String, key: &Value, indent: usize) {
    let text = key.as_str().map_or_else(|| json(key), scalar);
    if text.len() > LONGEST_KEY {
        out.push_str(&format!("? {text}\n"));
        lead(out, indent, false);
    } else {
        out.push_str(&text);
    }
    out.push(':');
}

/// Goes to where the first entry stands.
fn begin(out: &mut String, after: After) {
    match after {
        After::Nothing => {}
        After::Key => out.push('\n'),
        After::Dash => out.push(' '),
    }
}

/// Indents a line, unless it goes on.
fn lead(out: &mut String, indent: usize, goes_on: bool) {
    if !goes_on {
        out.push_str(&" ".repeat(indent));
    }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
