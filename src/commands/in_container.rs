//! A command of a person in the running container of a part. On a terminal the docker command has it; else what is read and
//! printed goes through this process, which starts sooner than a second program. What is left in the container when its
//! person has gone, we end.

use crate::apply::session::Session;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::engine::exec::MARK;
use crate::host::engine::piped::Command;
use crate::host::process::{self, Cmd};
use crate::host::{checkout, random, standard_input};
use crate::plan::observed::{Container, ContainerState, Role};
use crate::plan::parts::Part;
use crate::ui::screen;

/// A running container.
pub(super) struct RunningContainer {
    engine: Engine,
    /// The container's id.
    id: String,
}

/// What is run.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    /// The program and its arguments.
    pub(super) argv: Vec<String>,
    /// Its folder, in place of the container's own.
    pub(super) dir: Option<String>,
    /// Its user, in place of the container's own.
    pub(super) user: Option<String>,
}

impl Call {
    pub(super) fn new(argv: Vec<String>) -> Self {
        Self { argv, ..Self::default() }
    }
}

impl RunningContainer {
    /// A running container, by its id.
    pub(super) fn new(engine: Engine, id: String) -> Self {
        Self { engine, id }
    }

    /// The container of a part as a session sees it; an error where it does not run.
    pub(super) fn of(session: &Session, part: &Part) -> Result<Self> {
        let container = session.observed.created(&part.name)?;
        if container.state != ContainerState::Running {
            let error = Error::message(Kind::Failed, format!("`{}` does not run", part.name));
            return Err(error
                .hint(format!("`devenv up {}` starts it", part.name))
                .hint(format!("`devenv run {} COMMAND` needs no running container", part.name)));
        }
        Ok(Self { engine: session.engine.clone(), id: container.id.clone() })
    }

    /// The running container of a part, by its labels alone, which is one question to the engine and reads no
    /// configuration. None where only a session can say what is the matter.
    pub(super) async fn by_labels(cx: &Context, name: &str) -> Option<Self> {
        let root = cx.find().ok()??;
        let id = checkout::own_id(&cx.home(&root))?;
        let engine = cx.engine().ok()?;
        let found = engine.containers_of(&id, name).await.ok()?;
        let first = found.into_iter().find(|container| container.role == Role::Part);
        let Container { id, .. } = first.filter(|container| container.state == ContainerState::Running)?;
        Some(Self { engine, id })
    }
}

/// Runs a command to its end and passes its exit code on.
pub(super) async fn run(cx: &Context, place: &RunningContainer, call: &Call) -> Result<()> {
    let RunningContainer { engine, id } = place;
    let mark = random::text(8)?;
    engine.begin_command(id, &mark);
    if screen::has_terminal() {
        let ended = process::interactive(&on_terminal(place, call, &mark)).await;
        match &ended {
            Ok(status) if status.code().is_some() => engine.command_ended(id, &mark),
            _ => engine.end_command(id, &mark).await?,
        }
        return pass_on(ended?);
    }
    let command = Command {
        argv: call.argv.clone(),
        dir: call.dir.clone(),
        user: call.user.clone(),
        env: vec![format!("{MARK}={mark}")],
    };
    let each = |printed, bytes: &[u8]| cx.screen.pass_on(printed, bytes);
    match engine.run_command(id, command, standard_input::pieces(), each).await {
        Ok(Some(0)) => engine.command_ended(id, &mark),
        Ok(Some(code)) => {
            engine.command_ended(id, &mark);
            return Err(Error::message(Kind::Child(i32::try_from(code).unwrap_or(1)), ""));
        }
        // Its reader has gone away.
        Ok(None) => engine.end_command(id, &mark).await?,
        Err(error) => {
            engine.end_command(id, &mark).await?;
            return Err(error);
        }
    }
    Ok(())
}

/// The call of docker that runs a command on our own terminal.
fn on_terminal(place: &RunningContainer, call: &Call, mark: &str) -> Cmd {
    let mut cmd = Cmd::new("docker", ["exec", "--interactive", "--tty"]).env("DOCKER_HOST", &place.engine.endpoint);
    for name in ["TERM", "COLORTERM"] {
        if let Ok(value) = std::env::var(name) {
            cmd = cmd.args(["--env".to_owned(), format!("{name}={value}")]);
        }
    }
    for (option, value) in [("--workdir", &call.dir), ("--user", &call.user)] {
        if let Some(value) = value {
            cmd = cmd.args([option, value]);
        }
    }
    cmd.args(["--env".to_owned(), format!("{MARK}={mark}"), place.id.clone()]).args(call.argv.clone())
}

/// The exit code of a program as our own.
pub(super) fn pass_on(status: std::process::ExitStatus) -> Result<()> {
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Error::message(Kind::Child(code), "")),
        None => Err(Error::message(Kind::Failed, "docker was ended by a signal")),
    }
}
