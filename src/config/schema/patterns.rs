//! Patterns as in `.gitignore`: the check says why a string is not one.

use ignore::gitignore::GitignoreBuilder;

use crate::config::text::quote::quoted;

pub(super) fn pattern(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("a pattern must not be empty".to_owned());
    }
    if text.contains(['\n', '\0']) {
        return Err(format!("{} has a line break: write one pattern per entry", quoted(text)));
    }
    let wrong = |why: &str| Err(format!("{} is not a valid pattern: {why}", quoted(text)));
    if text.starts_with('#') {
        return wrong("after `#` comes a comment; write `\\#` for the character");
    }
    if matches!(text.trim_end(), "!" | "/" | "!/") {
        return wrong("it names nothing");
    }
    // Braces mean themselves to git.
    let mut escaped = String::new();
    let mut after_backslash = false;
    for c in text.chars() {
        if matches!(c, '{' | '}') && !after_backslash {
            escaped.push('\\');
        }
        after_backslash = c == '\\' && !after_backslash;
        escaped.push(c);
    }
    if is_open(text) {
        return wrong("`[` is not closed; write `\\[` for the character");
    }
    match GitignoreBuilder::new("").add_line(None, &escaped) {
        Ok(_) => Ok(()),
        Err(error) => wrong(&reason(error)),
    }
}

/// Whether a class of characters has no end; git takes such a pattern and never matches it.
fn is_open(pattern: &str) -> bool {
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => {
                let _negated = chars.next_if(|c| matches!(c, '!' | '^'));
                // A `]` that comes first means itself.
                let _itself = chars.next_if_eq(&']');
                if !chars.by_ref().any(|c| c == ']') {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Why a pattern is none, without the pattern.
fn reason(error: ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err,
        ignore::Error::WithLineNumber { err, .. }
        | ignore::Error::WithPath { err, .. }
        | ignore::Error::WithDepth { err, .. } => reason(*err),
        other => other.to_string(),
    }
}
