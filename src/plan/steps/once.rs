//! When a task that is done runs again: for new data always, for changed inputs unless it runs once per data. One that
//! works on data which is not new may overwrite what was changed in it since, so that a person decides where neither
//! `inputs` nor `per: data` has.

use crate::config::model::once::Per;
use crate::names::PartName;
use crate::plan::cause::Cause;
use crate::plan::definition::{self, Definition};
use crate::plan::mounts::{MountSource, VolumeClass};
use crate::plan::parts::{Environment, Part, PartKind, TaskRules};

/// Whether a task that is done runs again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// It does not.
    No,
    /// It does, for this reason.
    Yes(Cause),
    /// This speaks for it, but the data that it works on is not new.
    Doubtful(Cause),
}

/// What stands in a stamp while its task runs: a run that fails or is cut short is not done, whatever was done before it.
pub const UNFINISHED: &str = "unfinished";

/// Stands for a stamp that nobody could read.
pub const UNREADABLE: &str = "unreadable";

/// The keys of a definition that say what a task does, and on what. Another credential, port or address does not.
const INPUTS: [&str; 4] = ["command", "entrypoint", "environment", "source"];

/// Why the inputs of a task are others than those of the run with the definition `before`, as its label says.
fn changed(before: &str, now: &Definition) -> Option<Cause> {
    let changed = now.difference(before)?;
    // The digests of another key cannot be compared.
    if changed.iter().any(|key| key == definition::KEY) {
        return None;
    }
    let inputs: Vec<String> = changed.into_iter().filter(|key| INPUTS.contains(&key.as_str())).collect();
    (!inputs.is_empty()).then_some(Cause::Changed(inputs))
}

/// Decides for a task that is done, on data that is not new. `forced` asks for every container to be replaced.
#[must_use]
pub fn again(rules: TaskRules, works_on_data: bool, before: &str, now: &Definition, forced: bool) -> Again {
    if before == UNREADABLE {
        let cause = Cause::CannotTellWhetherDone;
        return if rules.narrowed && rules.per == Per::Inputs { Again::Yes(cause) } else { Again::Doubtful(cause) };
    }
    let forced = forced.then(|| Cause::AskedFor("--recreate".to_owned()));
    match changed(before, now).or(forced) {
        None => Again::No,
        Some(_) if rules.per == Per::Data && works_on_data => Again::No,
        Some(cause) if rules.narrowed || !works_on_data => Again::Yes(cause),
        Some(cause) => Again::Doubtful(cause),
    }
}

/// The parts whose data a task works on, each with the folder of its container where that is.
pub fn data_of<'a>(environment: &'a Environment, task: &'a Part) -> impl Iterator<Item = (&'a PartName, &'a str)> {
    let needs = task.needs.iter().filter_map(|need| environment.parts.get(need));
    // A module's own data belongs to the module alone.
    needs.filter(|need| need.kind == PartKind::Service).filter_map(|need| {
        let is_data = |source: &MountSource| match source {
            MountSource::Volume(name) => {
                environment.volumes.get(name).is_some_and(|volume| volume.class == VolumeClass::Data)
            }
            MountSource::Folder(_) | MountSource::Memory => false,
        };
        let mount = need.data.iter().find(|mount| is_data(&mount.source))?;
        Some((&need.name, mount.target.as_str()))
    })
}

/// The file beside the data that says with which definition a task was done on it.
#[must_use]
pub fn stamp(task: &PartName) -> String {
    format!(".devenv-done-{task}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(keys: &[(&str, &str)]) -> Definition {
        Definition::new(keys.iter().map(|(key, digest)| ((*key).to_owned(), (*digest).to_owned())).collect())
    }

    fn decided(per: Per, narrowed: bool, works_on_data: bool, now: &[(&str, &str)]) -> Again {
        let before = definition(&[("key", "k"), ("secrets", "s"), ("source", "a"), ("image", "i")]);
        again(TaskRules { per, narrowed, max: None }, works_on_data, &before.label(), &definition(now), false)
    }

    const SAME: [(&str, &str); 4] = [("key", "k"), ("secrets", "s"), ("source", "a"), ("image", "i")];
    const CHANGED: [(&str, &str); 4] = [("key", "k"), ("secrets", "s"), ("source", "b"), ("image", "i")];

    #[test]
    fn changed_inputs_run_a_task_again_only_where_that_cannot_overwrite_data_or_is_meant() {
        let cause = || Cause::Changed(vec!["source".to_owned()]);
        assert_eq!(decided(Per::Inputs, false, false, &CHANGED), Again::Yes(cause()));
        assert_eq!(decided(Per::Inputs, true, true, &CHANGED), Again::Yes(cause()));
        assert_eq!(decided(Per::Inputs, false, true, &CHANGED), Again::Doubtful(cause()));
        assert_eq!(decided(Per::Data, true, true, &CHANGED), Again::No);
        assert_eq!(decided(Per::Inputs, true, true, &SAME), Again::No);
    }

    #[test]
    fn a_stamp_that_cannot_be_read_is_not_taken_for_a_task_that_is_done() {
        let decided =
            |per, narrowed| again(TaskRules { per, narrowed, max: None }, true, UNREADABLE, &definition(&SAME), false);
        let cause = || Cause::CannotTellWhetherDone;
        assert_eq!(decided(Per::Inputs, true), Again::Yes(cause()));
        assert_eq!(decided(Per::Inputs, false), Again::Doubtful(cause()));
        assert_eq!(decided(Per::Data, false), Again::Doubtful(cause()));
    }

    #[test]
    fn other_credentials_another_image_and_a_lost_key_run_no_task_again() {
        for now in [[("secrets", "t"), ("image", "i"), ("key", "k")], [("secrets", "s"), ("image", "j"), ("key", "k")]]
        {
            let now = [now.as_slice(), &[("source", "a")]].concat();
            assert_eq!(decided(Per::Inputs, true, true, &now), Again::No, "{now:?}");
        }
        let lost = [("key", "l"), ("secrets", "t"), ("source", "u"), ("image", "i")];
        assert_eq!(decided(Per::Inputs, true, true, &lost), Again::No);
    }
}
