//! The variables that parts get: for what they need, and for the machine that they are on. Pure.

use std::collections::BTreeMap;

use crate::plan::environment::Setup;
use crate::plan::environment::machine::{Machine, MachineCa};

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

/// Where containers have the CA certificates of the machine.
pub const CA_BUNDLE: &str = "/usr/local/share/devenv/host/ca-certificates.crt";

impl Setup<'_> {
    /// Variables that carry the machine's proxies and CA certificates into a dev container.
    pub(in crate::plan) fn surroundings(&self) -> BTreeMap<String, String> {
        surroundings(self.machine)
    }
}

/// Variables that carry a machine's proxies and CA certificates into a container that develops or builds.
#[must_use]
pub fn surroundings(machine: &Machine) -> BTreeMap<String, String> {
    let bundle = CA_BUNDLE.to_owned();
    // All but this one replace what a program knows by itself, so they need the usual certificates too.
    let mut env = BTreeMap::from([("NODE_EXTRA_CA_CERTS".to_owned(), bundle.clone())]);
    if machine.ca != MachineCa::Unknown {
        let java = "-Djavax.net.ssl.trustStore=/usr/local/share/devenv/host/truststore.jks -Djavax.net.ssl.trustStorePassword=changeit";
        env.insert("JAVA_TOOL_OPTIONS".to_owned(), java.to_owned());
        env.extend(CA_VARIABLES.iter().map(|variable| ((*variable).to_owned(), bundle.clone())));
    }
    env.extend(machine.proxy.clone());
    env
}
