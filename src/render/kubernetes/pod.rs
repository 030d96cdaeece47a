//! The pods of a part: one container, as the compose definition has it.

use serde_json::{Map, Value, json};

use crate::amounts::Memory;
use crate::plan::features::FOLDER;
use crate::plan::mounts::{Mount, MountSource};
use crate::plan::parts::deployed::Deployed;
use crate::plan::parts::{Ask, Part, PartKind};
use crate::render::kubernetes::ports::Opened;
use crate::render::kubernetes::{Manifests, image, object_name};
use crate::render::swarm_values::duration;

/// The user `app` of our images, by number: Kubernetes cannot tell that a name is not root's.
const APP: u32 = 1000;
/// What a part's data may grow to where nobody says more; an overlay can.
const STORAGE: &str = "10Gi";
/// The key of each secret's value.
const VALUE: &str = "value";

impl Manifests<'_> {
    /// The pod's specification.
    pub(super) fn pod(&self, part: &Part) -> Value {
        let deployed = part.deployed.clone().unwrap_or_default();
        let (mut mounts, mut volumes) = (data_mounts(part), Vec::new());
        for (secret, target) in &deployed.secrets {
            let name = format!("secret-{}", object_name(secret));
            let key = target.rsplit('/').next().unwrap_or(VALUE);
            mounts.push(json!({"name": name, "mountPath": target, "subPath": key, "readOnly": true}));
            let items = json!([{"key": VALUE, "path": key}]);
            volumes.push(json!({"name": name, "secret": {"secretName": self.secret_name(secret), "items": items}}));
        }
        for (number, folder) in memory_folders(part).into_iter().enumerate() {
            let name = format!("memory-{number}");
            mounts.push(json!({"name": name, "mountPath": folder}));
            volumes.push(json!({"name": name, "emptyDir": {"medium": "Memory"}}));
        }
        if let Some(size) = part.extra.get("shm_size").and_then(Value::as_str) {
            mounts.push(json!({"name": "shm", "mountPath": "/dev/shm"}));
            volumes.push(json!({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": quantity(size)}}));
        }
        if let Some(flags) = self.flags_name().filter(|_| is_module(part)) {
            mounts.push(json!({"name": "features", "mountPath": FOLDER, "readOnly": true}));
            volumes.push(json!({"name": "features", "configMap": {"name": flags}}));
        }
        let mut container = json!({
            "name": part.name.as_str(),
            "image": image(part),
            "securityContext": rights(part),
        });
        if let Value::Object(container) = &mut container {
            container.extend(self.process(part));
            container.extend(limits(&deployed));
            if !mounts.is_empty() {
                container.insert("volumeMounts".to_owned(), mounts.into());
            }
        }
        let mut pod = json!({
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        });
        if let Value::Object(pod) = &mut pod {
            if !volumes.is_empty() {
                pod.insert("volumes".to_owned(), volumes.into());
            }
            if part.kind == PartKind::Task {
                pod.insert("restartPolicy".to_owned(), "Never".into());
            }
            let grace = part.extra.get("stop_grace_period").and_then(Value::as_str).and_then(duration);
            if let Some(nanoseconds) = grace {
                let seconds = (nanoseconds + 999_999_999) / 1_000_000_000;
                pod.insert("terminationGracePeriodSeconds".to_owned(), seconds.into());
            }
            let hosts = part.extra.get("extra_hosts").and_then(Value::as_object).into_iter().flatten();
            let hosts: Vec<Value> = hosts.map(|(name, ip)| json!({"ip": ip, "hostnames": [name]})).collect();
            if !hosts.is_empty() {
                pod.insert("hostAliases".to_owned(), hosts.into());
            }
        }
        pod
    }

    /// What a part's data needs.
    pub(super) fn claims(part: &Part) -> Vec<Value> {
        let claim = |(name, _): (String, &Mount)| {
            json!({
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": name},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": STORAGE}}},
            })
        };
        data(part).map(claim).collect()
    }

    /// Command, variables, port and probes.
    fn process(&self, part: &Part) -> Map<String, Value> {
        let mut keys = Map::new();
        if let Some(command) = &part.command {
            // What compose calls `command` follows the image's entrypoint.
            keys.insert("args".to_owned(), command.iter().map(|word| literal(word)).collect());
        }
        if let Some(dir) = &part.dir {
            keys.insert("workingDir".to_owned(), dir.as_str().into());
        }
        if !part.env.is_empty() {
            let env = part.env.iter().map(|(name, value)| json!({"name": name, "value": literal(value)}));
            keys.insert("env".to_owned(), env.collect());
        }
        let ports: Vec<Value> = self.opened(part).iter().map(Opened::of_container).collect();
        if !ports.is_empty() {
            keys.insert("ports".to_owned(), ports.into());
        }
        keys.extend(probes(part));
        keys
    }
}

/// A text as it is: `$(NAME)` in it would be the value of another variable.
fn literal(text: &str) -> String {
    text.replace("$(", "$$(")
}

fn is_module(part: &Part) -> bool {
    matches!(part.kind, PartKind::Module | PartKind::Task)
}

/// As few rights as the compose definition gives.
fn rights(part: &Part) -> Value {
    let kept = part.capabilities();
    let mut capabilities = json!({"drop": ["ALL"]});
    if let (false, Value::Object(map)) = (kept.is_empty(), &mut capabilities) {
        map.insert("add".to_owned(), json!(kept));
    }
    let mut rights = json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": part.is_read_only(),
        "capabilities": capabilities,
    });
    if let (true, Value::Object(map)) = (is_module(part), &mut rights) {
        map.extend([
            ("runAsNonRoot".to_owned(), true.into()),
            ("runAsUser".to_owned(), APP.into()),
            ("runAsGroup".to_owned(), APP.into()),
        ]);
    }
    rights
}

/// Resource limits of a part; what it is certain to get is the cluster's to say.
fn limits(deployed: &Deployed) -> Option<(String, Value)> {
    let resources = &deployed.resources;
    let memory = resources.memory.as_deref().map(|text| ("memory".to_owned(), Value::from(quantity(text))));
    let cpus = resources.cpus.as_deref().map(|text| ("cpu".to_owned(), Value::from(text)));
    let limits: Map<String, Value> = memory.into_iter().chain(cpus).collect();
    (!limits.is_empty()).then(|| ("resources".to_owned(), json!({ "limits": limits })))
}

/// `512m` of compose is 512 MiB; of Kubernetes it would be half a byte.
fn quantity(text: &str) -> String {
    let Some(Memory { number, unit }) = Memory::of(text) else { return text.to_owned() };
    let unit = match unit {
        'k' => "Ki",
        'm' => "Mi",
        'g' => "Gi",
        _ => "",
    };
    format!("{number}{unit}")
}

/// Started within its time, ready while it answers, and begun again where it has not answered for a minute.
fn probes(part: &Part) -> Map<String, Value> {
    let Some(probe) = part.probe.as_ref().filter(|_| part.kind != PartKind::Task) else { return Map::new() };
    let ask = match &probe.ask {
        Ask::Http { port, path } => json!({"httpGet": {"port": port, "path": path}}),
        Ask::Tcp { port } => json!({"tcpSocket": {"port": port}}),
        Ask::Exec(argv) => json!({"exec": {"command": argv}}),
    };
    let with = |more: Value| {
        let mut probe = ask.clone();
        if let (Value::Object(probe), Value::Object(more)) = (&mut probe, more) {
            probe.extend(more);
        }
        probe
    };
    let seconds = probe.within.as_secs().max(1);
    [
        ("startupProbe", with(json!({"periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": seconds}))),
        ("readinessProbe", with(json!({"periodSeconds": 5, "timeoutSeconds": 5}))),
        ("livenessProbe", with(json!({"periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 3}))),
    ]
    .into_iter()
    .map(|(key, probe)| (key.to_owned(), probe))
    .collect()
}

/// The name of the volume that holds one of a part's folders.
fn data_name(number: usize) -> String {
    format!("data-{number}")
}

fn data(part: &Part) -> impl Iterator<Item = (String, &Mount)> {
    let volumes = part.data.iter().filter(|mount| matches!(mount.source, MountSource::Volume(_)));
    volumes.enumerate().map(|(number, mount)| (data_name(number), mount))
}

fn data_mounts(part: &Part) -> Vec<Value> {
    data(part).map(|(name, mount)| json!({"name": name, "mountPath": mount.target})).collect()
}

/// Folders in memory: those of the part's own, and `/tmp` where the root is not writable.
fn memory_folders(part: &Part) -> Vec<&str> {
    let tmp = (part.is_read_only() && part.lacks_tmp()).then_some("/tmp");
    part.memory_folders().map(|folder| folder.path).chain(tmp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_memory_have_the_units_of_kubernetes() {
        assert_eq!(["512m", "1g", "64kb", "100", "2GB"].map(quantity), ["512Mi", "1Gi", "64Ki", "100", "2Gi"]);
    }
}
