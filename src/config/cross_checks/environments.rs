//! Environments: each is based on one that exists, names parts and secrets that exist, and configures no part in a way
//! that it does not support.

use std::collections::BTreeMap;

use crate::config::cross_checks::cycles::{self, Graph};
use crate::config::cross_checks::secrets;
use crate::config::cross_checks::subject::{Part, Sort, by_name, name};
use crate::config::inputs::KnownNames;
use crate::config::model::environment::GATE_KEYS;
use crate::config::problems::Finding;
use crate::config::schema::table::listed;
use crate::config::text::quote::quoted;
use crate::config::text::tree::{Entry, Node, is_extension};
use crate::config::text::unknown_words::did_you_mean;

/// Environments that need no entry.
pub(crate) const BUILT_IN: [&str; 3] = ["dev", "ci", "prod"];
/// Not a module or service, and has a container all the same.
const GATEWAY: &str = "gateway";
/// What the gateway must be given.
const OF_GATEWAY: [&str; 2] = ["certificate", "key"];
/// Settings of environments that run from released images on a platform.
const DEPLOYED: [&str; 10] =
    ["host", "replicas", "resources", "secrets", "writable", "capabilities", "registry", "deploy", "gates", "smoke"];

pub(super) fn check(tree: &Node, parts: &[Part<'_>], known: &KnownNames) -> Vec<Finding> {
    let subject = Subject { entries: entries(tree), parts: by_name(parts), known };
    let mut findings: Vec<Finding> = subject.entries.iter().flat_map(|entry| subject.environment(entry)).collect();
    for (chain, spans) in cycles::find(&subject.graph()) {
        let message = format!("these environments are `like` each other in a cycle: {chain}");
        let finding = cycles::finding(message, &spans, "begins with this");
        findings.extend(finding.map(|finding| finding.help("change one `like` to `dev`, `ci` or `prod`")));
    }
    findings
}

/// The environments of a configuration.
pub(super) fn entries(tree: &Node) -> Vec<&Entry> {
    let all = tree.get("environments").map(Node::entries).unwrap_or_default();
    all.iter().filter(|entry| !is_extension(&entry.key.text)).collect()
}

/// The names of all environments.
pub(super) fn names(tree: &Node) -> Vec<&str> {
    let own = entries(tree).into_iter().map(|entry| &*entry.key.text).filter(|name| !BUILT_IN.contains(name));
    BUILT_IN.into_iter().chain(own).collect()
}

struct Subject<'t> {
    entries: Vec<&'t Entry>,
    parts: BTreeMap<&'t str, &'t Part<'t>>,
    known: &'t KnownNames,
}

impl<'t> Subject<'t> {
    fn names(&self) -> impl Iterator<Item = &'t str> {
        let own = self.entries.iter().map(|entry| &*entry.key.text).filter(|name| !BUILT_IN.contains(name));
        BUILT_IN.into_iter().chain(own)
    }

    fn graph(&self) -> Graph<'t> {
        let edge = |entry: &&'t Entry| {
            let like = entry.value.get("like")?;
            (!BUILT_IN.contains(&&*entry.key.text)).then_some((&*entry.key.text, vec![(name(like)?, like.span)]))
        };
        self.entries.iter().filter_map(edge).collect()
    }

    /// The built-in one that an environment begins with.
    fn base(&self, environment: &'t str) -> Option<&'t str> {
        let mut at = environment;
        for _ in 0..=self.entries.len() {
            if BUILT_IN.contains(&at) {
                return Some(at);
            }
            at = self.entries.iter().find(|entry| *entry.key.text == *at)?.value.get("like").and_then(name)?;
        }
        None
    }

    fn environment(&self, entry: &'t Entry) -> Vec<Finding> {
        let (name, node) = (&*entry.key.text, &entry.value);
        let mut findings: Vec<Finding> = self.like(entry).into_iter().collect();
        for (key, gateway) in [("replicas", true), ("resources", true), ("env", false), ("capabilities", true)] {
            for part in node.get(key).map(Node::entries).unwrap_or_default() {
                findings.extend(self.part(&part.key.text, gateway, || {
                    let what = format!("`{key}` of {} names {}", quoted(name), quoted(&part.key.text));
                    Finding::new(part.key.span, what)
                }));
            }
        }
        for item in node.get("writable").map(Node::items).unwrap_or_default() {
            let Some(part) = item.text() else { continue };
            findings.extend(self.part(part, true, || {
                Finding::new(item.span, format!("`writable` of {} names {}", quoted(name), quoted(part)))
            }));
        }
        findings.extend(
            node.get("replicas").map(Node::entries).unwrap_or_default().iter().filter_map(|e| self.replicas(e)),
        );
        findings
            .extend(node.get("resources").map(Node::entries).unwrap_or_default().iter().filter_map(|e| cpus(&e.value)));
        findings.extend(
            node.get("external").map(Node::entries).unwrap_or_default().iter().filter_map(|e| self.external(e)),
        );
        findings
            .extend(node.get("secrets").map(Node::entries).unwrap_or_default().iter().filter_map(|e| self.secret(e)));
        findings.extend(self.gates(entry));
        findings
            .extend(node.get("smoke").map(Node::items).unwrap_or_default().iter().filter_map(|item| self.smoke(item)));
        if let Some(base @ ("dev" | "ci")) = self.base(name) {
            let useless = DEPLOYED.iter().filter(|key| base == "dev" || !["host", "resources"].contains(*key));
            for entry in useless.filter_map(|key| node.entry(key)).filter(|entry| !entry.value.is_null()) {
                let message = format!("{} takes no {}", quoted(name), quoted(&entry.key.text));
                let help = "move it to an environment that is like `prod`";
                findings.push(Finding::new(entry.key.span, message).label("only of deployed environments").help(help));
            }
        }
        findings
    }

    fn like(&self, entry: &'t Entry) -> Option<Finding> {
        let own = &*entry.key.text;
        let is_built_in = BUILT_IN.contains(&own);
        let Some(like) = entry.value.entry("like").filter(|like| !like.value.is_null()) else {
            let message = format!("the environment {} does not say which one it is like", quoted(own));
            let near = did_you_mean(own, BUILT_IN);
            let help = near.unwrap_or_else(|| "add `like:` with `dev`, `ci`, `prod`, or another of yours".to_owned());
            return (!is_built_in).then(|| Finding::new(entry.key.span, message).label("no `like`").help(help));
        };
        if is_built_in {
            let message = format!("{} is like no other environment", quoted(own));
            return Some(Finding::new(like.key.span, message).label("built in").help("remove it"));
        }
        let to = name(&like.value)?;
        if to == own {
            let message = format!("the environment {} is like itself", quoted(own));
            return Some(Finding::new(like.value.span, message).label("itself").help("name another one"));
        }
        if self.names().any(|known| known == to) {
            return None;
        }
        let message = format!("{} is like {}, which is not an environment", quoted(own), quoted(to));
        let help = did_you_mean(to, self.names()).unwrap_or_else(|| self.listed());
        Some(Finding::new(like.value.span, message).label("not known").help(help))
    }

    fn listed(&self) -> String {
        format!("there are {}", listed(&self.names().map(str::to_owned).collect::<Vec<_>>(), "and"))
    }

    /// A finding, begun by `finding`, where `part` is none that runs in a container.
    fn part(&self, part: &str, gateway: bool, finding: impl FnOnce() -> Finding) -> Option<Finding> {
        let is_external = |part: &&Part<'_>| part.node.get("external").is_some();
        let what = match self.parts.get(part) {
            Some(part) if is_external(part) => "which is external: devenv does not run it",
            Some(_) => return None,
            None if gateway && part == GATEWAY => return None,
            None => "which is not a module or service",
        };
        let known = self.parts.iter().filter(|(_, part)| !is_external(part)).map(|(name, _)| *name);
        let near = did_you_mean(part, known.chain(gateway.then_some(GATEWAY)));
        let mut finding = finding();
        finding.message = format!("{}, {what}", finding.message);
        Some(finding.label("not known").maybe_help(near))
    }

    fn replicas(&self, entry: &Entry) -> Option<Finding> {
        if entry.value.scalar().and_then(|number| number.parse::<u32>().ok()).is_none_or(|number| number < 2) {
            return None;
        }
        let part = self.parts.get(&*entry.key.text)?;
        let preset = part.node.get("preset").and_then(Node::text);
        let own = part.node.get("volumes").map(Node::entries).unwrap_or_default();
        let has_data = preset.is_some_and(|preset| self.known.with_data.contains(preset)) || !own.is_empty();
        let is_task = part.node.get("once").is_some_and(|once| once.scalar() != Some("false"));
        let (what, help) = match (has_data, is_task) {
            (true, _) => {
                ("has data, which two containers must not write at once", "leave it at one, or make it `external`")
            }
            (_, true) => ("runs once, to completion", "leave it at one"),
            _ => return None,
        };
        let message = format!("{} cannot have replicas: it {what}", quoted(part.name));
        Some(Finding::new(entry.value.span, message).label("more than one").help(help).also(part.key, "the part"))
    }

    fn external(&self, entry: &Entry) -> Option<Finding> {
        let text = &*entry.key.text;
        let services = || self.parts.values().filter(|part| part.sort == Sort::Service).map(|part| part.name);
        if services().any(|service| service == text) {
            return None;
        }
        let what = if self.parts.contains_key(text) { "a module, not a service" } else { "not a service" };
        let message = format!("`external` names {}, which is {what}", quoted(text));
        Some(Finding::new(entry.key.span, message).label("not a service").maybe_help(did_you_mean(text, services())))
    }

    fn secret(&self, entry: &Entry) -> Option<Finding> {
        let (owner, credential) = entry.key.text.split_once('.')?;
        let not_known = |message, help| Some(Finding::new(entry.key.span, message).label("not known").maybe_help(help));
        if owner == GATEWAY {
            let message = format!("the gateway takes no secret {}", quoted(credential));
            let help = did_you_mean(credential, OF_GATEWAY).or(Some("it has `certificate` and `key`".to_owned()));
            return if OF_GATEWAY.contains(&credential) { None } else { not_known(message, help) };
        }
        let Some(part) = self.parts.get(owner) else {
            let message = format!("`secrets` names {}, which is not a module or service", quoted(owner));
            return not_known(message, did_you_mean(owner, self.parts.keys().copied().chain([GATEWAY])));
        };
        let preset = part.node.get("preset").and_then(Node::text);
        let mut has = preset.and_then(|preset| self.known.credentials.get(preset)).cloned().unwrap_or_default();
        has.extend(secrets::names(part).map(str::to_owned));
        if has.contains(credential) {
            return None;
        }
        let all: Vec<String> = has.iter().cloned().collect();
        let help = did_you_mean(credential, all.iter().map(String::as_str));
        let help = help.or_else(|| (!all.is_empty()).then(|| format!("it has {}", listed(&all, "and"))));
        not_known(format!("{} has no credential {}", quoted(owner), quoted(credential)), help)
    }

    fn gates(&self, entry: &Entry) -> Vec<Finding> {
        let gates = entry.value.get("gates").map(Node::items).unwrap_or_default();
        let finding = |gate: &Node| {
            let given: Vec<&Entry> = GATE_KEYS.iter().filter_map(|key| gate.entry(key)).collect();
            if let [_, second, ..] = given.as_slice() {
                let message = "a gate has one key".to_owned();
                let help = "make an item of the list from each";
                return Some(Finding::new(second.key.span, message).label("a second one").help(help));
            }
            let at = gate.get("deployed")?;
            let to = name(at)?;
            if to == &*entry.key.text {
                let message = format!("{} waits for a deployment to itself", quoted(to));
                return Some(Finding::new(at.span, message).label("itself").help("name another environment"));
            }
            if self.names().any(|known| known == to) {
                return None;
            }
            let message = format!("the gate waits for {}, which is not an environment", quoted(to));
            let help = did_you_mean(to, self.names()).unwrap_or_else(|| self.listed());
            Some(Finding::new(at.span, message).label("not known").help(help))
        };
        gates.iter().filter_map(finding).collect()
    }

    fn smoke(&self, item: &Node) -> Option<Finding> {
        match (item.get("get"), item.get("task")) {
            (None, None) if item.entries().is_empty() => {
                Some(Finding::new(item.span, "a smoke check has `get` or `task`").help("write `{get: /healthz}`"))
            }
            (Some(_), Some(task)) => Some(
                Finding::new(task.span, "a smoke check has either `get` or `task`")
                    .label("a second one")
                    .help("make an item of the list from each"),
            ),
            (None, Some(task)) => {
                let text = name(task)?;
                let is_task =
                    |part: &&&Part<'_>| part.node.get("once").is_some_and(|once| once.scalar() != Some("false"));
                let tasks = || self.parts.values().filter(is_task).map(|part| part.name);
                if tasks().any(|task| task == text) {
                    return None;
                }
                let message = format!("the smoke check {} is not a module with `once`", quoted(text));
                Some(Finding::new(task.span, message).label("not a task").maybe_help(did_you_mean(text, tasks())))
            }
            _ => None,
        }
    }
}

/// Processors are a number above 0.
pub(super) fn cpus(resources: &Node) -> Option<Finding> {
    let cpus = resources.get("cpus")?;
    let text = cpus.scalar()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_number && text.parse::<f64>().is_ok_and(|number| number > 0.0) {
        return None;
    }
    let message = format!("{} is not a number of CPUs", quoted(text));
    Some(Finding::new(cpus.span, message).label("not a number").help("write a number above 0, such as 1.5"))
}
