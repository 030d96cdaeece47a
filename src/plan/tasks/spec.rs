//! The container of a task: what it is made from, with nothing left to decide.

use std::collections::BTreeMap;

use crate::names::PartName;
use crate::paths;
use crate::paths::HOST_SETTINGS;
use crate::plan::environment::machine::Machine;
use crate::plan::environment::variables::surroundings;
use crate::plan::images::Node;
use crate::plan::mounts::{Mount, MountClass, MountSource};
use crate::plan::parts::{Install, Part};
use crate::plan::tasks::graph::{TaskNode, Work};

/// Where containers have the certificates of the machine.
const CA_FOLDER: &str = "/usr/local/share/devenv/host";

/// A generated folder of the checkout, for reading alone.
fn generated(machine: &Machine, (path, target): (&str, &str)) -> Mount {
    let source = MountSource::Folder(paths::below(&machine.root, path));
    Mount { source, target: target.to_owned(), writable: false, class: MountClass::Ignore }
}

/// Where the artifacts of the needs of a task are, each in a folder of its own.
pub const NEEDS: &str = "/run/devenv/needs";

/// The container of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSpec {
    /// What runs in it.
    pub work: Work,
    /// The tag of its image.
    pub image: String,
    /// `uid:gid`.
    pub user: String,
    /// Its folder, which holds the source.
    pub dir: String,
    /// Variables: of the module, of the task, and those of the host that it names.
    pub env: BTreeMap<String, String>,
    /// Variables of this machine, which do not count for its result.
    pub machine_env: BTreeMap<String, String>,
    /// Volumes and generated folders.
    pub mounts: Vec<Mount>,
    /// How its dependencies are installed.
    pub install: Option<Install>,
    /// Parts that must run.
    pub parts: Vec<PartName>,
}

/// The folders in memory that a part has.
fn in_memory(part: &Part) -> impl Iterator<Item = Mount> {
    part.memory_folders().map(|folder| Mount {
        source: MountSource::Memory,
        target: folder.path.to_owned(),
        writable: true,
        class: MountClass::Ignore,
    })
}

impl TaskSpec {
    /// The container of a task in a module, which `part` is. `secret_env` are its variables with credentials.
    #[must_use]
    pub fn in_module(work: &Work, part: &Part, secret_env: BTreeMap<String, String>) -> Self {
        let dir = part.dir.clone().unwrap_or_default();
        let is_source = |mount: &Mount| {
            let below = mount.target.strip_prefix(&dir).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            let name = below.map(|rest| rest.trim_start_matches('/'));
            let is_setting = name.is_some_and(|name| HOST_SETTINGS.contains(&name) && name != ".git");
            below == Some("") || is_setting || (name == Some(".devenv") && mount.source == MountSource::Memory)
        };
        let mut env = part.env.clone();
        env.extend(secret_env);
        env.extend(work.env.clone());
        Self {
            work: work.clone(),
            image: part.image.reference().to_owned(),
            user: part.user.clone().unwrap_or_default(),
            env,
            machine_env: part.dev_env.clone(),
            mounts: part.mounts.iter().filter(|mount| !is_source(mount)).cloned().chain(in_memory(part)).collect(),
            install: part.install.clone(),
            parts: part.needs.clone(),
            dir,
        }
    }

    /// The container of a task in an image, with the source of the whole checkout in `dir`.
    #[must_use]
    pub fn in_image(work: &Work, node: &Node, machine: &Machine, dir: &str) -> Self {
        let mut env: BTreeMap<String, String> =
            node.env.iter().map(|(name, value)| (name.clone(), value.replace("{dir}", dir))).collect();
        env.insert("HOME".to_owned(), "/home/app".to_owned());
        env.extend(work.env.clone());
        Self {
            work: work.clone(),
            image: node.tag.clone(),
            user: format!("{}:{}", machine.uid, machine.gid),
            dir: dir.to_owned(),
            env,
            machine_env: surroundings(machine),
            mounts: [("users", "/var/lib/extrausers"), ("ca", CA_FOLDER)].map(|mount| generated(machine, mount)).into(),
            install: None,
            parts: Vec::new(),
        }
    }

    /// What the container runs: the command, and around it what ends everything after its longest time.
    #[must_use]
    pub fn argv(&self, task: &TaskNode) -> Vec<String> {
        // The splits of a task wait here for their batches.
        let run = if self.work.split.is_some() { "exec sleep infinity" } else { &self.work.run };
        let command = ["sh", "-e", "-c", run].map(str::to_owned);
        let Some(limit) = task.max_run else { return command.into() };
        let limit = format!("{}", limit.as_secs_f64());
        // When this program ends, the kernel ends every process of the container.
        let timeout = ["timeout", "--signal=TERM", "--kill-after=5", &limit].map(str::to_owned);
        timeout.into_iter().chain(command).collect()
    }

    /// The same for what installs its dependencies: without the secrets of the task, which its command alone gets.
    #[must_use]
    pub fn for_install(&self) -> Self {
        let mut spec = self.clone();
        spec.env.retain(|name, _| !self.work.secrets.contains(name));
        spec
    }

    #[cfg(test)]
    pub(crate) fn sample(run: &str) -> Self {
        let place = crate::plan::tasks::graph::Place::Image(crate::names::ImageName::new("base").unwrap());
        let work = Work {
            place,
            run: run.to_owned(),
            env: BTreeMap::new(),
            artifacts: Vec::new(),
            results: Vec::new(),
            secrets: Vec::new(),
            resources: crate::config::model::environment::Resources::default(),
            split: None,
            beside: BTreeMap::new(),
        };
        Self {
            work,
            image: "shop/base:1".to_owned(),
            user: "1:1".to_owned(),
            dir: "/srv/shop".to_owned(),
            env: BTreeMap::new(),
            machine_env: BTreeMap::new(),
            mounts: Vec::new(),
            install: None,
            parts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_installs_dependencies_gets_no_secret_of_the_task() {
        let mut spec = TaskSpec::sample("true");
        spec.work.secrets = vec!["TOKEN".to_owned()];
        spec.env = [("TOKEN", "s"), ("A", "1")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(spec.for_install().env.into_keys().collect::<Vec<_>>(), ["A"]);
    }
}
