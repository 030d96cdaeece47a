//! Containers of tasks: made, found again by their labels, and followed to their end.

use std::collections::HashMap;

use bollard::models::{ContainerConfig, ContainerCreateBody, EndpointSettings, HostConfig, NetworkingConfig};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
    ListContainersOptionsBuilder, LogsOptionsBuilder,
};
use futures_util::StreamExt;

use crate::error::Result;
use crate::host::engine::one_off::Lines;
use crate::host::engine::{Begun, Engine, failed};
use crate::host::{process, random};
use crate::labels;
use crate::names::TaskName;
use crate::plan::mounts::{Mount, MountSource};

/// A container of a task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskContainer {
    /// Its name.
    pub name: String,
    /// Id of the checkout.
    pub checkout: String,
    /// The task.
    pub task: String,
    /// The run; empty for a container that installs dependencies, which is gone with this process.
    pub run: String,
    /// Its name, where it is beside the container of the task.
    pub beside: String,
    /// The digest of what the task is made from.
    pub fingerprint: String,
    /// For how many seconds it may run; 0 for no limit.
    pub limit: u64,
    /// The image.
    pub image: String,
    /// `uid:gid`.
    pub user: String,
    /// Working directory.
    pub dir: String,
    /// Variables, as `NAME=value`.
    pub env: Vec<String>,
    /// What runs in it.
    pub argv: Vec<String>,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// The network; the engine's own one where there is none.
    pub network: Option<String>,
    /// Memory in bytes.
    pub memory: Option<i64>,
    /// Processors, in billionths.
    pub cpus: Option<i64>,
}

/// A container of a task that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTask {
    /// Engine's id.
    pub id: String,
    /// The task.
    pub task: String,
    /// The run that has started it.
    pub run: String,
    /// Its name, where it is beside the container of the task.
    pub beside: String,
    /// The digest of what the task was made from.
    pub fingerprint: String,
    /// Whether it was started ever.
    pub has_begun: bool,
    /// Whether it runs.
    pub is_running: bool,
}

impl SeenTask {
    /// Whether it is the container of a task, made from the same: two tasks may be made from the same.
    #[must_use]
    pub fn is_of(&self, task: &TaskName, fingerprint: &str) -> bool {
        self.task == task.as_str() && self.beside.is_empty() && self.fingerprint == fingerprint
    }
}

impl Engine {
    /// Creates the container of a task. That of a run outlives this process.
    pub async fn create_task(&self, task: TaskContainer) -> Result<String> {
        let options = CreateContainerOptionsBuilder::default().name(&task.name).build();
        let mut all = vec![(labels::CHECKOUT, task.checkout)];
        if task.run.is_empty() {
            all.extend([(labels::ONE_OFF, labels::INSTALL.to_owned()), (labels::OWNER, process::this())]);
        } else {
            let limit = task.limit.to_string();
            all.extend([(labels::TASK, task.task), (labels::TASK_RUN, task.run)]);
            all.extend([(labels::TASK_FINGERPRINT, task.fingerprint), (labels::TASK_LIMIT, limit)]);
        }
        let given = |text: String| (!text.is_empty()).then_some(text);
        let alias = given(task.beside.clone()).zip(task.network.clone()).map(|(alias, network)| {
            let endpoint = EndpointSettings { aliases: Some(vec![alias]), ..EndpointSettings::default() };
            NetworkingConfig { endpoints_config: Some([(network, endpoint)].into()) }
        });
        all.extend(given(task.beside).map(|name| (labels::TASK_BESIDE, name)));
        let has_command = !task.argv.is_empty();
        let binds = task.mounts.iter().filter_map(|mount| {
            let (source, mode) = (of(&mount.source)?, if mount.writable { "rw" } else { "ro" });
            Some(format!("{source}:{}:{mode}", mount.target))
        });
        let in_memory = task.mounts.iter().filter(|mount| mount.source == MountSource::Memory);
        let host = HostConfig {
            // It ends what the command leaves behind, with its own end.
            init: Some(true),
            binds: Some(binds.collect()),
            tmpfs: Some(in_memory.map(|mount| (mount.target.clone(), String::new())).collect()),
            network_mode: task.network,
            memory: task.memory,
            memory_swap: task.memory,
            nano_cpus: task.cpus,
            ..Default::default()
        };
        let body = ContainerCreateBody {
            image: Some(task.image),
            user: given(task.user),
            working_dir: given(task.dir),
            entrypoint: has_command.then(Vec::new),
            cmd: has_command.then_some(task.argv),
            env: Some(task.env),
            labels: Some(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            healthcheck: Some(bollard::models::HealthConfig {
                test: Some(vec!["NONE".to_owned()]),
                ..Default::default()
            }),
            host_config: Some(host),
            networking_config: alias,
            ..Default::default()
        };
        let made = self.docker.create_container(Some(options), body).await;
        Ok(made.map_err(failed(format!("cannot create {}", task.name)))?.id)
    }

    /// The containers of tasks of a checkout.
    pub async fn tasks(&self, checkout: &str) -> Result<Vec<SeenTask>> {
        let filters = HashMap::from([("label", vec![labels::of_checkout(checkout), labels::TASK.to_owned()])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.docker.list_containers(Some(options)).await.map_err(failed("cannot list containers"))?;
        let seen = listed.into_iter().map(|container| {
            let mut all = container.labels.unwrap_or_default();
            let mut label = |name: &str| all.remove(name).unwrap_or_default();
            let state = container.state.map(|state| state.to_string()).unwrap_or_default();
            SeenTask {
                id: container.id.unwrap_or_default(),
                task: label(labels::TASK),
                run: label(labels::TASK_RUN),
                beside: label(labels::TASK_BESIDE),
                fingerprint: label(labels::TASK_FINGERPRINT),
                has_begun: state != "created",
                is_running: state == "running",
            }
        });
        Ok(seen.filter(|seen| !seen.run.is_empty()).collect())
    }

    /// Creates a one-off container that begins with the files of another one as they are now, and has its mounts and
    /// variables. Returns the image that holds those files, and the container; both are for the caller to remove,
    /// and are gone with this process.
    pub async fn create_as_it_was(&self, id: &str, argv: Vec<String>, terminal: bool) -> Result<(String, String)> {
        let seen = self.docker.inspect_container(id, None::<InspectContainerOptions>).await;
        let seen = seen.map_err(failed("cannot inspect the container"))?;
        let options = CommitContainerOptionsBuilder::default().container(id).pause(false).build();
        let image = self.docker.commit_container(options, ContainerConfig::default()).await;
        let image = image.map_err(failed("cannot keep the files of the container"))?.id;
        // It may hold secrets, in variables and in files.
        self.keep(Begun::Image(image.clone()));
        let config = seen.config.unwrap_or_default();
        let name = format!("{}-shell-{}", seen.name.unwrap_or_default().trim_start_matches('/'), random::text(2)?);
        // The image has the labels of the container, and this one is part of no run.
        let none = (labels::TASK_RUN, String::new());
        let all = [(labels::ONE_OFF, "shell".to_owned()), (labels::OWNER, process::this()), none];
        let checkout = config.labels.and_then(|mut all| all.remove(labels::CHECKOUT)).unwrap_or_default();
        let all = all.into_iter().chain([(labels::CHECKOUT, checkout)]);
        let body = ContainerCreateBody {
            image: Some(image.clone()),
            user: config.user,
            working_dir: config.working_dir,
            entrypoint: Some(Vec::new()),
            cmd: Some(argv),
            env: config.env,
            labels: Some(all.map(|(name, value)| (name.to_owned(), value)).collect()),
            tty: Some(terminal),
            open_stdin: Some(true),
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            host_config: seen.host_config,
            ..Default::default()
        };
        let container = self.create(&name, body).await?;
        Ok((image, container))
    }

    /// Removes a container that was made by [`Self::create_as_it_was`], and its image.
    pub async fn remove_as_it_was(&self, image: &str, container: &str) -> Result<()> {
        self.remove_one_off(container).await?;
        self.remove_image(image).await?;
        self.forget(&Begun::Image(image.to_owned()));
        Ok(())
    }

    /// Hands on each line of a container's log from its beginning on, until the container ends.
    pub async fn follow(&self, id: &str, mut each: impl FnMut(&str)) -> Result<()> {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).follow(true).build();
        let mut stream = self.docker.logs(id, Some(options));
        let mut lines = Lines::default();
        while let Some(chunk) = stream.next().await {
            lines.add(chunk.map_err(failed("cannot read the log"))?, &mut each);
        }
        lines.end(&mut each);
        Ok(())
    }
}

/// What is mounted, as the engine calls it.
fn of(source: &MountSource) -> Option<&str> {
    match source {
        MountSource::Folder(path) => Some(path),
        MountSource::Volume(name) => Some(name),
        MountSource::Memory => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_that_of_a_task_by_its_name_and_by_what_it_is_made_from() {
        let seen = |beside: &str| SeenTask {
            id: "1".to_owned(),
            task: "a".to_owned(),
            run: "r".to_owned(),
            beside: beside.to_owned(),
            fingerprint: "f".to_owned(),
            has_begun: true,
            is_running: true,
        };
        let is = |task: &str, fingerprint: &str| seen("").is_of(&TaskName::new(task).unwrap(), fingerprint);
        assert_eq!([is("a", "f"), is("b", "f"), is("a", "g")], [true, false, false]);
        assert!(!seen("hub").is_of(&TaskName::new("a").unwrap(), "f"));
    }
}
