//! An environment that is made for a platform as objects of Kubernetes: plain manifests, without anything that only one
//! cluster has. They are checked against the API's types and were never run on a cluster by us.

pub mod kustomize;
mod network;
mod pod;
mod ports;

use serde_json::{Map, Value, json};

use crate::config::project::Project;
use crate::config::text::yaml;
use crate::digest;
use crate::error::{Error, Kind};
use crate::names::PartName;
use crate::plan::environment::target::Target;
use crate::plan::parts::{Environment, GATEWAY, ImageRef, Part, PartKind};
use crate::render::features;

/// What manifests are made from.
#[derive(Debug, Clone, Copy)]
pub struct Manifests<'a> {
    /// The configuration.
    pub project: &'a Project,
    /// Which of its environments.
    pub target: &'a Target,
    /// The same, decided.
    pub environment: &'a Environment,
}

/// What Kubernetes cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KubernetesError {
    /// A variable is filled in where the environment runs, which only compose and `devenv deploy` do.
    #[error("{place}`{variable}` of `{part}` has `${{…}}` in {environment}, which Kubernetes does not fill in")]
    Template {
        /// File and line, with `: `.
        place: String,
        /// The part.
        part: PartName,
        /// The variable.
        variable: String,
        /// The environment.
        environment: String,
    },
    /// An environment is not made for a platform.
    #[error("`{0}` is not made for a platform, so it has no manifests")]
    Local(String),
}

impl From<KubernetesError> for Error {
    fn from(error: KubernetesError) -> Self {
        let hint = match &error {
            KubernetesError::Template { part, variable, environment, .. } => {
                format!("set a value in `environments.{environment}.env.{part}.{variable}`")
            }
            KubernetesError::Local(_) => "name `prod`, or an environment that is like it".to_owned(),
        };
        Self::new(Kind::Usage, error).hint(hint)
    }
}

/// Keys of the compose specification that a pod does not support, or only with rights that clusters rarely give.
const LEFT_OUT: [&str; 3] = ["ulimits", "sysctls", "stop_signal"];

/// The label that says which part an object is of.
const NAME: &str = "app.kubernetes.io/name";

impl Manifests<'_> {
    /// All objects: what others refer to comes first.
    pub fn objects(&self) -> Result<Vec<Value>, KubernetesError> {
        if self.environment.parts.values().any(|part| part.deployed.is_none()) {
            return Err(KubernetesError::Local(self.target.name.clone()));
        }
        let mut all: Vec<Value> = self.flags().into_iter().collect();
        for part in self.parts() {
            self.refuse_templates(part)?;
            all.extend(self.service(part));
            all.push(self.workload(part));
            all.extend(self.disruption_budget(part));
            all.push(self.policy(part));
        }
        all.push(self.deny_all());
        all.extend(self.ingress());
        Ok(all)
    }

    /// What containers have and manifests do not, in words.
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        let keys = |part: &Part| {
            let keys = part.extra.keys().filter(|key| LEFT_OUT.contains(&key.as_str()));
            keys.map(|key| format!("`{key}` of `{}`", part.name)).collect::<Vec<_>>()
        };
        self.parts().flat_map(keys).collect()
    }

    /// The parts that get objects: an Ingress stands in for the gateway.
    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.environment.parts.values().filter(|part| part.kind != PartKind::Gateway)
    }

    fn refuse_templates(&self, part: &Part) -> Result<(), KubernetesError> {
        let Some(variable) = part.templates.keys().next() else { return Ok(()) };
        let place = self.target.path(self.project, &["env", part.name.as_str(), variable]);
        let written = place.map(|(_, place)| place).or_else(|| {
            let section = if part.kind == PartKind::Service { "services" } else { "modules" };
            self.project.place(&[section, part.name.as_str(), "env", variable])
        });
        Err(KubernetesError::Template {
            place: written.map(|place| format!("{place}: ")).unwrap_or_default(),
            part: part.name.clone(),
            variable: variable.clone(),
            environment: self.target.name.clone(),
        })
    }

    /// The labels of an object, of a part or of the whole.
    fn labels(&self, part: Option<&Part>) -> Value {
        let mut labels = json!({
            "app.kubernetes.io/part-of": self.project.file.project.as_str(),
            "app.kubernetes.io/managed-by": "devenv",
        });
        if let (Some(part), Value::Object(map)) = (part, &mut labels) {
            map.insert(NAME.to_owned(), part.name.as_str().into());
        }
        labels
    }

    /// What finds the pods of a part.
    fn selector(&self, part: &PartName) -> Value {
        json!({NAME: part.as_str(), "app.kubernetes.io/part-of": self.project.file.project.as_str()})
    }

    fn object(&self, (version, kind): (&str, &str), name: &str, part: Option<&Part>, body: Value) -> Value {
        let mut object = json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": name, "labels": self.labels(part)},
        });
        if let (Value::Object(object), Value::Object(body)) = (&mut object, body) {
            object.extend(body);
        }
        object
    }

    /// The states of features, under a name that changes with them, so that pods begin with new ones.
    fn flags(&self) -> Option<Value> {
        let text = features::file(self.project, self.target)?.text;
        let data: Map<String, Value> = [(features::FLAGS.to_owned(), text.into())].into_iter().collect();
        Some(self.object(("v1", "ConfigMap"), &self.flags_name()?, None, json!({"immutable": true, "data": data})))
    }

    fn flags_name(&self) -> Option<String> {
        let text = features::file(self.project, self.target)?.text;
        Some(format!("features-{}", &digest::hex(text.as_bytes())[..10]))
    }

    /// What runs the part's pods: a Job that runs to completion, a StatefulSet where data is, else a Deployment.
    fn workload(&self, part: &Part) -> Value {
        let template = json!({
            "metadata": {"labels": self.labels(Some(part))},
            "spec": self.pod(part),
        });
        let replicas = part.deployed.as_ref().map_or(1, |deployed| deployed.replicas);
        let selector = json!({"matchLabels": self.selector(&part.name)});
        if part.kind == PartKind::Task {
            // A Job cannot change under its name.
            let name = format!("{}-{}", part.name, &digest::hex(template.to_string().as_bytes())[..10]);
            let spec = json!({"backoffLimit": 0, "template": template});
            return self.object(("batch/v1", "Job"), &name, Some(part), json!({ "spec": spec }));
        }
        if part.data.is_empty() {
            let spec = json!({
                "replicas": replicas,
                "selector": selector,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "template": template,
            });
            return self.object(("apps/v1", "Deployment"), part.name.as_str(), Some(part), json!({ "spec": spec }));
        }
        let spec = json!({
            "replicas": replicas,
            "serviceName": part.name.as_str(),
            "selector": selector,
            "template": template,
            "volumeClaimTemplates": Self::claims(part),
        });
        self.object(("apps/v1", "StatefulSet"), part.name.as_str(), Some(part), json!({ "spec": spec }))
    }

    /// Nodes that are emptied take one pod at a time of a part that has several.
    fn disruption_budget(&self, part: &Part) -> Option<Value> {
        let is_spread = part.deployed.as_ref().is_some_and(|deployed| deployed.replicas > 1);
        let spec = json!({"maxUnavailable": 1, "selector": {"matchLabels": self.selector(&part.name)}});
        (is_spread && part.kind != PartKind::Task).then(|| {
            let name = part.name.as_str();
            self.object(("policy/v1", "PodDisruptionBudget"), name, Some(part), json!({ "spec": spec }))
        })
    }

    /// What a secret of the platform is called as an object: there, names have no `_`.
    fn secret_name(&self, secret: &str) -> String {
        let name = self.environment.secrets.get(secret).map_or(secret, String::as_str);
        object_name(name)
    }

    /// The secret of the certificate that the Ingress shows, where the product has a gateway.
    fn certificate(&self) -> Option<String> {
        self.environment.parts.contains_key(GATEWAY).then(|| self.secret_name(&format!("{GATEWAY}.certificate")))
    }
}

/// A name as objects may have one.
fn object_name(name: &str) -> String {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    name.trim_matches('-').to_owned()
}

/// The image that a part's pods run.
fn image(part: &Part) -> &str {
    match &part.image {
        ImageRef::Ours(_, name) | ImageRef::Released(_, name) | ImageRef::Theirs(name) => name,
    }
}

/// Objects as one text.
#[must_use]
pub fn text(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("---\n{}", yaml::document(object))).collect()
}

#[cfg(test)]
#[path = "kubernetes_tests.rs"]
mod tests;
