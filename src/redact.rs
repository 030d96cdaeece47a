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
            secrets.insert(percent(value));
            // Without the quotes around it: as a log or `--json` has it.
            let escaped = serde_json::to_string(value).unwrap_or_default();
            secrets.extend(escaped.get(1..escaped.len() - 1).map(str::to_owned));
            secrets.insert(value.clone());
        }
    }
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
        remember([&"abc".to_owned()]);
        assert_eq!(hide("abc"), "abc");
    }
}
