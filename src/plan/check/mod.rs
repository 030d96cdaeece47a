//! `devenv check`: problems in what the team has committed, before anything is built or pushed. CheckFacts in, findings
//! out; one file for each family of rules. Pure.

pub mod allow;
pub mod certs;
#[cfg(test)]
mod check_tests;
pub mod databases;
pub mod dockerfiles;
pub mod environments;
pub mod facts;
pub mod features;
pub mod finding;
pub mod health;
pub mod images;
pub mod locks;
pub mod rules;
pub mod secrets;

use crate::plan::check::facts::CheckFacts;
use crate::plan::check::finding::Finding;

/// Everything that is wrong, by place.
#[must_use]
pub fn findings(facts: &CheckFacts<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(environments::findings(facts));
    all.extend(locks::findings(facts));
    all.extend(images::findings(facts));
    all.extend(dockerfiles::findings(facts.lint));
    all.extend(health::findings(facts));
    all.extend(secrets::findings(facts));
    all.extend(facts.committed.iter().cloned());
    all.extend(certs::findings(facts.certificates, facts.now));
    all.extend(databases::findings(facts));
    all.extend(features::findings(facts));
    all.sort_by(|one, other| (&one.spot, one.rule, &one.says).cmp(&(&other.spot, other.rule, &other.says)));
    all.dedup();
    all
}
