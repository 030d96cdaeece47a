//! What reaches out of the checkout: an allow list over the keys of the compose specification, asked of the definition
//! as the engine gets it. Each key is harmless, needs a permission that a developer gives, or is refused; a key that is
//! not in the list is refused. Pure: facts about paths arrive as values.

use std::collections::BTreeSet;

use serde_yaml::Value;

use crate::config::model::local::Permission;
use crate::error::{Error, Kind};
use crate::plan::permissions::grants::Denied;
use crate::plan::permissions::inspection::Inspection;
use crate::plan::permissions::ways::{AllowedBy, WayFacts, WayOut, WaysOut};

mod capabilities;
pub mod grants;
mod inspection;
mod mounts;
mod networks;
mod options;
pub mod paths;
mod rules;
#[cfg(test)]
mod schema_tests;
mod table;
#[cfg(test)]
mod tests;
mod walk;
pub mod ways;

/// Asks a definition. In its values `$$` stands for `$`, as in files for compose and in what compose prints.
#[must_use]
pub fn check(definition: &Value, facts: &WayFacts<'_>) -> WaysOut {
    let mut inspection = Inspection::new(facts);
    inspection.definition(definition);
    inspection.outcome
}

/// Asks files whose variables a service reads, which compose no longer tells once it has read them.
#[must_use]
pub fn check_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>, facts: &WayFacts<'_>) -> WaysOut {
    let mut inspection = Inspection::new(facts);
    for (service, file) in files {
        inspection.who = format!("service `{service}`");
        inspection.variables(file);
    }
    inspection.outcome
}

/// What reaches out without permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct NotAllowed {
    ways: Vec<WayOut>,
    denied: Denied,
}

impl NotAllowed {
    fn text(&self) -> String {
        match self.ways.as_slice() {
            [WayOut { who, what, verdict: AllowedBy::Refused }] => format!("{who} {what}, which devenv refuses"),
            [WayOut { who, what, .. }] => format!("{who} {what}, which reaches out of the checkout"),
            ways => {
                let line = |way: &WayOut| match way.verdict {
                    AllowedBy::Needs(permission) => format!("\n  {} {} ({})", way.who, way.what, permission.name()),
                    AllowedBy::Refused => format!("\n  {} {} (refused)", way.who, way.what),
                };
                let lines: String = ways.iter().map(line).collect();
                format!("the definition reaches out of the checkout:{lines}")
            }
        }
    }
}

impl From<NotAllowed> for Error {
    fn from(error: NotAllowed) -> Self {
        let needed: BTreeSet<Permission> = error
            .ways
            .iter()
            .filter_map(|way| match way.verdict {
                AllowedBy::Needs(permission) => Some(permission),
                AllowedBy::Refused => None,
            })
            .collect();
        let hints = error.denied.hints(&needed);
        let shut = needed.contains(&Permission::PublicPorts);
        let made = hints.into_iter().fold(Self::new(Kind::Usage, error), Self::hint);
        if shut { made.hint("`127.0.0.1:PORT:PORT` publishes a port for this machine alone") } else { made }
    }
}

/// Refuses what reaches out and is not allowed.
///
/// # Errors
/// Everything that does, in one go.
pub fn enforce(
    ways: impl IntoIterator<Item = WayOut>,
    allowed: &BTreeSet<Permission>,
    denied: Denied,
) -> Result<(), NotAllowed> {
    let is_allowed =
        |way: &WayOut| matches!(way.verdict, AllowedBy::Needs(permission) if allowed.contains(&permission));
    let ways: BTreeSet<WayOut> = ways.into_iter().filter(|way| !is_allowed(way)).collect();
    if ways.is_empty() { Ok(()) } else { Err(NotAllowed { ways: ways.into_iter().collect(), denied }) }
}
