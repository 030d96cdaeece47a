//! Whether a module is a task, which runs to completion, and for what it runs once.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Whether a module runs to completion: `true`, or `{per: …}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", into = "serde_json::Value")]
pub enum Once {
    /// It goes on until it is stopped.
    #[default]
    No,
    /// It does: once for these.
    Per(Per),
}

/// What a task runs once for. It always runs for new data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Its inputs: it runs again when they have changed.
    Inputs,
    /// The data that it works on, whatever becomes of its inputs.
    Data,
}

impl TryFrom<serde_json::Value> for Once {
    type Error = String;
    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        match &value {
            serde_json::Value::Bool(false) => Ok(Self::No),
            serde_json::Value::Bool(true) => Ok(Self::Per(Per::Inputs)),
            value => {
                let per = value.get("per").cloned().unwrap_or_default();
                serde_json::from_value(per).map(Self::Per).map_err(|_| "`once` is true, or {per: data}".to_owned())
            }
        }
    }
}

impl From<Once> for serde_json::Value {
    fn from(once: Once) -> Self {
        match once {
            Once::No => false.into(),
            Once::Per(Per::Inputs) => true.into(),
            Once::Per(Per::Data) => serde_json::json!({"per": "data"}),
        }
    }
}

impl JsonSchema for Once {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Once".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "boolean"},
            {
                "type": "object",
                "properties": {"per": {
                    "description": "What it runs once for: its inputs, or the data that it works on, whatever becomes of its inputs.",
                    "type": "string", "enum": ["inputs", "data"]
                }},
                "required": ["per"],
                "additionalProperties": false
            }
        ]})
    }
}
