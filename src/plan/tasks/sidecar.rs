//! Containers beside a task: what each is made from, with nothing left to decide.

use std::collections::BTreeMap;

use crate::config::model::beside::Beside;
use crate::config::model::values::Port;
use crate::digest::Fingerprint;
use crate::names::{PartName, TaskName};
use crate::plan::environment::machine::Machine;
use crate::plan::environment::probe;
use crate::plan::images::Node;
use crate::plan::parts::{ImageRef, Part, PartKind};
use crate::plan::tasks::graph::{Place, Work};
use crate::plan::tasks::spec::TaskSpec;

/// The containers beside each task that has some.
pub type SidecarSpecs = BTreeMap<TaskName, Vec<SidecarSpec>>;

/// A container beside a task.
#[derive(Debug, Clone, PartialEq)]
pub struct SidecarSpec {
    /// The part that it is for its task: its name, and how it is asked whether it is ready.
    pub part: Part,
    /// Its container. Without a command of its own it has no source either.
    pub spec: TaskSpec,
}

impl SidecarSpec {
    /// A container of the image `node`.
    #[must_use]
    pub fn new(name: &PartName, beside: &Beside, node: &Node, machine: &Machine, dir: &str) -> Self {
        let work = Work {
            place: Place::Image(beside.image.clone()),
            run: beside.run.clone().unwrap_or_default(),
            env: beside.env.clone(),
            artifacts: Vec::new(),
            results: Vec::new(),
            secrets: Vec::new(),
            split: None,
            resources: beside.resources.clone().unwrap_or_default(),
            beside: BTreeMap::new(),
        };
        let mut spec = TaskSpec::in_image(&work, node, machine, dir);
        if beside.run.is_none() {
            // The image says who runs its command, and where.
            (spec.user, spec.dir, spec.env) = (String::new(), String::new(), beside.env.clone());
        }
        let image = ImageRef::Ours(beside.image.clone(), node.tag.clone());
        let mut part = Part::new(name.clone(), PartKind::Service, image);
        part.probe = probe(beside.health.as_ref(), beside.port.map(Port::get));
        Self { part, spec }
    }

    /// Whether it runs a command of the configuration.
    #[must_use]
    pub fn has_command(&self) -> bool {
        !self.spec.work.run.is_empty()
    }

    /// What runs in it; nothing for the image's own command.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        match self.has_command() {
            true => ["sh", "-e", "-c", &self.spec.work.run].map(str::to_owned).into(),
            false => Vec::new(),
        }
    }

    /// The digest of all that it is made from, with that of its source.
    #[must_use]
    pub fn fingerprint(&self, source: Option<&str>) -> Fingerprint {
        let Self { part, spec } = self;
        let source = source.filter(|_| self.has_command()).unwrap_or_default();
        let env: String = spec.env.iter().map(|(name, value)| format!("{name}={value}\0")).collect();
        Fingerprint::of(&format!("{}\0{}\0{env}\0{source}\0{:?}", spec.image, spec.work.run, part.probe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(change: impl FnOnce(&mut SidecarSpec)) -> SidecarSpec {
        let image = ImageRef::Theirs("x".to_owned());
        let part = Part::new(PartName::new("hub").unwrap(), PartKind::Service, image);
        let mut beside = SidecarSpec { part, spec: TaskSpec::sample("serve") };
        change(&mut beside);
        beside
    }

    #[test]
    fn the_source_counts_only_for_a_command_of_the_configuration() {
        let own = beside(|beside| beside.spec.work.run.clear());
        assert_eq!(own.fingerprint(Some("1")), own.fingerprint(Some("2")));
        assert_eq!(own.argv(), Vec::<String>::new());
        let command = beside(|_| ());
        assert_ne!(command.fingerprint(Some("1")), command.fingerprint(Some("2")));
        assert_eq!(command.argv(), ["sh", "-e", "-c", "serve"]);
    }

    #[test]
    fn each_thing_that_it_is_made_from_counts() {
        let all = [
            beside(|_| ()),
            beside(|beside| beside.spec.image = "other".to_owned()),
            beside(|beside| beside.spec.work.run = "other".to_owned()),
            beside(|beside| drop(beside.spec.env.insert("A".to_owned(), "1".to_owned()))),
            beside(|beside| beside.part.probe = probe(None, Some(80))),
        ];
        let all: std::collections::BTreeSet<_> = all.iter().map(|one| one.fingerprint(None).to_string()).collect();
        assert_eq!(all.len(), 5);
    }
}
