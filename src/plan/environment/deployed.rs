//! What a platform adds to an environment: secrets that have names and no values, limits, and as few rights as possible. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::environment::Replicas;
use crate::names::PartName;
use crate::plan::environment::Setup;
use crate::plan::environment::certificate::CERTS;
use crate::plan::environment::errors::DeploymentError;
use crate::plan::environment::ports::inner_port;
use crate::plan::environment::secret_script::{SECRETS, wrapped};
use crate::plan::environment::target::Placement;
use crate::plan::parts::deployed::{Deployed, FileSystem};
use crate::plan::parts::secret_variable::Credential;
use crate::plan::parts::{Environment, GATEWAY, GATEWAY_PORTS, Part, PartKind};
use crate::plan::presets::CREDENTIALS;

/// What the gateway must be given, and the file that it is there.
pub(super) const GATEWAY_SECRETS: [(&str, &str); 2] = [("certificate", "cert.pem"), ("key", "key.pem")];

/// Which credentials each service takes.
type Credentials = BTreeMap<PartName, BTreeSet<String>>;

impl Setup<'_> {
    /// The environment with all that its parts have on a platform, and without what only this machine could give them.
    pub(in crate::plan) fn deployed(&self, mut environment: Environment) -> Result<Environment, DeploymentError> {
        let credentials = self.credentials(&environment);
        self.refuse_this_machine(&environment)?;
        self.refuse_secrets_of_services(&environment)?;
        self.refuse_mixed(&environment)?;
        environment.secrets = self.named(&environment, &credentials)?;
        for part in environment.parts.values_mut() {
            let (deployed, files) = self.on_platform(part, &credentials);
            part.command = wrapped(part);
            part.secret_env.clear();
            part.env.extend(files);
            part.deployed = Some(deployed);
        }
        // Here, its names are those of this machine.
        if let Some(host) = self.target.settings.host.as_ref().filter(|_| self.placement == Placement::Elsewhere) {
            let local = format!(".{}", environment.host);
            for route in &mut environment.routes {
                if let Some(label) = route.host.strip_suffix(&local) {
                    route.host = format!("{label}.{host}");
                }
            }
            environment.host.clone_from(host);
        }
        environment.aliases.clear();
        Ok(environment)
    }

    /// The credentials of the services that run, and of those elsewhere that are reached with some.
    fn credentials(&self, environment: &Environment) -> Credentials {
        let ours = environment.credentials.iter().map(|(name, all)| (name.clone(), all.keys().cloned().collect()));
        let elsewhere = self.target.settings.external.keys().filter_map(|name| {
            let preset = self.presets.get(self.project.file.services.get(name)?.preset.as_ref()?)?;
            Some((name.clone(), preset.credentials.keys().cloned().collect()))
        });
        ours.chain(elsewhere).collect()
    }

    /// The name of every secret, all of which must have one.
    fn named(
        &self,
        environment: &Environment,
        credentials: &Credentials,
    ) -> Result<BTreeMap<String, String>, DeploymentError> {
        let mut wanted: BTreeSet<String> =
            credentials.iter().flat_map(|(part, all)| all.iter().map(move |name| format!("{part}.{name}"))).collect();
        if environment.parts.contains_key(GATEWAY) {
            wanted.extend(GATEWAY_SECRETS.iter().map(|(name, _)| format!("{GATEWAY}.{name}")));
        }
        let given = &self.target.settings.secrets;
        let place = |keys: &[&str]| self.target.path(self.project, keys).map(|(_, place)| place.to_string());
        if let Some(name) = given.keys().find(|name| !wanted.contains(*name)) {
            return Err(DeploymentError::Unknown {
                place: place(&["secrets", name]).unwrap_or_default(),
                environment: self.target.name.clone(),
                name: name.clone(),
                known: wanted.into_iter().collect(),
            });
        }
        let missing: Vec<String> = wanted.into_iter().filter(|name| !given.contains_key(name)).collect();
        if missing.is_empty() {
            return Ok(given.clone());
        }
        let top = || self.project.place(&["project"]).map(|place| place.to_string());
        Err(DeploymentError::Unnamed {
            place: place(&["secrets"]).or_else(|| place(&[])).or_else(top).unwrap_or_default(),
            environment: self.target.name.clone(),
            missing,
            project: self.project.file.project.to_string(),
            has_section: !given.is_empty(),
        })
    }

    /// Refuses what is filled in when the definition is rendered, where only a fixed text can stand.
    fn refuse_this_machine(&self, environment: &Environment) -> Result<(), DeploymentError> {
        let file = &self.project.file;
        let is_there = |name: &PartName| environment.parts.contains_key(name);
        let modules = file.modules.keys().filter(|name| is_there(name));
        let modules = modules.map(|name| ("modules", name, &["health"][..]));
        let services = file.services.iter().filter(|(name, one)| is_there(name) || one.external.is_some());
        let keys = &["image", "external", "command", "health", "volumes"][..];
        let services = services.map(|(name, _)| ("services", name, keys));
        for (section, owner, keys) in modules.chain(services) {
            for key in keys {
                let path = [section, owner.as_str(), key];
                if let Some(written) = self.project.first_template(&path) {
                    return Err(DeploymentError::Machine {
                        place: self.project.place(&path).map(|place| place.to_string()).unwrap_or_default(),
                        environment: self.target.name.clone(),
                        key,
                        owner: owner.to_string(),
                        written: written.to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Refuses credentials that only a shell before the program could fill in: what starts a service is not known.
    fn refuse_secrets_of_services(&self, environment: &Environment) -> Result<(), DeploymentError> {
        let mut services = environment.parts.values().filter(|part| part.kind == PartKind::Service);
        if let Some((part, variable)) = services.find_map(|part| Some((part, part.secret_env.keys().next()?))) {
            let path = ["services", part.name.as_str(), "env", variable];
            let place = self.target.path(self.project, &["env", part.name.as_str(), variable]).map(|(_, place)| place);
            let place = place.or_else(|| self.project.place(&path));
            return Err(DeploymentError::ServiceCredential {
                place: place.map(|place| place.to_string()).unwrap_or_default(),
                environment: self.target.name.clone(),
                service: part.name.to_string(),
                variable: variable.clone(),
            });
        }
        Ok(())
    }

    /// Refuses a variable of which this machine has filled in a part, and the platform would fill in the rest.
    fn refuse_mixed(&self, environment: &Environment) -> Result<(), DeploymentError> {
        for part in environment.parts.values() {
            for variable in part.secret_env.keys() {
                let own = ["modules", part.name.as_str(), "env", variable].map(str::to_owned);
                let above = self.target.path(self.project, &["env", part.name.as_str(), variable]);
                let path = above.map_or(own.to_vec(), |(path, _)| path.splitn(5, '.').map(str::to_owned).collect());
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                if self.project.template(&path).is_some() {
                    return Err(DeploymentError::Mixed {
                        place: self.project.place(&path).map(|place| place.to_string()).unwrap_or_default(),
                        environment: self.target.name.clone(),
                        owner: part.name.to_string(),
                        variable: variable.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// What a part has on the platform, and the variables that name the files of its secrets.
    fn on_platform(&self, part: &Part, credentials: &Credentials) -> (Deployed, BTreeMap<String, String>) {
        let settings = &self.target.settings;
        let mut secrets = BTreeMap::new();
        let mut files = BTreeMap::new();
        for name in credentials.get(&part.name).into_iter().flatten() {
            secrets.insert(format!("{}.{name}", part.name), format!("{CREDENTIALS}/{name}"));
        }
        for (variable, value) in &part.secret_env {
            let is_known = |one: &&Credential| credentials.get(&one.service).is_some_and(|all| all.contains(&one.name));
            let is_of_another = |one: &&Credential| one.service != part.name;
            for credential in value.credentials().filter(is_known).filter(is_of_another) {
                let secret = format!("{}.{}", credential.service, credential.name);
                let file = format!("{SECRETS}/{secret}");
                if value.only().is_some() {
                    files.insert(format!("{variable}_FILE"), file.clone());
                }
                secrets.insert(secret, file);
            }
        }
        let mut ports = Vec::new();
        if part.kind == PartKind::Gateway {
            secrets
                .extend(GATEWAY_SECRETS.map(|(name, file)| (format!("{GATEWAY}.{name}"), format!("{CERTS}/{file}"))));
            ports = vec![(443, GATEWAY_PORTS.0), (80, GATEWAY_PORTS.1)];
        }
        // What a third-party image writes to, nobody here knows.
        let is_known = part.image.node().is_some();
        let deployed = Deployed {
            secrets,
            ports,
            port: inner_port(self.project, self.presets, &part.name),
            replicas: settings.replicas.get(&part.name).copied().map_or(1, Replicas::get),
            resources: settings.resources.get(&part.name).cloned().unwrap_or_default(),
            file_system: match is_known && !settings.writable.iter().flatten().any(|name| *name == part.name) {
                true => FileSystem::ReadOnly,
                false => FileSystem::Writable,
            },
            capabilities: settings.capabilities.get(&part.name).cloned().unwrap_or_default(),
        };
        (deployed, files)
    }
}
