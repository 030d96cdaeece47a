//! A released image in the words of the engine: its configuration and the list of its layers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::digest;
use crate::labels;
use crate::plan::release::recipe::Recipe;

/// What an image hands on to those that are made on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parent {
    /// Such as `amd64`.
    pub architecture: String,
    /// Such as `linux`.
    pub os: String,
    /// Digests of its layers, lowest first.
    pub layers: Vec<String>,
    /// User.
    pub user: String,
    /// Variables, as `NAME=value`.
    pub env: Vec<String>,
    /// Program in front of the command.
    pub entrypoint: Option<Vec<String>>,
    /// Command.
    pub command: Option<Vec<String>>,
    /// Working directory.
    pub dir: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Ports, as `80/tcp`.
    pub ports: Vec<String>,
    /// Signal that ends it.
    pub stop_signal: Option<String>,
}

/// Variables as a shell takes them in.
#[must_use]
pub fn exports<'a>(variables: impl Iterator<Item = (&'a str, String)>) -> String {
    variables.map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', r"'\''"))).collect()
}

/// The path of the released layer in the archive that the engine loads.
pub const LAYER: &str = "released/layer.tar";

/// The files that describe the image to the engine, beside its layer; the same inputs give the same bytes.
#[must_use]
pub fn described(recipe: &Recipe, parent: &Parent, layer: &str) -> Vec<(String, Vec<u8>)> {
    let config = config(recipe, parent, layer).to_string().into_bytes();
    let name = format!("{}.json", digest::hex(&config));
    // The engine takes those that it has by their digests, and never reads these.
    let layers = (0..parent.layers.len()).map(|number| format!("parent/{number}.tar"));
    let layers: Vec<String> = layers.chain([LAYER.to_owned()]).collect();
    let manifest = json!([{"Config": name, "RepoTags": [recipe.reference], "Layers": layers}]);
    vec![(name, config), ("manifest.json".to_owned(), manifest.to_string().into_bytes())]
}

fn config(recipe: &Recipe, parent: &Parent, layer: &str) -> Value {
    let created = recipe.labels.get(labels::oci::CREATED).cloned().unwrap_or_default();
    let mut all = parent.labels.clone();
    all.extend(recipe.labels.clone());
    let mut env: Vec<String> = parent.env.clone();
    let name_of = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
    env.retain(|line| !recipe.env.contains_key(&name_of(line)));
    env.extend(recipe.env.iter().map(|(name, value)| format!("{name}={value}")));
    env.sort();
    let mut ports = parent.ports.clone();
    ports.sort();
    let ports: Map<String, Value> = ports.into_iter().map(|port| (port, json!({}))).collect();
    let command = if recipe.command.is_empty() { parent.command.clone() } else { Some(recipe.command.clone()) };
    let dir = if recipe.command.is_empty() { &parent.dir } else { &recipe.dir };
    let diff_ids: Vec<&str> = parent.layers.iter().map(String::as_str).chain([layer]).collect();
    let mut history: Vec<Value> =
        parent.layers.iter().map(|_| json!({"created": created, "created_by": recipe.parent_tag})).collect();
    history.push(json!({"created": created, "created_by": format!("devenv release build {}", recipe.part)}));
    json!({
        "architecture": parent.architecture,
        "os": parent.os,
        "created": created,
        "config": {
            "User": parent.user,
            "ExposedPorts": ports,
            "Env": env,
            "Entrypoint": parent.entrypoint,
            "Cmd": command,
            "WorkingDir": dir,
            "StopSignal": parent.stop_signal,
            "Labels": all,
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    })
}
