//! Environments for tests.

use std::collections::BTreeMap;

use crate::plan::parts::{Environment, Part};

/// The environment of a shop with these parts, and nothing else.
pub(crate) fn environment(parts: Vec<Part>) -> Environment {
    Environment {
        project: "shop-a1b2c3".to_owned(),
        base: crate::plan::environment::target::Base::Dev,
        placement: crate::plan::environment::target::Placement::Here,
        id: "a1b2c3".to_owned(),
        root: "/home/me/shop".to_owned(),
        subnet: "10.213.1.0/24".to_owned(),
        host: "shop.localhost".to_owned(),
        domain: "shop.test".to_owned(),
        aliases: Vec::new(),
        parts: parts.into_iter().map(|part| (part.name.clone(), part)).collect(),
        volumes: BTreeMap::new(),
        credentials: BTreeMap::new(),
        secrets: BTreeMap::new(),
        routes: Vec::new(),
        releases: BTreeMap::new(),
    }
}
