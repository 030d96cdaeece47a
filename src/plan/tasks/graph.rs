//! The graph of all tasks: those of the configuration, and the steps of modules.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::cross_checks::tasks::{CHECK, RELEASE};
use crate::config::model::beside::Beside;
use crate::config::model::environment::Resources;
use crate::config::model::file::ProjectFile;
use crate::config::model::module::ModuleMode;
use crate::config::model::task::{Priority, Requires, Task};
use crate::config::model::task_texts;
use crate::config::model::values;
use crate::error::{Error, Kind};
use crate::names::{ImageName, PartName, TaskName};
use crate::nearest;
use crate::plan::tasks::splits::Split;
use crate::plan::watch::loop_step::LoopStep;

/// How long a result counts where the task does not say so.
const EXPIRES: &str = "30d";

/// A task as everything but the configuration sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskNode {
    /// Its name.
    pub name: TaskName,
    /// The command that it runs.
    pub work: Option<Work>,
    /// The module whose released image it makes.
    pub release: Option<PartName>,
    /// Tasks that come first.
    pub needs: Vec<TaskName>,
    /// What those must be.
    pub requires: Requires,
    /// How urgent it is.
    pub priority: Priority,
    /// Longest time that it may run.
    pub max_run: Option<Duration>,
    /// Longest time from the beginning of the run.
    pub deadline: Option<Duration>,
    /// How often it runs again after an exception.
    pub retries: u32,
    /// Exit codes that are exceptions.
    pub retry_on: Vec<i64>,
    /// Of all with the same, one runs at a time.
    pub mutex: Option<PartName>,
    /// For how many seconds its result counts.
    pub expires: u64,
}

impl TaskNode {
    /// Whether it does nothing itself.
    #[must_use]
    pub fn is_group(&self) -> bool {
        self.work.is_none() && self.release.is_none()
    }
}

/// What a task runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// Where.
    pub place: Place,
    /// Shell command.
    pub run: String,
    /// Variables on top.
    pub env: BTreeMap<String, String>,
    /// Patterns of what is kept.
    pub artifacts: Vec<String>,
    /// JUnit files.
    pub results: Vec<String>,
    /// Variables of the host.
    pub secrets: Vec<String>,
    /// Limits.
    pub resources: Resources,
    /// How its tests are split.
    pub split: Option<Split>,
    /// Containers beside it.
    pub beside: BTreeMap<PartName, Beside>,
}

/// Where a task runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// As a module does.
    Module(PartName),
    /// In an image, with the source of the whole checkout.
    Image(ImageName),
}

/// All tasks, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskGraph(pub BTreeMap<TaskName, TaskNode>);

/// A name that is not a task's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a task")]
pub struct UnknownTask {
    name: String,
    hint: String,
}

impl From<UnknownTask> for Error {
    fn from(error: UnknownTask) -> Self {
        let hint = error.hint.clone();
        Self::new(Kind::Usage, error).hint(hint)
    }
}

/// A task that a run is to begin with and that is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("none of the requested tasks needs `{0}`, so the run cannot start with it")]
pub struct UnneededTask(String);

impl From<UnneededTask> for Error {
    fn from(error: UnneededTask) -> Self {
        Self::new(Kind::Usage, error).hint("`devenv task graph` shows what each task needs")
    }
}

impl TaskGraph {
    /// The graph of a configuration.
    #[must_use]
    pub fn of(file: &ProjectFile) -> Self {
        let own = file.tasks.iter().map(|(name, task)| own(name.into(), task));
        let steps = file.modules.iter().flat_map(|(name, module)| {
            let steps = [LoopStep::Build, LoopStep::Lint, LoopStep::Test].into_iter();
            steps.filter_map(move |step| implicit(name, step, step.command(module)?))
        });
        let releases = file.modules.keys().filter_map(release);
        Self(own.chain(steps).chain(releases).map(|node| (node.name.clone(), node)).collect())
    }

    /// A task by its name.
    pub fn get(&self, name: &str) -> Result<&TaskNode, UnknownTask> {
        self.0.get(name).ok_or_else(|| UnknownTask {
            name: name.to_owned(),
            hint: match self.0.is_empty() {
                true => "there is none: `tasks:` in devenv.yaml has them, and steps of modules are some".to_owned(),
                false => nearest::hint(name, self.0.keys().map(TaskName::as_str)),
            },
        })
    }

    /// These tasks and everything that they need. Of what is in `from`, the needs are left out: it begins there.
    pub fn closure(&self, names: &[String], from: &[String]) -> Result<Self, UnknownTask> {
        for name in from {
            self.get(name)?;
        }
        let mut wanted: BTreeSet<TaskName> = BTreeSet::new();
        let mut left: Vec<&TaskNode> = names.iter().map(|name| self.get(name)).collect::<Result<_, _>>()?;
        let mut chosen = Self::default();
        while let Some(node) = left.pop() {
            if !wanted.insert(node.name.clone()) {
                continue;
            }
            let mut node = node.clone();
            if from.iter().any(|name| name == node.name.as_str()) {
                node.needs.clear();
            }
            left.extend(node.needs.iter().filter_map(|need| self.0.get(need)));
            chosen.0.insert(node.name.clone(), node);
        }
        Ok(chosen)
    }

    /// Refuses a task to begin with that is none of these: there is nothing that it would be run for.
    pub fn check_from(&self, from: &[String]) -> Result<(), UnneededTask> {
        let unneeded = from.iter().find(|name| !self.0.contains_key(name.as_str()));
        unneeded.map_or(Ok(()), |name| Err(UnneededTask(name.clone())))
    }

    /// All tasks, each after those that it needs.
    #[must_use]
    pub fn in_order(&self) -> Vec<&TaskNode> {
        let mut waits: BTreeMap<&TaskName, usize> = BTreeMap::new();
        let mut users: BTreeMap<&TaskName, Vec<&TaskNode>> = BTreeMap::new();
        for node in self.0.values() {
            let needs = node.needs.iter().filter(|need| self.0.contains_key(*need));
            waits.insert(&node.name, needs.inspect(|need| users.entry(need).or_default().push(node)).count());
        }
        let mut ready: Vec<&TaskNode> = self.0.values().rev().filter(|node| waits[&node.name] == 0).collect();
        let mut ordered = Vec::new();
        while let Some(node) = ready.pop() {
            ordered.push(node);
            for user in users.remove(&node.name).unwrap_or_default() {
                if let Some(count) = waits.get_mut(&user.name) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(user);
                    }
                }
            }
        }
        ordered
    }

    /// The names of what `devenv ci` runs, and whether the configuration is checked first. `*:STEP` is not of modules that
    /// have no source here.
    #[must_use]
    pub fn ci(&self, file: &ProjectFile) -> (Vec<String>, bool) {
        let usual = [CHECK.to_owned(), "*:lint".to_owned(), "*:test".to_owned()];
        let entries = if file.ci.is_empty() { &usual[..] } else { &file.ci };
        let has_source = |name: &&String| {
            let module = name.split_once(':').and_then(|(module, _)| file.modules.get(module));
            module.is_some_and(|module| module.mode == ModuleMode::Dev)
        };
        let mut names = Vec::new();
        for entry in entries.iter().filter(|entry| *entry != CHECK) {
            match entry.strip_prefix('*') {
                Some(step) => {
                    let all: Vec<String> = self.0.keys().map(ToString::to_string).collect();
                    names.extend(all.iter().filter(|name| name.ends_with(step)).filter(has_source).cloned());
                }
                None => names.push(entry.clone()),
            }
        }
        (names, entries.iter().any(|entry| entry == CHECK))
    }
}

fn own(name: TaskName, task: &Task) -> TaskNode {
    let place = match (&task.module, &task.image) {
        (Some(module), _) => Some(Place::Module(module.clone())),
        (None, image) => image.clone().map(Place::Image),
    };
    let work = place.zip(task.run.clone()).map(|(place, run)| Work {
        place,
        run,
        env: task.env.clone(),
        artifacts: task.artifacts.clone(),
        results: task.results.clone(),
        secrets: task.secrets.clone(),
        resources: task.resources.clone().unwrap_or_default(),
        split: task.split.as_ref().and_then(Split::of),
        beside: task.beside.clone(),
    });
    let expires = task.expires.as_deref().unwrap_or(EXPIRES);
    TaskNode {
        work,
        release: None,
        needs: task.needs.clone(),
        requires: task.requires,
        priority: task.priority,
        max_run: task.max_run.map(values::Duration::get),
        deadline: task.deadline.map(values::Duration::get),
        retries: task.retries,
        retry_on: task.retry_on.iter().map(|code| i64::from(*code)).collect(),
        mutex: task.mutex.clone(),
        expires: task_texts::lifetime(expires).unwrap_or_default(),
        name,
    }
}

/// The task that a step of a module is.
fn implicit(module: &PartName, step: LoopStep, run: &str) -> Option<TaskNode> {
    let name = TaskName::new(format!("{module}:{step}")).ok()?;
    let task = Task { module: Some(module.clone()), run: Some(run.to_owned()), ..Task::default() };
    Some(own(name, &task))
}

/// The task that makes the released image of a module.
fn release(module: &PartName) -> Option<TaskNode> {
    let name = TaskName::new(format!("{module}:{RELEASE}")).ok()?;
    Some(TaskNode { release: Some(module.clone()), ..own(name, &Task::default()) })
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
