//! What surrounds a container: the machine's proxies, and the names that are reached without them. Pure; the one place
//! that decides it, for containers and for builds.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::config::project::Project;
use crate::names::PartName;
use crate::plan::certs;
use crate::plan::certs::zones::aliases;
use crate::plan::environment::routes::routes;
use crate::plan::identity::Identity;
use crate::plan::parts::GATEWAY;

/// Variables that name a proxy.
pub const VARIABLES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY"];
/// The variable that lists what is reached without one.
pub const EXEMPT: &str = "NO_PROXY";

/// The names of all variables about proxies, in capitals and not.
pub fn names() -> impl Iterator<Item = String> {
    VARIABLES.into_iter().chain([EXEMPT]).flat_map(|name| [name.to_owned(), name.to_lowercase()])
}

/// The proxies of the docker client's configuration, for one engine or for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientProxies {
    /// For `http:` addresses.
    pub http_proxy: String,
    /// For `https:` addresses.
    pub https_proxy: String,
    /// For `ftp:` addresses.
    pub ftp_proxy: String,
    /// For what has none of its own.
    pub all_proxy: String,
    /// What is reached without one.
    pub no_proxy: String,
}

impl ClientProxies {
    /// The same as variables; empty ones are none.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, String> {
        let [http, https, ftp, all] = VARIABLES;
        let values = [
            (http, &self.http_proxy),
            (https, &self.https_proxy),
            (ftp, &self.ftp_proxy),
            (all, &self.all_proxy),
            (EXEMPT, &self.no_proxy),
        ];
        let set = values.into_iter().filter(|(_, value)| !value.is_empty());
        set.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }
}

/// The variables that containers and builds get, in both spellings, since programs differ in which they read. `found` are
/// the machine's own. None where no proxy is set.
#[must_use]
pub fn variables(found: &BTreeMap<String, String>, exempt: &[String]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let value = |name: &str| {
        let spelled = [name.to_owned(), name.to_lowercase()];
        spelled.iter().find_map(|name| found.get(name).filter(|value| !value.is_empty()))
    };
    let mut add = |name: &str, value: &String| {
        for name in [name.to_owned(), name.to_lowercase()] {
            let own = found.get(&name).filter(|own| !own.is_empty() && !name.eq_ignore_ascii_case(EXEMPT));
            all.insert(name.clone(), own.unwrap_or(value).clone());
        }
    };
    for name in VARIABLES {
        if let Some(value) = value(name) {
            add(name, value);
        }
    }
    let given = [EXEMPT.to_owned(), EXEMPT.to_lowercase()];
    let given = given.iter().filter_map(|name| found.get(name)).flat_map(|list| list.split(','));
    let mut seen = BTreeSet::new();
    let names = given.map(str::trim).filter(|name| !name.is_empty()).chain(exempt.iter().map(String::as_str));
    let list: Vec<&str> = names.filter(|name| seen.insert(*name)).collect();
    add(EXEMPT, &list.join(","));
    let has_proxy = all.keys().any(|name| !name.eq_ignore_ascii_case(EXEMPT));
    if has_proxy { all } else { BTreeMap::new() }
}

/// What is reached without a proxy from a container: itself, this machine, and all of the environment by each of its
/// names. `further` are services that only compose files have.
#[must_use]
pub fn exempt(project: &Project, identity: &Identity, further: &[String]) -> Vec<String> {
    let domain = certs::inner(project.file.project.as_str());
    let host = &identity.held.host;
    let here = ["localhost", "127.0.0.1", "::1", "host.docker.internal", ".localhost", ".test"].map(str::to_owned);
    let parts = project.file.modules.keys().chain(project.file.services.keys()).map(PartName::to_string);
    let hosts = routes(project, host).into_iter().map(|route| route.host).filter(|host| !host.is_empty());
    let own = [GATEWAY.to_owned(), domain, host.clone(), identity.subnet()];
    let all = here.into_iter().chain(parts).chain(further.iter().cloned()).chain(own).chain(hosts);
    let mut seen = BTreeSet::new();
    all.chain(aliases(project).iter().cloned()).filter(|name| seen.insert(name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn shown(found: &[(&str, &str)]) -> String {
        let exempt = ["localhost", "api"].map(str::to_owned);
        let all = variables(&given(found), &exempt).into_iter().map(|(name, value)| format!("{name}={value}"));
        all.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_the_environments_own_is_reached_without_a_proxy_whatever_the_machine_says() {
        assert_eq!(shown(&[]), "");
        assert_eq!(shown(&[("NO_PROXY", "corp")]), "");
        assert_eq!(
            shown(&[("HTTP_PROXY", "http://p:1")]),
            "HTTP_PROXY=http://p:1 NO_PROXY=localhost,api http_proxy=http://p:1 no_proxy=localhost,api"
        );
        assert_eq!(
            shown(&[("https_proxy", "http://p:1"), ("no_proxy", "corp, api"), ("NO_PROXY", "corp")]),
            "HTTPS_PROXY=http://p:1 NO_PROXY=corp,api,localhost https_proxy=http://p:1 no_proxy=corp,api,localhost"
        );
        assert_eq!(
            shown(&[("HTTP_PROXY", "http://up:1"), ("http_proxy", "http://low:1")]),
            "HTTP_PROXY=http://up:1 NO_PROXY=localhost,api http_proxy=http://low:1 no_proxy=localhost,api"
        );
    }

    #[test]
    fn the_docker_clients_proxies_are_the_same_variables() {
        let read: ClientProxies =
            serde_json::from_str(r#"{"httpProxy": "http://p:1", "noProxy": "corp", "other": 1}"#).unwrap();
        assert_eq!(read.variables(), given(&[("HTTP_PROXY", "http://p:1"), ("NO_PROXY", "corp")]));
    }
}
