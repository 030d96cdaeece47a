//! Asks a definition what reaches out of the checkout, with what stands at the paths that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_yaml::Value;

use crate::config::model::local::Permission;
use crate::error::Result;
use crate::host::checkout;
use crate::host::files::places;
use crate::host::user::permissions::{self, Kept};
use crate::plan::parts::Environment;
use crate::plan::permissions::grants::{Confirmation, Denied};
use crate::plan::permissions::ways::{WayFacts, WaysOut};
use crate::plan::permissions::{check, check_files, enforce};

/// A definition's surroundings.
pub struct Reach<'a> {
    /// The checkout.
    pub root: &'a Path,
    /// What devenv itself has decided on.
    pub environment: &'a Environment,
    /// Where the engine is.
    pub endpoint: &'a str,
    /// What is allowed.
    pub allowed: &'a BTreeSet<Permission>,
    /// Why the rest is not.
    pub denied: Denied,
}

impl Reach<'_> {
    /// Refuses a definition of several files that reaches out; says whether compose must be asked what they mean
    /// together.
    pub fn of_files(&self, documents: &[Value]) -> Result<bool> {
        let outcome = self.ask(|facts| {
            documents.iter().map(|document| check(document, facts)).fold(WaysOut::default(), |all, one| WaysOut {
                ways: all.ways.into_iter().chain(one.ways).collect(),
                unknown: all.unknown.into_iter().chain(one.unknown).collect(),
                is_unresolved: all.is_unresolved || one.is_unresolved,
            })
        });
        enforce(outcome.ways, self.allowed, self.denied)?;
        Ok(outcome.is_unresolved)
    }

    /// Refuses files with variables, as a service and a path each, that are not in the checkout or do not end.
    pub fn of_variables(&self, files: &[(String, String)]) -> Result<()> {
        let pairs = || files.iter().map(|(service, file)| (service.as_str(), file.as_str()));
        let outcome = self.ask(|facts| check_files(pairs(), facts));
        Ok(enforce(outcome.ways, self.allowed, self.denied)?)
    }

    /// Refuses a merged definition that reaches out.
    pub fn of_merged(&self, merged: &serde_json::Value) -> Result<()> {
        let merged = serde_yaml::to_value(merged).unwrap_or_default();
        let outcome = self.ask(|facts| check(&merged, facts));
        Ok(enforce(outcome.of_merged().ways, self.allowed, self.denied)?)
    }

    /// Asks until nothing is unknown: each round names further paths.
    fn ask(&self, check: impl Fn(&WayFacts<'_>) -> WaysOut) -> WaysOut {
        let home = checkout::variables().remove("HOME");
        let socket = self.endpoint.strip_prefix("unix://").and_then(places::of_socket);
        let sockets: Vec<String> = socket.into_iter().collect();
        let mut known = BTreeMap::new();
        loop {
            let facts =
                WayFacts { environment: self.environment, home: home.as_deref(), sockets: &sockets, places: &known };
            let outcome = check(&facts);
            if outcome.unknown.is_empty() {
                return outcome;
            }
            known.extend(outcome.unknown.into_iter().map(|path| {
                let place = places::place(&path, self.root);
                (path, place)
            }));
        }
    }
}

/// How `allow` of a checkout's devenv.local.yaml stands.
#[must_use]
pub fn standing(kept: &Kept, root: &Path, content: &str) -> Confirmation {
    if permissions::is_tracked(root, checkout::LOCAL) {
        Confirmation::Tracked
    } else if kept.has_confirmed(&root.display().to_string(), content) {
        Confirmation::Confirmed
    } else {
        Confirmation::New
    }
}
