//! Networks of tasks that have containers beside them: one for each attempt, found again by their labels.

use std::collections::HashMap;

use bollard::models::{NetworkConnectRequest, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptionsBuilder;

use crate::error::Result;
use crate::host::engine::{Engine, failed};
use crate::labels;

/// A network of a task that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskNetwork {
    /// Engine's id.
    pub id: String,
    /// The task.
    pub task: String,
    /// The run that has made it.
    pub run: String,
}

impl Engine {
    /// Makes the network of an attempt.
    pub async fn make_task_network(&self, name: &str, checkout: &str, (task, run): (&str, &str)) -> Result<()> {
        let all = [(labels::CHECKOUT, checkout), (labels::TASK, task), (labels::TASK_RUN, run)];
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            labels: Some(all.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            ..NetworkCreateRequest::default()
        };
        let made = self.docker.create_network(request).await;
        made.map(drop).map_err(failed(format!("cannot create the network {name}")))
    }

    /// The networks of tasks of a checkout.
    pub async fn task_networks(&self, checkout: &str) -> Result<Vec<TaskNetwork>> {
        let filters = HashMap::from([("label", vec![labels::of_checkout(checkout), labels::TASK_RUN.to_owned()])]);
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        let listed = self.docker.list_networks(Some(options)).await.map_err(failed("cannot list networks"))?;
        let seen = listed.into_iter().map(|network| {
            let mut all = network.labels.unwrap_or_default();
            let mut label = |name: &str| all.remove(name).unwrap_or_default();
            TaskNetwork { id: network.id.unwrap_or_default(), task: label(labels::TASK), run: label(labels::TASK_RUN) }
        });
        Ok(seen.collect())
    }

    /// Makes a network reachable for a container that is in another one.
    pub async fn join(&self, network: &str, container: &str) -> Result<()> {
        let request = NetworkConnectRequest { container: container.to_owned(), ..NetworkConnectRequest::default() };
        let joined = self.docker.connect_network(network, request).await;
        joined.map_err(failed(format!("cannot connect the container to {network}")))
    }
}
