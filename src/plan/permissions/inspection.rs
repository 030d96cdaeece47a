//! What is known while a definition is asked, and what was found.

use serde_yaml::Value;

use crate::config::model::local::Permission;
use crate::plan::permissions::paths::{self, Destination, Reading};
use crate::plan::permissions::ways::{AllowedBy, WayFacts, WayOut, WaysOut};

/// Whose keys are asked, and what was found.
pub(super) struct Inspection<'a> {
    pub(super) facts: &'a WayFacts<'a>,
    /// Whose keys these are.
    pub(super) who: String,
    /// The name of the service, volume or other entry.
    pub(super) name: String,
    pub(super) outcome: WaysOut,
}

impl<'a> Inspection<'a> {
    pub(super) fn new(facts: &'a WayFacts<'a>) -> Self {
        Self { facts, who: "the definition".to_owned(), name: String::new(), outcome: WaysOut::default() }
    }

    /// Notes what needs a permission.
    pub(super) fn needs(&mut self, permission: Permission, what: impl Into<String>) {
        self.note(what.into(), AllowedBy::Needs(permission));
    }

    /// Notes what nothing allows.
    pub(super) fn refuse(&mut self, what: impl Into<String>) {
        self.note(what.into(), AllowedBy::Refused);
    }

    fn note(&mut self, what: String, verdict: AllowedBy) {
        self.outcome.ways.push(WayOut { who: self.who.clone(), what, verdict });
    }

    /// The text of a value, with `$$` as what it stands for. What is none, and what has a variable in it, only compose
    /// resolves.
    pub(super) fn text(&mut self, value: &Value) -> Option<String> {
        let text = match value {
            Value::String(text) => text.as_str(),
            Value::Number(number) => return Some(number.to_string()),
            Value::Bool(set) => return Some(set.to_string()),
            Value::Null => return Some(String::new()),
            _ => "$",
        };
        let plain = paths::plain(text);
        self.outcome.is_unresolved |= plain.is_none();
        plain
    }

    /// What stands at a path; `None` where it is not known yet.
    pub(super) fn place(&mut self, text: &str) -> Option<&'a Destination> {
        let path = paths::absolute(text, self.facts.environment.root.as_str(), self.facts.home);
        let known = self.facts.places.get(&path);
        if known.is_none() {
            self.outcome.unknown.insert(path);
        }
        known
    }

    /// A file or folder that must be in the checkout, unless it is allowed; `what` begins the message.
    pub(super) fn inside(&mut self, text: &str, what: &str) {
        let Some(place) = self.place(text) else { return };
        if let Some(permission) = place.permission(&self.facts.environment.root, self.facts.sockets) {
            let beyond = if permission == Permission::EngineSocket { ", and with it the engine" } else { "" };
            self.needs(permission, format!("{what} {}{beyond}", place.told(text)));
        }
    }

    /// A file whose variables a service reads: compose reads it, so it must be one that ends.
    pub(super) fn variables(&mut self, text: &str) {
        let Some(plain) = paths::plain(text) else {
            return self.needs(Permission::OutsideMounts, format!("reads {text}, whose name has a variable in it"));
        };
        self.inside(&plain, "reads");
        if let Some(Destination { reading: Reading::Endless, .. }) = self.place(&plain) {
            self.refuse(format!("reads {plain}, which is not a file of ordinary size"));
        }
    }
}
