//! JSON Schema of both files for editors, from the same types that the files are checked against.

use serde_json::{Map, Value, json};

use crate::config::model::file::ProjectFile;
use crate::config::model::local::LocalFile;

/// JSON Schema of devenv.yaml.
#[must_use]
pub fn project() -> Value {
    let mut schema = schemars::schema_for!(ProjectFile).to_value();
    adapt(&mut schema, Nulls::Refused);
    title(&mut schema, "devenv.yaml");
    schema
}

/// JSON Schema of devenv.local.yaml: every key of both files, none required, `null` for the default.
#[must_use]
pub fn local() -> Value {
    let mut schema = schemars::schema_for!(ProjectFile).to_value();
    let own = schemars::schema_for!(LocalFile).to_value();
    for section in ["properties", "$defs"] {
        if let (Some(all), Some(more)) = (section_of(&mut schema, section), own.get(section).and_then(Value::as_object))
        {
            all.extend(more.clone());
        }
    }
    adapt(&mut schema, Nulls::Allowed);
    title(&mut schema, "devenv.local.yaml");
    if let (Some(target), Some(about)) = (schema.as_object_mut(), own.get("description")) {
        target.insert("description".to_owned(), about.clone());
    }
    schema
}

fn title(schema: &mut Value, name: &str) {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), name.into());
    }
}

fn section_of<'s>(schema: &'s mut Value, name: &str) -> Option<&'s mut Map<String, Value>> {
    schema.as_object_mut()?.entry(name).or_insert_with(|| json!({})).as_object_mut()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Refused,
    Allowed,
}

/// Makes a schema of types into one of files: `x-` keys everywhere, `null` as the file has it.
fn adapt(schema: &mut Value, nulls: Nulls) {
    match schema {
        Value::Object(map) => {
            if nulls == Nulls::Refused {
                refuse_null(map);
            } else {
                map.remove("required");
                map.remove("minProperties");
            }
            if map.get("type").is_some_and(|kind| kind == "object") {
                extension_keys(map);
            }
            for value in map.values_mut() {
                adapt(value, nulls);
            }
            if nulls == Nulls::Allowed
                && let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut)
            {
                properties.values_mut().for_each(allow_null);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| adapt(value, nulls)),
        _ => {}
    }
}

fn refuse_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = map.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(options)) = map.get_mut("anyOf") {
        options.retain(|option| option.get("type").is_none_or(|kind| kind != "null"));
    }
}

/// `x-` keys are allowed in every map, and are no names.
fn extension_keys(map: &mut Map<String, Value>) {
    let mut patterns = match map.remove("patternProperties") {
        Some(Value::Object(patterns)) => patterns
            .into_iter()
            .map(|(pattern, value)| (format!("^(?!x-){}", pattern.trim_start_matches('^')), value))
            .collect(),
        _ => Map::new(),
    };
    patterns.insert("^x-".to_owned(), json!({}));
    map.insert("patternProperties".to_owned(), Value::Object(patterns));
}

fn allow_null(schema: &mut Value) {
    let nullable =
        schema.get("anyOf").and_then(Value::as_array).is_some_and(|options| options.contains(&json!({"type": "null"})))
            || schema.get("type").and_then(Value::as_array).is_some_and(|kinds| kinds.contains(&json!("null")));
    if !nullable {
        *schema = json!({"anyOf": [schema.take(), {"type": "null"}]});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../testdata/good.yaml");

    fn yaml(text: &str) -> Value {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn editors_accept_what_devenv_accepts() {
        let project = jsonschema::validator_for(&project()).unwrap();
        assert!(project.is_valid(&yaml(GOOD)));
        assert!(project.is_valid(&yaml("{project: shop, x-note: 1, modules: {x-base: 5}}")));
        let local = jsonschema::validator_for(&local()).unwrap();
        assert!(local.is_valid(&yaml("{start: fresh, modules: {api: {mode: off, build: null}}, ports: {db: 5433}}")));
    }

    #[test]
    fn editors_refuse_what_devenv_refuses() {
        let project = jsonschema::validator_for(&project()).unwrap();
        for bad in [
            "{}",
            "{project: 5}",
            "{project: A}",
            "{project: a, start: fresh}",
            "{project: a, modules: {A: {}}}",
            "{project: a, modules: null}",
            "{project: a, services: {db: {port: 0}}}",
        ] {
            assert!(!project.is_valid(&yaml(bad)), "{bad}");
        }
        assert!(!jsonschema::validator_for(&local()).unwrap().is_valid(&yaml("{start: fresch}")));
    }
}
