//! A platform's environment that runs on this machine: this machine provides what the platform would. Pure.

use crate::paths;
use std::collections::BTreeMap;

use crate::names::PartName;
use crate::plan::environment::Setup;
use crate::plan::environment::certificate::CERTS;
use crate::plan::environment::deployed::GATEWAY_SECRETS;
use crate::plan::environment::errors::DeploymentError;
use crate::plan::mounts::{Mount, MountClass};
use crate::plan::parts::{Environment, GATEWAY, GATEWAY_HTTP, GATEWAY_PORTS, Part, PartKind};

/// The credentials that this machine has: by service, by name.
type Credentials = BTreeMap<PartName, BTreeMap<String, Option<String>>>;

impl Setup<'_> {
    /// The environment with secrets that are files of this machine, and ports of this machine alone.
    pub(in crate::plan) fn rehearsed(&self, mut environment: Environment) -> Result<Environment, DeploymentError> {
        environment.secrets.clear();
        for part in environment.parts.values_mut() {
            if part.kind == PartKind::Gateway {
                // As a folder: a certificate that is renewed takes the place of its file.
                part.mounts.push(self.generated(&paths::secrets_of(GATEWAY), CERTS, MountClass::Ignore));
            } else {
                let secrets = part.deployed.iter().flat_map(|deployed| &deployed.secrets);
                let mounts = secrets.map(|(secret, target)| self.secret(secret, target, &environment.credentials));
                part.mounts.extend(mounts.collect::<Result<Vec<_>, _>>()?);
            }
            self.publish_here(part);
        }
        Ok(environment)
    }

    /// A secret, `db.password`, as the file that this machine has of it.
    fn secret(&self, secret: &str, target: &str, credentials: &Credentials) -> Result<Mount, DeploymentError> {
        let (part, name) = secret.split_once('.').unwrap_or((secret, ""));
        if !credentials.contains_key(part) {
            let place = self.target.path(self.project, &["external", part]);
            return Err(DeploymentError::Reached {
                place: place.map(|(_, place)| place.to_string()).unwrap_or_default(),
                environment: self.target.name.clone(),
                service: part.to_owned(),
            });
        }
        Ok(self.generated(&format!("{}/{name}", paths::secrets_of(part)), target, MountClass::Ignore))
    }

    fn publish_here(&self, part: &mut Part) {
        let Some(deployed) = &mut part.deployed else { return };
        deployed.ports.clear();
        part.lifecycle.replicas = usize::from(deployed.replicas);
        if part.kind == PartKind::Gateway {
            // Two cannot have one port of this machine.
            (deployed.replicas, part.lifecycle.replicas) = (1, 1);
            let ports = [(GATEWAY, GATEWAY_PORTS.0), (GATEWAY_HTTP, GATEWAY_PORTS.1)];
            part.publish = ports.into_iter().filter_map(|(name, port)| self.publish(name, Some(port))).collect();
        }
    }
}

/// Where this machine has what the gateway is given on a platform, each below `.devenv`: the certificate, and its key.
#[must_use]
pub fn gateway_files() -> [String; 2] {
    GATEWAY_SECRETS.map(|(_, file)| format!("{}/{file}", paths::secrets_of(GATEWAY)))
}
