//! What `devenv.yaml` says about one environment: what differs there from dev. Names of secrets, never a value.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::config::schema::grammar::{
    AnyText, Capability, ContextName, EnvName, HostName, Memory, Registry, RequestPath, SecretName, SecretReference,
    Url,
};
use crate::names::{EnvironmentName, PartName};

/// What one environment has that the others do not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentSettings {
    /// The environment that this one is based on: `dev`, `ci`, `prod`, or another of the team's. These three have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<EnvironmentName>,
    /// Host name of the gateway there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<HostName>")]
    pub host: Option<String>,
    /// Number of containers of a part [default: 1].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replicas: BTreeMap<PartName, Replicas>,
    /// Resource limits of a part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<PartName, Resources>,
    /// Environment variables of a part, over its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<PartName, BTreeMap<EnvName, AnyText>>")]
    pub env: BTreeMap<PartName, BTreeMap<String, String>>,
    /// What each credential is called where the environment keeps it, such as `db.password: shop_db_password`; the
    /// gateway's certificate is `gateway.certificate` and `gateway.key`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<SecretName, SecretReference>")]
    pub secrets: BTreeMap<String, String>,
    /// Services that exist there already, with their addresses: devenv connects to them and does not run them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<PartName, Url>")]
    pub external: BTreeMap<PartName, String>,
    /// Parts whose root file system stays writable where it is otherwise read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writable: Option<Vec<PartName>>,
    /// Capabilities that a part keeps where it otherwise has none, such as `NET_BIND_SERVICE`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<PartName, Vec<Capability>>")]
    pub capabilities: BTreeMap<PartName, Vec<String>>,
    /// Where its images are, if not where the project's are: `devenv promote FROM NAME` brings a release there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Registry>")]
    pub registry: Option<String>,
    /// Where it is deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Deploy>,
    /// Conditions that must hold before a deployment: `tested`, `{deployed: staging}`, `{checklist: [...]}`, `{approve:
    /// 1}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<Vec<Gate>>,
    /// Checks after a deployment, through the gateway: `{get: /healthz}` or `{task: NAME}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke: Option<Vec<Smoke>>,
}

/// Number of containers of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Replicas(u16);

impl Replicas {
    const MOST: u16 = 1_000;

    /// The number, at least 1.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Replicas {
    type Error = &'static str;
    fn try_from(number: u16) -> Result<Self, Self::Error> {
        if (1..=Self::MOST).contains(&number) { Ok(Self(number)) } else { Err("replicas are a number from 1 to 1000") }
    }
}

impl From<Replicas> for u16 {
    fn from(replicas: Replicas) -> Self {
        replicas.0
    }
}

impl JsonSchema for Replicas {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Replicas".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": 1000})
    }
}

/// Resource limits of a part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Memory, such as `512m` or `2g`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Memory>")]
    pub memory: Option<String>,
    /// Processors, such as `1.5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<AnyText>")]
    pub cpus: Option<String>,
}

/// Where an environment is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// The platform.
    pub to: Platform,
    /// The engine context that leads there; `docker context ls` lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ContextName>")]
    pub context: Option<String>,
    /// Where the gateway's ports are open: `ingress` is on every node, `host` on those where it runs [default: `ingress`].
    #[serde(default)]
    pub ports: PublishedPorts,
}

/// Where the ports of the gateway are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PublishedPorts {
    /// On every node: the platform sends a connection to a node where the gateway runs.
    #[default]
    Ingress,
    /// On the nodes where the gateway runs.
    Host,
}

/// A platform that takes deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Docker Swarm.
    Swarm,
}

/// What must hold before a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", into = "serde_json::Value")]
pub enum Gate {
    /// A passed run is recorded for these images.
    Tested,
    /// The same images were deployed to another environment.
    Deployed(EnvironmentName),
    /// Somebody has confirmed each item.
    Checklist(Vec<String>),
    /// That many others have approved.
    Approve(u32),
}

/// The keys of a gate that is not a word.
pub(crate) const GATE_KEYS: [&str; 3] = ["deployed", "checklist", "approve"];

impl TryFrom<serde_json::Value> for Gate {
    type Error = String;
    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        use serde_json::Value;
        let wrong = || "a gate is `tested`, or one of `deployed`, `checklist` and `approve` with its value".to_owned();
        let map = match value {
            Value::String(word) if word == "tested" => return Ok(Self::Tested),
            Value::Object(map) if map.len() == 1 => map,
            _ => return Err(wrong()),
        };
        match map.into_iter().next() {
            Some((key, Value::String(name))) if key == "deployed" => {
                EnvironmentName::new(name).map(Self::Deployed).map_err(|error| error.to_string())
            }
            Some((key, Value::Array(items))) if key == "checklist" => {
                let texts = items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
                texts.map(Self::Checklist).ok_or_else(wrong)
            }
            Some((key, Value::Number(number))) if key == "approve" => {
                let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
                number.map(Self::Approve).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}

impl From<Gate> for serde_json::Value {
    fn from(gate: Gate) -> Self {
        match gate {
            Gate::Tested => "tested".into(),
            Gate::Deployed(name) => serde_json::json!({"deployed": name}),
            Gate::Checklist(items) => serde_json::json!({"checklist": items}),
            Gate::Approve(number) => serde_json::json!({"approve": number}),
        }
    }
}

impl JsonSchema for Gate {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Gate".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "string", "enum": ["tested"]},
            {"type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": {
                "deployed": {"type": "string", "format": "name", "pattern": crate::names::NAME_PATTERN, "description": "Environment that has the same images"},
                "checklist": {"type": "array", "items": {"type": "string"}, "description": "Items that somebody confirms one by one"},
                "approve": {"type": "integer", "minimum": 1, "maximum": 100, "description": "How many others must approve"}
            }}
        ]})
    }
}

/// Checks after a deployment: exactly one of `get` and `task`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smoke {
    /// Path that the gateway must answer with a status below 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RequestPath>")]
    pub get: Option<String>,
    /// Module with `once` that must end with code 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<PartName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_a_word_or_one_key_and_comes_back_as_it_was_written() {
        for text in ["\"tested\"", "{\"deployed\":\"staging\"}", "{\"checklist\":[\"login\"]}", "{\"approve\":2}"] {
            let gate: Gate = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&gate).unwrap(), text);
        }
        for text in ["\"passed\"", "{}", "{\"approve\":1,\"deployed\":\"x\"}", "{\"approve\":\"x\"}", "1"] {
            assert!(serde_json::from_str::<Gate>(text).is_err(), "{text}");
        }
    }
}
