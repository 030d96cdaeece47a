//! The fingerprint of a container: a digest of each key of its merged definition, of the mounted content that it
//! must be recreated for, and of its secrets under the checkout's key.

use std::collections::BTreeMap;

use serde_yaml::Value;

use crate::config::problems::Problems;
use crate::config::text::typed;
use crate::digest;
use crate::plan::definition::{self, Definition};
use crate::plan::mounts::MountClass;
use crate::plan::parts::{Environment, Part};
use crate::render::{Generated, RenderError};

/// The services of compose files that are laid over each other, each file's part under the file's place in the order.
pub type Services = BTreeMap<String, Vec<Value>>;

/// Reads generated files, merge keys applied.
pub fn documents(files: &[Generated]) -> Result<Vec<Value>, RenderError> {
    let read = |file: &Generated| {
        let mut document: Value = typed::read(&file.path, &file.text).map_err(|problems| located(file, &problems))?;
        let wrong = |error: serde_yaml::Error| RenderError { template: file.path.clone(), problem: error.to_string() };
        document.apply_merge().map_err(wrong)?;
        Ok(document)
    };
    files.iter().map(read).collect()
}

/// The first problem of a rendered file.
fn located(file: &Generated, problems: &Problems) -> RenderError {
    let first = problems.list.first();
    let place = first.and_then(|problem| problem.place.as_ref());
    let place = place.map(|place| format!(":{}:{} as rendered", place.line, place.column)).unwrap_or_default();
    let problem = first.map(|problem| problem.message.clone()).unwrap_or_default();
    RenderError { template: format!("{}{place}", file.path), problem }
}

/// The services of generated files.
#[must_use]
pub fn services(documents: &[Value]) -> Services {
    let mut services = Services::new();
    for document in documents {
        let Some(Value::Mapping(map)) = document.get("services") else { continue };
        for (name, service) in map {
            let name = name.as_str().unwrap_or_default().to_owned();
            services.entry(name).or_default().push(service.clone());
        }
    }
    services
}

/// The services of a definition that compose has merged.
#[must_use]
pub fn merged_services(merged: &serde_json::Value) -> Services {
    let services = merged.get("services").and_then(serde_json::Value::as_object).into_iter().flatten();
    services.map(|(name, service)| (name.clone(), vec![serde_yaml::to_value(service).unwrap_or_default()])).collect()
}

/// The definition of each container. `key` is the checkout's, `secrets` the text of each part's env file, `files` what stands
/// in other files that it reads.
#[must_use]
pub fn definitions(
    services: &Services,
    environment: &Environment,
    secrets: &BTreeMap<String, String>,
    files: &BTreeMap<String, String>,
    key: &[u8],
) -> BTreeMap<String, Definition> {
    services
        .iter()
        .map(|(name, layers)| {
            let part = environment.parts.get(name.as_str());
            (name.clone(), definition(layers, part, (secrets.get(name), files.get(name)), key))
        })
        .collect()
}

fn definition(
    layers: &[Value],
    part: Option<&Part>,
    (secret, files): (Option<&String>, Option<&String>),
    key: &[u8],
) -> Definition {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for (at, layer) in layers.iter().enumerate() {
        let Value::Mapping(map) = layer else { continue };
        for (name, value) in map {
            let text = serde_json::to_string(value).unwrap_or_default();
            texts.entry(name.as_str().unwrap_or_default().to_owned()).or_default().push_str(&format!("{at}{text}\n"));
        }
    }
    let contents = part.into_iter().flat_map(|part| part.data.iter().chain(&part.mounts));
    for mount in contents {
        if let MountClass::Recreate { what, digest } = &mount.class {
            texts.entry((*what).to_owned()).or_default().push_str(&format!("{}={digest}\n", mount.target));
        }
    }
    if let Some(inputs) = part.and_then(|part| part.inputs.as_ref()) {
        texts.insert("source".to_owned(), inputs.clone());
    }
    if let Some(folder) = part.and_then(|part| part.folder.as_ref()) {
        texts.insert("folder".to_owned(), folder.clone());
    }
    if let Some(text) = secret {
        texts.insert("secrets".to_owned(), text.clone());
    }
    if let Some(text) = files {
        texts.insert("files".to_owned(), text.clone());
    }
    texts.insert(definition::KEY.to_owned(), String::new());
    let digests = texts.into_iter().map(|(name, text)| {
        let digest = digest::keyed(key, text.as_bytes());
        (name, digest.chars().take(12).collect())
    });
    Definition::new(digests.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Definition {
        let file = Generated { path: "base".to_owned(), text: text.to_owned(), access: crate::render::Access::Public };
        let services = services(&documents(&[file]).unwrap());
        definition(&services["api"], None, (None, None), b"key")
    }

    #[test]
    fn a_definition_names_the_keys_that_differ() {
        let one = read("services: {api: {image: a, environment: {A: 1}}}");
        let other = read("services: {api: {image: a, environment: {A: 2}, user: x}}");
        assert_eq!(one.difference(&one.label()), None);
        assert_eq!(other.difference(&one.label()), Some(vec!["environment".to_owned(), "user".to_owned()]));
        assert_eq!(one.difference(&other.label()), Some(vec!["environment".to_owned(), "user".to_owned()]));
    }

    #[test]
    fn an_anchor_counts_as_what_it_stands_for() {
        let written = read("services: {api: {image: a, init: true}}");
        let merged = read("x: &x {init: true}\nservices: {api: {<<: *x, image: a}}");
        assert_eq!(merged.difference(&written.label()), None);
    }
}
