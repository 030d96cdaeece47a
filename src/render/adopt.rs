//! The files that `init` writes for a product that is run by something else: devenv.yaml, the compose file over it, and
//! this developer's own secrets.

use serde_json::Value as Json;

use crate::config::text::yaml;
use crate::names::ProjectName;
use crate::plan::adopt::adoption::{Adoption, Keys};

/// The compose file with settings that devenv.yaml cannot express.
pub const FRAGMENT: &str = "devenv.compose.yaml";
/// Longest line for a value with parts.
const WIDEST: usize = 110;

/// The text of devenv.yaml; `from` says what it was made from.
#[must_use]
pub fn configuration(name: &ProjectName, adoption: &Adoption, from: &str) -> String {
    let mut out = format!(
        "# What `devenv up` starts, made from {from}. `devenv config schema` has every key; devenv.local.yaml is for one\n\
         # developer's own settings.\nproject: {}\n",
        yaml::scalar(name.as_str())
    );
    if !adoption.fragment.is_empty() {
        out.push_str(&format!("compose: [{FRAGMENT}]\n"));
    }
    for (section, parts) in
        [("images", &adoption.images), ("modules", &adoption.modules), ("services", &adoption.services)]
    {
        if parts.is_empty() {
            continue;
        }
        out.push_str(&format!("\n{section}:\n"));
        for (name, keys) in parts {
            out.push_str(&format!("  {}:\n", yaml::scalar(name)));
            for (key, value) in keys.as_object().into_iter().flatten() {
                entry(&mut out, 4, key, value);
            }
        }
    }
    out
}

/// The text of the compose file over devenv's, where there is anything in it.
#[must_use]
pub fn fragment(adoption: &Adoption) -> Option<String> {
    let text = || yaml::document(&adoption.fragment);
    (!adoption.fragment.is_empty())
        .then(|| format!("# Laid over what devenv generates: settings that devenv.yaml cannot express.\n{}", text()))
}

/// The text of a devenv.local.yaml with this developer's secrets, where there are any.
#[must_use]
pub fn local(adoption: &Adoption) -> Option<String> {
    let secrets: Keys =
        adoption.secrets.iter().map(|(name, value)| (name.clone(), Json::String(value.replace('$', "$$")))).collect();
    let whole = Keys::from_iter([("secrets".to_owned(), secrets.clone().into())]);
    (!secrets.is_empty())
        .then(|| format!("# This developer's own settings; git ignores it.\n{}", yaml::document(&whole)))
}

fn entry(out: &mut String, indent: usize, key: &str, value: &Json) {
    let space = " ".repeat(indent);
    let line = format!("{space}{}: {}", yaml::scalar(key), flow(value));
    let many = match value {
        Json::Object(map) => !map.is_empty() && (key == "env" || line.len() > WIDEST),
        Json::Array(items) => !items.is_empty() && line.len() > WIDEST,
        _ => false,
    };
    if !many {
        out.push_str(&format!("{line}\n"));
        return;
    }
    out.push_str(&format!("{space}{}:\n", yaml::scalar(key)));
    match value {
        Json::Object(map) => map.iter().for_each(|(key, value)| entry(out, indent + 2, key, value)),
        Json::Array(items) => items.iter().for_each(|item| out.push_str(&format!("{space}- {}\n", flow(item)))),
        _ => {}
    }
}

fn flow(value: &Json) -> String {
    match value {
        Json::Object(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", yaml::scalar(key), flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::String(text) => yaml::scalar(text),
        other => yaml::json(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_values_stand_on_one_line_and_long_ones_below_their_key() {
        let mut adoption = Adoption::default();
        let long: Vec<String> = (0..20).map(|number| format!("package-{number}")).collect();
        adoption.images.insert("x".to_owned(), json!({"parent": "base", "packages": long[..2]}));
        let api = json!({"path": ".", "run": "a && b: c", "env": {"A": "1"}, "needs": long});
        adoption.modules.insert("api".to_owned(), api);
        let text = configuration(&ProjectName::new("shop").unwrap(), &adoption, "compose.yaml");
        let lines: Vec<&str> = text.lines().skip(2).take(14).collect();
        assert_eq!(
            lines.join("\n"),
            "project: shop\n\nimages:\n  x:\n    parent: base\n    packages: [package-0, package-1]\n\n\
             modules:\n  api:\n    path: \".\"\n    run: \"a && b: c\"\n    env:\n      A: \"1\"\n    needs:"
        );
    }
}
