//! A fragment: a compose file of the team's. It is parsed here with the same budgets as our own files before compose
//! sees it; what would reach for other files, or build outside the hierarchy, is refused.

use crate::config::Source;
use crate::config::bytes;
use crate::config::parse;
use crate::config::place::Texts;
use crate::config::problems::{self, Finding, Problems};
use crate::config::quote::quoted;
use crate::config::tree::{Node, Value};

/// Checks a fragment.
///
/// # Errors
/// Everything that is wrong with it, with places.
pub fn check(source: &Source) -> Result<(), Problems> {
    let mut texts = Texts::default();
    let (text, finding) = bytes::text(&source.name, &source.bytes, texts.next());
    let number = texts.add(text);
    let mut findings: Vec<Finding> = finding.into_iter().collect();
    if let (true, Some(text)) = (findings.is_empty(), texts.get(number)) {
        let parsed = parse::parse(text, number);
        findings.extend(parsed.findings);
        if let Some(root) = parsed.root {
            findings.extend(forbidden(&root));
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(problems::located(findings, texts)) }
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
        let source = Source { name: "extra.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
        check(&source).map_or_else(|problems| problems.to_string(), |()| String::new())
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
    fn a_bomb_is_refused() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 9].join(",")));
        }
        assert!(said(&text).contains("extra.yaml"), "{}", said(&text));
    }
}
