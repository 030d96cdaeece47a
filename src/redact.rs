//! Credentials never reach a screen or a log by accident: every text that is printed, kept or sent passes here,
//! and known secrets are replaced by value, also in the forms that they have in a URL and in JSON.

use std::collections::BTreeSet;
use std::sync::RwLock;

/// What must not be printed. A process works for one checkout, so there is one set.
static SECRETS: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Shorter values are ordinary words: hiding them would hide everything.
const SHORTEST: usize = 6;

/// From now on, `values` are hidden.
pub fn remember<'a>(values: impl IntoIterator<Item = &'a String>) {
    if let Ok(mut secrets) = SECRETS.write() {
        for value in values.into_iter().filter(|value| value.len() >= SHORTEST) {
            secrets.extend(forms(value));
        }
    }
}

/// A value as it is, and as programs write it into URLs, forms and JSON.
fn forms(value: &str) -> Vec<String> {
    let url = percent(value);
    // Without the quotes around it: as a log or `--json` has it.
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    let coded = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    let with = |is_coded: fn(char) -> bool| -> String {
        json.chars().map(|c| if is_coded(c) { coded(c) } else { c.to_string() }).collect()
    };
    let lower = url.split('%').enumerate().map(|(at, piece)| match piece.split_at_checked(2) {
        Some((code, rest)) if at > 0 => format!("%{}{rest}", code.to_lowercase()),
        _ => piece.to_owned(),
    });
    vec![
        lower.collect(),
        url.replace("%20", "+"),
        url,
        // Python and others write ASCII alone; Go codes what HTML would take.
        with(|c| !c.is_ascii()),
        with(|c| matches!(c, '&' | '<' | '>')),
        json.to_owned(),
        value.to_owned(),
    ]
}

/// The text with every known secret replaced.
#[must_use]
pub fn hide(text: &str) -> String {
    let Ok(secrets) = SECRETS.read() else { return text.to_owned() };
    // Longer ones first: one may hold another.
    let mut sorted: Vec<&String> = secrets.iter().collect();
    sorted.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    sorted.into_iter().fold(text.to_owned(), |text, secret| {
        if text.contains(secret.as_str()) { text.replace(secret.as_str(), "********") } else { text }
    })
}

/// Percent-encodes what is not unreserved in RFC 3986.
#[must_use]
pub fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            all.push(char::from(byte));
        } else {
            all.push_str(&format!("%{byte:02X}"));
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_by_value_and_as_part_of_a_url() {
        remember([&"p@ss/word-of-the-test".to_owned()]);
        assert_eq!(hide("is p@ss/word-of-the-test, not"), "is ********, not");
        assert_eq!(hide("postgresql://u:p%40ss%2Fword-of-the-test@db/x"), "postgresql://u:********@db/x");
        remember([&"say\"what\\now".to_owned()]);
        assert_eq!(hide("{\"password\":\"say\\\"what\\\\now\"}"), "{\"password\":\"********\"}");
        remember([&"two w\u{f6}rds & <more>".to_owned()]);
        for form in [
            "two+w%C3%B6rds+%26+%3Cmore%3E",
            "two%20w%c3%b6rds%20%26%20%3cmore%3e",
            "two w\\u00f6rds & <more>",
            "two w\u{f6}rds \\u0026 \\u003cmore\\u003e",
        ] {
            assert_eq!(hide(form), "********", "{form}");
        }
        remember([&"abc".to_owned()]);
        assert_eq!(hide("abc"), "abc");
    }
}
