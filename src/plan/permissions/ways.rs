//! What reaches out of a checkout, and what it is compared with.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::local::Permission;
use crate::plan::parts::Environment;
use crate::plan::permissions::paths::Destination;

/// What a definition is compared with.
#[derive(Debug, Clone, Copy)]
pub struct WayFacts<'a> {
    /// What devenv itself puts into it: its mounts, volumes, network and names.
    pub environment: &'a Environment,
    /// Where `~` leads.
    pub home: Option<&'a str>,
    /// Sockets of engines, where links end.
    pub sockets: &'a [String],
    /// What stands at paths, by the path as [`WaysOut::unknown`] has it.
    pub places: &'a BTreeMap<String, Destination>,
}

/// What a definition turned out to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaysOut {
    /// Everything that reaches out.
    pub ways: Vec<WayOut>,
    /// Paths about which nothing is known yet; with them known, it is asked again.
    pub unknown: BTreeSet<String>,
    /// Something is written in a form that only compose resolves: its merged definition must be asked.
    pub is_unresolved: bool,
}

impl WaysOut {
    /// The same for a definition that compose has merged: what is unresolved there, nobody resolves.
    #[must_use]
    pub fn of_merged(mut self) -> Self {
        if self.is_unresolved {
            let what = "is written in a form that devenv does not know".to_owned();
            self.ways.push(WayOut { who: "the definition".to_owned(), what, verdict: AllowedBy::Refused });
        }
        self
    }
}

/// One thing that reaches out of the checkout.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WayOut {
    /// Whose it is, such as "service `api`".
    pub who: String,
    /// What it does, such as "mounts /etc".
    pub what: String,
    /// What allows it.
    pub verdict: AllowedBy,
}

/// What allows a way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AllowedBy {
    /// A permission.
    Needs(Permission),
    /// Nothing.
    Refused,
}
