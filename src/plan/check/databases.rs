//! Databases: each that a module needs is migrated by a task. Pure.

use crate::plan::check::facts::CheckFacts;
use crate::plan::check::finding::{Finding, Spot};
use crate::plan::check::rules::Rule;

/// Presets that have a schema.
const WITH_SCHEMA: [&str; 2] = ["mariadb", "postgres"];

/// Databases that nobody migrates.
#[must_use]
pub fn findings(facts: &CheckFacts<'_>) -> Vec<Finding> {
    let file = &facts.project.file;
    let databases = file
        .services
        .iter()
        .filter(|(_, service)| service.preset.as_deref().is_some_and(|preset| WITH_SCHEMA.contains(&preset)));
    let unmigrated = databases.filter(|(name, _)| {
        let mut users = file.modules.values().filter(|module| module.needs.contains(name)).peekable();
        users.peek().is_some() && !users.any(crate::config::model::module::Module::is_task)
    });
    let finding = |name: &str| {
        let fix = format!(
            "add a module with `once: true` and `needs: [{name}]` that migrates it, and let its users need that"
        );
        let spot = Spot::of(facts.project, &["services", name]);
        Finding::warning(Rule::Migration, spot, format!("no task migrates the database `{name}`"), fix)
    };
    unmigrated.map(|(name, _)| finding(name.as_str())).collect()
}
