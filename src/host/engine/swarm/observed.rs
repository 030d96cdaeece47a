//! The words of the engine for services and their containers turned into ours.

use std::collections::HashMap;

use bollard::models::{self, BollardDate, NodeState, Service, ServiceUpdateStatusStateEnum as State};

use crate::labels;
use crate::names::PartName;
use crate::plan::deploy::cluster::{Node, Running, Secret, Task, Update};

/// The part that a service is, and the service.
pub(super) fn service(service: Service) -> Option<(PartName, Running)> {
    let spec = service.spec?;
    let all = spec.labels.clone().unwrap_or_default();
    let part = PartName::new(all.get(labels::PART)?.clone()).ok()?;
    let container = spec.task_template.as_ref().and_then(|template| template.container_spec.as_ref());
    let replicas = spec.mode.as_ref().and_then(|mode| mode.replicated.as_ref()?.replicas);
    let running = Running {
        id: service.id?,
        version: service.version.and_then(|version| version.index).unwrap_or_default(),
        definition: all.get(labels::DEPLOYED).cloned().unwrap_or_default(),
        image: container.and_then(|container| container.image.clone()).unwrap_or_default(),
        replicas: replicas.and_then(|replicas| u64::try_from(replicas).ok()).unwrap_or_default(),
        update: service.update_status.map(update).unwrap_or_default(),
        tasks: Vec::new(),
        spec: serde_json::to_value(&spec).unwrap_or_default(),
    };
    Some((part, running))
}

fn update(status: models::ServiceUpdateStatus) -> Update {
    let message = status.message.unwrap_or_default();
    match status.state {
        None | Some(State::EMPTY | State::COMPLETED) => Update::Settled,
        Some(State::UPDATING) => Update::UnderWay,
        Some(State::ROLLBACK_STARTED) => Update::GoingBack,
        Some(State::ROLLBACK_COMPLETED) => Update::WentBack(message),
        Some(State::PAUSED | State::ROLLBACK_PAUSED) => Update::Paused(message),
    }
}

/// Containers by the id of their service, the oldest first.
pub(super) fn tasks(mut all: Vec<models::Task>) -> HashMap<String, Vec<Task>> {
    all.sort_by_key(|task| task.created_at);
    let mut by_service: HashMap<String, Vec<Task>> = HashMap::new();
    for task in all {
        if let Some(service) = task.service_id.clone() {
            by_service.entry(service).or_default().push(self::task(task));
        }
    }
    by_service
}

fn task(task: models::Task) -> Task {
    let container = task.spec.and_then(|spec| spec.container_spec).unwrap_or_default();
    let status = task.status.unwrap_or_default();
    let message = status.err.filter(|error| !error.is_empty());
    Task {
        id: task.id.unwrap_or_default(),
        state: status.state.map(|state| state.to_string()).unwrap_or_default(),
        wanted: task.desired_state.map(|state| state.to_string()).unwrap_or_default(),
        image: container.image.unwrap_or_default(),
        template: container.labels.unwrap_or_default().remove(labels::TEMPLATE).unwrap_or_default(),
        message: message.unwrap_or_default(),
        code: status.container_status.and_then(|container| container.exit_code),
        node: task.node_id.unwrap_or_default(),
        lost: None,
    }
}

/// The nodes that a cluster has lost: id → name.
pub(super) fn lost(all: Vec<models::Node>) -> HashMap<String, String> {
    let is_lost = |node: &models::Node| node.status.as_ref().and_then(|status| status.state) == Some(NodeState::DOWN);
    all.into_iter().filter(is_lost).filter_map(node).map(|node| (node.id, node.name)).collect()
}

/// A secret with its name.
pub(super) fn secret(secret: models::Secret) -> Option<(String, Secret)> {
    let made = secret.created_at.map(BollardDate::unix_timestamp).unwrap_or_default();
    Some((secret.spec?.name?, Secret { id: secret.id?, made }))
}

/// A node. A manager may not know its own address by the first of the two ways.
pub(super) fn node(node: models::Node) -> Option<Node> {
    let address = node.status.and_then(|status| status.addr).filter(|address| address != "0.0.0.0");
    let of_manager = node.manager_status.and_then(|status| status.addr);
    let of_manager = of_manager.and_then(|address| Some(address.rsplit_once(':')?.0.to_owned()));
    Some(Node {
        id: node.id?,
        name: node.description.and_then(|description| description.hostname).unwrap_or_default(),
        address: address.or(of_manager).unwrap_or_default(),
        labels: node.spec.and_then(|spec| spec.labels).unwrap_or_default().into_iter().collect(),
    })
}
