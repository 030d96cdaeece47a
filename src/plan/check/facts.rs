//! What the rules look at, as values. Pure.

use std::collections::BTreeMap;

use crate::assets::Assets;
use crate::config::model::feature::Day;
use crate::config::project::Project;
use crate::plan::check::certs::Certificate;
use crate::plan::check::dockerfiles::Lint;
use crate::plan::check::finding::Finding;
use crate::plan::deploy::cluster::Secret;
use crate::plan::environment::difference::SettingDifference;
use crate::plan::environment::errors::EnvironmentError;
use crate::plan::environment::target::Target;
use crate::plan::images::Hierarchy;
use crate::plan::parts::Environment;

/// An environment as it was decided.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Which one.
    pub target: Target,
    /// What it is, or why it cannot be.
    pub environment: Result<Environment, EnvironmentError>,
    /// What it differs in from dev.
    pub differences: Vec<SettingDifference>,
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct CheckFacts<'a> {
    /// The configuration, without that of one developer.
    pub project: &'a Project,
    /// The files in force.
    pub assets: &'a Assets,
    /// All images.
    pub images: &'a Hierarchy,
    /// The digests of third-party images, by name.
    pub digests: &'a BTreeMap<String, String>,
    /// Each environment, and what it differs in from dev.
    pub environments: &'a [Checked],
    /// The secrets that the clusters have, by environment; only of those that could be asked.
    pub secrets: &'a BTreeMap<String, BTreeMap<String, Secret>>,
    /// Lock files and manifests that modules name, by path.
    pub locks: &'a BTreeMap<String, String>,
    /// What was found in files that git tracks.
    pub committed: &'a [Finding],
    /// Certificates of the team's own.
    pub certificates: &'a [Certificate],
    /// What the linter of Dockerfiles says.
    pub lint: &'a Lint,
    /// Seconds since 1970.
    pub now: i64,
}

impl CheckFacts<'_> {
    /// This day.
    #[must_use]
    pub fn today(&self) -> Option<Day> {
        Day::of_unix(self.now)
    }
}
