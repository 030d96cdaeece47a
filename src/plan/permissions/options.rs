//! Labels, logs and files with variables.

use serde_yaml::Value;

use crate::config::model::local::Permission;
use crate::labels;
use crate::paths;
use crate::plan::permissions::inspection::Inspection;
use crate::plan::permissions::rules::is_empty;

/// Labels: those of devenv and of compose say whose a thing is, so that only these two set them.
pub(super) fn labels(inspection: &mut Inspection<'_>, value: &Value) {
    let pairs: Vec<(String, String)> = match value {
        Value::Mapping(map) => map
            .iter()
            .map(|(key, value)| {
                (key.as_str().unwrap_or_default().to_owned(), inspection.text(value).unwrap_or_default())
            })
            .collect(),
        Value::Sequence(items) => {
            let texts: Vec<String> = items.iter().filter_map(|item| inspection.text(item)).collect();
            let pair = |text: &String| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
            texts.iter().map(|text| pair(text).unwrap_or_else(|| (text.clone(), String::new()))).collect()
        }
        _ => Vec::new(),
    };
    let environment = inspection.facts.environment;
    for (key, value) in pairs {
        let is_ours = match key.as_str() {
            labels::CHECKOUT => value == environment.id,
            labels::PATH => value == environment.root,
            key => !key.starts_with(labels::PREFIX) && !key.starts_with("com.docker."),
        };
        if !is_ours {
            inspection.refuse(format!("has the label `{key}`, which is reserved for devenv and compose"));
        }
    }
}

/// Drivers whose logs stay with the engine.
const LOCAL_LOGS: [&str; 4] = ["", "json-file", "local", "none"];

/// `driver` of `logging`.
pub(super) fn log_driver(inspection: &mut Inspection<'_>, value: &Value) {
    let driver = value.as_str().unwrap_or_default();
    if !LOCAL_LOGS.contains(&driver) {
        inspection.needs(Permission::HostNetwork, format!("lets the host send its log: driver `{driver}`"));
    }
}

/// Options of drivers whose logs stay with the engine.
const OF_LOGS: [&str; 12] = [
    "max-size",
    "max-file",
    "max-buffer-size",
    "mode",
    "compress",
    "labels",
    "labels-regex",
    "env",
    "env-regex",
    "tag",
    "cache-disabled",
    "cache-max-size",
];

/// `options` of `logging`.
pub(super) fn log_options(inspection: &mut Inspection<'_>, value: &Value) {
    for key in value.as_mapping().into_iter().flatten().filter_map(|(key, _)| key.as_str()) {
        if !OF_LOGS.contains(&key) {
            inspection.needs(Permission::HostNetwork, format!("lets the host send its log: option `{key}`"));
        }
    }
}

/// `env_file` and `label_file`: a path, or several, or maps with a `path`.
pub(super) fn variable_files(inspection: &mut Inspection<'_>, value: &Value) {
    match value {
        Value::Sequence(items) => items.iter().for_each(|item| variable_files(inspection, item)),
        Value::Mapping(file) => {
            if let Some(path) = file.get("path") {
                variable_files(inspection, path);
            }
        }
        Value::String(path) => {
            let environment = inspection.facts.environment;
            let own = paths::below(&environment.root, paths::env_file(&inspection.name));
            if own.replace('$', "$$") != *path {
                inspection.variables(path);
            }
        }
        other => {
            if !is_empty(other) {
                inspection.refuse("has files with variables in a form that devenv does not know");
            }
        }
    }
}
