//! A cluster of engines: one call per function, and its words turned into ours.

pub mod marker;
mod observed;
pub mod services;

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bollard::errors::Error as ApiError;
use bollard::models::{Config, ConfigSpec, NetworkCreateRequest};
use bollard::query_parameters::ListConfigsOptionsBuilder;

use crate::error::{Error, Kind, Result};
use crate::host::engine::{Engine, failed, is_missing};
use crate::labels;

/// An error of a cluster, with what was being done.
fn of_swarm(doing: impl std::fmt::Display) -> impl FnOnce(ApiError) -> Error {
    move |error| match &error {
        ApiError::DockerResponseServerError { status_code: 503 | 406, message } if message.contains("swarm") => {
            let error = Error::message(Kind::Missing, format!("{doing}: the engine is not a manager of a Swarm"));
            error.hint(
                "`docker swarm init` turns it into one, or `deploy: {context: NAME}` of the environment names a manager",
            )
        }
        _ => failed(doing)(error),
    }
}

fn of_stack(stack: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![format!("{}={stack}", labels::STACK)])])
}

fn stack_label(stack: &str) -> HashMap<String, String> {
    HashMap::from([(labels::STACK.to_owned(), stack.to_owned())])
}

impl Engine {
    /// Makes the network of an environment, which reaches all nodes.
    pub async fn make_overlay(&self, name: &str) -> Result<()> {
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("overlay".to_owned()),
            labels: Some(stack_label(name)),
            ..NetworkCreateRequest::default()
        };
        self.docker.create_network(request).await.map(drop).map_err(of_swarm(format!("cannot create network {name}")))
    }

    /// Gives the cluster a file, and returns its id.
    pub async fn make_config(&self, stack: &str, name: &str, text: &str) -> Result<String> {
        let spec = ConfigSpec {
            name: Some(name.to_owned()),
            labels: Some(stack_label(stack)),
            data: Some(BASE64_STANDARD.encode(text)),
            ..ConfigSpec::default()
        };
        let made = self.docker.create_config(spec).await.map_err(of_swarm(format!("cannot create config {name}")))?;
        Ok(made.id)
    }

    /// Files of an environment: name → id.
    pub async fn configs(&self, stack: &str) -> Result<BTreeMap<String, String>> {
        let options = ListConfigsOptionsBuilder::new().filters(&of_stack(stack)).build();
        let all = self.docker.list_configs(Some(options)).await.map_err(of_swarm("cannot list configs"))?;
        let named = |config: Config| {
            let spec = config.spec?;
            // The mark of a deployment is not one of its files.
            let is_mark = spec.labels.is_some_and(|all| all.contains_key(labels::DEPLOYER));
            if is_mark { None } else { Some((spec.name?, config.id?)) }
        };
        Ok(all.into_iter().filter_map(named).collect())
    }

    /// Removes a config.
    pub async fn remove_config(&self, id: &str) -> Result<()> {
        match self.docker.delete_config(id).await {
            Err(error) if !is_missing(&error) => Err(of_swarm("cannot remove a config")(error)),
            _ => Ok(()),
        }
    }
}
