//! Services that stay an image, folders that the gateway serves, and web servers that the gateway replaces.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::config::relative_path::joined;
use crate::config::text::tree::Node;
use crate::names::{PartName, numbered};
use crate::plan::adopt::adopting::{Adopting, Planned};
use crate::plan::adopt::adoption::Keys;
use crate::plan::adopt::kinds::Kind;
use crate::plan::adopt::values::{self, Variable};
use crate::plan::adopt::words::{self, MountSource};
use crate::plan::adopt::{fragment, needs};

/// Volumes that more than one service mounts.
pub(crate) fn shared_volumes(parts: &[Planned<'_>]) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for part in parts.iter().filter(|part| matches!(part.kind, Kind::Module(_) | Kind::Service)) {
        let mounts = part.node.get("volumes").map(Node::items).unwrap_or_default().iter().filter_map(words::mount);
        let names: BTreeSet<String> = mounts
            .filter_map(|mount| match mount.source {
                MountSource::Volume(name) => Some(name),
                _ => None,
            })
            .collect();
        for name in names {
            *seen.entry(name).or_default() += 1;
        }
    }
    seen.into_iter().filter(|(_, times)| *times > 1).map(|(name, _)| name).collect()
}

/// Carries a service that stays an image.
pub(crate) fn carry(adopting: &mut Adopting<'_>, at: usize) {
    let (node, written, name) = (adopting.parts[at].node, adopting.parts[at].written, adopting.parts[at].name.clone());
    let image = node.get("image").and_then(Node::scalar).unwrap_or_default().to_owned();
    let mut keys = Keys::from_iter([("image".to_owned(), json!(image))]);
    let ports = node.get("ports").map(words::ports).unwrap_or_default();
    let exposed = node.get("expose").map(words::ports).unwrap_or_default();
    let first = ports.iter().find(|port| !port.is_udp).or(exposed.first()).map(|port| port.target);
    if let Some(port) = first {
        keys.insert("port".to_owned(), json!(port));
    }
    let span = node.entry("ports").map_or(adopting.parts[at].span, |entry| entry.key.span);
    for port in ports.iter().filter(|port| port.is_udp || Some(port.target) != first) {
        let protocol = if port.is_udp { "/udp" } else { "" };
        let why = format!(
            "{}{protocol} is open to other parts, but not to this machine: a service publishes one port",
            port.target
        );
        adopting.note(span, format!("{written}.ports"), why);
    }
    published(adopting, at, &ports, first);
    if let Some(command) = node.get("command") {
        let words: Vec<Json> = words::command(command).iter().map(|word| json!(values::command(word))).collect();
        keys.insert("command".to_owned(), words.into());
    }
    if let Some(health) = needs::health(node, first) {
        keys.insert("health".to_owned(), health);
    }
    let mut needed = needs::needs(adopting, node);
    let env = variables(adopting, at, false, &[], &mut needed);
    needs::write(&mut keys, needed);
    if !env.is_empty() {
        keys.insert("env".to_owned(), env.into());
    }
    let volumes = volumes(adopting, at, |_, target| MountPlace::At(target.to_owned()));
    if !volumes.is_empty() {
        keys.insert("volumes".to_owned(), volumes.into());
    }
    files(adopting, at, &BTreeSet::new());
    if node.get("profiles").is_some() && !needs::is_needed(adopting, written) {
        keys.insert("mode".to_owned(), json!("off"));
    }
    adopting.done.parts.push(format!("{name}: the image {image}"));
    adopting.done.services.insert(name, keys.into());
}

/// Carries a folder that a web server has served.
pub(crate) fn carry_site(adopting: &mut Adopting<'_>, at: usize) {
    let Kind::Site(path) = adopting.parts[at].kind.clone() else { return };
    let name = adopting.parts[at].name.clone();
    let route = if adopting.done.modules.values().any(|module| module["route"] == "/") {
        json!({"host": name})
    } else {
        json!("/")
    };
    let keys = [("path", json!(path)), ("serve", json!("static")), ("route", route)];
    let keys = Keys::from_iter(keys.map(|(key, value)| (key.to_owned(), value)));
    adopting.done.parts.push(format!("{name}: a static site from {path}, which the gateway serves"));
    adopting.done.modules.insert(name, keys.into());
}

/// Says which routes the gateway has in place of a web server.
pub(crate) fn carry_gateway(adopting: &mut Adopting<'_>, at: usize) {
    let Kind::Gateway(routes) = adopting.parts[at].kind.clone() else { return };
    let shown: Vec<String> = routes.iter().map(|(path, host, _)| format!("{path} → {host}")).collect();
    let why = format!(
        "devenv's gateway is in its place, with its routes ({}); the rest of its configuration is not carried over",
        shown.join(", ")
    );
    let (span, written) = (adopting.parts[at].span, adopting.parts[at].written);
    adopting.note(span, written, why);
    adopting.done.parts.push(format!("{}: the gateway ({})", adopting.parts[at].name, shown.join(", ")));
}

/// Says where ports on this machine are now.
pub(crate) fn published(adopting: &mut Adopting<'_>, at: usize, ports: &[words::ContainerPort], first: Option<u16>) {
    let (node, written, name) = (adopting.parts[at].node, adopting.parts[at].written, adopting.parts[at].name.clone());
    let span = node.entry("ports").map_or(adopting.parts[at].span, |entry| entry.key.span);
    for port in ports.iter().filter(|port| Some(port.target) == first && !port.is_udp) {
        let Some(published) = port.published.filter(|published| *published != port.target) else { continue };
        let why = format!(
            "{published} on this machine is the developer's choice: `ports: {{{name}: {published}}}` in devenv.local.yaml"
        );
        adopting.note(span, format!("{written}.ports"), why);
    }
}

/// The variables of a part; `more` come first and count less. Credentials that only this developer has are left out.
pub(crate) fn variables(
    adopting: &mut Adopting<'_>,
    at: usize,
    is_module: bool,
    more: &[(String, String)],
    needed: &mut BTreeSet<String>,
) -> Keys {
    let (node, written, name) = (adopting.parts[at].node, adopting.parts[at].written, adopting.parts[at].name.clone());
    let mut env = Keys::from_iter(more.iter().map(|(name, value)| (name.clone(), json!(values::literal(value)))));
    for entry in node.get("environment").map(Node::entries).unwrap_or_default() {
        let key = entry.key.text.to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || !key.chars().all(plain) {
            adopting.note(
                entry.key.span,
                format!("{written}.environment"),
                format!("`{key}` is not a variable's name"),
            );
            continue;
        }
        match values::variable(adopting, &key, &entry.value, is_module) {
            Variable::Text(value) => drop(env.insert(key, json!(value))),
            Variable::Of(value, part) => {
                needed.insert(part);
                env.insert(key, json!(value));
            }
            Variable::Secret(value) => {
                env.remove(&key);
                adopting.done.secrets.insert(format!("{name}.{key}"), value);
            }
        }
    }
    env
}

/// Where a volume is mounted now.
pub(crate) enum MountPlace {
    /// There.
    At(String),
    /// Nowhere: it is not carried, for a reason.
    Nowhere(String),
    /// Nowhere, and nothing is lost.
    Done,
}

/// The volumes of a part; what is mounted from the checkout, and what several parts have, goes into the compose file.
pub(crate) fn volumes(
    adopting: &mut Adopting<'_>,
    at: usize,
    place: impl Fn(&words::Mount, &str) -> MountPlace,
) -> Keys {
    let (node, written) = (adopting.parts[at].node, adopting.parts[at].written);
    let mut volumes = Keys::new();
    for item in node.get("volumes").map(Node::items).unwrap_or_default() {
        let Some(mount) = words::mount(item) else {
            adopting.note(item.span, format!("{written}.volumes"), "devenv does not know this form");
            continue;
        };
        let target = match place(&mount, &mount.target) {
            MountPlace::At(target) => target,
            MountPlace::Done => continue,
            MountPlace::Nowhere(why) => {
                adopting.note(item.span, format!("{written}.volumes"), why);
                continue;
            }
        };
        let options = if mount.is_read_only { ":ro" } else { "" };
        match &mount.source {
            MountSource::Path(path) => {
                let path = path.replace('$', "$$");
                fragment::add(adopting, at, "volumes", json!([format!("{path}:{target}{options}")]));
                if path.starts_with(['/', '~']) || path.starts_with("..") {
                    let why =
                        "it is outside the checkout: `up` says what devenv.local.yaml must allow for it".to_owned();
                    adopting.note(item.span, format!("{written}.volumes"), why);
                }
            }
            MountSource::Volume(name) if adopting.shared.contains(name) => {
                fragment::add(adopting, at, "volumes", json!([format!("{name}:{target}{options}")]));
            }
            MountSource::Volume(name) => {
                volumes.insert(free(&volumes, name), json!(target));
            }
            MountSource::Anonymous => {
                let last = target.rsplit('/').next().unwrap_or("data").to_owned();
                volumes.insert(free(&volumes, &last), json!(target));
            }
            MountSource::Memory => fragment::add(adopting, at, "tmpfs", json!([target])),
        }
    }
    volumes
}

/// A name for a volume like a text, that no other has.
fn free(known: &Keys, text: &str) -> String {
    let like = PartName::like(text).map_or("data".to_owned(), |name| name.to_string());
    numbered(&like, |name| !known.contains_key(name))
}

/// Files with variables, and secrets as files: the compose file carries them.
pub(crate) fn files(adopting: &mut Adopting<'_>, at: usize, recognised: &BTreeSet<String>) {
    let (node, written) = (adopting.parts[at].node, adopting.parts[at].written);
    for item in node.get("env_file").map(Node::items).unwrap_or_default() {
        let Some(path) = item.scalar().or_else(|| item.get("path")?.scalar()) else { continue };
        let file = joined(".", path);
        let tree = adopting.facts.tree;
        match (tree.has(&file), tree.is_private(&file)) {
            (true, false) => fragment::add(adopting, at, "env_file", json!([path])),
            (true, true) => fragment::add(adopting, at, "env_file", json!([{"path": path, "required": false}])),
            (false, _) => {
                let example = format!("{file}.example");
                let help = if tree.has(&example) {
                    format!(": copy {example}, and run `devenv init` again")
                } else {
                    String::new()
                };
                adopting.note(item.span, format!("{written}.env_file"), format!("there is no file {file}{help}"));
            }
        }
    }
    let secrets = node.get("secrets").map(Node::items).unwrap_or_default();
    let secrets: Vec<&Node> = secrets
        .iter()
        .filter(|secret| fragment::secret(secret).is_some_and(|name| !recognised.contains(name)))
        .collect();
    fragment::add_secrets(adopting, at, &secrets);
}
