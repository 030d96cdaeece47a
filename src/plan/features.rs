//! Features of a project: their states, and who has changed one last. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::model::feature::Switch;
use crate::config::project::Project;
use crate::error::{Error, Kind};
use crate::names::{EnvironmentName, FeatureName};
use crate::nearest;
use crate::plan::environment::target::{self, Base, Target};

/// Where containers find the file of all states.
pub const FOLDER: &str = "/run/devenv/features";
/// The variable by which flagd's provider finds that file.
pub const FLAGD: &str = "FLAGD_OFFLINE_FLAG_SOURCE_PATH";

/// A change that somebody has made, a line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureChange {
    /// The feature.
    pub feature: FeatureName,
    /// Where.
    pub environment: String,
    /// What it is since then.
    pub state: Switch,
    /// Who.
    pub by: String,
    /// Seconds since 1970.
    pub at: i64,
}

/// A feature as `features` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedFeature {
    /// Its name.
    pub name: FeatureName,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Day after which it should be gone.
    pub until: Option<String>,
    /// The variable that says its state.
    pub variable: String,
    /// Its state in each environment.
    pub states: BTreeMap<String, Switch>,
    /// The last change on this machine.
    pub changed: Option<FeatureChange>,
}

/// All features with their states; `journal` has a change on each line, of which damaged ones are skipped.
#[must_use]
pub fn listed(project: &Project, journal: &str) -> Vec<ListedFeature> {
    let changes: Vec<FeatureChange> = journal.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let targets: Vec<Target> =
        target::names(project).iter().filter_map(|name| Target::of(project, name).ok()).collect();
    let one = |name: &FeatureName| {
        let feature = project.file.features.get(name).cloned().unwrap_or_default();
        let state = |target: &Target| Some((target.name.clone(), *target.features.get(name)?));
        ListedFeature {
            variable: name.variable(),
            owner: feature.owner,
            until: feature.until.map(|day| day.to_string()),
            states: targets.iter().filter_map(state).collect(),
            changed: changes.iter().rev().find(|change| change.feature == *name).cloned(),
            name: name.clone(),
        }
    };
    project.file.features.keys().map(one).collect()
}

/// Why a feature cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeatureError {
    /// There is none of that name.
    #[error("`{0}` is not a feature")]
    Unknown(String, Vec<String>),
    /// The environment does not run on this machine.
    #[error("`{0}` does not run on this machine")]
    Elsewhere(String, String),
}

impl From<FeatureError> for Error {
    fn from(error: FeatureError) -> Self {
        let hint = match &error {
            FeatureError::Unknown(name, known) => nearest::hint(name, known.iter().map(String::as_str)),
            FeatureError::Elsewhere(environment, feature) => {
                format!("write it to `features.{feature}.{environment}` in devenv.yaml and release that")
            }
        };
        Self::new(Kind::Usage, error).hint(hint)
    }
}

/// The feature that is meant, and the environment in which it can be set here.
pub fn settable(
    project: &Project,
    feature: &str,
    target: &Target,
) -> Result<(FeatureName, EnvironmentName), FeatureError> {
    let known = || project.file.features.keys().map(ToString::to_string).collect();
    let name = project.file.features.keys().find(|name| name.as_str() == feature);
    let name = name.ok_or_else(|| FeatureError::Unknown(feature.to_owned(), known()))?;
    match EnvironmentName::new(target.name.as_str()) {
        Ok(environment) if target.base == Base::Dev => Ok((name.clone(), environment)),
        _ => Err(FeatureError::Elsewhere(target.name.clone(), feature.to_owned())),
    }
}
