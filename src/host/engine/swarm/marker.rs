//! The mark of a deployment under way: a config of the cluster. Its name can be taken once, on whatever machine, and the
//! cluster refuses a beat under an old version.

use std::collections::HashMap;

use bollard::errors::Error as ApiError;
use bollard::models::ConfigSpec;
use bollard::query_parameters::UpdateConfigOptions;

use crate::error::Result;
use crate::host::engine::swarm::{of_swarm, stack_label};
use crate::host::engine::{Engine, is_missing};
use crate::labels;

/// A mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The engine's id.
    pub id: String,
    /// The engine's number of this state, which each beat changes.
    pub version: u64,
    /// Who deploys.
    pub by: String,
    /// Since when, in seconds since 1970.
    pub since: i64,
}

fn name(stack: &str) -> String {
    format!("{stack}.deploying")
}

impl Engine {
    /// Marks an environment; none where somebody else has.
    pub async fn mark(&self, stack: &str, by: &str, since: i64) -> Result<Option<Marker>> {
        match self.docker.create_config(spec(stack, by, since, 0)).await {
            Ok(_) => self.marker(stack).await,
            Err(ApiError::DockerResponseServerError { status_code: 409, .. }) => Ok(None),
            Err(error) => Err(of_swarm("cannot mark the deployment")(error)),
        }
    }

    /// The mark of an environment.
    pub async fn marker(&self, stack: &str) -> Result<Option<Marker>> {
        let config = match self.docker.inspect_config(&name(stack)).await {
            Ok(config) => config,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(of_swarm("cannot look for another deployment")(error)),
        };
        let all = config.spec.and_then(|spec| spec.labels).unwrap_or_default();
        Ok(Some(Marker {
            id: config.id.unwrap_or_default(),
            version: config.version.and_then(|version| version.index).unwrap_or_default(),
            by: all.get(labels::DEPLOYER).cloned().unwrap_or_default(),
            since: all.get(labels::DEPLOYING_SINCE).and_then(|text| text.parse().ok()).unwrap_or_default(),
        }))
    }

    /// Says that the deployment is alive; none where the mark is another one by now.
    pub async fn beat(&self, stack: &str, marker: &Marker, number: u64) -> Result<Option<Marker>> {
        let options = UpdateConfigOptions { version: i64::try_from(marker.version).unwrap_or(i64::MAX) };
        let beaten =
            self.docker.update_config(&marker.id, spec(stack, &marker.by, marker.since, number), options).await;
        match beaten {
            // What the cluster refuses, it refuses where the mark is gone, or for a moment: its managers may choose a leader.
            Ok(()) | Err(ApiError::DockerResponseServerError { .. }) => {
                Ok(self.marker(stack).await?.filter(|now| now.id == marker.id))
            }
            Err(error) => Err(of_swarm("cannot keep the mark of the deployment")(error)),
        }
    }
}

fn spec(stack: &str, by: &str, since: i64, beat: u64) -> ConfigSpec {
    let own = [
        (labels::DEPLOYER, by.to_owned()),
        (labels::DEPLOYING_SINCE, since.to_string()),
        (labels::HEARTBEAT, beat.to_string()),
    ];
    let mut all: HashMap<String, String> = stack_label(stack);
    all.extend(own.map(|(key, value)| (key.to_owned(), value)));
    ConfigSpec { name: Some(name(stack)), labels: Some(all), data: Some("Cg==".to_owned()), ..ConfigSpec::default() }
}
