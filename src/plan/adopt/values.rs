//! Texts of a compose file as devenv.yaml and compose files of the team write them, and the variables of a part.

use regex::{Captures, Regex};
use serde_json::Value as Json;

use crate::config::placeholders;
use crate::config::text::scalar::{self, ScalarKind};
use crate::config::text::tree::{Node, Scalar, ScalarSource, Value};
use crate::plan::adopt::accounts::{KnownPreset, recognised};
use crate::plan::adopt::adopting::Adopting;
use crate::plan::adopt::adoption::{Keys, json};
use crate::plan::adopt::kinds::Kind;
use crate::plan::check::secrets::names_secret;

/// A text that means itself in devenv.yaml, in a command.
pub(crate) fn command(text: &str) -> String {
    text.replace('$', "$$")
}

/// A text that means itself in devenv.yaml, in a variable.
pub(crate) fn literal(text: &str) -> String {
    placeholders::escaped(text).replace('$', "$$")
}

/// A value as it stands in a compose file.
pub(crate) fn compose(node: &Node) -> Json {
    match &node.value {
        Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.text.to_string(), compose(&entry.value))).collect::<Keys>().into()
        }
        Value::List(items) => items.iter().map(compose).collect(),
        Value::Scalar(scalar) => plain(scalar),
        Value::Hole => Json::Null,
    }
}

fn plain(written: &Scalar) -> Json {
    match written.kind {
        ScalarKind::Null => Json::Null,
        ScalarKind::Boolean => written.text.eq_ignore_ascii_case("true").into(),
        ScalarKind::Integer => {
            i64::try_from(scalar::integer(&written.text)).map_or_else(|_| json(&*written.text), Into::into)
        }
        ScalarKind::Float | ScalarKind::Text => written.text.replace('$', "$$").into(),
    }
}

/// A variable of a part.
pub(crate) enum Variable {
    /// Its text in devenv.yaml.
    Text(String),
    /// Its text, and a part that must be needed for it.
    Of(String, String),
    /// A credential whose value only this developer has.
    Secret(String),
}

/// What a variable of a service becomes.
pub(crate) fn variable(adopting: &Adopting<'_>, name: &str, node: &Node, is_module: bool) -> Variable {
    let private = adopting.facts.private;
    let Value::Scalar(scalar) = &node.value else { return Variable::Text(String::new()) };
    if scalar.kind == ScalarKind::Null {
        return Variable::Text(format!("${{{name}:-}}"));
    }
    let text = &*scalar.text;
    for known in presets(adopting) {
        if let Some(value) = recognised(name, text, &known) {
            return Variable::Of(value, known.part.to_owned());
        }
    }
    let ScalarSource::Template { written, variables } = &scalar.source else { return Variable::Text(literal(text)) };
    if !variables.split(", ").any(|variable| private.contains_key(variable)) {
        return Variable::Text(literal(text));
    }
    if is_module && names_secret(name) { Variable::Secret(text.to_owned()) } else { Variable::Text(template(written)) }
}

/// The presets of a product.
fn presets<'a>(adopting: &'a Adopting<'_>) -> Vec<KnownPreset<'a>> {
    let known = adopting.parts.iter().filter_map(|part| {
        let Kind::Preset(preset, account) = &part.kind else { return None };
        let preset = adopting.facts.catalogue.presets.get(*preset)?;
        let port = preset.port.get();
        Some(KnownPreset { host: part.written, part: &part.name, port, account, offers: preset.offers() })
    });
    known.collect()
}

/// A text with variables of this machine, in the words of devenv.yaml, where one that is not set is empty.
fn template(written: &str) -> String {
    let Ok(variable) = Regex::new(r"\$\$|\$(?:\{([A-Za-z_]\w*)(?:(:?[-?+])([^}]*))?\}|([A-Za-z_]\w*))") else {
        return literal(written);
    };
    let replaced = variable.replace_all(written, |found: &Captures<'_>| {
        let group = |number: usize| found.get(number).map_or("", |group| group.as_str());
        match (group(1), group(4)) {
            ("", "") => "$$".to_owned(),
            ("", name) => format!("${{{name}:-}}"),
            (name, _) if group(2).ends_with('-') => format!("${{{name}:-{}}}", group(3)),
            (name, _) => format!("${{{name}:-}}"),
        }
    });
    replaced.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_this_machine_stay_variables() {
        assert_eq!(template("a ${X} $Y ${Z:-d} ${Q?m} $$P"), "a ${X:-} ${Y:-} ${Z:-d} ${Q:-} $$P");
        assert_eq!(literal("{db.user} $x"), "{{db.user}} $$x");
    }
}
