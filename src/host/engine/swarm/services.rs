//! The services of a cluster.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{Network, Node, ServiceSpec};
use bollard::query_parameters::{
    ListNetworksOptionsBuilder, ListNodesOptions, ListSecretsOptions, ListServicesOptionsBuilder,
    ListTasksOptionsBuilder, LogsOptionsBuilder, UpdateServiceOptions,
};
use futures_util::StreamExt;
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::host::engine::images::credentials;
use crate::host::engine::swarm::{observed, of_stack, of_swarm};
use crate::host::engine::{Engine, is_missing};
use crate::host::registry::credentials::RegistryLogin;
use crate::names::PartName;
use crate::plan::deploy::cluster::{Cluster, Running, Secret};

/// Lines of a failed run that are shown.
const LINES: &str = "20";
/// How long they may take to come.
const LINES_WITHIN: Duration = Duration::from_secs(10);

impl Engine {
    /// What a cluster has of an environment, asked at once.
    pub async fn cluster(&self, stack: &str) -> Result<Cluster> {
        let networks = async {
            let filters = HashMap::from([("name".to_owned(), vec![stack.to_owned()])]);
            let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
            let all = self.docker.list_networks(Some(options)).await.map_err(of_swarm("cannot list networks"))?;
            // One of this machine alone may have the name too: `up --env` makes it.
            let is_ours = |one: &Network| one.name.as_deref() == Some(stack) && one.scope.as_deref() == Some("swarm");
            Ok::<_, Error>(all.iter().any(is_ours))
        };
        // Of an engine that is not a manager, the first answer says so.
        let nodes = self.nodes().await?.into_iter().filter_map(observed::node).collect();
        let (has_network, secrets, configs, services) =
            tokio::try_join!(networks, self.secrets(), self.configs(stack), self.services(stack))?;
        Ok(Cluster { nodes, has_network, secrets, configs, services: services.into_iter().collect() })
    }

    async fn nodes(&self) -> Result<Vec<Node>> {
        self.docker.list_nodes(None::<ListNodesOptions>).await.map_err(of_swarm("cannot list nodes"))
    }

    /// All secrets, by name.
    pub async fn secrets(&self) -> Result<BTreeMap<String, Secret>> {
        let all = self.docker.list_secrets(None::<ListSecretsOptions>).await;
        Ok(all.map_err(of_swarm("cannot list secrets"))?.into_iter().filter_map(observed::secret).collect())
    }

    /// The services of an environment with their containers.
    pub async fn services(&self, stack: &str) -> Result<Vec<(PartName, Running)>> {
        let options = ListServicesOptionsBuilder::new().filters(&of_stack(stack)).build();
        let all = self.docker.list_services(Some(options)).await.map_err(of_swarm("cannot list services"))?;
        let mut all: Vec<(PartName, Running)> = all.into_iter().filter_map(observed::service).collect();
        if all.is_empty() {
            return Ok(all);
        }
        let ids = all.iter().map(|(_, running)| running.id.clone()).collect();
        let filters = HashMap::from([("service".to_owned(), ids)]);
        let options = ListTasksOptionsBuilder::new().filters(&filters).build();
        let tasks = async { self.docker.list_tasks(Some(options)).await.map_err(of_swarm("cannot list tasks")) };
        let (tasks, nodes) = tokio::try_join!(tasks, self.nodes())?;
        let (mut tasks, lost) = (observed::tasks(tasks), observed::lost(nodes));
        for (_, running) in &mut all {
            running.tasks = tasks.remove(&running.id).unwrap_or_default();
            for task in &mut running.tasks {
                task.lost = lost.get(&task.node).cloned();
            }
        }
        Ok(all)
    }

    /// Makes a service; `spec` is in the words of the engine.
    pub async fn make_service(&self, spec: &Value, login: Option<&RegistryLogin>) -> Result<()> {
        let spec = typed(spec)?;
        let doing = format!("cannot create service {}", spec.name.as_deref().unwrap_or_default());
        self.docker.create_service(spec, credentials(login)).await.map(drop).map_err(of_swarm(doing))
    }

    /// Changes a service, unless somebody has done so since it had this version.
    pub async fn update_service(&self, running: &Running, spec: &Value, login: Option<&RegistryLogin>) -> Result<()> {
        let spec = typed(spec)?;
        let doing = format!("cannot update service {}", spec.name.as_deref().unwrap_or_default());
        let options = UpdateServiceOptions {
            version: i32::try_from(running.version).unwrap_or(i32::MAX),
            registry_auth_from: "spec".to_owned(),
            rollback: None,
        };
        let updated = self.docker.update_service(&running.id, spec, options, credentials(login)).await;
        updated.map(drop).map_err(of_swarm(doing))
    }

    /// Removes a service with its containers.
    pub async fn remove_service(&self, name: &str) -> Result<()> {
        match self.docker.delete_service(name).await {
            Err(error) if !is_missing(&error) => Err(of_swarm(format!("cannot remove service {name}"))(error)),
            _ => Ok(()),
        }
    }

    /// The last lines that the containers of a service have written, or as many as come in time: the manager asks their
    /// nodes, and waits for one that is lost.
    pub async fn service_lines(&self, name: &str) -> Vec<String> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(LINES).build();
        let lines = self.docker.service_logs(name, Some(options)).take_until(tokio::time::sleep(LINES_WITHIN));
        let text: Vec<String> = lines.filter_map(async |line| line.ok().map(|line| line.to_string())).collect().await;
        text.concat().lines().map(str::to_owned).collect()
    }
}

fn typed(spec: &Value) -> Result<ServiceSpec> {
    serde_json::from_value(spec.clone()).map_err(|error| {
        Error::message(Kind::Bug, format!("a service in words that the engine does not know: {error}"))
    })
}
