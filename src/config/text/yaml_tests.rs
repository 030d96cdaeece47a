//! What is written reads back as what it was: by a resolver of each version of YAML, and by our own reader.

use serde_json::json;
use serde_yaml::Value;

use super::{document, json as quoted, scalar};

/// Texts that some reader has taken for something else, and texts made of their pieces.
fn texts() -> Vec<String> {
    serde_json::from_str(include_str!("../../../tests/data/texts.json")).unwrap()
}

/// Whether a reader of YAML 1.1 or 1.2 takes a plain scalar for something else than a text, by the expressions of
/// yaml.org/type and of YAML 1.2, section 10.2, and by what Go's reader adds.
fn is_resolved(plain: &str) -> bool {
    let lower = plain.to_lowercase();
    let words = ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<", ".nan"];
    let unsigned = lower.trim_start_matches(['+', '-']);
    let digits = unsigned.trim_start_matches('.');
    let starts_as_number = digits.is_empty() || digits.starts_with(|c: char| c.is_ascii_digit());
    let number = |c: char| c.is_ascii_hexdigit() || "_.:+-oxtz ".contains(c);
    words.contains(&lower.as_str()) || unsigned == ".inf" || (starts_as_number && lower.chars().all(number))
}

#[test]
fn a_plain_text_is_no_other_thing_to_any_reader() {
    let all = texts();
    assert_eq!(all.len(), 515);
    for text in &all {
        let written = scalar(text);
        if !written.starts_with('"') {
            assert!(!is_resolved(text), "{text:?} stands plain");
            assert_eq!(&written, text);
        }
        assert!(written.chars().all(|c| (' '..='~').contains(&c) || c > '\u{9f}'), "{written:?}");
    }
}

#[test]
fn a_document_reads_back_as_it_was() {
    let all = texts();
    let values: serde_json::Map<String, serde_json::Value> =
        all.iter().enumerate().map(|(at, text)| (format!("v{at}"), text.as_str().into())).collect();
    let keys: serde_json::Map<String, serde_json::Value> = all.iter().map(|text| (text.clone(), json!(1))).collect();
    for value in [
        json!({"values": values, "list": all, "keys": keys}),
        json!({"a": [], "b": {}, "c": [[1, [2]], [], {"d": ["x", {"e": null}]}], "f": [{"g": 1, "h": {"i": true}}]}),
        json!(["one", {"two": "three\nfour\n", "five": "a\n\n b"}]),
        json!("one"),
        json!({}),
    ] {
        let text = document(&value);
        let read: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), value, "{text}");
    }
    let line: Vec<String> = serde_yaml::from_str(&quoted(&all)).unwrap();
    assert_eq!(line, all);
}

#[test]
fn a_document_looks_as_a_person_would_write_it() {
    let value = json!({
        "project": "shop", "path": ".venv", "day": "2024-01-01", "is": "no", "empty": "", "list": ["a b", 1, {"c": null}],
        "url": "http://api:8000/x", "run": "set -e\necho 'a: b'\n", "raw": "a\nb", "cut": "a\u{85}b\u{7f}", "none": [],
        "redis:7": true, "2": {"on": "x:"},
    });
    assert_eq!(
        document(&value),
        "\
project: shop
path: .venv
day: \"2024-01-01\"
is: \"no\"
empty: \"\"
list:
- a b
- 1
- c: null
url: http://api:8000/x
run: |
  set -e
  echo 'a: b'
raw: |-
  a
  b
cut: \"a\\u0085b\\u007f\"
none: []
redis:7: true
\"2\":
  \"on\": \"x:\"
"
    );
}

#[test]
fn a_tag_stands_before_its_value() {
    let text = "root: !packages\n  suite: trixie\nother: !plain x\n";
    let value: Value = serde_yaml::from_str(text).unwrap();
    assert_eq!(document(&value), text);
}
