//! Features: each has an owner, and none outlives its day. Pure.

use crate::plan::check::facts::CheckFacts;
use crate::plan::check::finding::{Finding, Spot};
use crate::plan::check::rules::Rule;

/// Features without owner, and those that should be gone.
#[must_use]
pub fn findings(facts: &CheckFacts<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for (name, feature) in &facts.project.file.features {
        let path = ["features", name.as_str(), "until"];
        if let Some(day) = feature.until.filter(|day| facts.today().is_some_and(|today| *day < today)) {
            let says = format!("the feature `{name}` was due for removal on {day}");
            let fix = "remove the switch and the branch that is not taken, or choose a later date";
            all.push(Finding::warning(Rule::FeatureExpired, Spot::of(facts.project, &path), says, fix));
        }
        if feature.owner.as_deref().is_none_or(str::is_empty) {
            let says = format!("the feature `{name}` has no owner");
            let fix = "add `owner:` with the name of a team or a person";
            all.push(Finding::warning(Rule::FeatureOwner, Spot::of(facts.project, &path[..2]), says, fix));
        }
    }
    all
}
