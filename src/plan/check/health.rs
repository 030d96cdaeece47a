//! Health: what runs for long can be asked whether it works, here and on the platform. Pure.

use crate::plan::check::facts::CheckFacts;
use crate::plan::check::finding::{Finding, Spot};
use crate::plan::check::rules::Rule;
use crate::plan::environment::target::Base;
use crate::plan::parts::{Ask, Part, PartKind};

/// Parts that nobody can ask.
#[must_use]
pub fn findings(facts: &CheckFacts<'_>) -> Vec<Finding> {
    let environments = facts.environments.iter();
    let decided = environments.filter_map(|checked| Some((&checked.target, checked.environment.as_ref().ok()?)));
    let mut all = Vec::new();
    for (target, environment) in decided {
        for part in environment.parts.values().filter(|part| part.kind != PartKind::Task) {
            let section = if part.kind == PartKind::Service { "services" } else { "modules" };
            let spot = || Spot::of(facts.project, &[section, part.name.as_str()]);
            match &part.probe {
                None => all.push(Finding::error(
                    Rule::Health,
                    spot(),
                    format!("`{}` has neither a health check nor a port", part.name),
                    "add `health: {command: …}` with a command that exits with 0 while it works",
                )),
                Some(_) if target.base == Base::Prod && !can_ask_itself(part) => all.push(Finding::warning(
                    Rule::Health,
                    spot(),
                    format!("`{}` has a health check that a platform cannot run", part.name),
                    "add `health: {command: …}` with a program that its image has",
                )),
                Some(_) => {}
            }
        }
    }
    all.dedup();
    all
}

/// In a third-party image, only a command that the team has chosen is known to exist.
fn can_ask_itself(part: &Part) -> bool {
    let is_command = part.probe.as_ref().is_some_and(|probe| matches!(probe.ask, Ask::Exec(_)));
    is_command || part.image.node().is_some()
}
