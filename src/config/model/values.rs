//! Small values of the configuration that have a shape of their own: each parses itself and says why not.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::config::text::quote::quoted;
use crate::names::NAME_PATTERN;

/// A path below the project's folder, with `/`, without `..`; `.` is the folder itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelPath(String);

impl RelPath {
    /// Parses and normalises: `./api/` is `api`.
    pub fn new(text: impl AsRef<str>) -> Result<Self, String> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err("a path must not be empty".to_owned());
        }
        if text.chars().any(char::is_control) {
            return Err(format!("{} has a control character, which a path must not have", quoted(text)));
        }
        if text.starts_with('/') || text.starts_with('~') {
            return Err(format!("{} must be below the folder of devenv.yaml: write it relative to that", quoted(text)));
        }
        let mut parts = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => return Err(format!("{} leaves the checkout", quoted(text))),
                part if part.len() > 255 => {
                    return Err(format!("{} is longer than a file's name can be", quoted(part)));
                }
                part => parts.push(part),
            }
        }
        Ok(Self(if parts.is_empty() { ".".to_owned() } else { parts.join("/") }))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it is below `root`.
    #[must_use]
    pub fn at(&self, root: &Path) -> PathBuf {
        if self.0 == "." { root.to_owned() } else { root.join(&self.0) }
    }

    /// This path with `below` under it.
    #[must_use]
    pub fn join(&self, below: &Self) -> Self {
        match (self.0.as_str(), below.0.as_str()) {
            (".", _) => below.clone(),
            (_, ".") => self.clone(),
            (upper, lower) => Self(format!("{upper}/{lower}")),
        }
    }
}

impl Default for RelPath {
    fn default() -> Self {
        Self(".".to_owned())
    }
}

impl TryFrom<String> for RelPath {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::new(text)
    }
}

impl From<RelPath> for String {
    fn from(path: RelPath) -> Self {
        path.0
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for RelPath {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "RelPath".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "path", "minLength": 1})
    }
}

/// A TCP port, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Port(u16);

impl Port {
    /// The port as a number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Port {
    type Error = &'static str;
    fn try_from(port: u16) -> Result<Self, Self::Error> {
        if port == 0 { Err("a port is a number from 1 to 65535") } else { Ok(Self(port)) }
    }
}

impl From<Port> for u16 {
    fn from(port: Port) -> Self {
        port.0
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Port {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Port".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": 65535})
    }
}

/// A length of time such as `500ms`, `30s`, `2m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(std::time::Duration);

impl Duration {
    /// Parses a whole number followed by `ms`, `s`, `m` or `h`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{} is not a duration: write a number and ms, s, m or h, such as 30s", quoted(text));
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        let count: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let unit = match &text[digits..] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        let milliseconds = count.checked_mul(unit).filter(|all| *all > 0 && *all <= 86_400_000);
        milliseconds
            .map(|all| Self(std::time::Duration::from_millis(all)))
            .ok_or_else(|| format!("{} must be more than 0 and at most 24h", quoted(text)))
    }

    /// The length as the standard library has it.
    #[must_use]
    pub fn get(self) -> std::time::Duration {
        self.0
    }
}

impl TryFrom<String> for Duration {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Duration> for String {
    fn from(length: Duration) -> Self {
        length.to_string()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            all if all % 1_000 == 0 => write!(f, "{}s", all / 1_000),
            all => write!(f, "{all}ms"),
        }
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "duration", "pattern": "^[0-9]+(ms|s|m|h)$"})
    }
}

/// A command: a text is for the shell, a list is passed as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", into = "serde_json::Value")]
pub enum Command {
    /// Run by `sh -e -c`: it fails at the first command that fails.
    Shell(String),
    /// Program and arguments.
    Exec(Vec<String>),
}

impl Command {
    /// The command as program and arguments.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Shell(text) => ["sh", "-e", "-c", text].map(str::to_owned).into(),
            Self::Exec(argv) => argv.clone(),
        }
    }
}

impl TryFrom<serde_json::Value> for Command {
    type Error = String;
    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        match value {
            serde_json::Value::String(text) => Ok(Self::Shell(text)),
            value => serde_json::from_value(value)
                .map(Self::Exec)
                .map_err(|_| "a command is a string or a list of strings".to_owned()),
        }
    }
}

impl From<Command> for serde_json::Value {
    fn from(command: Command) -> Self {
        match command {
            Command::Shell(text) => text.into(),
            Command::Exec(argv) => argv.into(),
        }
    }
}

impl JsonSchema for Command {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "string", "format": "shell", "minLength": 1},
            {"type": "array", "items": {"type": "string"}}
        ]})
    }
}

/// What the gateway sends to a module: requests below a path, to a host below the gateway's, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", into = "serde_json::Value")]
pub struct Route {
    /// Path prefix, starting with `/`.
    pub path: Option<String>,
    /// Label in front of the gateway's host.
    pub host: Option<String>,
}

impl Route {
    /// Parses a path prefix; a trailing `/` means nothing.
    pub(crate) fn path_of(text: &str) -> Result<String, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        if !text.starts_with('/') || text.contains("//") || !text.chars().all(plain) {
            return Err(format!(
                "{} is not a valid route: it starts with `/` and has letters, digits and -._~ only",
                quoted(text)
            ));
        }
        if text.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(format!(
                "{} is not a valid route: requests come without `.` and `..` in their path",
                quoted(text)
            ));
        }
        if text == "/.devenv" || text.starts_with("/.devenv/") {
            return Err(format!("{} is the gateway's own: it answers there itself", quoted(text)));
        }
        Ok(if text == "/" { text.to_owned() } else { text.trim_end_matches('/').to_owned() })
    }
}

impl TryFrom<serde_json::Value> for Route {
    type Error = String;
    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        use serde_json::Value;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        match &value {
            Value::String(path) => Ok(Self { path: Some(Self::path_of(path)?), host: None }),
            Value::Object(map) => {
                let path = text(map.get("path")).map(|path| Self::path_of(&path)).transpose()?;
                let host = text(map.get("host"));
                if let Some(host) = &host {
                    crate::names::PartName::new(host.as_str()).map_err(|error| error.to_string())?;
                }
                if path.is_none() && host.is_none() {
                    return Err("a route needs `path`, `host`, or both".to_owned());
                }
                Ok(Self { path, host })
            }
            _ => Err("a route is a path such as /api, or {path, host}".to_owned()),
        }
    }
}

impl From<Route> for serde_json::Value {
    fn from(route: Route) -> Self {
        match (route.path, route.host) {
            (Some(path), None) => path.into(),
            (path, host) => {
                let both = [("path", path), ("host", host)];
                both.into_iter().filter_map(|(key, text)| Some((key, text?))).collect()
            }
        }
    }
}

impl JsonSchema for Route {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Route".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "string", "format": "route", "pattern": "^/"},
            {"type": "object", "additionalProperties": false, "minProperties": 1, "properties": {
                "path": {"type": "string", "format": "route", "pattern": "^/", "description": "Path prefix"},
                "host": {"type": "string", "format": "name", "pattern": NAME_PATTERN, "description": "Label in front of the gateway's host"}
            }}
        ]})
    }
}
