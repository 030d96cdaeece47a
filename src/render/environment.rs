//! The definition of an environment as one text: base and overlay from their templates, laid over each other.

use serde_yaml::Value;

use crate::assets::Assets;
use crate::plan::environment::target::Base;
use crate::plan::observed::EngineInfo;
use crate::plan::parts::Environment;
use crate::render::RenderError;
use crate::render::compose::files;
use crate::render::definition::documents;

/// Renders the definition as a tree of YAML.
pub fn definition(environment: &Environment, assets: &Assets) -> Result<Value, RenderError> {
    let generated = files(environment, assets, &EngineInfo::default())?;
    let mut all = Value::Mapping(serde_yaml::Mapping::new());
    for document in documents(&generated)? {
        lay_over(&mut all, document);
    }
    if let Value::Mapping(map) = &mut all {
        map.remove("x-rules");
        if environment.base == Base::Prod {
            // Swarm names a stack when it is deployed, and takes no name from the file.
            map.remove("name");
        }
    }
    if environment.base == Base::Prod {
        list_needs(&mut all);
    }
    for part in environment.parts.values().filter(|part| !part.templates.is_empty()) {
        let text = |text: &String| Value::from(text.as_str());
        let env = part.templates.iter().map(|(name, template)| (text(name), text(template))).collect();
        let service = [("environment", env)].map(|(key, value)| (Value::from(key), Value::Mapping(value)));
        let services = [(Value::from(part.name.as_str()), Value::Mapping(service.into_iter().collect()))];
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

/// Maps are merged, and lists of mounts are joined as compose does; whatever else the overlay says, wins.
fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Mapping(below), Value::Mapping(above)) => {
            for (key, value) in above {
                match (below.get_mut(&key), value) {
                    (Some(Value::Sequence(known)), Value::Sequence(more)) if key == "volumes" => known.extend(more),
                    (Some(known), value) => lay_over(known, value),
                    (None, value) => drop(below.insert(key, value)),
                }
            }
        }
        (below, above) => *below = above,
    }
}
