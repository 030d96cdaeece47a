//! Where a module listens, and which paths of the gateway lead to it.

use serde_json::json;

use crate::plan::adopt::adopting::Adopting;
use crate::plan::adopt::adoption::Keys;
use crate::plan::adopt::kinds::Kind;
use crate::plan::adopt::{third_party, words};

/// Names of parts that people open first.
const FIRST: [&str; 7] = ["frontend", "web", "ui", "client", "www", "app", "site"];

/// The port to which a web server that the gateway replaces leads.
pub(crate) fn port_to(adopting: &Adopting<'_>, written: &str) -> Option<u16> {
    routes_to(adopting, written).into_iter().find_map(|(_, port)| port)
}

/// The paths that lead to a module, by a web server that the gateway replaces.
fn routes_to(adopting: &Adopting<'_>, written: &str) -> Vec<(String, Option<u16>)> {
    let routes = adopting.parts.iter().filter_map(|part| match &part.kind {
        Kind::Gateway(routes) => Some(routes),
        _ => None,
    });
    routes.flatten().filter(|(_, host, _)| host == written).map(|(path, _, port)| (path.clone(), *port)).collect()
}

/// Writes the ports of a module and its route.
pub(crate) fn write(
    adopting: &mut Adopting<'_>,
    at: usize,
    keys: &mut Keys,
    ports: &[words::ContainerPort],
    port: Option<u16>,
) {
    let (node, written, name) = (adopting.parts[at].node, adopting.parts[at].written, adopting.parts[at].name.clone());
    let Some(port) = port else { return };
    keys.insert("port".to_owned(), json!(port));
    third_party::published(adopting, at, ports, Some(port));
    let further: Keys = ports
        .iter()
        .filter(|other| other.is_udp || other.target != port)
        .map(|other| {
            let value =
                if other.is_udp { json!({"port": other.target, "protocol": "udp"}) } else { json!(other.target) };
            (format!("p{}{}", other.target, if other.is_udp { "-udp" } else { "" }), value)
        })
        .collect();
    if !further.is_empty() {
        keys.insert("ports".to_owned(), further.into());
    }
    let mut paths = routes_to(adopting, written);
    paths.sort();
    let span = node.entry("ports").map_or(adopting.parts[at].span, |entry| entry.key.span);
    for (path, _) in paths.iter().skip(1) {
        adopting.note(span, format!("{written} at {path}"), "a module has one route");
    }
    if let Some((path, _)) = paths.first() {
        keys.insert("route".to_owned(), json!(path));
    } else if !ports.is_empty() {
        let is_first = first(adopting).as_deref() == Some(name.as_str());
        keys.insert("route".to_owned(), if is_first { json!("/") } else { json!({"host": name}) });
    }
}

/// The module that has the whole of the gateway, where no web server says so.
fn first(adopting: &Adopting<'_>) -> Option<String> {
    if adopting.parts.iter().any(|part| matches!(part.kind, Kind::Gateway(_) | Kind::Site(_))) {
        return None;
    }
    let open = || {
        adopting.parts.iter().filter(|part| matches!(part.kind, Kind::Module(_)) && part.node.get("ports").is_some())
    };
    let named = FIRST.iter().find_map(|first| open().find(|part| part.name == *first));
    named.or_else(|| open().next()).map(|part| part.name.clone())
}
