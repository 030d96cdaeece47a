//! The way through a definition: each key is looked up in the allow list.

use serde_yaml::Value;

use crate::plan::permissions::inspection::Inspection;
use crate::plan::permissions::rules::{Rule, is_empty};
use crate::plan::permissions::table::{SECTIONS, TOP};

impl Inspection<'_> {
    /// A whole definition.
    pub(super) fn definition(&mut self, definition: &Value) {
        let Value::Mapping(map) = definition else { return };
        for (key, value) in map {
            let key = key.as_str().unwrap_or_default();
            let Some((_, noun, rule)) = SECTIONS.iter().find(|(section, ..)| *section == key) else {
                self.key(key, value, TOP);
                continue;
            };
            let Value::Mapping(entries) = value else {
                if !is_empty(value) {
                    self.refuse(format!("has `{key}` in a form that devenv does not know"));
                }
                continue;
            };
            for (name, entry) in entries {
                name.as_str().unwrap_or_default().clone_into(&mut self.name);
                self.who = format!("{noun} `{}`", self.name);
                self.value(entry, rule);
            }
            "the definition".clone_into(&mut self.who);
        }
    }

    fn key(&mut self, key: &str, value: &Value, keys: &'static [(&'static str, Rule)]) {
        match keys.iter().find(|(known, _)| *known == key) {
            Some((_, rule)) => self.value(value, rule),
            None if key.starts_with("x-") => {}
            None => self.refuse(format!("has the key `{key}` that is not in the compose specification")),
        }
    }

    fn value(&mut self, value: &Value, rule: &'static Rule) {
        if let (Value::Tagged(tagged), false) = (value, matches!(rule, Rule::Harmless)) {
            return self.refuse(format!("has the tag `{}`", tagged.tag));
        }
        match (rule, value) {
            (Rule::Harmless, _) => {}
            (Rule::Needs(permission, what), value) if !is_empty(value) => self.needs(*permission, *what),
            (Rule::Refused(what), value) if !is_empty(value) => self.refuse(*what),
            (Rule::Needs(..) | Rule::Refused(_), _) => {}
            (Rule::Asked(ask), value) => ask(self, value),
            (Rule::Both(ask, rule), value) => {
                ask(self, value);
                self.value(value, rule);
            }
            (Rule::Keys(keys), Value::Mapping(map)) => {
                for (key, value) in map {
                    self.key(key.as_str().unwrap_or_default(), value, keys);
                }
            }
            (Rule::Keys(_), Value::Sequence(items)) => {
                for item in items {
                    self.value(item, rule);
                }
            }
            (Rule::Each(rule), Value::Mapping(map)) => {
                for value in map.values() {
                    self.value(value, rule);
                }
            }
            (Rule::Each(rule), Value::Sequence(items)) => {
                for item in items {
                    self.value(item, rule);
                }
            }
            (Rule::Keys(_) | Rule::Each(_), _) => {}
        }
    }
}
