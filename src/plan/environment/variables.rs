//! The variables that parts get: for what they need, and for the machine that they are on. Pure.

use std::collections::BTreeMap;

use crate::names::PartName;
use crate::plan::environment::{EnvironmentError, MachineCa, Setup};
use crate::plan::parts::SecretVariable;

/// Variables by which programs find a CA bundle in place of their own.
pub const CA_VARIABLES: &[&str] = &[
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
];

impl Setup<'_> {
    /// The variables that a part gets for what it needs: without and with secrets.
    #[expect(clippy::type_complexity, reason = "two maps, named by what they hold")]
    pub(in crate::plan) fn wiring(
        &self,
        needs: &[PartName],
    ) -> Result<(BTreeMap<String, String>, BTreeMap<String, SecretVariable>), EnvironmentError> {
        let (mut plain, mut secret) = (BTreeMap::new(), BTreeMap::new());
        for need in needs {
            let prefix = need.variable();
            if let Some(module) = self.project.file.modules.get(need) {
                if let Some(port) = module.port {
                    plain.insert(format!("{prefix}_URL"), format!("http://{need}:{port}"));
                    plain.insert(format!("{prefix}_HOST"), need.to_string());
                    plain.insert(format!("{prefix}_PORT"), port.to_string());
                }
                continue;
            }
            let Some(service) = self.project.file.services.get(need) else { continue };
            if let Some(url) = &service.external {
                plain.insert(format!("{prefix}_URL"), url.clone());
                continue;
            }
            let preset = self.preset(need, service)?;
            let port = service.port.or(preset.map(|preset| preset.port));
            if let Some(preset) = preset {
                for (key, template) in &preset.connection {
                    let port = port.map(|port| port.to_string()).unwrap_or_default();
                    let text = template.replace("{host}", need.as_str()).replace("{port}", &port);
                    if preset.credentials.keys().any(|credential| text.contains(&format!("{{{credential}}}"))) {
                        let value = SecretVariable { service: need.clone(), template: text };
                        secret.insert(format!("{prefix}_{key}"), value);
                    } else {
                        plain.insert(format!("{prefix}_{key}"), text);
                    }
                }
            } else if let Some(port) = port {
                plain.insert(format!("{prefix}_HOST"), need.to_string());
                plain.insert(format!("{prefix}_PORT"), port.to_string());
                if service.health.as_ref().is_some_and(|health| health.http.is_some()) {
                    plain.insert(format!("{prefix}_URL"), format!("http://{need}:{port}"));
                }
            }
        }
        Ok((plain, secret))
    }

    /// What is external needs no waiting.
    pub(in crate::plan) fn running_needs(&self, needs: &[PartName]) -> Vec<PartName> {
        let external =
            |name: &PartName| self.project.file.services.get(name).is_some_and(|service| service.external.is_some());
        needs.iter().filter(|need| !external(need)).cloned().collect()
    }

    /// Variables that carry the machine's proxies and CA certificates into a dev container.
    pub(in crate::plan) fn surroundings(&self) -> BTreeMap<String, String> {
        let bundle = "/usr/local/share/devenv/host/ca-certificates.crt".to_owned();
        // All but this one replace what a program knows by itself, so they need the usual certificates too.
        let mut env = BTreeMap::from([("NODE_EXTRA_CA_CERTS".to_owned(), bundle.clone())]);
        if self.machine.ca != MachineCa::Unknown {
            let java = "-Djavax.net.ssl.trustStore=/usr/local/share/devenv/host/truststore.jks -Djavax.net.ssl.trustStorePassword=changeit";
            env.insert("JAVA_TOOL_OPTIONS".to_owned(), java.to_owned());
            env.extend(CA_VARIABLES.iter().map(|variable| ((*variable).to_owned(), bundle.clone())));
        }
        env.extend(self.machine.proxy.clone());
        env
    }
}
