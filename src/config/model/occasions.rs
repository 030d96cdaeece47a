//! The occasions of notifications: the words of `notify: {on: …}`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What is worth telling, of results of steps and of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    /// It fails, and did not before.
    Failed,
    /// It ends well, and failed before.
    Fixed,
    /// A part has ended though nobody had stopped it, or is in a crash loop.
    Died,
    /// A part has printed a line that is an error.
    Error,
    /// All of these, but errors.
    Any,
}

/// One occasion, or a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub struct Occasions(pub Vec<Occasion>);

impl Default for Occasions {
    fn default() -> Self {
        Self(vec![Occasion::Any])
    }
}

impl TryFrom<serde_json::Value> for Occasions {
    type Error = String;
    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        let list = if value.is_array() { value } else { serde_json::Value::Array(vec![value]) };
        serde_json::from_value(list)
            .map(Self)
            .map_err(|_| "this is `failed`, `fixed`, `died`, `error` or `any`, or a list".to_owned())
    }
}

impl JsonSchema for Occasions {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Occasions".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = serde_json::json!({"type": "string", "enum": ["failed", "fixed", "died", "error", "any"]});
        json_schema!({"anyOf": [one, {"type": "array", "items": one}]})
    }
}
