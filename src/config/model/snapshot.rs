//! Archives that keep Debian's packages as they were on a day.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::config::text::quote::quoted;

/// The JSON Schema's `format` of an entry.
pub(crate) const FORMAT: &str = "snapshot";
/// Pattern of an entry for editors; rougher than [`check`].
pub(crate) const PATTERN: &str = "\\{date\\}";
/// Stands in an address for the date of the lock.
pub const DATE: &str = "{date}";

/// Addresses of archives, one or a list; each as in apt's sources: `[OPTIONS] ADDRESS SUITE COMPONENT…`, all but the
/// address optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub struct Snapshot(pub Vec<String>);

impl Snapshot {
    /// Whether none is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The options and the rest of one entry.
#[must_use]
pub fn parts(entry: &str) -> (&str, &str) {
    match entry.trim().strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((options, rest)) => (options.trim(), rest.trim()),
        None => ("", entry.trim()),
    }
}

/// Says why a text is not an entry.
pub(crate) fn check(entry: &str) -> Result<(), String> {
    let address = parts(entry).1.split_whitespace().next().unwrap_or_default();
    if entry.chars().any(char::is_control) {
        return Err(format!("{} has a control character", quoted(entry)));
    }
    if !address.starts_with("http://") && !address.starts_with("https://") {
        return Err(format!("{} is not an address that begins with http:// or https://", quoted(entry)));
    }
    if address.contains(DATE) { Ok(()) } else { Err(format!("{} lacks `{DATE}`", quoted(entry))) }
}

impl TryFrom<serde_json::Value> for Snapshot {
    type Error = String;
    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        let list = if value.is_array() { value } else { serde_json::Value::Array(vec![value]) };
        serde_json::from_value(list).map(Self).map_err(|_| "this is an address, or a list of addresses".to_owned())
    }
}

impl JsonSchema for Snapshot {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Snapshot".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = serde_json::json!({"type": "string", "format": FORMAT, "pattern": PATTERN});
        json_schema!({"anyOf": [one, {"type": "array", "items": one}]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_an_address_with_a_date_and_what_apt_may_be_told_besides() {
        for good in [
            "https://archive.example.com/{date}/debian",
            "[trusted=yes] http://192.0.2.1:8000/{date} trixie-security main contrib",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "https://archive.example.com/debian",
            "ftp://a/{date}",
            "{date}",
            "-o x http://a/{date}",
            "http://a/{date}\nx",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert_eq!(parts("[trusted=yes] http://a/{date} x"), ("trusted=yes", "http://a/{date} x"));
    }
}
