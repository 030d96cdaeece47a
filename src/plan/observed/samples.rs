//! What an engine has, for tests.

use std::collections::BTreeMap;

use crate::plan::images::Hierarchy;
use crate::plan::observed::{Container, ContainerState, EngineHealth, Image, Packages, Role};

/// A part's container in the checkout of [`crate::plan::parts::samples`], without health check, address or volumes.
pub(crate) fn container(part: &str, state: ContainerState) -> Container {
    Container {
        id: format!("{part}-id"),
        name: format!("shop-a1b2c3-{part}-1"),
        checkout: "a1b2c3".to_owned(),
        part: part.to_owned(),
        definition: String::new(),
        state,
        health: EngineHealth::Unknown,
        status: String::new(),
        role: Role::Part,
        address: None,
        networks: BTreeMap::new(),
        volumes: Vec::new(),
        image: String::new(),
        image_id: String::new(),
    }
}

/// All images of a hierarchy, up to date.
pub(crate) fn images(hierarchy: &Hierarchy) -> Vec<Image> {
    let image = |node: &crate::plan::images::Node| Image {
        id: node.tag.clone(),
        name: Some(node.name.clone()),
        tags: vec![node.tag.clone()],
        inputs: node.inputs.clone(),
        fingerprint: node.fingerprint.to_string(),
        packages: Packages::default(),
        created: 1,
        size: 1,
    };
    hierarchy.nodes().iter().map(image).collect()
}
