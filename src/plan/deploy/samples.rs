//! Stacks and clusters for tests.

use std::collections::BTreeMap;

use serde_json::json;

use crate::names::PartName;
use crate::plan::definition::Definition;
use crate::plan::deploy::cluster::{Cluster, Node, Running, Secret, Task};
use crate::plan::deploy::stack::{Desired, Role, Stack};

pub(crate) fn name(text: &str) -> PartName {
    PartName::new(text).unwrap()
}

fn part(part: &str, role: Role, needs: &[&str]) -> (PartName, Desired) {
    let image = format!("registry.example.com/shop/{part}@sha256:1111222233334444");
    let keys = [("image", image.as_str()), ("environment", "e1"), ("replicas", "1"), ("secrets", "s1")];
    let keys = keys.map(|(key, value)| (key.to_owned(), value.chars().rev().take(6).collect()));
    let desired = Desired {
        role,
        needs: needs.iter().map(|need| name(need)).collect(),
        image,
        replicas: 1,
        node_label: None,
        secrets: Vec::new(),
        within: 30,
        variables: Vec::new(),
        definition: Definition::new(BTreeMap::from(keys)),
        template: format!("template of {part}"),
        spec: json!({}),
    };
    (name(part), desired)
}

/// A database, a migration, two services and the gateway.
pub(crate) fn stack() -> Stack {
    let mut parts = BTreeMap::from([
        part("db", Role::Service, &[]),
        part("migrate", Role::Task, &["db"]),
        part("api", Role::Service, &["db", "migrate"]),
        part("web", Role::Service, &["api"]),
        part("gateway", Role::Service, &[]),
    ]);
    let db = parts.get_mut(&name("db")).unwrap();
    db.node_label = Some("shop-prod.db".to_owned());
    db.secrets = vec!["shop_db_password".to_owned()];
    let configs = BTreeMap::from([("shop-prod_flags_1a2b".to_owned(), "{}".to_owned())]);
    Stack { name: "shop-prod".to_owned(), host: "shop.example".to_owned(), configs, parts }
}

/// A container of a service.
pub(crate) fn task(desired: &Desired, state: &str, message: &str) -> Task {
    Task {
        id: "t1".to_owned(),
        state: state.to_owned(),
        wanted: "running".to_owned(),
        image: desired.image.clone(),
        template: desired.template.clone(),
        message: message.to_owned(),
        code: None,
        node: "n1".to_owned(),
        lost: None,
    }
}

/// A service of a stack as it should be.
pub(crate) fn up(stack: &Stack, part: &str) -> Running {
    let desired = &stack.parts[&name(part)];
    let state = if desired.is_task() { "complete" } else { "running" };
    Running {
        id: part.to_owned(),
        definition: desired.definition.label(),
        image: desired.image.clone(),
        replicas: desired.replicas,
        tasks: vec![task(desired, state, ""); usize::try_from(desired.replicas).unwrap()],
        ..Running::default()
    }
}

/// A cluster of one node on which nothing runs, and all secrets are.
pub(crate) fn empty(stack: &Stack) -> Cluster {
    let labels = BTreeMap::from([("shop-prod.db".to_owned(), "true".to_owned())]);
    let secrets = stack.parts.values().flat_map(|part| &part.secrets).map(|name| (name.clone(), Secret::default()));
    Cluster {
        nodes: vec![Node { id: "n1".to_owned(), name: "node1".to_owned(), address: "10.0.0.1".to_owned(), labels }],
        secrets: secrets.collect(),
        ..Cluster::default()
    }
}

/// A cluster on which a stack runs as it should.
pub(crate) fn deployed(stack: &Stack) -> Cluster {
    Cluster {
        has_network: true,
        configs: stack.configs.keys().map(|name| (name.clone(), "id".to_owned())).collect(),
        services: stack.parts.keys().map(|part| (part.clone(), up(stack, part.as_str()))).collect(),
        ..empty(stack)
    }
}
