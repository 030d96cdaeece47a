//! What the team's own compose files add: services that devenv does not know, and ways out of the checkout that a
//! developer must allow.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::local::Permission;
use crate::error::{Error, Kind as ErrorKind};
use crate::names::PartName;
use crate::plan::parts::{Environment, ImageRef, Kind, Part, Publish};

/// A service reaches out of the checkout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("service `{service}` {what}, which reaches out of the checkout")]
pub struct NotAllowed {
    service: String,
    what: String,
    permission: &'static str,
}

impl From<NotAllowed> for Error {
    fn from(error: NotAllowed) -> Self {
        let hint = format!("allow it on this machine in devenv.local.yaml: `allow: [{}]`", error.permission);
        Self::new(ErrorKind::Usage, error).hint(hint)
    }
}

/// The first thing of the merged definition that reaches out of the checkout without permission.
pub fn check(merged: &Value, root: &str, allowed: &[Permission]) -> Result<(), NotAllowed> {
    for (name, service) in services(merged) {
        for (permission, word, what) in ways_out(service, root) {
            if !allowed.contains(&permission) {
                return Err(NotAllowed { service: name.clone(), what, permission: word });
            }
        }
    }
    Ok(())
}

fn services(merged: &Value) -> impl Iterator<Item = (&String, &Value)> {
    merged.get("services").and_then(Value::as_object).into_iter().flatten()
}

fn ways_out(service: &Value, root: &str) -> Vec<(Permission, &'static str, String)> {
    let text = |key: &str| service.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut ways = Vec::new();
    let outside = "outside-mounts";
    if service.get("privileged") == Some(&Value::Bool(true))
        || service.get("cap_add").is_some_and(|caps| has(caps, "ALL"))
    {
        ways.push((Permission::Privileged, "privileged", "has all capabilities".to_owned()));
    }
    if text("network_mode") == "host" {
        ways.push((Permission::HostNetwork, "host-network", "is in the host's network".to_owned()));
    }
    let spaces = ["pid", "ipc", "userns_mode", "uts"].into_iter().find(|key| text(key) == "host");
    if let Some(key) =
        spaces.or_else(|| service.get("devices").filter(|all| **all != Value::Array(vec![])).map(|_| "devices"))
    {
        ways.push((Permission::HostNamespaces, "host-namespaces", format!("has the host's `{key}`")));
    }
    for mount in service.get("volumes").and_then(Value::as_array).into_iter().flatten() {
        let source = mount.get("source").and_then(Value::as_str).unwrap_or_default();
        if mount.get("type").and_then(Value::as_str) != Some("bind") {
            continue;
        }
        if source.ends_with("docker.sock") || source == "/" || source == "/var/run" || source == "/run" {
            ways.push((Permission::EngineSocket, "engine-socket", format!("mounts {source}, and with it the engine")));
        } else if source != root && !source.starts_with(&format!("{root}/")) {
            ways.push((Permission::OutsideMounts, outside, format!("mounts {source}")));
        }
    }
    ways
}

fn has(list: &Value, word: &str) -> bool {
    list.as_array().into_iter().flatten().any(|item| item.as_str() == Some(word))
}

/// Why a fragment's service cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// Its name is no host name.
    #[error("the name of service `{0}` in a fragment: {1}")]
    Name(String, String),
    /// It says no image.
    #[error("service `{0}` stands only in a fragment and names no image")]
    NoImage(String),
}

impl From<FragmentError> for Error {
    fn from(error: FragmentError) -> Self {
        Self::new(ErrorKind::Usage, error)
    }
}

/// Adds the services that only fragments have.
pub fn add(merged: &Value, environment: &mut Environment) -> Result<(), FragmentError> {
    for (name, service) in services(merged) {
        let part =
            PartName::new(name.as_str()).map_err(|error| FragmentError::Name(name.clone(), error.to_string()))?;
        if environment.parts.contains_key(&part) {
            continue;
        }
        let image = service.get("image").and_then(Value::as_str);
        let image = image.ok_or_else(|| FragmentError::NoImage(name.clone()))?;
        environment.parts.insert(part.clone(), foreign(part, image, service));
    }
    Ok(())
}

/// A service of a fragment, as far as devenv must know it.
fn foreign(name: PartName, image: &str, service: &Value) -> Part {
    let needs = service.get("depends_on").and_then(Value::as_object).into_iter().flatten();
    let number = |value: Option<&Value>| match value? {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64().and_then(|number| u16::try_from(number).ok()),
    };
    let ports = service.get("ports").and_then(Value::as_array).into_iter().flatten();
    let publish = ports.filter_map(|port| {
        Some(Publish { host: number(port.get("published"))?, container: number(port.get("target"))? })
    });
    Part {
        name,
        kind: Kind::Service,
        image: ImageRef::Theirs(image.to_owned()),
        command: None,
        dir: None,
        user: None,
        env: BTreeMap::new(),
        dev_env: BTreeMap::new(),
        secret_env: BTreeMap::new(),
        credentials: false,
        data: Vec::new(),
        folder: None,
        mounts: Vec::new(),
        publish: publish.collect(),
        probe: None,
        needs: needs.filter_map(|(need, _)| PartName::new(need.as_str()).ok()).collect(),
        install: None,
        mirror: None,
        extra: serde_yaml::Mapping::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(service: &Value, allowed: &[Permission]) -> String {
        let merged = json!({"services": {"tool": service}});
        check(&merged, "/srv/shop", allowed).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_reaches_out_of_the_checkout_must_be_allowed() {
        let bind = |source: &str| json!({"volumes": [{"type": "bind", "source": source, "target": "/x"}]});
        assert_eq!(said(&bind("/srv/shop/data"), &[]), "");
        let outside = "service `tool` mounts /srv/shop-2, which reaches out of the checkout";
        assert_eq!(said(&bind("/srv/shop-2"), &[]), outside);
        assert_eq!(said(&bind("/srv/shop-2"), &[Permission::OutsideMounts]), "");
        let socket =
            "service `tool` mounts /var/run/docker.sock, and with it the engine, which reaches out of the checkout";
        assert_eq!(said(&bind("/var/run/docker.sock"), &[Permission::OutsideMounts]), socket);
        let all = "service `tool` has all capabilities, which reaches out of the checkout";
        assert_eq!(said(&json!({"privileged": true}), &[]), all);
        let host = "service `tool` is in the host's network, which reaches out of the checkout";
        assert_eq!(said(&json!({"network_mode": "host"}), &[]), host);
        let pid = "service `tool` has the host's `pid`, which reaches out of the checkout";
        assert_eq!(said(&json!({"pid": "host"}), &[]), pid);
    }
}
