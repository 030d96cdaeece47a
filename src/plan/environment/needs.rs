//! What a part gets of those that it needs: variables under their names, and `{PART.FIELD}` in its own. Pure.

use std::collections::BTreeMap;

use crate::config::model::file::Service;
use crate::config::model::values::Port;
use crate::config::placeholders::{self, pieces};
use crate::names::{PartName, is_for_shells};
use crate::plan::environment::Setup;
use crate::plan::environment::errors::{DeploymentError, EnvironmentError};
use crate::plan::environment::target::Base;
use crate::plan::parts::secret_variable::SecretVariable;
use crate::plan::presets::Preset;

/// The variables of a part, without and with credentials; no name is in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// Those without.
    pub plain: BTreeMap<String, String>,
    /// Those with some.
    pub secret: BTreeMap<String, SecretVariable>,
}

impl Variables {
    /// Sets a variable, in place of what it was.
    pub fn set(&mut self, name: String, value: &SecretVariable) {
        match value.plain() {
            Some(text) => {
                self.secret.remove(&name);
                self.plain.insert(name, text);
            }
            None => {
                self.plain.remove(&name);
                self.secret.insert(name, value.clone());
            }
        }
    }

    /// Sets variables without credentials.
    pub fn extend(&mut self, more: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in more {
            self.secret.remove(&name);
            self.plain.insert(name, value);
        }
    }
}

/// Something that a part offers to those that need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its name in `{PART.FIELD}`.
    pub field: String,
    /// Whether consumers get it as a variable too.
    pub is_variable: bool,
    /// What it is.
    pub value: SecretVariable,
}

impl Offer {
    fn variable(field: &str, value: SecretVariable) -> Self {
        Self { field: field.to_owned(), is_variable: true, value }
    }

    fn text(field: &str, text: impl Into<String>) -> Self {
        let mut value = SecretVariable::default();
        value.push_text(&text.into());
        Self::variable(field, value)
    }

    /// Without a variable of its own.
    fn quiet(self) -> Self {
        Self { is_variable: false, ..self }
    }
}

/// Where a service that is needed listens; what is not said is as for one of ours.
struct Address {
    host: Option<String>,
    port: Option<u16>,
}

impl Address {
    /// That of a URL.
    fn of(url: &str) -> Self {
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let address = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
            _ => (address, None),
        };
        Self { host: Some(host.to_owned()), port }
    }
}

impl Setup<'_> {
    /// The variables that a part gets for what it needs.
    pub(in crate::plan) fn wiring(&self, needs: &[PartName]) -> Result<Variables, EnvironmentError> {
        let mut variables = Variables::default();
        for need in needs {
            for offer in self.offers(need)?.into_iter().filter(|offer| offer.is_variable) {
                variables.set(format!("{}_{}", need.variable(), offer.field.to_uppercase()), &offer.value);
            }
        }
        Ok(variables)
    }

    /// Sets the variables that the configuration says, with `{PART.FIELD}` filled in.
    pub(in crate::plan) fn set_written(
        &self,
        part: &PartName,
        written: &BTreeMap<String, String>,
        variables: &mut Variables,
    ) -> Result<(), EnvironmentError> {
        for (name, text) in written {
            let value = self.written(part, text)?;
            if value.plain().is_none() && !is_for_shells(name) && self.project.file.modules.contains_key(part) {
                return Err(self.unsettable(part, name).into());
            }
            variables.set(name.clone(), &value);
        }
        Ok(())
    }

    /// A module's command is started by a shell, which would drop the variable.
    fn unsettable(&self, part: &PartName, variable: &str) -> DeploymentError {
        let keys = ["env", part.as_str(), variable];
        let of_environment = self.target.path(self.project, &keys).map(|(_, place)| place);
        let place = of_environment.or_else(|| self.project.place(&["modules", part.as_str(), "env", variable]));
        DeploymentError::Name {
            place: place.map(|place| place.to_string()).unwrap_or_default(),
            owner: part.to_string(),
            variable: variable.to_owned(),
        }
    }

    /// A value as it was written, with `{PART.FIELD}` filled in.
    pub(in crate::plan) fn written(&self, owner: &PartName, text: &str) -> Result<SecretVariable, EnvironmentError> {
        let mut value = SecretVariable::default();
        for piece in pieces(text) {
            match piece {
                placeholders::Piece::Text(text) => value.push_text(text),
                placeholders::Piece::Field { part, field, written } => {
                    let missing =
                        || EnvironmentError::NotOffered(owner.clone(), written.to_owned(), self.target.name.clone());
                    let offers = PartName::new(part).map_err(|_| missing()).and_then(|part| self.offers(&part))?;
                    let offer = offers.into_iter().find(|offer| offer.field == field).ok_or_else(missing)?;
                    value.push(&offer.value);
                }
            }
        }
        Ok(value)
    }

    /// What a part offers to those that need it.
    pub fn offers(&self, need: &PartName) -> Result<Vec<Offer>, EnvironmentError> {
        if let Some(module) = self.project.file.modules.get(need) {
            let main = module.port.map(|port| at(need.as_str(), port.get(), true)).unwrap_or_default();
            let host = (main.is_empty() && !module.ports.is_empty()).then(|| Offer::text("host", need.as_str()));
            let further = module.ports.iter();
            let further = further.map(|(name, port)| Offer::text(&port_field(name), port.port.get().to_string()));
            return Ok(main.into_iter().chain(host).chain(further).collect());
        }
        let Some(service) = self.project.file.services.get(need) else { return Ok(Vec::new()) };
        let preset = self.preset(need, service)?;
        let elsewhere = self.target.settings.external.get(need).or(service.external.as_ref());
        Ok(match (elsewhere, preset) {
            // Only where the platform has its credentials, a service elsewhere is reached as one of ours is.
            (Some(url), Some(preset)) if self.target.base == Base::Prod => {
                of_preset(need, service, preset, Address::of(url))
            }
            (Some(url), _) => of_address(url, service),
            (None, Some(preset)) => of_preset(need, service, preset, Address { host: None, port: None }),
            (None, None) => {
                let is_http = service.health.as_ref().is_some_and(|health| health.http.is_some());
                service.port.map(|port| at(need.as_str(), port.get(), is_http)).unwrap_or_default()
            }
        })
    }

    /// What is external needs no waiting.
    pub(in crate::plan) fn running_needs(&self, needs: &[PartName]) -> Vec<PartName> {
        let elsewhere = |name: &PartName| self.target.settings.external.contains_key(name);
        let external = |name: &PartName| {
            self.project.file.services.get(name).is_some_and(|service| service.external.is_some()) || elsewhere(name)
        };
        needs.iter().filter(|need| !external(need)).cloned().collect()
    }
}

/// What a further port is called among the fields that a module offers.
fn port_field(name: &PartName) -> String {
    format!("{}_port", name.as_str().replace('-', "_"))
}

/// What listens on a port of a container.
fn at(host: &str, port: u16, is_http: bool) -> Vec<Offer> {
    let url = is_http.then(|| Offer::text("url", format!("http://{host}:{port}")));
    [Offer::text("host", host), Offer::text("port", port.to_string())].into_iter().chain(url).collect()
}

/// A service of which only the address is known.
fn of_address(url: &str, service: &Service) -> Vec<Offer> {
    let Address { host, port } = Address::of(url);
    let usual = [("https://", 443), ("http://", 80)].into_iter().find(|(scheme, _)| url.starts_with(scheme));
    let port = port.or(service.port.map(Port::get)).or(usual.map(|(_, port)| port));
    let host = host.map(|host| Offer::text("host", host).quiet());
    let port = port.map(|port| Offer::text("port", port.to_string()).quiet());
    [Offer::text("url", url)].into_iter().chain(host).chain(port).collect()
}

fn of_preset(need: &PartName, service: &Service, preset: &Preset, address: Address) -> Vec<Offer> {
    let host = address.host.unwrap_or_else(|| need.to_string());
    let port = address.port.or(service.port.map(Port::get)).unwrap_or(preset.port.get()).to_string();
    let filled = |template: &str| SecretVariable::of(need, &template.replace("{host}", &host).replace("{port}", &port));
    let mut offers: Vec<Offer> =
        preset.connection.iter().map(|(key, text)| Offer::variable(&key.to_lowercase(), filled(text))).collect();
    let credentials = preset.credentials.keys().map(|name| (name.as_str(), format!("{{{name}}}")));
    let address = [("host", "{host}".to_owned()), ("port", "{port}".to_owned())];
    for (field, text) in credentials.chain(address) {
        if !offers.iter().any(|offer| offer.field == field) {
            offers.push(Offer::variable(field, filled(&text)).quiet());
        }
    }
    offers
}
