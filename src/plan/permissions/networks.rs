//! How a container reaches the network, and other containers' namespaces.

use std::net::IpAddr;

use serde_yaml::{Mapping, Value};

use crate::config::model::local::Permission;
use crate::plan::permissions::inspection::Inspection;
use crate::plan::permissions::rules::{is_empty, is_set};

/// One of a service's `ports`.
pub(super) fn port(inspection: &mut Inspection<'_>, value: &Value) {
    let Value::Mapping(port) = value else {
        inspection.outcome.is_unresolved = true;
        return;
    };
    let address = match port.get("host_ip").filter(|address| !is_empty(address)) {
        Some(address) => inspection.text(address),
        None => Some("all addresses".to_owned()),
    };
    let Some(address) = address else { return };
    if address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        return;
    }
    let number = port.get("published").filter(|published| !is_empty(published)).or_else(|| port.get("target"));
    let number = number.and_then(|number| inspection.text(number)).unwrap_or_default();
    inspection.needs(Permission::PublicPorts, format!("publishes port {number} on {address}"));
}

/// `network_mode`.
pub(super) fn network_mode(inspection: &mut Inspection<'_>, value: &Value) {
    if is_empty(value) {
        return;
    }
    let Some(mode) = inspection.text(value) else { return };
    match mode.as_str() {
        "none" => {}
        "host" => inspection.needs(Permission::HostNetwork, "uses the host's network"),
        mode if mode.starts_with("service:") => {}
        mode => inspection.needs(Permission::OtherProjects, format!("is in a network outside this checkout: `{mode}`")),
    }
}

/// `pid`, `ipc`, `uts`, `cgroup`, `userns_mode`: a namespace of its own, of a service, of another container or of the
/// host.
pub(super) fn namespace(inspection: &mut Inspection<'_>, value: &Value) {
    if is_empty(value) {
        return;
    }
    let Some(mode) = inspection.text(value) else { return };
    match mode.as_str() {
        "private" | "none" | "shareable" => {}
        mode if mode.starts_with("service:") => {}
        mode if mode.starts_with("container:") => {
            inspection.needs(Permission::OtherProjects, format!("is in a namespace of {mode}"));
        }
        mode => inspection.needs(Permission::HostNamespaces, format!("is in a namespace of the host: `{mode}`")),
    }
}

/// A network of the definition.
pub(super) fn network(inspection: &mut Inspection<'_>, value: &Value) {
    let Value::Mapping(network) = value else { return };
    let project = &inspection.facts.environment.project;
    let own = [project.clone(), format!("{project}_{}", inspection.name)];
    let name = match network.get("name").filter(|name| !is_empty(name)) {
        Some(name) => inspection.text(name),
        None => own.first().cloned(),
    };
    let Some(name) = name else { return };
    if network.get("external").is_some_and(is_set) || !own.contains(&name) {
        inspection.needs(Permission::OtherProjects, format!("is the network {name}, which is not this project's own"));
    }
    let driver = network.get("driver").and_then(Value::as_str).unwrap_or_default();
    if !matches!(driver, "" | "bridge" | "none") {
        inspection.needs(Permission::HostNetwork, format!("is made by the driver {driver}"));
    }
    if let Some(Value::Mapping(options)) = network.get("driver_opts") {
        bridge(inspection, options);
    }
}

/// Options of the driver `bridge` that concern its containers alone.
const OF_BRIDGE: [&str; 4] = [
    "com.docker.network.driver.mtu",
    "com.docker.network.mtu",
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
];

fn bridge(inspection: &mut Inspection<'_>, options: &Mapping) {
    for key in options.keys().map(|key| key.as_str().unwrap_or_default()) {
        if !OF_BRIDGE.contains(&key) {
            inspection.needs(Permission::HostNetwork, format!("changes the host's network by `{key}`"));
        }
    }
}

/// A subnet: the host's way to it leads to the containers from then on, so it must not be one of the internet.
pub(super) fn subnet(inspection: &mut Inspection<'_>, value: &Value) {
    if is_empty(value) {
        return;
    }
    let Some(text) = inspection.text(value) else { return };
    if text == inspection.facts.environment.subnet || is_private(&text) {
        return;
    }
    inspection.needs(Permission::HostNetwork, format!("takes the addresses {text} away from the host"));
}

fn is_private(subnet: &str) -> bool {
    let Some((address, bits)) = subnet.split_once('/') else { return false };
    let (Ok(address), Ok(bits)) = (address.parse::<IpAddr>(), bits.parse::<u8>()) else { return false };
    match address {
        IpAddr::V4(address) => match address.octets() {
            [10, ..] => bits >= 8,
            [172, second, ..] => (16..32).contains(&second) && bits >= 12,
            [192, 168, ..] => bits >= 16,
            _ => false,
        },
        // Unique local addresses, RFC 4193.
        IpAddr::V6(address) => address.segments()[0] & 0xfe00 == 0xfc00 && bits >= 7,
    }
}
