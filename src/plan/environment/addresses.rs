//! Where a module finds itself and the whole product from outside, and which environment it is in: `DEVENV_*`. Pure.

use std::collections::BTreeMap;

use crate::plan::environment::target::{Base, Placement, Target};
use crate::plan::parts::{Environment, GATEWAY, Part, PartKind};

/// The part's own address for people.
pub const URL: &str = "DEVENV_URL";
/// The gateway's.
pub const GATEWAY_URL: &str = "DEVENV_GATEWAY_URL";
/// The host of the part's own address; the gateway's for a part without one.
pub const HOST: &str = "DEVENV_HOST";
/// The environment's name.
pub const ENV: &str = "DEVENV_ENV";
/// All of them.
pub const ALL: [&str; 4] = [URL, GATEWAY_URL, HOST, ENV];

/// Gives every module its addresses; what it sets itself stays.
pub(super) fn add(environment: &mut Environment, target: &Target) {
    let all: Vec<_> = environment
        .parts
        .values()
        .filter(|part| matches!(part.kind, PartKind::Module | PartKind::Task))
        .map(|part| (part.name.clone(), of(part, environment, target)))
        .collect();
    for (name, addresses) in all {
        let Some(part) = environment.parts.get_mut(&name) else { continue };
        for (variable, value) in addresses {
            if !part.secret_env.contains_key(variable) {
                part.env.entry(variable.to_owned()).or_insert(value);
            }
        }
    }
}

fn of(part: &Part, environment: &Environment, target: &Target) -> BTreeMap<&'static str, String> {
    let mut addresses = BTreeMap::from([(ENV, target.name.clone())]);
    let route = environment.routes.iter().find(|route| route.name == part.name.as_str());
    let Some(port) = gateway_port(environment, target) else {
        addresses.extend(environment.url(part).filter(|url| url.contains("://")).map(|url| (URL, url)));
        return addresses;
    };
    let origin = |host: &str| match port {
        443 => format!("https://{host}"),
        port => format!("https://{host}:{port}"),
    };
    addresses.insert(GATEWAY_URL, origin(&environment.host));
    let own_host = route.map(|route| route.host.as_str()).filter(|host| !host.is_empty()).unwrap_or(&environment.host);
    addresses.insert(HOST, own_host.to_owned());
    let url = match route {
        Some(route) => Some(format!("{}{}", origin(own_host), route.path.trim_end_matches('/'))),
        None => environment.url(part).filter(|url| url.contains("://")),
    };
    addresses.extend(url.map(|url| (URL, url)));
    addresses
}

/// The port of the gateway for people, where it has one that is known.
fn gateway_port(environment: &Environment, target: &Target) -> Option<u16> {
    let gateway = environment.parts.get(GATEWAY)?;
    match (environment.base, environment.placement) {
        // On a platform nobody knows more than what was said.
        (Base::Prod, Placement::Elsewhere) => target.settings.host.as_ref().map(|_| 443),
        _ => gateway.port().map(|port| port.host),
    }
}
