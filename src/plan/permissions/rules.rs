//! What a rule of the allow list can say about a key.

use serde_yaml::Value;

use crate::config::model::local::Permission;
use crate::plan::permissions::inspection::Inspection;

/// Looks at the value of a key, and notes what reaches out.
pub(super) type Ask = fn(&mut Inspection<'_>, &Value);

/// What is known about a key.
pub(super) enum Rule {
    /// It stays inside, whatever its value and whatever is below it.
    Harmless,
    /// It reaches out unless it is empty; the words say what the container does then.
    Needs(Permission, &'static str),
    /// Nothing allows it unless it is empty; the words say what it would do.
    Refused(&'static str),
    /// It depends on the value.
    Asked(Ask),
    /// A map, or a list of maps, with these keys and no others; a text or number in its place stays inside.
    Keys(&'static [(&'static str, Rule)]),
    /// The rule for each value of a map or list.
    Each(&'static Rule),
    /// It depends on the value, and then on what is below it.
    Both(Ask, &'static Rule),
}

/// Whether a value says nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::String(text) => text.is_empty(),
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(map) => map.is_empty(),
        Value::Number(_) | Value::Tagged(_) => false,
    }
}

/// Whether a value is a yes; whatever is not plainly a no counts as one.
pub(super) fn is_set(value: &Value) -> bool {
    !is_empty(value) && value.as_str() != Some("false")
}
