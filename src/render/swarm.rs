//! The services of an environment in the words of the engine's API, as a Swarm gets them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::amounts::Memory;
use crate::config::model::environment::{Deploy, PublishedPorts};
use crate::config::model::once::Per;
use crate::config::project::Project;
use crate::digest;
use crate::labels;
use crate::names::PartName;
use crate::plan::definition::Definition;
use crate::plan::deploy::errors::StackError;
use crate::plan::deploy::stack::{Desired, ENVIRONMENT, Role, Stack, service_name};
use crate::plan::environment::target::Target;
use crate::plan::features::{FLAGD, FOLDER};
use crate::plan::mounts::MountSource;
use crate::plan::parts::deployed::Deployed;
use crate::plan::parts::{Environment, ImageRef, Part, PartKind};
use crate::plan::registry::place::RegistryPath;
use crate::plan::release::set::ReleaseSet;
use crate::render::compose::check_command;
use crate::render::features::{self, FLAGS};
use crate::render::swarm_keys::{extra, memory_at, push};
use crate::render::swarm_values::processors;

/// What a stack is made from.
#[derive(Debug, Clone, Copy)]
pub struct StackOf<'a> {
    /// The configuration.
    pub project: &'a Project,
    /// Which of its environments.
    pub target: &'a Target,
    /// The same, decided.
    pub environment: &'a Environment,
    /// Whose images run.
    pub set: &'a ReleaseSet,
    /// The place in the registry that has them.
    pub registry: &'a RegistryPath,
    /// How it is deployed.
    pub deploy: &'a Deploy,
}

const SECOND: i64 = 1_000_000_000;
/// How long the engine looks at a new container that is healthy before it goes on.
const MONITOR: i64 = 5 * SECOND;
/// Seconds that a module with `once` may run where nothing else is said.
const LONGEST_RUN: u64 = 3600;

impl StackOf<'_> {
    /// Renders it.
    pub fn stack(&self) -> Result<Stack, StackError> {
        let mut stack =
            Stack { name: self.environment.project.clone(), host: self.environment.host.clone(), ..Stack::default() };
        let flags = features::file(self.project, self.target).map(|file| file.text);
        let flags = flags.map(|text| (format!("{}_flags_{}", stack.name, &digest::hex(text.as_bytes())[..12]), text));
        for (name, part) in &self.environment.parts {
            let Some(deployed) = &part.deployed else { continue };
            let config = flags.as_ref().filter(|_| matches!(part.kind, PartKind::Module | PartKind::Task));
            let desired = self.desired(name, (part, deployed), config.map(|(name, _)| name.as_str()))?;
            stack.parts.insert(name.clone(), desired);
            stack.configs.extend(config.cloned());
        }
        Ok(stack)
    }

    fn desired(
        &self,
        name: &PartName,
        (part, deployed): (&Part, &Deployed),
        config: Option<&str>,
    ) -> Result<Desired, StackError> {
        let image = self.image(name, part)?;
        let has_data = !part.data.is_empty();
        let node_label = has_data.then(|| format!("{}.{name}", self.environment.project));
        let container = self.container(part, deployed, (&image, config))?;
        let secrets: Vec<String> =
            deployed.secrets.keys().filter_map(|secret| self.environment.secrets.get(secret).cloned()).collect();
        let mut spec = json!({
            "Name": service_name(&self.environment.project, name),
            "Labels": {labels::STACK: self.environment.project, labels::PART: name},
            "TaskTemplate": {
                "ContainerSpec": container,
                "RestartPolicy": restart(part),
                "Networks": [{"Target": self.environment.project, "Aliases": [name]}],
                "LogDriver": {"Name": "json-file", "Options": {"max-size": "10m", "max-file": "3"}},
            },
            "Mode": {"Replicated": {"Replicas": deployed.replicas}},
            "EndpointSpec": self.endpoint(deployed),
        });
        if let Some(template) = spec.get_mut("TaskTemplate").and_then(Value::as_object_mut) {
            if let Some(label) = &node_label {
                let constraint = format!("node.labels.{label} == true");
                template.insert("Placement".to_owned(), json!({"Constraints": [constraint]}));
            }
            if let Some(limits) = limits(deployed) {
                template.insert("Resources".to_owned(), json!({"Limits": limits}));
            }
        }
        if part.kind != PartKind::Task
            && let Some(spec) = spec.as_object_mut()
        {
            let order = self.order(part, deployed, has_data);
            spec.insert("UpdateConfig".to_owned(), update(order, "rollback"));
            spec.insert("RollbackConfig".to_owned(), update(order, "pause"));
        }
        let definition = definition(&spec);
        let template = template(&spec);
        let within = match part.once {
            Some(rules) => rules.max.map_or(LONGEST_RUN, |max| max.as_secs()),
            None => part.probe.as_ref().map_or(30, |probe| probe.within.as_secs()),
        };
        let mut desired = Desired {
            role: self.role(name, part),
            needs: part.needs.clone(),
            image,
            replicas: u64::from(deployed.replicas),
            node_label,
            secrets,
            within,
            variables: part.templates.keys().cloned().collect(),
            definition,
            template,
            spec,
        };
        desired.label();
        Ok(desired)
    }

    fn role(&self, name: &PartName, part: &Part) -> Role {
        let smoke = self.target.settings.smoke.iter().flatten();
        match part.once {
            None => Role::Service,
            Some(_) if smoke.filter_map(|check| check.task.as_ref()).any(|task| task == name) => Role::Smoke,
            Some(rules) if rules.per == Per::Data => Role::TaskPerData,
            Some(_) => Role::Task,
        }
    }

    /// The image by digest, which the set names for all but those of others.
    fn image(&self, name: &PartName, part: &Part) -> Result<String, StackError> {
        match &part.image {
            ImageRef::Theirs(image) if image.contains("@sha256:") => Ok(image.clone()),
            ImageRef::Theirs(image) => Err(StackError::NoDigest { part: name.to_string(), image: image.clone() }),
            ImageRef::Ours(..) | ImageRef::Released(..) => match self.set.images.get(name) {
                Some(member) => Ok(self.registry.by_digest(member.name(), &member.digest)),
                None => Err(StackError::NoImage { part: name.to_string(), commit: self.set.commit.clone() }),
            },
        }
    }

    /// What no two containers may do at once is not begun before the old one has ended: to write data, to open a node's port.
    fn order(&self, part: &Part, deployed: &Deployed, has_data: bool) -> &'static str {
        let has_node_port =
            part.kind == PartKind::Gateway && !deployed.ports.is_empty() && self.deploy.ports == PublishedPorts::Host;
        if has_data || has_node_port { "stop-first" } else { "start-first" }
    }

    /// Names lead to the containers themselves; only ports that are open on every node need a virtual address.
    fn endpoint(&self, deployed: &Deployed) -> Value {
        let mode = match self.deploy.ports {
            PublishedPorts::Ingress => "ingress",
            PublishedPorts::Host => "host",
        };
        let ports: Vec<Value> = deployed
            .ports
            .iter()
            .map(|(outer, inner)| {
                json!({"Protocol": "tcp", "TargetPort": inner, "PublishedPort": outer, "PublishMode": mode})
            })
            .collect();
        let is_mesh = !ports.is_empty() && self.deploy.ports == PublishedPorts::Ingress;
        json!({"Mode": if is_mesh { "vip" } else { "dnsrr" }, "Ports": ports})
    }

    fn container(
        &self,
        part: &Part,
        deployed: &Deployed,
        (image, config): (&str, Option<&str>),
    ) -> Result<Value, StackError> {
        let own = part.env.iter().chain(&part.templates).map(|(key, value)| format!("{key}={value}"));
        let mut env: Vec<String> = own.chain(config.map(|_| format!("{FLAGD}={FOLDER}/{FLAGS}"))).collect();
        env.sort();
        let mut container = json!({
            "Image": image,
            "Labels": {labels::PART: part.name},
            "Hostname": part.name,
            "Env": env,
            "Init": true,
            "ReadOnly": part.is_read_only(),
            "Privileges": {"NoNewPrivileges": true},
            "Secrets": self.secrets(deployed),
            "Configs": config.map(|name| {
                json!({"ConfigName": name, "File": file(&format!("{FOLDER}/{FLAGS}"))})
            }).into_iter().collect::<Vec<_>>(),
            "Mounts": self.mounts(part),
            "CapabilityDrop": ["ALL"],
            "CapabilityAdd": part.capabilities(),
        });
        let Some(keys) = container.as_object_mut() else { return Ok(container) };
        keys.extend(part.command.as_ref().map(|command| ("Args".to_owned(), json!(command))));
        keys.extend(part.dir.as_ref().map(|dir| ("Dir".to_owned(), json!(dir))));
        if let Some(probe) = &part.probe
            && let Some(test) = check_command(probe, part)
        {
            let start = i64::try_from(probe.within.as_secs().max(1)).unwrap_or(60) * SECOND;
            let health = json!({"Test": test, "Interval": 3 * SECOND, "Timeout": 5 * SECOND, "Retries": 5, "StartPeriod": start});
            keys.insert("HealthCheck".to_owned(), health);
        }
        if part.is_read_only() && part.lacks_tmp() {
            push(keys, "Mounts", memory_at("/tmp"));
        }
        for (key, value) in &part.extra {
            if extra(keys, key, value).is_none() {
                return Err(StackError::Unsupported { part: part.name.to_string(), key: key.clone() });
            }
        }
        Ok(container)
    }

    fn secrets(&self, deployed: &Deployed) -> Vec<Value> {
        let named = deployed.secrets.iter().filter_map(|(secret, path)| {
            Some(json!({"SecretName": self.environment.secrets.get(secret)?, "File": file(path)}))
        });
        named.collect()
    }

    fn mounts(&self, part: &Part) -> Vec<Value> {
        let mounts = part.data.iter().chain(&part.mounts).filter_map(|mount| match &mount.source {
            MountSource::Volume(name) => Some(json!({
                "Type": "volume", "Source": name, "Target": mount.target, "ReadOnly": !mount.writable,
                "VolumeOptions": {"Labels": {labels::STACK: self.environment.project}},
            })),
            MountSource::Memory => Some(memory_at(&mount.target)),
            // Nothing of one machine is there.
            MountSource::Folder(_) => None,
        });
        mounts.collect()
    }
}

fn file(path: &str) -> Value {
    json!({"Name": path, "UID": "0", "GID": "0", "Mode": 0o444})
}

fn restart(part: &Part) -> Value {
    match part.kind {
        PartKind::Task => json!({"Condition": "none"}),
        _ => json!({"Condition": "any", "Delay": 5 * SECOND, "Window": 60 * SECOND}),
    }
}

fn limits(deployed: &Deployed) -> Option<Value> {
    let mut limits = Map::new();
    let memory = deployed.resources.memory.as_deref().and_then(Memory::of).map(Memory::bytes);
    limits.extend(memory.map(|memory| ("MemoryBytes".to_owned(), memory.into())));
    let processors = deployed.resources.cpus.as_deref().and_then(processors);
    limits.extend(processors.map(|cpus| ("NanoCPUs".to_owned(), cpus.into())));
    (!limits.is_empty()).then_some(Value::Object(limits))
}

fn update(order: &str, on_failure: &str) -> Value {
    json!({"Parallelism": 1, "FailureAction": on_failure, "Monitor": MONITOR, "MaxFailureRatio": 0.0, "Order": order})
}

/// What a service is made from, by the words that people have for it.
fn definition(spec: &Value) -> Definition {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |name: &str, key: &str, value: &Value| {
        texts.entry(name.to_owned()).or_default().push_str(&format!("{key}={value}\n"));
    };
    let container = spec.pointer("/TaskTemplate/ContainerSpec").and_then(Value::as_object);
    for (key, value) in container.into_iter().flatten() {
        if key == "Labels" {
            if let Some(labels) = further_labels(value) {
                add("settings", key, &labels);
            }
            continue;
        }
        let name = match key.as_str() {
            "Image" => "image",
            "Env" => ENVIRONMENT,
            "Args" => "command",
            "Secrets" => "secrets",
            "Configs" => "features",
            "Mounts" => "mounts",
            "HealthCheck" => "health",
            _ => "settings",
        };
        add(name, key, value);
    }
    let template = spec.get("TaskTemplate").and_then(Value::as_object);
    for (key, value) in template.into_iter().flatten().filter(|(key, _)| *key != "ContainerSpec") {
        let name = match key.as_str() {
            "Resources" => "resources",
            "Placement" => "placement",
            _ => "settings",
        };
        add(name, key, value);
    }
    for (key, name) in
        [("Mode", "replicas"), ("UpdateConfig", "update"), ("RollbackConfig", "update"), ("EndpointSpec", "ports")]
    {
        if let Some(value) = spec.get(key) {
            add(name, key, value);
        }
    }
    Definition::new(
        texts.into_iter().map(|(name, text)| (name, digest::hex(text.as_bytes())[..12].to_owned())).collect(),
    )
}

/// The labels of a container that are not ours; none where there are no others.
fn further_labels(labels: &Value) -> Option<Value> {
    let all = labels.as_object()?.iter().filter(|(name, _)| *name != labels::PART);
    let all: Map<String, Value> = all.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!all.is_empty()).then_some(Value::Object(all))
}

/// What a container is made from, as one digest: as many more of the same replace none.
fn template(spec: &Value) -> String {
    let mut own = spec.get("TaskTemplate").cloned().unwrap_or_default();
    if let Some(container) = own.get_mut("ContainerSpec").and_then(Value::as_object_mut) {
        let labels = container.remove("Labels").as_ref().and_then(further_labels);
        container.extend(labels.map(|labels| ("Labels".to_owned(), labels)));
    }
    // The engine replaces containers whose ports change.
    let ports = spec.get("EndpointSpec").cloned().unwrap_or_default();
    digest::hex(format!("{own}{ports}").as_bytes())[..24].to_owned()
}

#[cfg(test)]
#[path = "swarm_tests.rs"]
mod tests;
