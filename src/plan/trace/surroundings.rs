//! What is known of a request's surroundings before anything is asked. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::config::model::file::ProjectFile;
use crate::names::PartName;
use crate::plan::mounts::MountClass;
use crate::plan::observed::{Observed, Role};
use crate::plan::parts::{Environment, Part};
use crate::plan::trace::facts::Configuration;

/// The host names that the gateway answers to.
#[must_use]
pub fn hosts(environment: &Environment) -> Vec<String> {
    let of_routes = environment.routes.iter().map(|route| route.host.clone()).filter(|host| !host.is_empty());
    [environment.host.clone()].into_iter().chain(environment.aliases.clone()).chain(of_routes).collect()
}

/// Whether containers run and the network that they were made for is not there any more.
#[must_use]
pub fn is_network_gone(observed: &Observed) -> bool {
    !observed.containers.is_empty() && observed.networks.is_empty()
}

/// Whether the running gateway has read what is generated now: it answers with the digest of what it has read.
#[must_use]
pub fn configuration(gateway: &Part, read: Option<&str>) -> Configuration {
    let wanted = gateway.mounts.iter().find_map(|mount| match &mount.class {
        MountClass::Reload(digest) => Some(digest.as_str()),
        _ => None,
    });
    match (wanted, read) {
        (Some(wanted), Some(read)) if wanted == read => Configuration::Current,
        (Some(_), Some(_)) => Configuration::Earlier,
        _ => Configuration::Unknown,
    }
}

/// The services that a module needs and that run elsewhere, with their addresses.
pub fn externals<'a>(file: &'a ProjectFile, part: &Part) -> impl Iterator<Item = (&'a PartName, &'a str)> {
    let needs = file.modules.get(&part.name).map(|module| module.needs.as_slice()).unwrap_or_default();
    needs.iter().filter_map(|name| {
        let (name, service) = file.services.get_key_value(name)?;
        Some((name, service.external.as_deref()?))
    })
}

/// The parts at their addresses.
#[must_use]
pub fn addresses(observed: &Observed) -> BTreeMap<IpAddr, String> {
    let all = observed.containers.iter().filter(|container| container.role == Role::Part);
    all.filter_map(|container| Some((container.address.as_deref()?.parse().ok()?, container.part.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::mounts::{Mount, MountSource};
    use crate::plan::observed::samples::container;
    use crate::plan::observed::{Container, ContainerState};
    use crate::plan::parts::{ImageRef, PartKind, samples};

    #[test]
    fn a_gateway_answers_to_its_host_its_aliases_and_the_hosts_of_routes() {
        let mut environment = samples::environment(Vec::new());
        environment.aliases = vec!["dev.example.test".to_owned()];
        assert_eq!(hosts(&environment), ["shop.localhost", "dev.example.test"]);
    }

    #[test]
    fn a_network_is_gone_only_where_containers_are_left() {
        let mut observed = Observed::default();
        assert!(!is_network_gone(&observed));
        observed.containers.push(container("api", ContainerState::Running));
        assert!(is_network_gone(&observed));
    }

    #[test]
    fn a_gateway_that_has_read_something_else_has_an_earlier_configuration() {
        let mount = Mount {
            source: MountSource::Folder("x".to_owned()),
            target: "/x".to_owned(),
            writable: false,
            class: MountClass::Reload("new".to_owned()),
        };
        let name = PartName::new("gateway").unwrap();
        let gateway =
            Part { mounts: vec![mount], ..Part::new(name, PartKind::Gateway, ImageRef::Theirs(String::new())) };
        assert_eq!(configuration(&gateway, Some("new")), Configuration::Current);
        assert_eq!(configuration(&gateway, Some("old")), Configuration::Earlier);
        assert_eq!(configuration(&gateway, None), Configuration::Unknown);
    }

    #[test]
    fn an_address_is_that_of_the_part_and_not_of_a_tool_box() {
        let at = |role, address: &str| Container {
            role,
            address: Some(address.to_owned()),
            ..container("api", ContainerState::Running)
        };
        let containers = vec![at(Role::Part, "10.0.0.2"), at(Role::InUse, "10.0.0.3"), at(Role::Part, "-")];
        let found = addresses(&Observed { containers, ..Observed::default() });
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("10.0.0.2".parse().unwrap(), "api".to_owned())]);
    }
}
