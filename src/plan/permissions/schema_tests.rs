//! The allow list has every key of the compose specification, and no other.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::plan::permissions::rules::Rule::{self, Asked, Both, Each, Harmless, Keys, Needs, Refused};
use crate::plan::permissions::table::{SECTIONS, TOP};

/// Where the schema and the allow list differ.
struct Comparison {
    schema: Value,
    faults: BTreeSet<String>,
    seen: usize,
}

impl Comparison {
    /// All forms that a node of the schema has, references followed.
    fn forms(&self, node: &Value) -> Vec<Value> {
        let node = match node.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.schema.pointer(reference.trim_start_matches('#')).unwrap().clone(),
            None => node.clone(),
        };
        let several = ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| node.get(key)?.as_array());
        let below: Vec<Value> = several.flatten().flat_map(|form| self.forms(form)).collect();
        below.into_iter().chain([node]).collect()
    }

    fn compare(&mut self, path: &str, node: &Value, rule: &Rule) {
        for form in self.forms(node) {
            if let Some(properties) = form.get("properties").and_then(Value::as_object) {
                self.keys(path, properties, rule);
            }
            let each = form.get("items").into_iter();
            let named = form.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
            let named = named.filter(|(pattern, _)| *pattern != "^x-").map(|(_, node)| node);
            let others = form.get("additionalProperties").filter(|node| node.is_object());
            for below in each.chain(named).chain(others) {
                let rule = if let Each(rule) | Both(_, Each(rule)) = rule { rule } else { rule };
                self.compare(path, below, rule);
            }
        }
    }

    fn keys(&mut self, path: &str, properties: &serde_json::Map<String, Value>, rule: &Rule) {
        match rule {
            Keys(table) | Both(_, Keys(table)) => {
                for (key, node) in properties {
                    self.seen += 1;
                    match table.iter().find(|(known, _)| known == key) {
                        Some((_, rule)) => self.compare(&format!("{path}.{key}"), node, rule),
                        None => drop(self.faults.insert(format!("{path}.{key} has no rule"))),
                    }
                }
                let spare = table.iter().filter(|(known, _)| !properties.contains_key(*known));
                self.faults.extend(spare.map(|(known, _)| format!("{path}.{known} is not in the schema")));
            }
            // These look at all that is below them.
            Asked(_) | Needs(..) | Refused(_) | Both(..) => {}
            Harmless | Each(_) => drop(self.faults.insert(format!("{path}: keys below it are not looked at"))),
        }
    }
}

#[test]
fn every_key_of_the_compose_specification_has_a_rule_and_no_rule_is_for_another() {
    let schema: Value = serde_json::from_str(include_str!("../../../tests/data/compose-spec.json")).unwrap();
    let top: BTreeSet<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let known = TOP.iter().map(|(key, _)| *key).chain(SECTIONS.iter().map(|(key, ..)| *key));
    assert_eq!(top, known.collect());
    let entries = |section: &str| {
        let patterns = schema["properties"][section]["patternProperties"].as_object().unwrap();
        patterns.values().next().unwrap().clone()
    };
    let mut comparison = Comparison { schema: schema.clone(), faults: BTreeSet::new(), seen: 0 };
    for (section, _, rule) in SECTIONS {
        comparison.compare(section, &entries(section), rule);
    }
    let faults: Vec<String> = comparison.faults.into_iter().collect();
    assert_eq!(faults.join("\n"), "");
    assert!(comparison.seen > 250, "{}", comparison.seen);
}
