//! Commands in running containers that are talked to: one long-lived stream with an input and an output.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::error::{Error, Kind, Result};
use crate::host::engine::{Engine, failed};

/// A command that runs in a container; it ends when its input does, which is when this is dropped.
pub struct ExecStream {
    /// The engine's name for it.
    pub id: String,
    /// What it says.
    pub output: Output,
    /// What it reads.
    pub input: Input,
}

/// The output of a command, standard error left out.
pub struct Output(Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>);

/// The input of a command.
pub struct Input(Pin<Box<dyn AsyncWrite + Send>>);

impl Output {
    /// The next bytes; `None` when the command has closed its output.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            return match self.0.next().await {
                Some(Ok(LogOutput::StdErr { .. })) => continue,
                Some(Ok(chunk)) => Ok(Some(chunk.into_bytes())),
                Some(Err(error)) => Err(failed("lost a command in the container")(error)),
                None => Ok(None),
            };
        }
    }
}

impl Input {
    /// Writes all of this.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match self.0.write_all(bytes).await {
            Ok(()) => self.0.flush().await,
            error => error,
        };
        written.map_err(|error| Error::message(Kind::Failed, format!("lost a command in the container: {error}")))
    }
}

impl Engine {
    /// Begins a command in a running container.
    pub async fn talk(&self, container: &str, argv: Vec<String>) -> Result<ExecStream> {
        let options = CreateExecOptions {
            cmd: Some(argv),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = self.docker.create_exec(container, options).await.map_err(failed("cannot run a command"))?;
        let how = StartExecOptions { output_capacity: Some(256 * 1024), ..Default::default() };
        match self.docker.start_exec(&exec.id, Some(how)).await.map_err(failed("cannot run a command"))? {
            StartExecResults::Attached { output, input } => {
                Ok(ExecStream { id: exec.id, output: Output(output), input: Input(input) })
            }
            StartExecResults::Detached => Err(Error::message(Kind::Bug, "the engine has detached a command")),
        }
    }

    /// The exit code of a command that has ended.
    pub async fn code(&self, talk: &str) -> Result<i64> {
        let ended = self.docker.inspect_exec(talk).await.map_err(failed("cannot inspect a command"))?;
        Ok(ended.exit_code.unwrap_or(-1))
    }
}
