//! What a person may write about a module's container in the words of the compose specification. No decisions here.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::model::values::Port;

/// A further port of a module: a number, or with `protocol: udp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct NamedPort {
    /// In the container.
    pub port: Port,
    /// Transport protocol.
    pub protocol: Protocol,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Connections.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

impl Protocol {
    /// Its name, as engines have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct LongPort {
    port: Port,
    #[serde(default)]
    protocol: Protocol,
}

impl TryFrom<Value> for NamedPort {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        let wrong = |_| "a port is a number from 1 to 65535, or {port, protocol}".to_owned();
        if value.is_object() {
            let LongPort { port, protocol } = serde_json::from_value(value).map_err(wrong)?;
            return Ok(Self { port, protocol });
        }
        Ok(Self { port: serde_json::from_value(value).map_err(wrong)?, protocol: Protocol::Tcp })
    }
}

impl From<NamedPort> for Value {
    fn from(port: NamedPort) -> Self {
        match port.protocol {
            Protocol::Tcp => port.port.get().into(),
            protocol => serde_json::json!({"port": port.port.get(), "protocol": protocol.as_str()}),
        }
    }
}

impl JsonSchema for NamedPort {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "NamedPort".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 65535},
            {"type": "object", "additionalProperties": false, "required": ["port"], "properties": {
                "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "Number in the container"},
                "protocol": {"type": "string", "enum": ["tcp", "udp"], "description": "Transport protocol"}
            }}
        ]})
    }
}

/// A limit of the kernel for a module's processes: a number, or `{soft, hard}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Ulimit {
    /// Limit that holds until a process raises it.
    pub soft: u32,
    /// Highest limit that a process can set.
    pub hard: u32,
}

#[derive(Serialize, Deserialize)]
struct LongUlimit {
    soft: u32,
    hard: u32,
}

impl TryFrom<Value> for Ulimit {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        let wrong = |_| "a limit is a whole number, or {soft, hard}".to_owned();
        let LongUlimit { soft, hard } = match value.is_object() {
            true => serde_json::from_value(value).map_err(wrong)?,
            false => {
                let both = serde_json::from_value(value).map_err(wrong)?;
                LongUlimit { soft: both, hard: both }
            }
        };
        if soft > hard {
            Err(format!("the soft limit {soft} is above the hard one, {hard}"))
        } else {
            Ok(Self { soft, hard })
        }
    }
}

impl From<Ulimit> for Value {
    fn from(limit: Ulimit) -> Self {
        match limit.soft == limit.hard {
            true => limit.soft.into(),
            false => serde_json::json!({"soft": limit.soft, "hard": limit.hard}),
        }
    }
}

impl JsonSchema for Ulimit {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Ulimit".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let number =
            |what: &str| serde_json::json!({"type": "integer", "minimum": 0, "maximum": u32::MAX, "description": what});
        json_schema!({"anyOf": [
            {"type": "integer", "minimum": 0, "maximum": u32::MAX},
            {"type": "object", "additionalProperties": false, "required": ["soft", "hard"], "properties": {
                "soft": number("Limit that holds until a process raises it"),
                "hard": number("Highest limit that a process can set")
            }}
        ]})
    }
}
