//! What a task is made from: a digest of each input. Where all are those of a completed run, it is not run again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{self, Fingerprint};
use crate::names::TaskName;
use crate::plan::release::recipe::Recipe;
use crate::plan::tasks::spec::TaskSpec;

/// Digests of the inputs of a task, each under what people call it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskInputs(pub BTreeMap<String, String>);

impl TaskInputs {
    /// The inputs of a task: what it runs, with the values of variables under the checkout's `key`; the digest of its
    /// source; and the results of what it needs.
    #[must_use]
    pub fn of(spec: &TaskSpec, key: &str, source: &str, needs: &BTreeMap<TaskName, String>) -> Self {
        let short = |text: &str| Fingerprint::of(text).to_string();
        let listed = |items: &[String]| items.iter().map(|item| format!("{item}\0")).collect::<String>();
        let env: String = spec.env.iter().map(|(name, value)| format!("{name}={value}\0")).collect();
        let kept = format!("{}\n{}", listed(&spec.work.artifacts), listed(&spec.work.results));
        let mut all: BTreeMap<String, String> = [
            ("command", short(&format!("{}\0{}", spec.dir, spec.work.run))),
            ("image", spec.image.clone()),
            ("variables", digest::keyed(key.as_bytes(), env.as_bytes())[..24].to_owned()),
            ("source", source.to_owned()),
            ("artifacts", short(&kept)),
        ]
        .into_iter()
        .map(|(name, digest)| (name.to_owned(), digest))
        .collect();
        all.extend(
            spec.install
                .as_ref()
                .map(|install| ("dependencies".to_owned(), install.made_from.fingerprint().to_string())),
        );
        all.extend(spec.work.split.as_ref().map(|split| ("split".to_owned(), short(&split.text()))));
        all.extend(needs.iter().map(|(need, result)| (format!("result of {need}"), result.clone())));
        Self(all)
    }

    /// The inputs of a task that makes a released image.
    #[must_use]
    pub fn of_release(recipe: &Recipe, needs: &BTreeMap<TaskName, String>) -> Self {
        let image = ("released image".to_owned(), recipe.reference.clone());
        let needs = needs.iter().map(|(need, result)| (format!("result of {need}"), result.clone()));
        Self(needs.chain([image]).collect())
    }

    /// One digest for all of them.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0.iter().map(|(name, digest)| format!("{name}\0{digest}\n")).collect::<String>())
    }

    /// The names of those that are others than they were.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self) -> Vec<String> {
        let changed = self.0.iter().filter(|(name, digest)| earlier.0.get(*name) != Some(*digest));
        let gone = earlier.0.keys().filter(|name| !self.0.contains_key(*name));
        changed.map(|(name, _)| name).chain(gone).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_each_input_is_named() {
        let inputs = |source: &str, needs: &[(&str, &str)]| {
            let spec = TaskSpec::sample("a");
            let needs = needs.iter().map(|(need, result)| (TaskName::new(*need).unwrap(), (*result).to_owned()));
            TaskInputs::of(&spec, "key", source, &needs.collect())
        };
        let before = inputs("1", &[("wheel", "x")]);
        assert_eq!(before.changed_since(&before), Vec::<String>::new());
        assert_eq!(inputs("2", &[("wheel", "y")]).changed_since(&before), ["result of wheel", "source"]);
        assert_eq!(inputs("1", &[]).changed_since(&before), ["result of wheel"]);
        assert_ne!(inputs("2", &[]).fingerprint(), inputs("1", &[]).fingerprint());
    }

    #[test]
    fn values_of_variables_are_compared_under_a_key() {
        let mut spec = TaskSpec::sample("a");
        spec.env.insert("TOKEN".to_owned(), "secret-value".to_owned());
        let of = |key| TaskInputs::of(&spec, key, "", &BTreeMap::new());
        assert_ne!(of("one").0["variables"], of("other").0["variables"]);
        assert_eq!(of("one").0["variables"].len(), 24);
    }
}
