//! Programs in containers without a terminal: what they are given to read, and what they print, as it comes.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::AttachContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::Receiver;

use crate::error::{Error, Kind, Result};
use crate::host::engine::{Engine, failed};

/// Bytes of output that are read at once.
const TOGETHER: usize = 64 * 1024;

/// Where a program has printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    /// On standard output.
    Output,
    /// On standard error.
    Error,
}

/// A command in a running container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Its folder, in place of the container's own.
    pub dir: Option<String>,
    /// Its user, in place of the container's own.
    pub user: Option<String>,
    /// Variables on top of the container's own, as `NAME=value`.
    pub env: Vec<String>,
}

/// Both ends of a program.
struct Streams {
    output: Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>,
    input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// How a program was listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// To the end of what it prints.
    All,
    /// Until nobody wanted more.
    Enough,
}

impl Streams {
    /// Hands the program what comes in, and `each` what it prints.
    async fn pass(self, mut input: Receiver<Bytes>, mut each: impl FnMut(Printed, &[u8]) -> bool) -> Result<Heard> {
        let Self { mut output, input: mut to } = self;
        // Beside the output: a program that waits until that is read would never take more.
        let feed = async {
            while let Some(piece) = input.recv().await {
                if to.write_all(&piece).await.and(to.flush().await).is_err() {
                    break;
                }
            }
            // Where the program does not read any more, there is nothing to close.
            let _ = to.shutdown().await;
            std::future::pending::<()>().await;
        };
        let mut feed = std::pin::pin!(feed);
        loop {
            tokio::select! {
                chunk = output.next() => {
                    let Some(chunk) = chunk else { return Ok(Heard::All) };
                    let chunk = chunk.map_err(failed("cannot read the output"))?;
                    let on = if matches!(chunk, LogOutput::StdErr { .. }) { Printed::Error } else { Printed::Output };
                    if !each(on, &chunk.into_bytes()) {
                        return Ok(Heard::Enough);
                    }
                }
                () = &mut feed => {}
            }
        }
    }
}

impl Engine {
    /// Starts a created container that has no terminal, hands it what comes in and `each` what it prints until it has
    /// ended or `each` wants no more. Returns the exit code.
    pub async fn run_piped(
        &self,
        id: &str,
        input: Receiver<Bytes>,
        each: impl FnMut(Printed, &[u8]) -> bool,
    ) -> Result<i64> {
        match self.begin(id).await?.pass(input, each).await? {
            Heard::All => self.ended(id).await,
            Heard::Enough => Ok(0),
        }
    }

    /// The same for a container whose last words are of interest, and not how it ends.
    pub async fn listen(
        &self,
        id: &str,
        input: Receiver<Bytes>,
        each: impl FnMut(Printed, &[u8]) -> bool,
    ) -> Result<()> {
        self.begin(id).await?.pass(input, each).await.map(drop)
    }

    async fn begin(&self, id: &str) -> Result<Streams> {
        let options =
            AttachContainerOptionsBuilder::default().stdin(true).stdout(true).stderr(true).stream(true).build();
        let attached = self.docker.attach_container(id, Some(options)).await.map_err(failed("cannot attach"))?;
        self.start(id).await?;
        Ok(Streams { output: attached.output, input: attached.input })
    }

    /// Runs a command in a running container, hands it what comes in and `each` what it prints. Returns the exit code;
    /// none where `each` wanted no more before the command had ended.
    pub async fn run_command(
        &self,
        container: &str,
        command: Command,
        input: Receiver<Bytes>,
        each: impl FnMut(Printed, &[u8]) -> bool,
    ) -> Result<Option<i64>> {
        let options = CreateExecOptions {
            cmd: Some(command.argv),
            working_dir: command.dir,
            user: command.user,
            env: Some(command.env),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = self.docker.create_exec(container, options).await.map_err(failed("cannot run the command"))?;
        let how = StartExecOptions { output_capacity: Some(TOGETHER), ..Default::default() };
        let streams =
            match self.docker.start_exec(&exec.id, Some(how)).await.map_err(failed("cannot run the command"))? {
                StartExecResults::Attached { output, input } => Streams { output, input },
                StartExecResults::Detached => {
                    return Err(Error::message(Kind::Bug, "the engine has detached a command"));
                }
            };
        match streams.pass(input, each).await? {
            Heard::All => self.code(&exec.id).await.map(Some),
            Heard::Enough => Ok(None),
        }
    }
}
