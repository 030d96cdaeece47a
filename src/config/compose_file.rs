//! A fragment: a compose file of the team's. It is parsed here with the same budgets as our own files before compose
//! sees it; what would reach for other files, or build outside the hierarchy, is refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::compose_variables::{self, Unset};
use crate::config::inputs::InputFile;
use crate::config::interpolate::Dollars;
use crate::config::problems::{self, Finding, Problems};
use crate::config::text::bytes;
use crate::config::text::parse;
use crate::config::text::place::{Span, Texts};
use crate::config::text::quote::{quoted, shown};
use crate::config::text::tree::{Node, Value};
use crate::names::PartName;

/// What the variables of fragments are replaced by.
#[derive(Debug, Clone, Copy)]
pub struct Variables<'a> {
    /// Those of this process that compose files may use.
    pub env: &'a BTreeMap<String, String>,
    /// Names that stand in a file `.env`, which nobody reads.
    pub unread: &'a BTreeSet<String>,
}

/// Checks fragments, all of them.
///
/// # Errors
/// Everything that is wrong with them, with places.
pub fn check(sources: &[InputFile], variables: Variables<'_>) -> Result<(), Problems> {
    let mut texts = Texts::default();
    let mut findings: Vec<Finding> = Vec::new();
    let mut missing: BTreeMap<String, Finding> = BTreeMap::new();
    for source in sources {
        let (text, finding) = bytes::text(&source.name, &source.bytes, texts.next());
        let number = texts.add(text);
        let is_text = finding.is_none();
        findings.extend(finding);
        let Some(text) = texts.get(number).filter(|_| is_text) else { continue };
        let parsed = parse::parse(text, number);
        findings.extend(parsed.findings);
        if let Some(root) = parsed.root {
            findings.extend(forbidden(&root));
            unset(&root, variables, &texts, &mut missing);
        }
    }
    findings.extend(missing.into_values());
    if findings.is_empty() { Ok(()) } else { Err(problems::located(findings, texts)) }
}

/// The profiles of each service that has any. devenv activates none.
#[must_use]
pub fn profiles(source: &InputFile) -> BTreeMap<String, Vec<String>> {
    let (text, _) = bytes::text(&source.name, &source.bytes, 0);
    let root = parse::parse(&text, 0).root;
    let services = root.iter().filter_map(|root| root.get("services")).flat_map(Node::entries);
    let named = services.filter_map(|service| {
        let names = service.value.get("profiles")?.items().iter().filter_map(Node::scalar).map(str::to_owned);
        Some((service.key.text.to_string(), names.collect()))
    });
    named.collect()
}

/// The names of the services that a fragment speaks of.
#[must_use]
pub fn services(source: &InputFile) -> Vec<String> {
    let (text, _) = bytes::text(&source.name, &source.bytes, 0);
    let root = parse::parse(&text, 0).root;
    let services = root.iter().filter_map(|root| root.get("services")).flat_map(Node::entries);
    services.map(|service| service.key.text.to_string()).collect()
}

/// Collects the variables that are missing, each with all its places.
fn unset(node: &Node, variables: Variables<'_>, texts: &Texts, missing: &mut BTreeMap<String, Finding>) {
    for item in node.items() {
        unset(item, variables, texts, missing);
    }
    for entry in node.entries() {
        unset(&entry.value, variables, texts, missing);
    }
    let Some(text) = node.scalar().filter(|text| text.contains('$')) else { return };
    let places = Dollars::new(text, node.span, texts.slice(node.span));
    for one in compose_variables::unset(text, variables.env) {
        let place = places.place(one.dollar, one.length);
        match missing.get_mut(one.name) {
            Some(known) if known.also.len() < 20 && known.span != place => {
                known.also.push((place, "and here".to_owned()));
            }
            Some(_) => {}
            None => drop(missing.insert(one.name.to_owned(), not_set(&one, place, variables.unread))),
        }
    }
}

fn not_set(one: &Unset<'_>, place: Span, unread: &BTreeSet<String>) -> Finding {
    let name = shown(one.name);
    let message = match one.message.filter(|message| !message.is_empty()) {
        Some(message) => format!("the variable {} is not set: {}", quoted(one.name), shown(message)),
        None => format!("the variable {} is not set", quoted(one.name)),
    };
    let help = if unread.contains(one.name) {
        format!(
            "`.env` has it, which devenv does not read: export it (`set -a; . ./.env`), or give a default: ${{{name}:-value}}"
        )
    } else {
        format!("set it, give a default: ${{{name}:-value}}, or write $$ for a literal $")
    };
    Finding::new(place, message).label("not set").help(help)
}

/// The files whose variables or labels services read, as a service and a path each: compose reads them, and tells only
/// what stood in them. Empty for a fragment that [`check`] refuses.
#[must_use]
pub fn variable_files(source: &InputFile) -> Vec<(String, String)> {
    let (text, _) = bytes::text(&source.name, &source.bytes, 0);
    let Some(root) = parse::parse(&text, 0).root else { return Vec::new() };
    let mut files = Vec::new();
    for service in root.get("services").map(Node::entries).unwrap_or_default() {
        for key in ["env_file", "label_file"] {
            let Some(entry) = service.value.entry(key) else { continue };
            let paths = std::iter::once(&entry.value).chain(entry.value.items());
            let paths = paths.filter_map(|path| path.scalar().or_else(|| path.get("path")?.scalar()));
            files.extend(paths.map(|path| (service.key.text.to_string(), path.to_owned())));
        }
    }
    files
}

fn forbidden(root: &Node) -> Vec<Finding> {
    if root.is_null() {
        return Vec::new();
    }
    if !matches!(root.value, Value::Map(_)) {
        return vec![Finding::new(root.span, format!("a compose file has keys, found {}", root.noun()))];
    }
    let mut findings = Vec::new();
    if let Some(entry) = root.entry("include") {
        let finding = Finding::new(entry.key.span, "a fragment may not `include` other files");
        findings.push(finding.label("here").help("list each file under `compose:` of devenv.yaml"));
    }
    let services = root.get("services").map(Node::entries).unwrap_or_default();
    for service in services {
        let name = &*service.key.text;
        if PartName::new(name).is_err() {
            let message =
                format!("{} cannot be the name of a service: it is a host name in the environment", quoted(name));
            let finding = Finding::new(service.key.span, message).label("here");
            findings.push(match PartName::like(name) {
                Some(better) => finding.help(format!("write `{better}`, also where others name it")),
                None => finding.help("use lower-case letters, digits and `-`, starting with a letter"),
            });
        }
        for (key, help) in [
            ("extends", "write what it extends into the service, or use an anchor"),
            ("build", "make an image in devenv/images/ and name it with `image:`"),
        ] {
            if let Some(entry) = service.value.entry(key) {
                let message = format!("a fragment may not use {}", quoted(key));
                findings.push(Finding::new(entry.key.span, message).label("here").help(help));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let source = InputFile { name: "extra.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
        let env = [("SET".to_owned(), "x".to_owned())].into();
        let variables = Variables { env: &env, unread: &["TIMEZONE".to_owned()].into() };
        check(&[source], variables).map_or_else(|problems| problems.to_string(), |()| String::new())
    }

    #[test]
    fn a_fragment_reaches_for_no_other_file() {
        assert_eq!(said("services: {api: {environment: {A: b}}}"), "");
        assert_eq!(
            said("include: [x.yaml]\nservices:\n  a: {extends: {service: b}}\n  b: {build: .}\n"),
            "extra.yaml:1:1: a fragment may not `include` other files (list each file under `compose:` of devenv.yaml)\n\
             extra.yaml:3:7: a fragment may not use `extends` (write what it extends into the service, or use an anchor)\n\
             extra.yaml:4:7: a fragment may not use `build` (make an image in devenv/images/ and name it with `image:`)"
        );
    }

    #[test]
    fn every_variable_that_is_not_set_is_told_at_once_with_its_places() {
        let text = "services:\n  a:\n    environment: {TZ: \"${TIMEZONE}\", B: $SET, C: \"x $NO_C\"}\n    command: [\"${NO_C:?why}\", \"$$X\"]\n";
        assert_eq!(
            said(text),
            "extra.yaml:3:24: the variable `TIMEZONE` is not set (`.env` has it, which devenv does not read: export it (`set -a; . ./.env`), or give a default: ${TIMEZONE:-value})\n\
             extra.yaml:3:53: the variable `NO_C` is not set (set it, give a default: ${NO_C:-value}, or write $$ for a literal $)"
        );
    }

    #[test]
    fn a_name_that_is_not_a_host_name_is_refused_with_one_that_is() {
        assert_eq!(
            said("services:\n  Web_1: {image: x}\n  9: {image: x}\n"),
            "extra.yaml:2:3: `Web_1` cannot be the name of a service: it is a host name in the environment (write `web-1`, also where others name it)\n\
             extra.yaml:3:3: `9` cannot be the name of a service: it is a host name in the environment (use lower-case letters, digits and `-`, starting with a letter)"
        );
    }

    #[test]
    fn a_tag_of_compose_is_refused_with_what_does_the_same() {
        let text = said("services: {a: {image: x, ports: !reset []}}");
        assert!(text.starts_with("extra.yaml:1:33: the tag `!reset` is not supported (remove it: "), "{text}");
    }

    #[test]
    fn profiles_are_known_by_service() {
        let text = "services: {a: {image: x, profiles: [debug, all]}, b: {image: x}}";
        let source = InputFile { name: "extra.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
        assert_eq!(profiles(&source), BTreeMap::from([("a".to_owned(), vec!["debug".to_owned(), "all".to_owned()])]));
        assert_eq!(services(&source), ["a", "b"]);
    }

    #[test]
    fn files_with_variables_are_found_in_each_form() {
        let text =
            "x: &x {env_file: c}\nservices:\n  a: {env_file: [a, {path: b}]}\n  b: {<<: *x}\n  c: {label_file: d}\n";
        let source = InputFile { name: "extra.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
        let found: Vec<String> = variable_files(&source).into_iter().map(|(of, path)| format!("{of} {path}")).collect();
        assert_eq!(found, ["a a", "a b", "b c", "c d"]);
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 9].join(",")));
        }
        assert!(said(&text).contains("extra.yaml"), "{}", said(&text));
    }
}
