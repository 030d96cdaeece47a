//! Names of modules and services: each once, and none that means something else inside the environment.

use std::collections::HashMap;

use crate::config::cross_checks::subject::Part;
use crate::config::problems::Finding;
use crate::config::text::quote::quoted;

/// Names of hosts and repositories that are taken, and by what.
const RESERVED: [(&str, &str); 6] = [
    ("gateway", "the reverse proxy"),
    ("gateway-http", "the reverse proxy's second port"),
    ("localhost", "the container itself"),
    ("host", "the machine that devenv runs on"),
    ("debug", "the tool box"),
    ("release", "the repository of release sets"),
];

/// Whether no module or service may be called so.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|(reserved, _)| *reserved == name)
}

pub(super) fn check(parts: &[Part<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: HashMap<&str, &Part<'_>> = HashMap::new();
    for part in parts {
        if let Some((_, what)) = RESERVED.iter().find(|(name, _)| *name == part.name) {
            findings.push(
                Finding::new(part.key, format!("the name {} is reserved: it is {what}", quoted(part.name)))
                    .label("reserved")
                    .help("choose another name"),
            );
        }
        if let Some(first) = seen.insert(part.name, part) {
            let (first_sort, sort) = (first.sort.noun(), part.sort.noun());
            findings.push(
                Finding::new(part.key, format!("{} is both a {first_sort} and a {sort}", quoted(part.name)))
                    .label(format!("the {sort}"))
                    .help("rename one: both would have the same host name")
                    .also(first.key, format!("the {first_sort}")),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_of_release_sets_cannot_be_that_of_a_module() {
        assert!(is_reserved("release"));
        assert!(!is_reserved("releases"));
    }
}
