//! What a cluster has: nodes, secrets, and the services of one environment, by label.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::labels;
use crate::names::PartName;

/// What a cluster has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cluster {
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Whether the network of the environment exists.
    pub has_network: bool,
    /// All secrets, by name.
    pub secrets: BTreeMap<String, Secret>,
    /// Configs of the environment: name → id.
    pub configs: BTreeMap<String, String>,
    /// Services of the environment.
    pub services: BTreeMap<PartName, Running>,
}

/// A secret, whose value nobody can ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secret {
    /// Its id.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub made: i64,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its host name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A service as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    /// The engine's id.
    pub id: String,
    /// The engine's number of this state: an update names it, and is refused when somebody was faster.
    pub version: u64,
    /// The label with its definition; empty where there is none.
    pub definition: String,
    /// Its image.
    pub image: String,
    /// How many containers it should have.
    pub replicas: u64,
    /// What the engine says of the last update.
    pub update: Update,
    /// Its containers, the newest last.
    pub tasks: Vec<Task>,
    /// All of it in the words of the engine, to go back to.
    pub spec: Value,
}

impl Running {
    /// Names of the configs that its containers are given.
    pub fn configs(&self) -> impl Iterator<Item = &str> {
        let all = self.spec.pointer("/TaskTemplate/ContainerSpec/Configs").and_then(Value::as_array);
        all.into_iter().flatten().filter_map(|one| one.get("ConfigName")?.as_str())
    }

    /// The label with what its containers are made from; empty where there is none.
    #[must_use]
    pub fn template(&self) -> &str {
        let all = self.spec.pointer("/TaskTemplate/ContainerSpec/Labels");
        all.and_then(|all| all.get(labels::TEMPLATE)?.as_str()).unwrap_or_default()
    }

    /// How many of its containers run that are made from what it is now.
    #[must_use]
    pub fn up(&self) -> u64 {
        let is_ours = |task: &&Task| task.is_running() && task.image == self.image && task.template == self.template();
        self.tasks.iter().filter(is_ours).count() as u64
    }
}

/// What became of the last update of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Update {
    /// There was none, or it has ended well.
    #[default]
    Settled,
    /// It is under way.
    UnderWay,
    /// It has stopped, and nobody goes back.
    Paused(String),
    /// The engine goes back to the state before.
    GoingBack,
    /// The engine has gone back.
    WentBack(String),
}

/// A container of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// The engine's id.
    pub id: String,
    /// Its state, in the engine's word.
    pub state: String,
    /// The state that it should have.
    pub wanted: String,
    /// The image that it is made from.
    pub image: String,
    /// The label with what it is made from.
    pub template: String,
    /// What the engine says of its state.
    pub message: String,
    /// The code that its program ended with.
    pub code: Option<i64>,
    /// The node that it runs on.
    pub node: String,
    /// The name of that node, where the cluster has lost it.
    pub lost: Option<String>,
}

impl Task {
    /// Whether it has ended and was not meant to.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.state.as_str(), "failed" | "rejected" | "orphaned")
    }

    /// Whether its program has not begun yet.
    #[must_use]
    pub fn is_beginning(&self) -> bool {
        matches!(self.state.as_str(), "new" | "pending" | "assigned" | "accepted" | "preparing" | "ready" | "starting")
    }

    /// Whether it runs, and is meant to.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == "running" && self.wanted == "running"
    }
}
