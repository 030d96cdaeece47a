//! The definition of production: base and prod overlay from their templates, laid over each other into one text.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_yaml::Value;

use crate::assets::Assets;
use crate::plan::environment::prod::{Extra, Production};
use crate::plan::observed::Engine;
use crate::plan::parts::{Kind, Part};
use crate::render::compose::{FILES, files};
use crate::render::{Generated, RenderError, render_asset};

/// The overlay's template.
const OVERLAY: &str = "compose/prod.yaml";

/// A part in the words of the compose specification.
#[derive(Serialize)]
struct View<'a> {
    name: &'a str,
    image: &'a str,
    is_released: bool,
    is_task: bool,
    env: &'a BTreeMap<String, String>,
    secrets: &'a BTreeMap<String, String>,
    ports: &'a [(u16, u16)],
}

/// Renders the definition as a tree of YAML.
pub fn definition(production: &Production, assets: &Assets) -> Result<Value, RenderError> {
    let wrong = |template: &str, error: &dyn std::fmt::Display| RenderError {
        template: template.to_owned(),
        problem: error.to_string(),
    };
    let tree = |template: &str, text: &str| -> Result<Value, RenderError> {
        let mut tree: Value = serde_yaml::from_str(text).map_err(|error| wrong(template, &error))?;
        tree.apply_merge().map_err(|error| wrong(template, &error))?;
        Ok(tree)
    };
    let [base, _] = FILES;
    let generated = files(&production.environment, assets, &Engine::default())?;
    let text = |file: &Generated| (file.path == base).then(|| file.text.clone());
    let missing = || RenderError { template: base.to_owned(), problem: "it was not rendered".to_owned() };
    let mut all = tree(base, &generated.iter().find_map(text).ok_or_else(missing)?)?;
    let none = Extra::default();
    let parts: Vec<View<'_>> = production
        .environment
        .parts
        .values()
        .map(|part| of(part, production.parts.get(&part.name).unwrap_or(&none)))
        .collect();
    let mut context = tera::Context::new();
    context.insert("project", &production.environment.project);
    context.insert("parts", &parts);
    context.insert("secrets", &production.secrets);
    lay_over(&mut all, tree(OVERLAY, &render_asset(OVERLAY, assets, &context)?)?);
    if let Value::Mapping(map) = &mut all {
        map.remove("x-rules");
        // Swarm names a stack when it is deployed, and takes no name from the file.
        map.remove("name");
    }
    list_needs(&mut all);
    for (part, extra) in production.parts.iter().filter(|(_, extra)| !extra.templates.is_empty()) {
        let text = |text: &String| Value::from(text.as_str());
        let env = extra.templates.iter().map(|(name, template)| (text(name), text(template))).collect();
        let service = [("environment", env)].map(|(key, value)| (Value::from(key), Value::Mapping(value)));
        let services = [(Value::from(part.as_str()), Value::Mapping(service.into_iter().collect()))];
        let services = Value::Mapping(services.into_iter().collect());
        lay_over(&mut all, Value::Mapping([(Value::from("services"), services)].into_iter().collect()));
    }
    Ok(all)
}

/// Names what a part needs in the one form that every platform takes: none that has external secrets waits for more than
/// the order.
fn list_needs(all: &mut Value) {
    let services = all.get_mut("services").and_then(Value::as_mapping_mut).into_iter().flatten();
    for (_, service) in services {
        if let Some(needs) = service.get_mut("depends_on")
            && let Value::Mapping(map) = needs
        {
            *needs = Value::Sequence(map.keys().cloned().collect());
        }
    }
}

fn of<'a>(part: &'a Part, extra: &'a Extra) -> View<'a> {
    View {
        name: part.name.as_str(),
        image: part.image.reference(),
        is_released: extra.is_released,
        is_task: part.kind == Kind::Task,
        env: &extra.env,
        secrets: &extra.secrets,
        ports: &extra.ports,
    }
}

/// Maps are merged; whatever else the overlay says, wins.
fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Mapping(below), Value::Mapping(above)) => {
            for (key, value) in above {
                match below.get_mut(&key) {
                    Some(known) => lay_over(known, value),
                    None => drop(below.insert(key, value)),
                }
            }
        }
        (below, above) => *below = above,
    }
}
