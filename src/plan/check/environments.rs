//! Environments: what each needs is named, what runs on a platform has limits, and nothing differs by accident. Pure.

use std::collections::BTreeMap;

use crate::plan::check::facts::CheckFacts;
use crate::plan::check::finding::{Finding, Spot};
use crate::plan::check::rules::Rule;
use crate::plan::deploy::secrets::newest;
use crate::plan::environment::difference::{Reason, SettingDifference};
use crate::plan::environment::errors::{DeploymentError, EnvironmentError};
use crate::plan::environment::target::{Base, Target};
use crate::plan::parts::{Environment, PartKind};

/// What is wrong with environments.
#[must_use]
pub fn findings(facts: &CheckFacts<'_>) -> Vec<Finding> {
    let each = facts.environments.iter();
    let all = each.flat_map(|checked| match &checked.environment {
        Ok(environment) => {
            let limits = limits(facts, &checked.target, environment);
            let missing = missing_secrets(facts, &checked.target, environment);
            let differences = differences(facts, &checked.target, &checked.differences);
            limits.into_iter().chain(missing).chain(differences).collect()
        }
        Err(error) => vec![refused(facts, &checked.target, error)],
    });
    // What cannot be released cannot be in any environment.
    let mut once: Vec<Finding> = Vec::new();
    for finding in all {
        if !once.contains(&finding) {
            once.push(finding);
        }
    }
    once
}

fn refused(facts: &CheckFacts<'_>, target: &Target, error: &EnvironmentError) -> Finding {
    let name = target.name.as_str();
    let (rule, place, fix) = match error {
        EnvironmentError::Deployment(
            problem @ (DeploymentError::Unnamed { place, .. }
            | DeploymentError::Unknown { place, .. }
            | DeploymentError::Machine { place, .. }
            | DeploymentError::ServiceCredential { place, .. }
            | DeploymentError::Reached { place, .. }
            | DeploymentError::Name { place, .. }
            | DeploymentError::Mixed { place, .. }),
        ) => (Rule::EnvironmentSecret, place.as_str(), problem.hint()),
        EnvironmentError::Recipe(problem) => (Rule::Release, problem.place(), problem.hint()),
        EnvironmentError::UnknownImage(..)
        | EnvironmentError::UnknownPreset(..)
        | EnvironmentError::NotOffered(..)
        | EnvironmentError::Site(..)
        | EnvironmentError::Release(_) => (Rule::Environment, "", format!("`devenv config --env {name}` says more")),
    };
    let spot = match place.rsplit_once(':') {
        Some((file, line)) => Spot::new(file, line.parse().unwrap_or(1)),
        None => Spot::of(facts.project, &["environments", name]),
    };
    let says = error.to_string();
    let says = says.strip_prefix(&format!("{place}: ")).unwrap_or(&says).to_owned();
    Finding::error(rule, spot, says, fix)
}

fn limits(facts: &CheckFacts<'_>, target: &Target, environment: &Environment) -> Vec<Finding> {
    if target.base != Base::Prod {
        return Vec::new();
    }
    let parts = environment.parts.values().filter(|part| part.kind != PartKind::Task);
    let parts = parts.filter(|part| part.deployed.as_ref().is_none_or(|deployed| deployed.resources.memory.is_none()));
    let names: Vec<String> = parts.map(|part| format!("`{}`", part.name)).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let spot = Spot::of(facts.project, &["environments", &target.name, "resources"]);
    let fix = format!("`environments: {{{}: {{resources: {{NAME: {{memory: 512m}}}}}}}}`", target.name);
    let says = format!("{} has no memory limit for {}", target.name, names.join(", "));
    vec![Finding::warning(Rule::EnvironmentLimits, spot, says, fix)]
}

/// Secrets that the environment names and its cluster does not have.
fn missing_secrets(facts: &CheckFacts<'_>, target: &Target, environment: &Environment) -> Vec<Finding> {
    let Some(there) = facts.secrets.get(&target.name) else { return Vec::new() };
    let missing = environment.secrets.iter().filter(|(_, name)| newest(there, name).is_none());
    let finding = |(key, name): (&String, &String)| {
        let place = target.path(facts.project, &["secrets", key]).map(|(path, _)| path);
        let path: Vec<&str> = place.as_deref().map_or(Vec::new(), |path| path.splitn(4, '.').collect());
        let spot = match path.as_slice() {
            [] => Spot::of(facts.project, &["environments", &target.name]),
            path => Spot::of(facts.project, path),
        };
        let says = format!("the cluster of {} has no secret `{name}`, which is its `{key}`", target.name);
        Finding::error(Rule::EnvironmentSecret, spot, says, format!("`docker secret create {name} FILE` on a manager"))
    };
    missing.map(finding).collect()
}

/// One finding for each file and part: a template that adds a key to all parts says so once for each.
fn differences(facts: &CheckFacts<'_>, target: &Target, all: &[SettingDifference]) -> Vec<Finding> {
    let mut wrong: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for one in all.iter().filter(|one| one.reason == Reason::Undeclared) {
        wrong.entry((one.from.as_str(), one.part.as_str())).or_default().push(&one.key);
    }
    let finding = |((from, part), keys): ((&str, &str), Vec<&str>)| {
        let name = &target.name;
        let is_fragment = facts.project.file.compose.iter().any(|file| file.as_str() == from);
        let spot = match from.split(", ").next().filter(|file| !file.is_empty()) {
            Some(file) => Spot::new(file, 1),
            None => Spot::of(facts.project, &["environments", name]),
        };
        if is_fragment {
            let says = format!("{from} says something about `{part}` in dev, and nothing does in {name}");
            let fix = "move it into devenv.yaml, or allow it here with the reason";
            return Finding::error(Rule::EnvironmentDifference, spot, says, fix);
        }
        let keys: Vec<String> = keys.into_iter().map(|key| format!("`{key}`")).collect();
        let says = format!("dev and {name} differ in {} of `{part}`", keys.join(", "));
        let fix = format!("put it into compose/base.yaml, or declare it; `devenv config diff dev {name}` shows both");
        Finding::error(Rule::EnvironmentDifference, spot, says, fix)
    };
    wrong.into_iter().map(finding).collect()
}
