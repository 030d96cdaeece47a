//! The tasks of a plan: which of them are done on the data that is there, and which run again. When one that is done does, is
//! decided in `once`.

use std::collections::BTreeMap;

use crate::names::PartName;
use crate::plan::cause::Cause;
use crate::plan::observed::{Container, ContainerState};
use crate::plan::parts::{Part, PartKind};
use crate::plan::steps::once::{self, Again};
use crate::plan::steps::up::{Up, volumes_of};
use crate::plan::{Action, Plan};

impl Up<'_> {
    /// The definition with which a task was done on the data that is there.
    fn done(&self, part: &Part, made: &BTreeMap<String, usize>) -> Option<&str> {
        let has_new_data = part
            .needs
            .iter()
            .filter_map(|need| self.environment.parts.get(need))
            .any(|need| volumes_of(need).any(|volume| made.contains_key(volume)));
        let has_failed = |container: &Container| matches!(container.state, ContainerState::Exited(code) if code != 0);
        if part.kind != PartKind::Task || has_new_data || self.observed.containers_of(&part.name).any(has_failed) {
            return None;
        }
        let ended =
            self.observed.container(&part.name).filter(|container| container.state == ContainerState::Exited(0));
        ended.map(|container| container.definition.as_str()).or(self.observed.done.get(&part.name).map(String::as_str))
    }

    /// Whether a task that is done runs again; none for what is not a task, or not done.
    pub(super) fn again(&self, part: &Part, made: &BTreeMap<String, usize>) -> Option<Again> {
        let (done, rules) = (self.done(part, made)?, part.once?);
        if self.request.again.contains(&part.name) {
            return Some(Again::Yes(Cause::AskedFor("--again".to_owned())));
        }
        let now = self.definitions.get(part.name.as_str())?;
        let works_on_data = once::data_of(self.environment, part).next().is_some();
        Some(once::again(rules, works_on_data, done, now, self.request.recreate))
    }

    /// Whether a task is done and does not run again.
    pub(super) fn is_settled(&self, part: &Part, made: &BTreeMap<String, usize>) -> bool {
        matches!(self.again(part, made), Some(Again::No | Again::Doubtful(_)))
    }

    /// Tasks that would run again, each with the reason, and do not, since what they work on is not new: a person decides.
    #[must_use]
    pub fn doubtful(&self) -> Vec<(PartName, Cause)> {
        let parts = self.environment.closure(&self.request.names);
        let made = self.volumes(&mut Plan::default(), &parts);
        let doubtful = |part: &&Part| match self.again(part, &made)? {
            Again::Doubtful(cause) => Some((part.name.clone(), cause)),
            Again::No | Again::Yes(_) => None,
        };
        parts.iter().filter_map(doubtful).collect()
    }

    /// A task that has ended well runs again only when the data that it works on is new.
    pub(super) fn task_again(&self, part: &Part, plan: &Plan) -> Option<Cause> {
        let needs = part.needs.iter().filter_map(|need| self.environment.parts.get(need));
        needs.into_iter().find_map(|need| {
            let new = volumes_of(need).any(|volume| {
                plan.find(|action| matches!(action, Action::MakeVolume(made) if made == volume)).is_some()
            });
            new.then(|| Cause::DataIsNew(need.name.clone()))
        })
    }
}

#[cfg(test)]
#[path = "tasks_tests.rs"]
mod tests;
