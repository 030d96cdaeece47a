//! Commands in containers: in the one that runs, or in a one-off made from a part's own definition.

use std::collections::HashMap;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt;

use crate::error::{Error, Kind, Result};
use crate::host::engine::{Begun, Engine, failed};
use crate::host::process;
use crate::labels;

/// A one-off container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OneOff {
    /// The container whose definition it gets.
    pub like: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// What runs in it.
    pub argv: Vec<String>,
    /// Variables on top.
    pub env: Vec<String>,
    /// Whether it gets a terminal.
    pub terminal: bool,
    /// Whether its standard input stays open.
    pub input: bool,
}

/// A line without an end is handed on in pieces of this many bytes, and does not fill memory.
const LONGEST_LINE: usize = 1 << 20;

/// Output of both streams that comes in chunks, as lines.
#[derive(Debug, Default)]
pub(super) struct Lines(HashMap<bool, String>);

impl Lines {
    /// Hands on each line that a chunk ends.
    pub(super) fn add(&mut self, chunk: LogOutput, each: &mut impl FnMut(&str)) {
        let line = self.0.entry(matches!(chunk, LogOutput::StdErr { .. })).or_default();
        line.push_str(&String::from_utf8_lossy(&chunk.into_bytes()));
        while let Some(end) = line.find('\n') {
            each(line[..end].trim_end_matches('\r'));
            line.drain(..=end);
        }
        if line.len() > LONGEST_LINE {
            each(&std::mem::take(line));
        }
    }

    /// Hands on what has no end.
    pub(super) fn end(self, each: &mut impl FnMut(&str)) {
        for rest in self.0.into_values().filter(|rest| !rest.is_empty()) {
            each(&rest);
        }
    }
}

impl Engine {
    /// Runs a command in a running container and waits for its end: code and output of both streams.
    pub async fn exec(&self, container: &str, argv: &[String]) -> Result<(i64, String)> {
        let options = CreateExecOptions {
            cmd: Some(argv.to_vec()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = self.docker.create_exec(container, options).await.map_err(failed("cannot run a command"))?;
        let started = self.docker.start_exec(&exec.id, None).await.map_err(failed("cannot run a command"))?;
        let mut text = String::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(Ok(chunk)) = output.next().await {
                text.push_str(&String::from_utf8_lossy(&chunk.into_bytes()));
            }
        }
        let ended = self.docker.inspect_exec(&exec.id).await.map_err(failed("cannot run a command"))?;
        Ok((ended.exit_code.unwrap_or(-1), text))
    }

    /// Creates a one-off container from the definition of another: same image, user, mounts, network and variables;
    /// no ports, no name in the network.
    pub async fn create_one_off(&self, one_off: &OneOff) -> Result<String> {
        let like = self.docker.inspect_container(&one_off.like, None::<InspectContainerOptions>).await;
        let like = like.map_err(failed("cannot inspect the container"))?;
        let config = like.config.unwrap_or_default();
        let mut host = like.host_config.unwrap_or_default();
        host.port_bindings = None;
        host.restart_policy = None;
        host.auto_remove = Some(false);
        let mut all: HashMap<String, String> = HashMap::from([
            (labels::ONE_OFF.to_owned(), one_off.purpose.clone()),
            (labels::OWNER.to_owned(), process::this()),
        ]);
        for label in [labels::CHECKOUT, labels::PART] {
            if let Some(value) = config.labels.as_ref().and_then(|labels| labels.get(label)) {
                all.insert(label.to_owned(), value.clone());
            }
        }
        let mut env = config.env.unwrap_or_default();
        env.extend(one_off.env.iter().cloned());
        let body = ContainerCreateBody {
            image: config.image,
            user: config.user,
            working_dir: config.working_dir,
            entrypoint: Some(Vec::new()),
            cmd: Some(one_off.argv.clone()),
            env: Some(env),
            labels: Some(all),
            tty: Some(one_off.terminal),
            open_stdin: Some(one_off.input),
            stdin_once: Some(one_off.input),
            attach_stdin: Some(one_off.input),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            stop_signal: None,
            healthcheck: Some(bollard::models::HealthConfig {
                test: Some(vec!["NONE".to_owned()]),
                ..Default::default()
            }),
            host_config: Some(host),
            ..Default::default()
        };
        self.create(&one_off.name, body).await
    }

    /// Creates a one-off container that is never started: a way to an image's files, and to those of a volume that is
    /// mounted at a folder.
    pub async fn create_idle(
        &self,
        image: &str,
        name: &str,
        checkout: &str,
        volume: Option<(&str, &str)>,
    ) -> Result<String> {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(vec!["true".to_owned()]),
            labels: Some(HashMap::from([
                label(labels::ONE_OFF, "files"),
                label(labels::OWNER, &process::this()),
                label(labels::CHECKOUT, checkout),
            ])),
            host_config: volume.map(|(volume, target)| bollard::models::HostConfig {
                binds: Some(vec![format!("{volume}:{target}:ro,nocopy")]),
                ..Default::default()
            }),
            ..Default::default()
        };
        self.create(name, body).await
    }

    /// Creates a container that is gone when this process is.
    pub(super) async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<String> {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let made = self.docker.create_container(Some(options), body).await;
        let id = made.map_err(failed(format!("cannot create {name}")))?.id;
        self.keep(Begun::OneOff(id.clone()));
        Ok(id)
    }

    /// Removes a one-off container.
    pub async fn remove_one_off(&self, id: &str) -> Result<()> {
        self.remove(id).await?;
        self.forget(&Begun::OneOff(id.to_owned()));
        Ok(())
    }

    /// Starts a created container, hands on each line that it prints, and waits for its end.
    pub async fn run_to_end(&self, id: &str, mut each: impl FnMut(&str)) -> Result<i64> {
        // Without the log: nothing was printed before the start, and what comes right after it would come twice.
        let options = AttachContainerOptionsBuilder::default().stdout(true).stderr(true).stream(true).build();
        let attached = self.docker.attach_container(id, Some(options)).await.map_err(failed("cannot attach"))?;
        let mut output = attached.output;
        self.start(id).await?;
        let mut lines = Lines::default();
        while let Some(chunk) = output.next().await {
            lines.add(chunk.map_err(failed("cannot read the output"))?, &mut each);
        }
        lines.end(&mut each);
        self.ended(id).await
    }

    /// Waits for a container's end and returns its exit code.
    pub async fn ended(&self, id: &str) -> Result<i64> {
        let mut waiting = self.docker.wait_container(id, None::<WaitContainerOptions>);
        match waiting.next().await {
            Some(Ok(ended)) => Ok(ended.status_code),
            // bollard reports a code other than 0 as an error.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(failed("cannot wait for the container")(error)),
            None => Err(Error::message(Kind::Failed, "the engine ended the wait for the container")),
        }
    }
}
