//! Why a part is what it is: what it descends from, what would rebuild or recreate it, which line set each value, what the
//! next `up` would do, and who needs whom. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::assets::Assets;
use crate::config::project::Project;
use crate::names::{ImageName, PartName};
use crate::plan::definition::{Definition, KEY};
use crate::plan::environment::target::Target;
use crate::plan::images::builds;
use crate::plan::images::{Hierarchy, Node};
use crate::plan::observed::Observed;
use crate::plan::part_variables::{self, Layers, PartVariable};
use crate::plan::parts::{Environment, Part, PartKind};
use crate::plan::states::{self, Lives};
use crate::plan::{Action, Plan, Step};

/// Everything that an answer is made from.
#[derive(Debug, Clone, Copy)]
pub struct WhyInputs<'a> {
    /// The configuration, for the places of its settings.
    pub project: &'a Project,
    /// The files in force.
    pub assets: &'a Assets,
    /// Which environment.
    pub target: &'a Target,
    /// All credentials: service → name → value.
    pub credentials: &'a BTreeMap<PartName, BTreeMap<String, String>>,
    /// What should be.
    pub environment: &'a Environment,
    /// All images.
    pub images: &'a Hierarchy,
    /// What is.
    pub observed: &'a Observed,
    /// What the engine knows of each container.
    pub lives: &'a Lives,
    /// What `up` would do.
    pub plan: &'a Plan,
    /// Seconds since 1970.
    pub now: i64,
}

/// The answer, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// The part.
    pub name: PartName,
    /// What kind of part it is.
    pub kind: PartKind,
    /// What it does.
    pub state: &'static str,
    /// The same as a sentence.
    pub text: String,
    /// Since when, in seconds since 1970.
    pub since: Option<i64>,
    /// The image that its container is made of.
    pub image: String,
    /// The images that this descends from, itself first; none for a third-party image.
    pub chain: Vec<Link>,
    /// What its container is recreated for when it changes.
    pub made_from: Vec<String>,
    /// What the files set for it and for its images.
    pub settings: Vec<Setting>,
    /// Its variables.
    pub variables: Vec<Setting>,
    /// What it needs.
    pub needs: Vec<Neighbour>,
    /// What needs it.
    pub needed_by: Vec<Neighbour>,
    /// What the next `up` would do about it, each step with its cause.
    pub next: Vec<String>,
}

/// An image of the chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    /// Its name.
    pub image: ImageName,
    /// Digest of all that it is made from.
    pub fingerprint: String,
    /// Why it is not there, where it is not.
    pub missing: Option<String>,
    /// What it is rebuilt for when it changes.
    pub inputs: Vec<Input>,
}

/// An input of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// What people call it.
    pub name: String,
    /// Where it comes from, where that is a file.
    pub from: Option<String>,
}

/// A value with where it was set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Its keys, or its name.
    pub name: String,
    /// The value; secrets are masked.
    pub value: Value,
    /// The file, line or layer that set it.
    pub from: String,
}

impl From<PartVariable> for Setting {
    fn from(variable: PartVariable) -> Self {
        Self { name: variable.name, value: variable.value.into(), from: variable.from }
    }
}

/// Another part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Its name.
    pub name: PartName,
    /// What it does.
    pub state: &'static str,
}

/// The answer for one part.
#[must_use]
pub fn why(part: &Part, definition: Option<&Definition>, sources: &WhyInputs<'_>) -> Why {
    let state = states::of(part, sources.observed, sources.lives, sources.now);
    let chain = part.image.node().map(|image| sources.images.ancestry(image)).unwrap_or_default();
    let container = sources.observed.container(&part.name);
    let WhyInputs { project, target, credentials, .. } = *sources;
    let layers = Layers { project, target, chain: &chain, credentials };
    let needed_by = sources.environment.parts.values().filter(|other| other.needs.contains(&part.name));
    Why {
        name: part.name.clone(),
        kind: part.kind,
        state: state.word(),
        text: state.to_string(),
        since: container.and_then(|container| sources.lives.get(&container.id)?.since),
        image: part.image.reference().to_owned(),
        made_from: definition
            .into_iter()
            .flat_map(Definition::names)
            .filter(|name| *name != KEY)
            .map(str::to_owned)
            .collect(),
        settings: settings(part, &chain, sources),
        variables: part_variables::variables(part, &layers).into_iter().map(Setting::from).collect(),
        needs: part.needs.iter().filter_map(|need| neighbour(sources.environment.parts.get(need)?, sources)).collect(),
        needed_by: needed_by.filter_map(|other| neighbour(other, sources)).collect(),
        next: excerpt(sources.plan, &part.name).to_string().lines().map(str::to_owned).collect(),
        chain: chain.into_iter().map(|node| link(node, sources)).collect(),
    }
}

fn neighbour(part: &Part, sources: &WhyInputs<'_>) -> Option<Neighbour> {
    let state = states::of(part, sources.observed, sources.lives, sources.now).word();
    Some(Neighbour { name: part.name.clone(), state })
}

fn link(node: &Node, sources: &WhyInputs<'_>) -> Link {
    let is_there = sources.observed.tags.contains(&node.tag);
    let input = |name: &String| Input { name: name.clone(), from: place(name, sources) };
    Link {
        image: node.name.clone(),
        fingerprint: node.fingerprint.to_string(),
        missing: (!is_there).then(|| builds::why_image(node, sources.observed).to_string()),
        inputs: node.inputs.keys().map(input).collect(),
    }
}

/// Where an input of an image stands: a file in force, or a line of the configuration.
fn place(input: &str, sources: &WhyInputs<'_>) -> Option<String> {
    if sources.assets.get(input).is_some() {
        return Some(sources.assets.origin(input));
    }
    let files = sources
        .assets
        .all_own()
        .flat_map(|own| own.files.keys().map(|path| own.place(path)).chain([own.dockerfile.clone()]));
    if files.into_iter().any(|file| file == input) {
        return Some(input.to_owned());
    }
    let keys: Vec<&str> = input.split('.').collect();
    sources.project.place(&keys).map(|place| place.to_string())
}

/// What the files say of a part and of the images that it descends from. What nobody wrote is left out.
fn settings(part: &Part, chain: &[&Node], sources: &WhyInputs<'_>) -> Vec<Setting> {
    let images: Vec<String> = chain.iter().map(|node| format!("images.{}.", node.name)).collect();
    let own = ["modules", "services"].map(|kind| format!("{kind}.{}.", part.name));
    let gateway = (part.kind == PartKind::Gateway).then(|| "gateway.".to_owned());
    let prefixes: Vec<String> = own.into_iter().chain(gateway).chain(images).collect();
    let lines = sources.project.origin().into_iter();
    let of_part = lines.filter(|line| prefixes.iter().any(|prefix| line.path.starts_with(prefix)));
    of_part
        .filter(|line| line.origin != crate::config::project::ValueOrigin::Default)
        .map(|line| Setting { name: line.path, value: line.value, from: line.origin.to_string() })
        .collect()
}

/// The steps of a plan that are about a part, with those that come before them.
#[must_use]
pub fn excerpt(plan: &Plan, part: &PartName) -> Plan {
    let mut wanted: BTreeSet<usize> = BTreeSet::new();
    for (at, step) in plan.steps.iter().enumerate().rev() {
        if is_about(&step.action, part) || wanted.contains(&at) {
            wanted.insert(at);
            wanted.extend(&step.after);
        }
    }
    let new = |old: &usize| wanted.iter().position(|at| at == old);
    let steps = wanted.iter().filter_map(|at| plan.steps.get(*at));
    let steps = steps.map(|step| Step { after: step.after.iter().filter_map(new).collect(), ..step.clone() });
    Plan { steps: steps.collect() }
}

fn is_about(action: &Action, part: &PartName) -> bool {
    match action {
        Action::Create(name)
        | Action::Recreate(name)
        | Action::Install(name)
        | Action::Mirror(name)
        | Action::Start(name)
        | Action::Restart(name)
        | Action::Stop(name)
        | Action::Wait(name)
        | Action::Release(name)
        | Action::PullReleased(name)
        | Action::Reload(name) => name == part,
        Action::Remove { name, .. } => name == part.as_str(),
        Action::Root
        | Action::Pull(_)
        | Action::Build(_)
        | Action::Reuse { .. }
        | Action::Fetch(_)
        | Action::MakeVolume(_)
        | Action::DeleteVolume(_)
        | Action::RemoveNetwork { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::cause::Cause;
    use crate::plan::parts::Ask;

    #[test]
    fn of_a_plan_only_what_leads_to_the_part_is_left() {
        let name = |name: &str| PartName::new(name).unwrap();
        let mut plan = Plan::default();
        let volume = plan.push(Action::MakeVolume("data".to_owned()), Cause::NotThere, vec![]);
        let db = plan.push(Action::Create(name("db")), Cause::NotThere, vec![volume]);
        plan.push(Action::Create(name("web")), Cause::NotThere, vec![]);
        let ready = plan.push(Action::Wait(name("db")), Cause::UntilReady(Ask::Tcp { port: 5432 }), vec![db]);
        plan.push(Action::Start(name("api")), Cause::Stopped, vec![ready]);
        let left = "\
1 create volume:data: not there yet
2 create db: not there yet (after 1)
3 wait db: tcp 5432 (after 2)
4 start api: it is stopped (after 3)
";
        assert_eq!(excerpt(&plan, &name("api")).to_string(), left);
        assert_eq!(excerpt(&plan, &name("cache")).to_string(), "");
    }
}
