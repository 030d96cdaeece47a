//! Files of a checkout other than the configuration itself, read straight into their types: `image.yaml`, presets, the
//! lock, the profile of certificates. What is wrong with them has a place, as it has in devenv.yaml.

use serde::de::DeserializeOwned;

use crate::config::problems::{self, Finding, Problems};
use crate::config::text::parse::{self, DEEPEST, MOST_BYTES};
use crate::config::text::place::{Span, Text, Texts};

/// Reads the text of the file `name`.
///
/// # Errors
/// What is wrong with it, with its place.
pub fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Problems> {
    if text.len() > MOST_BYTES {
        let message = format!("{name} has {} bytes: more than the {MOST_BYTES} that it may have", text.len());
        return Err(located(Text::new(name, ""), vec![Finding::new(Span::new(0, 0..0), message)]));
    }
    // What is nested deep costs the deserializer time that grows with the square of the depth.
    let read = if is_deep(text) { None } else { Some(serde_yaml::from_str(text)) };
    if let Some(Ok(value)) = read {
        return Ok(value);
    }
    let text = Text::new(name, text);
    let parsed = parse::parse(&text, 0);
    let findings = match read {
        Some(Err(error)) if parsed.root.is_some() || parsed.findings.is_empty() => vec![finding(&error, &text)],
        _ if parsed.findings.is_empty() => vec![Finding::new(Span::new(0, 0..0), parse::TOO_DEEP)],
        _ => parsed.findings,
    };
    Err(located(text, findings))
}

/// The error of the deserializer, without the place that it writes behind its message.
fn finding(error: &serde_yaml::Error, text: &Text) -> Finding {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    let at = error.location().map_or(0, |location| location.index()).min(text.text.len());
    let end =
        text.text.get(at..).and_then(|rest| rest.find([':', ',', '}', ']', '\n'])).map_or(at, |length| at + length);
    Finding::new(Span::new(0, at..end), message)
}

fn located(text: Text, findings: Vec<Finding>) -> Problems {
    let mut texts = Texts::default();
    texts.add(text);
    problems::located(findings, texts)
}

/// Whether brackets may be nested deeper than any file of ours has them. Those in texts count too, which only costs time.
fn is_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn said(text: &str) -> String {
        read::<BTreeMap<String, u8>>("images/x/image.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        assert_eq!(said("a: 1\nb: x\n"), "images/x/image.yaml:2:4: b: invalid type: string \"x\", expected u8");
        assert!(said("a: [\n").starts_with("images/x/image.yaml:"), "{}", said("a: [\n"));
        assert_eq!(read::<BTreeMap<String, u8>>("x", "a: 1\n").unwrap(), BTreeMap::from([("a".to_owned(), 1)]));
    }

    #[test]
    fn brackets_that_are_nested_deep_are_refused_at_once() {
        for text in ["[".repeat(200_000), "{a: ".repeat(200_000), format!("a: {}", "[".repeat(200_000))] {
            assert!(said(&text).contains(parse::TOO_DEEP), "{}", said(&text));
        }
        assert!(said(&"x".repeat(MOST_BYTES + 1)).contains("more than the 8388608 that it may have"));
    }
}
