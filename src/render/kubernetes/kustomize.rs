//! Manifests of several environments as a base and an overlay for each: what kustomize, and with it `kubectl apply -k`, takes.

use serde_json::{Map, Value, json};

use crate::config::text::yaml;
use crate::render::kubernetes::text;
use crate::render::{Access, Generated, MARKER};

/// The files of a folder: `base` has what every environment has, as the first one has it; `overlays/NAME` what one has
/// beside it or differently.
#[must_use]
pub fn files(environments: &[(String, Vec<Value>)]) -> Vec<Generated> {
    let Some((_, first)) = environments.first() else { return Vec::new() };
    let is_everywhere = |object: &&Value| environments.iter().all(|(_, all)| known(object, all).is_some());
    let base: Vec<Value> = first.iter().filter(is_everywhere).cloned().collect();
    let mut files = vec![
        file("base/objects.yaml", &text(&base)),
        file("base/kustomization.yaml", &yaml::document(&kustomization(json!({"resources": ["objects.yaml"]})))),
    ];
    for (name, objects) in environments {
        files.extend(overlay(name, &base, objects));
    }
    files
}

/// The object of the same kind and name.
fn known<'o>(object: &Value, all: &'o [Value]) -> Option<&'o Value> {
    all.iter().find(|one| identity(one) == identity(object))
}

fn overlay(name: &str, base: &[Value], objects: &[Value]) -> Vec<Generated> {
    let added: Vec<Value> = objects.iter().filter(|object| known(object, base).is_none()).cloned().collect();
    let changed = objects.iter().filter(|object| known(object, base).is_some_and(|before| before != *object));
    let patches: Vec<Value> = changed.map(replaced).collect();
    let mut resources = vec!["../../base"];
    let mut body = Map::new();
    let mut files = Vec::new();
    let path = |file: &str| format!("overlays/{name}/{file}");
    if !added.is_empty() {
        resources.push("objects.yaml");
        files.push(file(&path("objects.yaml"), &text(&added)));
    }
    body.insert("resources".to_owned(), json!(resources));
    if !patches.is_empty() {
        body.insert("patches".to_owned(), json!([{"path": "patches.yaml"}]));
        files.push(file(&path("patches.yaml"), &text(&patches)));
    }
    files.push(file(&path("kustomization.yaml"), &yaml::document(&kustomization(Value::Object(body)))));
    files
}

fn kustomization(body: Value) -> Value {
    let mut all = json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"});
    if let (Value::Object(all), Value::Object(body)) = (&mut all, body) {
        all.extend(body);
    }
    all
}

/// What an object is known by.
fn identity(object: &Value) -> [Option<&Value>; 3] {
    [object.get("apiVersion"), object.get("kind"), object.get("metadata").and_then(|metadata| metadata.get("name"))]
}

fn reference(object: &Value) -> Value {
    let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
    json!({"apiVersion": object.get("apiVersion"), "kind": object.get("kind"), "metadata": {"name": name}})
}

/// The object with another specification, whole: a list that is merged would keep what is not wanted any more.
fn replaced(object: &Value) -> Value {
    let mut patch = reference(object);
    let body = object.as_object().into_iter().flatten();
    let body = body.filter(|(key, _)| !["apiVersion", "kind", "metadata"].contains(&key.as_str()));
    for (key, value) in body {
        let mut value = value.clone();
        if let Value::Object(map) = &mut value {
            map.insert("$patch".to_owned(), "replace".into());
        }
        if let Value::Object(patch) = &mut patch {
            patch.insert(key.clone(), value);
        }
    }
    patch
}

fn file(path: &str, text: &str) -> Generated {
    Generated { path: path.to_owned(), text: format!("# {MARKER}\n{text}"), access: Access::Public }
}
