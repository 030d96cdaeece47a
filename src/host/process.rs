//! Other programs: a call is a value ([`Cmd`]) that can be printed, asserted and pasted; here it is run.

use std::collections::BTreeMap;
use std::fmt;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};

use crate::amounts;
use crate::error::{Error, Kind, Result};
use crate::host::limits::{self, Limit};
use crate::host::user::checkout_table;
use crate::host::{child_env, terminal};

/// A call of another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cmd {
    /// Program, looked up on PATH.
    pub program: String,
    /// Arguments, none of them secret.
    pub args: Vec<String>,
    /// Variables on top of those that it inherits.
    pub env: Vec<(String, String)>,
    /// Text for its standard input.
    pub stdin: Option<String>,
    /// What it may use.
    pub limit: Option<Limit>,
}

impl Cmd {
    /// A call of `program` with `args`.
    pub fn new<A: Into<String>>(program: impl Into<String>, args: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            stdin: None,
            limit: None,
        }
    }

    /// The same call with more arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The same call with one more variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The same call with further variables.
    #[must_use]
    pub fn envs(mut self, variables: &BTreeMap<String, String>) -> Self {
        self.env.extend(variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// The same call with `text` on standard input.
    #[must_use]
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// The same call with a limit.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(child_env::inherited(&self.program, &self.env));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.kill_on_drop(true);
        if self.limit.is_some_and(|limit| limit.time.is_some()) {
            // With its own children, so that none outlives it.
            command.process_group(0);
        }
        command
    }
}

/// As a person would type it.
impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = std::iter::once(&self.program).chain(&self.args).map(String::as_str);
        f.write_str(&shlex::try_join(words).unwrap_or_else(|_| self.program.clone()))
    }
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit status.
    pub status: ExitStatus,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

/// Runs a call to its end and keeps what it prints; a failing exit status is not an error here.
pub async fn output(cmd: &Cmd) -> Result<Output> {
    let mut lines = (String::new(), String::new());
    let status = stream(cmd, |line| match line {
        OutputLine::Out(text) => lines.0.extend([text, "\n"]),
        OutputLine::Err(text) => lines.1.extend([text, "\n"]),
    })
    .await?;
    Ok(Output { status, stdout: lines.0, stderr: lines.1 })
}

/// A line that a program printed, without its line break.
#[derive(Debug, Clone, Copy)]
pub enum OutputLine<'a> {
    /// On standard output.
    Out(&'a str),
    /// On standard error.
    Err(&'a str),
}

/// Starts a program that goes on until what is returned is dropped. Its errors can be read, nothing else.
pub fn start(cmd: &Cmd) -> Result<tokio::process::Child> {
    let mut command = cmd.command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|error| not_started(cmd, &error))
}

/// Runs a call to its end and hands on each line as it comes. Dropping the future kills the program.
pub async fn stream(cmd: &Cmd, mut each: impl FnMut(OutputLine<'_>)) -> Result<ExitStatus> {
    let mut command = cmd.command();
    command.stdin(if cmd.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| not_started(cmd, &error))?;
    if let Some(limit) = cmd.limit {
        limits::limit_memory(&child, limit.memory);
    }
    let input = child.stdin.take();
    let feed = async {
        if let (Some(mut pipe), Some(text)) = (input, &cmd.stdin) {
            // A program that does not read to the end is free to do so.
            let _ = pipe.write_all(text.as_bytes()).await;
        }
    };
    let (mut out, mut err) = (Lines::new(child.stdout.take()), Lines::new(child.stderr.take()));
    let read = async {
        loop {
            tokio::select! {
                Some(line) = out.next(), if out.open() => each(OutputLine::Out(&line)),
                Some(line) = err.next(), if err.open() => each(OutputLine::Err(&line)),
                else => {
                    if !out.open() && !err.open() {
                        break;
                    }
                }
            }
        }
    };
    let whole = async {
        tokio::join!(feed, read);
        child.wait().await.map_err(|error| not_started(cmd, &error))
    };
    let Some(time) = cmd.limit.and_then(|limit| limit.time) else { return whole.await };
    match tokio::time::timeout(time, whole).await {
        Ok(ended) => ended,
        Err(_) => {
            limits::end_group(&child);
            let message = format!("`{}` was killed: it took longer than {}", cmd.program, amounts::limit(time));
            Err(Error::message(Kind::Failed, message).hint(format!("the call was: {cmd}")))
        }
    }
}

/// Runs a call on our own terminal, to its end. Dropping the future kills the program and leaves the terminal as it was.
pub async fn interactive(cmd: &Cmd) -> Result<ExitStatus> {
    let _modes = terminal::Modes::keep();
    cmd.command().status().await.map_err(|error| not_started(cmd, &error))
}

/// Lines of a pipe, bytes that are not UTF-8 replaced.
struct Lines<R> {
    pipe: Option<BufReader<R>>,
    /// What was read of a line whose end has not come; it outlives a cancelled `next`.
    begun: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(pipe: Option<R>) -> Self {
        Self { pipe: pipe.map(BufReader::new), begun: Vec::new() }
    }

    fn open(&self) -> bool {
        self.pipe.is_some()
    }

    async fn next(&mut self) -> Option<String> {
        let read = self.pipe.as_mut()?.read_until(b'\n', &mut self.begun).await;
        if !matches!(read, Ok(1..)) {
            self.pipe = None;
        }
        let bytes = std::mem::take(&mut self.begun);
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned())
    }
}

fn not_started(cmd: &Cmd, error: &std::io::Error) -> Error {
    Error::message(Kind::Missing, format!("cannot run `{}`: {error}", cmd.program))
}

/// Replaces this process by a call; returns only when that is not possible.
#[must_use]
pub fn replace(cmd: &Cmd) -> Error {
    use std::os::unix::process::CommandExt;
    let mut command = std::process::Command::new(&cmd.program);
    command.args(&cmd.args).env_clear().envs(child_env::inherited(&cmd.program, &cmd.env));
    command.envs(cmd.env.iter().map(|(name, value)| (name, value)));
    not_started(cmd, &command.exec())
}

/// This process, in a text that says on which machine and when it began: numbers are used again.
#[must_use]
pub fn this() -> String {
    named(std::process::id())
}

/// Whether the process that called itself so still runs. One of another machine may.
#[must_use]
pub fn lives(named_so: &str) -> bool {
    let mut words = named_so.split(' ');
    let (machine, id) = (words.next(), words.next().and_then(|id| id.parse().ok()));
    machine != named(0).split(' ').next() || id.is_some_and(|id| named(id) == named_so && is_there(id))
}

fn is_there(id: u32) -> bool {
    let id = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
    id.is_some_and(|id| rustix::process::test_kill_process(id) != Err(rustix::io::Errno::SRCH))
}

fn named(id: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The program's name stands in brackets and may hold anything; of what follows, the 20th is the start (proc(5)).
    let mut words = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
    let is_dead = matches!(words.next(), Some("Z" | "X"));
    let began = words.nth(18).filter(|_| !is_dead).unwrap_or_default();
    // The same number is another process in another namespace.
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}{} {id} {began}", checkout_table::machine(), space.display())
}

/// Whether a program is on PATH.
#[must_use]
pub fn exists(program: &str) -> bool {
    which::which(program).is_ok()
}

/// Runs a call that reads one file and writes another, in place of the terminal, and keeps what it says on standard error.
pub async fn between_files(
    cmd: &Cmd,
    input: Option<std::fs::File>,
    output: Option<std::fs::File>,
) -> Result<(ExitStatus, String)> {
    let mut command = cmd.command();
    command.stdin(input.map_or_else(Stdio::null, Stdio::from));
    command.stdout(output.map_or_else(Stdio::null, Stdio::from)).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| not_started(cmd, &error))?;
    let ended = child.wait_with_output().await.map_err(|error| not_started(cmd, &error))?;
    Ok((ended.status, String::from_utf8_lossy(&ended.stderr).into_owned()))
}

/// Our own standard output, for a program that writes data there.
pub fn standard_output() -> Result<std::fs::File> {
    use std::os::fd::AsFd;
    let own = std::io::stdout().as_fd().try_clone_to_owned();
    own.map(std::fs::File::from).map_err(|error| Error::message(Kind::Failed, error))
}
