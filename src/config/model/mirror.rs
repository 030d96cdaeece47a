//! How the source of a module reaches its container: a word, or a map that also says what is copied. No decisions here.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::config::model::values::RelPath;

/// How the source of a module reaches its container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", into = "serde_json::Value")]
pub struct ModuleMirror {
    /// How [default: as for all modules].
    pub mode: Option<Mirror>,
    /// What is copied even if git ignores it.
    pub also: Vec<RelPath>,
    /// Patterns of files that are not copied.
    pub not: Vec<String>,
}

/// The map, and what a word stands for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<Mirror>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<RelPath>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    not: Vec<String>,
}

impl TryFrom<serde_json::Value> for ModuleMirror {
    type Error = String;
    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        let wrong = |_| "this is `auto`, `bind`, `sync`, or a map with `mode`, `also` and `not`".to_owned();
        if value.is_string() {
            return serde_json::from_value(value)
                .map(|mode| Self { mode: Some(mode), ..Self::default() })
                .map_err(wrong);
        }
        // A list would be taken for a map without its keys.
        let map: serde_json::Map<_, _> = serde_json::from_value(value).map_err(wrong)?;
        serde_json::from_value(map.into()).map(|Map { mode, also, not }| Self { mode, also, not }).map_err(wrong)
    }
}

impl From<ModuleMirror> for serde_json::Value {
    fn from(mirror: ModuleMirror) -> Self {
        match mirror {
            ModuleMirror { mode: Some(mode), also, not } if also.is_empty() && not.is_empty() => {
                serde_json::to_value(mode).unwrap_or_default()
            }
            ModuleMirror { mode, also, not } => serde_json::to_value(Map { mode, also, not }).unwrap_or_default(),
        }
    }
}

impl JsonSchema for ModuleMirror {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "ModuleMirror".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mode = serde_json::json!({"type": "string", "enum": ["auto", "bind", "sync"]});
        let mut with_meaning = mode.clone();
        with_meaning["description"] = "How, as above.".into();
        json_schema!({"anyOf": [
            mode,
            {"type": "object", "additionalProperties": false, "properties": {
                "mode": with_meaning,
                "also": {
                    "type": "array", "items": {"type": "string", "format": "path", "minLength": 1},
                    "description": "In `sync`: files and folders below the module's that are copied even if git ignores them."
                },
                "not": {
                    "type": "array", "items": {"type": "string", "format": "gitignore", "pattern": "^[^ ]"},
                    "description": "In `sync`: patterns, as in `.gitignore`, of files that are not copied."
                }
            }}
        ]})
    }
}

/// How source reaches a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mirror {
    /// `bind` where engine and checkout share a kernel, else `sync`.
    #[default]
    Auto,
    /// A bind mount.
    Bind,
    /// A copy that devenv keeps equal.
    Sync,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_map_with_nothing_but_a_mode() {
        let read = |text: &str| serde_yaml::from_str::<ModuleMirror>(text);
        let back = |text: &str| serde_json::to_string(&read(text).unwrap()).unwrap();
        assert_eq!(back("sync"), "\"sync\"");
        assert_eq!(back("{mode: sync}"), "\"sync\"");
        assert_eq!(back("{also: [a/b], not: ['*.md']}"), r#"{"also":["a/b"],"not":["*.md"]}"#);
        assert_eq!(back("{}"), "{}");
        assert!(read("{mode: both}").is_err() && read("[sync]").is_err() && read("{only: [a]}").is_err());
    }
}
