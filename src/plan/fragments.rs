//! What the team's own compose files add: services that devenv does not know, and ways out of the checkout that a
//! developer must allow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::config::local::Permission;
use crate::error::{Error, Kind as ErrorKind};
use crate::names::PartName;
use crate::plan::lifecycle::{Condition, End, Lifecycle};
use crate::plan::parts::{Environment, ImageRef, Kind, Part, Publish};

/// Something reaches out of the checkout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{who} {what}, which reaches out of the checkout")]
pub struct NotAllowed {
    who: String,
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
                return Err(NotAllowed { who: format!("service `{name}`"), what, permission: word });
            }
        }
    }
    let outside = shared_files(merged).find(|(_, path)| !is_below(path, root));
    match outside {
        Some((who, path)) if !allowed.contains(&Permission::OutsideMounts) => {
            let what = format!("is {}", path.display());
            Err(NotAllowed { who, what, permission: OUTSIDE })
        }
        _ => Ok(()),
    }
}

/// What allows a mount of what is outside.
const OUTSIDE: &str = "outside-mounts";

/// Capabilities with which a process can leave its container.
const WAYS_OUT: [&str; 7] = ["ALL", "BPF", "MKNOD", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_RAWIO"];

/// Folders and files of this machine that stand behind volumes, configs and secrets.
fn shared_files(merged: &Value) -> impl Iterator<Item = (String, PathBuf)> {
    let section = |name: &'static str, noun: &'static str, path: fn(&Value) -> Option<&Value>| {
        let all = merged.get(name).and_then(Value::as_object).into_iter().flatten();
        all.filter_map(move |(name, one)| {
            let path = path(one)?.as_str()?;
            // A device of a volume may be no path: `tmpfs`, or a server's `:/folder`.
            let is_path = noun != "volume" || path.starts_with(['/', '.', '~']);
            is_path.then(|| (format!("{noun} `{name}`"), PathBuf::from(path)))
        })
    };
    let file: fn(&Value) -> Option<&Value> = |one| one.get("file");
    let device: fn(&Value) -> Option<&Value> = |one| one.get("driver_opts")?.get("device");
    section("volumes", "volume", device)
        .chain(section("configs", "config", file))
        .chain(section("secrets", "secret", file))
}

/// Whether a path stays below the checkout; a relative one begins there.
fn is_below(path: &Path, root: &str) -> bool {
    let mut real = PathBuf::new();
    for part in Path::new(root).join(path).components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    real.starts_with(root)
}

fn services(merged: &Value) -> impl Iterator<Item = (&String, &Value)> {
    merged.get("services").and_then(Value::as_object).into_iter().flatten()
}

fn ways_out(service: &Value, root: &str) -> Vec<(Permission, &'static str, String)> {
    let text = |key: &str| service.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut ways = Vec::new();
    if service.get("privileged") == Some(&Value::Bool(true)) {
        ways.push((Permission::Privileged, "privileged", "has all capabilities".to_owned()));
    }
    let added = service.get("cap_add").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let bare = |name: &str| name.to_uppercase().trim_start_matches("CAP_").to_owned();
    if let Some(name) = added.map(bare).find(|name| WAYS_OUT.contains(&name.as_str())) {
        ways.push((Permission::Privileged, "privileged", format!("has the capability {name}")));
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
        } else if !is_below(Path::new(source), root) {
            ways.push((Permission::OutsideMounts, OUTSIDE, format!("mounts {source}")));
        }
    }
    ways
}

/// Why a fragment's service cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// Its name is not a host name.
    #[error("the name of service `{0}` in a fragment: {1}")]
    Name(String, String),
    /// It says no image.
    #[error("service `{0}` stands only in a fragment and names no image")]
    NoImage(String),
    /// It waits for the end of what runs on.
    #[error("`{0}` waits in a fragment until `{1}` has ended, which runs on")]
    NeverEnds(PartName, PartName),
}

impl From<FragmentError> for Error {
    fn from(problem: FragmentError) -> Self {
        let hint = match &problem {
            FragmentError::NeverEnds(..) => {
                Some("`once: true` makes a module a task; `service_healthy` waits until it is ready")
            }
            FragmentError::Name(..) | FragmentError::NoImage(_) => None,
        };
        let error = Self::new(ErrorKind::Usage, problem);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Adds the services that only fragments have, and what fragments say about how each part lives.
pub fn add(merged: &Value, environment: &mut Environment) -> Result<(), FragmentError> {
    let mut ours: BTreeSet<PartName> = BTreeSet::new();
    for (name, service) in services(merged) {
        let part =
            PartName::new(name.as_str()).map_err(|error| FragmentError::Name(name.clone(), error.to_string()))?;
        if environment.parts.contains_key(&part) {
            ours.insert(part);
            continue;
        }
        let image = service.get("image").and_then(Value::as_str);
        let image = image.ok_or_else(|| FragmentError::NoImage(name.clone()))?;
        let kind = if is_awaited(merged, name, &[COMPLETED]) { Kind::Task } else { Kind::Service };
        environment.parts.insert(part.clone(), foreign(part, kind, image, service));
    }
    let all = services(merged).filter_map(|(name, service)| Some((PartName::new(name.as_str()).ok()?, service)));
    for (name, service) in all {
        let asked = conditions(service, environment);
        let probed = |need: &PartName| environment.parts.get(need).is_some_and(|part| part.probe.is_some());
        let asked: Vec<(PartName, Condition)> = match environment.parts.get(&name) {
            // What our own file says of a part without a probe: it is waited for until it runs steadily.
            Some(part) if ours.contains(&name) => {
                let is_own = |need: &PartName| part.needs.contains(need) && !probed(need);
                let kept = |(need, condition)| if is_own(&need) { (need, Condition::Ready) } else { (need, condition) };
                asked.into_iter().map(kept).collect()
            }
            _ => asked,
        };
        for (need, condition) in &asked {
            let is_task = environment.parts.get(need).is_some_and(|part| part.kind == Kind::Task);
            if *condition == Condition::Completed && !is_task {
                return Err(FragmentError::NeverEnds(name, need.clone()));
            }
        }
        let end = if is_done_at_its_end(merged, &name, service) { End::Done } else { End::Open };
        let Some(part) = environment.parts.get_mut(&name) else { continue };
        part.lifecycle.replicas = replicas(service);
        if !ours.contains(&name) {
            part.lifecycle.end = end;
        }
        for (need, condition) in asked {
            if !part.needs.contains(&need) {
                part.needs.push(need.clone());
            }
            part.lifecycle.conditions.insert(need, condition);
        }
    }
    environment.parts.retain(|_, part| part.lifecycle.replicas > 0);
    Ok(())
}

const COMPLETED: &str = "service_completed_successfully";

/// What a service waits for, among the parts that there are.
fn conditions(service: &Value, environment: &Environment) -> Vec<(PartName, Condition)> {
    let needs = service.get("depends_on").and_then(Value::as_object).into_iter().flatten();
    let condition = |need: &Value| match need.get("condition").and_then(Value::as_str) {
        Some("service_started") => Condition::Started,
        Some(COMPLETED) => Condition::Completed,
        _ => Condition::Ready,
    };
    let all = needs.filter_map(|(name, need)| Some((PartName::new(name.as_str()).ok()?, condition(need))));
    all.filter(|(name, _)| environment.parts.contains_key(name)).collect()
}

/// Whether another service waits for this one in one of these ways.
fn is_awaited(merged: &Value, name: &str, ways: &[&str]) -> bool {
    let condition = |service: &Value| {
        let way = service.get("depends_on")?.get(name)?.get("condition")?.as_str()?;
        Some(ways.contains(&way))
    };
    services(merged).any(|(_, service)| condition(service) == Some(true))
}

/// Whether a service that ends with code 0 has done what it was for: it says that it is not started again, and neither
/// answers anybody nor is awaited as something that runs.
fn is_done_at_its_end(merged: &Value, name: &PartName, service: &Value) -> bool {
    let restart = service.get("restart").and_then(Value::as_str).unwrap_or_default();
    let policy = service.get("deploy").and_then(|deploy| deploy.get("restart_policy")?.get("condition")?.as_str());
    let ends = restart == "no" || restart.starts_with("on-failure") || matches!(policy, Some("none" | "on-failure"));
    let has = |key: &str| service.get(key).is_some_and(|value| value.as_array().is_none_or(|items| !items.is_empty()));
    let runs_on = has("ports") || has("healthcheck");
    ends && !runs_on && !is_awaited(merged, name.as_str(), &["service_started", "service_healthy"])
}

/// How many containers a service has.
fn replicas(service: &Value) -> usize {
    let deploy = service.get("deploy").and_then(|deploy| deploy.get("replicas"));
    let count = service.get("scale").or(deploy).and_then(Value::as_u64);
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(1)
}

/// A service of a fragment, as far as devenv must know it.
fn foreign(name: PartName, kind: Kind, image: &str, service: &Value) -> Part {
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
        kind,
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
        needs: Vec::new(),
        install: None,
        mirror: None,
        once: None,
        lifecycle: Lifecycle::default(),
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
        assert_eq!(said(&bind("./data/../x"), &[]), "");
        for path in ["/srv/shop/../../etc", "../other", "./a/../../other", "/srv/shop/.."] {
            assert!(said(&bind(path), &[]).contains(&format!("mounts {path}")), "{path}");
        }
        for cap in ["ALL", "CAP_SYS_ADMIN", "sys_module"] {
            let problem = said(&json!({"cap_add": ["CHOWN", cap]}), &[]);
            assert!(problem.contains("has the capability"), "{cap}: {problem}");
        }
        assert_eq!(said(&json!({"cap_add": ["SYS_PTRACE"]}), &[]), "");
        let socket =
            "service `tool` mounts /var/run/docker.sock, and with it the engine, which reaches out of the checkout";
        assert_eq!(said(&bind("/var/run/docker.sock"), &[Permission::OutsideMounts]), socket);
        let all = "service `tool` has all capabilities, which reaches out of the checkout";
        assert_eq!(said(&json!({"privileged": true}), &[]), all);
        let host = "service `tool` is in the host's network, which reaches out of the checkout";
        assert_eq!(said(&json!({"network_mode": "host"}), &[]), host);
        let top = |section: &str, what: Value| {
            let merged = json!({"services": {}, section: {"x": what}});
            check(&merged, "/srv/shop", &[]).map_or_else(|error| error.to_string(), |()| String::new())
        };
        assert_eq!(top("configs", json!({"file": "/srv/shop/x.conf"})), "");
        assert_eq!(top("secrets", json!({"environment": "X"})), "");
        assert_eq!(top("volumes", json!({"driver_opts": {"type": "tmpfs", "device": "tmpfs"}})), "");
        for (section, what, who) in [
            ("volumes", json!({"driver_opts": {"type": "none", "o": "bind", "device": "/etc"}}), "volume `x` is /etc"),
            ("configs", json!({"file": "/srv/shop/../x"}), "config `x` is /srv/shop/../x"),
            ("secrets", json!({"file": "/root/.ssh/id"}), "secret `x` is /root/.ssh/id"),
        ] {
            assert!(top(section, what).starts_with(who), "{section}");
        }
        let pid = "service `tool` has the host's `pid`, which reaches out of the checkout";
        assert_eq!(said(&json!({"pid": "host"}), &[]), pid);
    }
}
