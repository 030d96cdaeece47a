//! What should run on a cluster: the services of one environment, made from the images of one release set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest;
use crate::names::PartName;
use crate::plan::definition::Definition;
use crate::plan::deploy::cluster::Secret;
use crate::plan::deploy::errors::UnknownVariable;

/// The key of a definition that stands for the variables.
pub const ENVIRONMENT: &str = "environment";

/// The services of one environment. A record of a deployment keeps it whole, so that a rollback needs no checkout of the
/// earlier commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// `PROJECT-ENVIRONMENT`, with which the names of all its objects begin.
    pub name: String,
    /// Host name of the gateway.
    pub host: String,
    /// Files that parts are given, by the name of the cluster's config, which holds a digest of the content.
    pub configs: BTreeMap<String, String>,
    /// What runs, by part.
    pub parts: BTreeMap<PartName, Desired>,
}

/// What a part is in a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It runs until it is removed.
    Service,
    /// It runs to completion, before any service is updated.
    Task,
    /// It runs to completion only where there is no earlier run on the same data.
    TaskPerData,
    /// It runs to completion when all services are updated.
    Smoke,
}

/// A service of the cluster as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desired {
    /// What it is.
    pub role: Role,
    /// What must run first.
    pub needs: Vec<PartName>,
    /// Its image, by digest.
    pub image: String,
    /// How many containers it has.
    pub replicas: u64,
    /// The label of the one node that has its data; none where it has no data.
    pub node_label: Option<String>,
    /// Names of the cluster's secrets that it is given.
    pub secrets: Vec<String>,
    /// Seconds from its start until it must be healthy; for what runs to completion, until it must have ended.
    pub within: u64,
    /// Variables whose value comes from the environment of whoever deploys: `spec` holds them as they are written.
    pub variables: Vec<String>,
    /// What it is made from.
    pub definition: Definition,
    /// What its containers are made from; a container has it as label.
    pub template: String,
    /// The service in the words of the engine's API, without the ids of secrets and configs.
    pub spec: Value,
}

impl Stack {
    /// The name of a part's service.
    #[must_use]
    pub fn service(&self, part: &PartName) -> String {
        service_name(&self.name, part)
    }

    /// The stack with the variables that come from the environment of whoever deploys.
    pub fn filled(&self, values: &BTreeMap<PartName, BTreeMap<String, String>>) -> Result<Self, UnknownVariable> {
        let mut stack = self.clone();
        for (part, desired) in &mut stack.parts {
            for name in desired.variables.clone() {
                let value = values.get(part).and_then(|values| values.get(&name));
                let value = value.ok_or_else(|| UnknownVariable { part: part.to_string(), name: name.clone() })?;
                desired.fill(&name, value);
            }
        }
        Ok(stack)
    }
}

impl Desired {
    /// Whether it runs to completion.
    #[must_use]
    pub fn is_task(&self) -> bool {
        self.role != Role::Service
    }

    fn fill(&mut self, name: &str, value: &str) {
        let env = self.spec.pointer_mut("/TaskTemplate/ContainerSpec/Env").and_then(Value::as_array_mut);
        let prefix = format!("{name}=");
        let entry =
            env.into_iter().flatten().find(|entry| entry.as_str().is_some_and(|text| text.starts_with(&prefix)));
        if let Some(entry) = entry {
            *entry = format!("{prefix}{value}").into();
        }
        self.made_from(ENVIRONMENT, &format!("{name}\0{value}"));
    }

    /// Adds to what its containers are made from; only a digest of `text` stands in a label.
    pub(in crate::plan) fn made_from(&mut self, key: &str, text: &str) {
        self.template = digest::hex(format!("{}\0{key}\0{text}", self.template).as_bytes())[..24].to_owned();
        self.definition = self.definition.clone().with(key, &self.template[..12]);
        self.label();
    }

    /// The service for the engine, with the ids of what it is given.
    #[must_use]
    pub fn with_ids(&self, secrets: &BTreeMap<String, Secret>, configs: &BTreeMap<String, String>) -> Value {
        let mut spec = self.spec.clone();
        let secrets = &secrets.iter().map(|(name, secret)| (name.clone(), secret.id.clone())).collect();
        for (list, name, id, known) in
            [("Secrets", "SecretName", "SecretID", secrets), ("Configs", "ConfigName", "ConfigID", configs)]
        {
            let all = spec.pointer_mut(&format!("/TaskTemplate/ContainerSpec/{list}")).and_then(Value::as_array_mut);
            for one in all.into_iter().flatten().filter_map(Value::as_object_mut) {
                let found = one.get(name).and_then(Value::as_str).and_then(|name| known.get(name)).cloned();
                one.extend(found.map(|found| (id.to_owned(), Value::from(found))));
            }
        }
        spec
    }

    /// Writes the labels by which the service and its containers are compared later.
    pub fn label(&mut self) {
        let (definition, template) = (self.definition.label(), self.template.clone());
        for (path, name, value) in [
            ("/Labels", crate::labels::DEPLOYED, definition),
            ("/TaskTemplate/ContainerSpec/Labels", crate::labels::TEMPLATE, template),
        ] {
            if let Some(labels) = self.spec.pointer_mut(path).and_then(Value::as_object_mut) {
                labels.insert(name.to_owned(), value.into());
            }
        }
    }
}

/// The name of a part's service.
#[must_use]
pub fn service_name(stack: &str, part: &PartName) -> String {
    format!("{stack}_{part}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::deploy::samples::{name, stack};

    #[test]
    fn a_variable_of_the_deployer_is_filled_in_and_the_record_never_has_its_value() {
        let mut stack = stack();
        let api = stack.parts.get_mut(&name("api")).unwrap();
        api.spec = serde_json::json!({"Labels": {}, "TaskTemplate": {"ContainerSpec": {"Env": ["A=1", "KEY=${KEY}"], "Labels": {}}}});
        api.variables = vec!["KEY".to_owned()];
        let values =
            |value: &str| BTreeMap::from([(name("api"), BTreeMap::from([("KEY".to_owned(), value.to_owned())]))]);
        let filled = stack.filled(&values("s3cret")).unwrap();
        let api = &filled.parts[&name("api")];
        assert_eq!(api.spec["TaskTemplate"]["ContainerSpec"]["Env"], serde_json::json!(["A=1", "KEY=s3cret"]));
        assert!(!api.spec["Labels"].to_string().contains("s3cret"));
        let other = stack.filled(&values("other")).unwrap();
        let label = api.definition.label();
        assert_eq!(other.parts[&name("api")].definition.difference(&label), Some(vec!["environment".to_owned()]));
        assert!(!serde_json::to_string(&stack).unwrap().contains("s3cret"));
        let error = stack.filled(&BTreeMap::new()).unwrap_err().to_string();
        assert_eq!(error, "the variable `KEY` of `api` has no value here");
    }
}
