//! Ports of modules: no two have the same, since each is reached on this machine under its own number.

use std::collections::HashMap;

use crate::config::problems::Finding;
use crate::config::quote::quoted;
use crate::config::references::{Part, Sort};

pub(super) fn check(parts: &[Part<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: HashMap<u16, &Part<'_>> = HashMap::new();
    for part in parts.iter().filter(|part| part.sort == Sort::Module && !part.is_off()) {
        let Some(port) = part.node.get("port") else { continue };
        let Some(number) = port.scalar().and_then(|text| text.parse().ok()) else { continue };
        let Some(first) = seen.insert(number, part) else { continue };
        let at = first.node.get("port").map_or(first.key, |port| port.span);
        let message = format!("{} and {} have the same port, {number}", quoted(first.name), quoted(part.name));
        findings.push(
            Finding::new(port.span, message)
                .label("again here")
                .help("change one of them: each is reached on this machine under its own number")
                .also(at, "first here"),
        );
    }
    findings
}
