//! Credentials never reach a screen or a log by accident: every text that is printed, kept or sent passes here,
//! and known secrets are replaced by value, also in the forms that they have in a URL, in JSON and in base64. Of one with
//! several lines, each line is one too: output comes by the line.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::RwLock;

use regex::Regex;

/// What must not be printed. A process works for one checkout, so there is one set.
static SECRETS: RwLock<Secrets> = RwLock::new(Secrets { all: BTreeSet::new(), pattern: None });

struct Secrets {
    all: BTreeSet<String>,
    /// Finds any of them in one pass; made when it is first needed.
    pattern: Option<Regex>,
}

/// Shorter values are ordinary words: hiding them would hide everything.
const SHORTEST: usize = 6;

/// From now on, `values` are hidden.
pub fn remember<'a>(values: impl IntoIterator<Item = &'a String>) {
    if let Ok(mut secrets) = SECRETS.write() {
        let before = secrets.all.len();
        for value in values.into_iter().flat_map(|value| pieces(value)) {
            secrets.all.extend(forms(value));
        }
        if secrets.all.len() != before {
            secrets.pattern = None;
        }
    }
}

/// A value and each of its lines, where that is long enough. The lines around a PEM file are everybody's.
fn pieces(value: &str) -> impl Iterator<Item = &str> {
    let lines = value.lines().map(str::trim).filter(move |line| *line != value && !line.starts_with("-----"));
    std::iter::once(value).chain(lines).filter(|piece| piece.len() >= SHORTEST)
}

/// A value as it is, and as programs write it into URLs, forms, JSON and base64.
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
    [
        lower.collect(),
        url.replace("%20", "+"),
        url,
        // Python and others write ASCII alone; Go codes what HTML would take.
        with(|c| !c.is_ascii()),
        with(|c| matches!(c, '&' | '<' | '>')),
        json.to_owned(),
        value.to_owned(),
    ]
    .into_iter()
    .chain((0..3).flat_map(|before| base64(value, before)))
    .collect()
}

/// The characters of base64 that a value alone decides, `before` bytes of others standing in front of it in the same
/// group of three: in the alphabet of MIME and in that of URLs (RFC 4648).
fn base64(value: &str, before: usize) -> [String; 2] {
    const COMMON: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(value.bytes()).collect();
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let sextets: Vec<usize> = ((before * 8).div_ceil(6)..bytes.len() * 8 / 6)
        .map(|at| (0..6).fold(0, |all, step| all << 1 | bit(at * 6 + step)))
        .collect();
    [['+', '/'], ['-', '_']].map(|last| {
        let letter =
            |sextet: &usize| COMMON.get(*sextet).map_or_else(|| last[sextet - COMMON.len()], |c| char::from(*c));
        sextets.iter().map(letter).collect()
    })
}

/// The text with every known secret replaced.
#[must_use]
pub fn hide(text: &str) -> String {
    hidden(text).into_owned()
}

/// The same without a copy where there is nothing to hide.
#[must_use]
pub fn hidden(text: &str) -> Cow<'_, str> {
    let Ok(mut secrets) = SECRETS.read() else { return Cow::Borrowed(text) };
    if secrets.all.is_empty() {
        return Cow::Borrowed(text);
    }
    if secrets.pattern.is_none() {
        drop(secrets);
        if let Ok(mut secrets) = SECRETS.write() {
            secrets.pattern = pattern(&secrets.all);
        }
        let Ok(again) = SECRETS.read() else { return Cow::Borrowed(text) };
        secrets = again;
    }
    match &secrets.pattern {
        Some(pattern) => pattern.replace_all(text, HIDDEN),
        None => Cow::Owned(secrets.all.iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))),
    }
}

/// What stands for a secret.
const HIDDEN: &str = "********";

/// Finds any of these texts. Longer ones first: one may hold another.
fn pattern(secrets: &BTreeSet<String>) -> Option<Regex> {
    let mut sorted: Vec<&String> = secrets.iter().collect();
    sorted.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let escaped: Vec<String> = sorted.into_iter().map(|secret| regex::escape(secret)).collect();
    regex::RegexBuilder::new(&escaped.join("|")).size_limit(usize::MAX).build().ok()
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

/// A line with stars for what stands behind its key, as many bytes as before.
#[must_use]
pub fn masked_values(line: &str) -> Cow<'_, str> {
    let bare = line.trim_start();
    let is_key = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.\"'".contains(c));
    let values = match bare.split_once(':') {
        Some((key, values)) if is_key(key) => values,
        _ => bare,
    };
    let (kept, values) = line.split_at(line.len() - values.len());
    let star = |c: char| if c == ' ' { " ".to_owned() } else { "*".repeat(c.len_utf8()) };
    Cow::Owned(format!("{kept}{}", values.chars().map(star).collect::<String>()))
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
        // In both alphabets, and with one and two bytes more before it.
        remember([&"base64-of-the-test>?>".to_owned()]);
        for form in [
            "YmFzZTY0LW9mLXRoZS10ZXN0Pj8+",
            "YmFzZTY0LW9mLXRoZS10ZXN0Pj8-",
            "OmJhc2U2NC1vZi10aGUtdGVzdD4/Pg==",
            "eHhiYXNlNjQtb2YtdGhlLXRlc3Q+Pz4=",
        ] {
            let hidden = hide(form);
            assert!(hidden.contains("********") && hidden.len() <= "********".len() + 6, "{form}: {hidden}");
        }
        // As a log has a PEM file: line by line, its last line without an end.
        remember(
            ["-----BEGIN KEY-----\nline-one-of-the-test\r\n  line-two-of-the-test\n=end\n-----END KEY-----\n"]
                .map(str::to_owned)
                .iter(),
        );
        let lines = ["-----BEGIN KEY-----", "line-one-of-the-test", "x line-two-of-the-test", "=end"];
        assert_eq!(lines.map(hide), ["-----BEGIN KEY-----", "********", "x ********", "=end"]);
        remember([&"with-an-end-of-the-test\n".to_owned()]);
        assert_eq!(hide("with-an-end-of-the-test"), "********");
        remember([&"abc".to_owned()]);
        assert_eq!(hide("abc"), "abc");
    }
}
