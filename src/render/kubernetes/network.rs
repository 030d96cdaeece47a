//! Who reaches whom: a Service for each part with a port, policies from `needs`, and an Ingress in place of the gateway.

use serde_json::{Value, json};

use crate::plan::parts::{Part, PartKind};
use crate::render::kubernetes::Manifests;
use crate::render::kubernetes::ports::{MAIN, Opened};

impl Manifests<'_> {
    /// The name of a part in the network.
    pub(super) fn service(&self, part: &Part) -> Option<Value> {
        let ports: Vec<Value> = self.opened(part).iter().map(Opened::of_service).collect();
        if part.kind == PartKind::Task || ports.is_empty() {
            return None;
        }
        let mut spec = json!({"selector": self.selector(&part.name), "ports": ports});
        if let (false, Value::Object(spec)) = (part.data.is_empty(), &mut spec) {
            // A StatefulSet's pods have names of their own.
            spec.insert("clusterIP".to_owned(), "None".into());
        }
        Some(self.object(("v1", "Service"), part.name.as_str(), Some(part), json!({ "spec": spec })))
    }

    /// Nothing reaches a pod of the product that no other policy lets in.
    pub(super) fn deny_all(&self) -> Value {
        let project = self.project.file.project.as_str();
        let spec = json!({
            "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": project}},
            "policyTypes": ["Ingress"],
        });
        let name = format!("{project}-deny-all");
        self.object(("networking.k8s.io/v1", "NetworkPolicy"), &name, None, json!({ "spec": spec }))
    }

    /// Who may reach a part: those that need it all ports, and the Ingress the main one where it has a route.
    pub(super) fn policy(&self, part: &Part) -> Value {
        let needing = self.environment.parts.values().filter(|other| other.needs.contains(&part.name));
        let from: Vec<Value> =
            needing.map(|other| json!({"podSelector": {"matchLabels": self.selector(&other.name)}})).collect();
        let ports: Vec<Value> = self.opened(part).iter().map(Opened::of_policy).collect();
        let mut rules = Vec::new();
        if !from.is_empty() && !ports.is_empty() {
            rules.push(json!({"from": from, "ports": ports}));
        }
        let has_route = self.environment.routes.iter().any(|route| route.name == part.name.as_str());
        if has_route && part.inner_port().is_some() {
            let main = [json!({"port": MAIN, "protocol": "TCP"})];
            rules.push(json!({"from": [{"namespaceSelector": {}}], "ports": main}));
        }
        let mut spec = json!({
            "podSelector": {"matchLabels": self.selector(&part.name)},
            "policyTypes": ["Ingress"],
        });
        if let (false, Value::Object(spec)) = (rules.is_empty(), &mut spec) {
            spec.insert("ingress".to_owned(), rules.into());
        }
        let kind = ("networking.k8s.io/v1", "NetworkPolicy");
        self.object(kind, part.name.as_str(), Some(part), json!({ "spec": spec }))
    }

    /// The routes of the gateway, longest path first.
    pub(super) fn ingress(&self) -> Option<Value> {
        let secret = self.certificate()?;
        let mut hosts: Vec<&str> = Vec::new();
        for route in &self.environment.routes {
            let host = self.host(&route.host);
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        let rules: Vec<Value> =
            hosts.iter().map(|host| json!({"host": host, "http": {"paths": self.paths(host)}})).collect();
        let spec = json!({"tls": [{"hosts": hosts, "secretName": secret}], "rules": rules});
        let name = self.project.file.project.as_str();
        Some(self.object(("networking.k8s.io/v1", "Ingress"), name, None, json!({ "spec": spec })))
    }

    /// The host of a route: its own, else the product's.
    fn host<'h>(&'h self, own: &'h str) -> &'h str {
        if own.is_empty() { &self.environment.host } else { own }
    }

    fn paths(&self, host: &str) -> Vec<Value> {
        let routes = self.environment.routes.iter().filter(|route| self.host(&route.host) == host);
        let path = |route: &crate::plan::parts::Route| {
            let path = if route.path.is_empty() { "/" } else { &route.path };
            json!({
                "path": path,
                "pathType": "Prefix",
                "backend": {"service": {"name": route.upstream_host, "port": {"name": MAIN}}},
            })
        };
        routes.map(path).collect()
    }
}
