//! The database that a command works on, and calls in its container.

use std::path::Path;

use crate::apply::session::Session;
use crate::error::{Error, Kind, Result};
use crate::host::engine::exec::MARK;
use crate::host::process::{self, Cmd};
use crate::host::random;
use crate::names::PartName;
use crate::plan::databases::request;
use crate::plan::databases::{self, Call, Database, DatabaseKind, postgres, redis};
use crate::plan::observed::ContainerState;
use crate::plan::parts::Part;

/// A database that a command works on.
pub(super) struct Target<'a> {
    pub(super) part: &'a Part,
    pub(super) kind: DatabaseKind,
    pub(super) container: String,
    /// The database and its owner; empty where the server knows none.
    pub(super) database: String,
    pub(super) owner: String,
}

/// The database that is named, or the only one.
pub(super) fn find<'a>(session: &'a Session, name: Option<&str>) -> Result<Target<'a>> {
    let part = named(session, name)?;
    let Some(kind) = databases::kind(part, &session.images) else {
        let error = Error::message(Kind::Usage, format!("`{}` is not a database that devenv knows", part.name));
        return Err(match session.preset(&part.name) {
            Some(preset) if !preset.console.is_empty() => {
                error.hint(format!("only `devenv db {} console` works for it", part.name))
            }
            _ => error.hint("it knows services with `preset: postgres`, `redis` and `valkey`"),
        });
    };
    let container =
        session.observed.container(&part.name).filter(|container| container.state == ContainerState::Running);
    let Some(container) = container else {
        let error = Error::message(Kind::Failed, format!("`{}` is not running", part.name));
        return Err(error.hint(format!("`devenv up {}` starts it", part.name)));
    };
    let credential =
        |name: &str| session.secrets.get(&part.name).and_then(|all| all.get(name)).cloned().unwrap_or_default();
    let (database, owner) = (credential("database"), credential("user"));
    Ok(Target { part, kind, container: container.id.clone(), database, owner })
}

/// A session with a database, or with a service whose preset says which program that is.
pub(super) fn console<'a>(session: &'a Session, name: Option<&str>, args: &[String]) -> Result<(&'a Part, Call)> {
    let part = named(session, name)?;
    if let Some(preset) = session.preset(&part.name).filter(|preset| !preset.console.is_empty()) {
        let argv = preset.console.iter().chain(args).cloned().collect();
        return Ok((part, Call { argv, user: None }));
    }
    let target = find(session, name)?;
    let call = match target.kind {
        DatabaseKind::Postgres => postgres::console(&target.database, &target.owner, args),
        DatabaseKind::Redis => redis::console(args),
    };
    Ok((part, call))
}

pub(super) fn named<'a>(session: &'a Session, name: Option<&str>) -> Result<&'a Part> {
    if let Some(name) = name {
        return session.part(name).map_err(|error| match request::meant(name) {
            Some(action) => error.hint(format!("or `{action}`?")),
            None => error,
        });
    }
    let all: Vec<&Part> = known(session).map(|(part, _)| part).collect();
    match all.as_slice() {
        [one] => Ok(one),
        [] => Err(Error::message(Kind::Usage, "there is no database")
            .hint("`services: {db: {preset: postgres}}` in devenv.yaml adds one")),
        several => {
            let names: Vec<String> = several.iter().map(|part| format!("`{}`", part.name)).collect();
            let error = Error::message(Kind::Usage, format!("there are several databases: {}", names.join(", ")));
            Err(error.hint(format!("name one, such as `devenv db {} console`", several[0].name)))
        }
    }
}

pub(super) fn known(session: &Session) -> impl Iterator<Item = (&Part, DatabaseKind)> {
    let parts = session.environment.parts.values();
    parts.filter_map(|part| Some((part, databases::kind(part, &session.images)?)))
}

/// The databases of a server that runs.
pub(super) async fn sizes(
    session: &Session,
    part: &PartName,
    kind: DatabaseKind,
    container: &str,
) -> Result<Vec<Database>> {
    let ask = |call: Call| async move {
        let (code, answer) = session.engine.exec(container, &call.argv).await?;
        if code == 0 {
            return Ok(answer);
        }
        Err(Error::message(Kind::Failed, format!("`{part}` cannot be asked for its databases: {}", answer.trim())))
    };
    if kind == DatabaseKind::Redis {
        return Ok(redis::read(part, &ask(redis::sizes()).await?));
    }
    let mut found = postgres::read(part, &ask(postgres::sizes()).await?);
    for one in &mut found {
        if let Some(name) = &one.database {
            // One that takes no connections is listed all the same.
            one.entries = ask(postgres::tables(name)).await.ok().and_then(|count| count.trim().parse().ok());
        }
    }
    Ok(found)
}

/// A path as somebody in `folder` would write it.
pub(super) fn shown(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

/// How a call has ended: nothing, or its last words.
pub(super) type Said = std::result::Result<(), String>;

/// Runs a call in the container of a database, between two files.
pub(super) async fn call_between(
    session: &Session,
    target: &Target<'_>,
    call: &Call,
    input: Option<std::fs::File>,
    output: Option<std::fs::File>,
) -> Result<Said> {
    let mark = random::text(8)?;
    let mut command = Cmd::new("docker", ["exec"]).env("DOCKER_HOST", &session.engine.endpoint);
    if input.is_some() {
        command = command.args(["--interactive"]);
    }
    if let Some(user) = call.user {
        command = command.args(["--user", user]);
    }
    command = command.args(["--env".to_owned(), format!("{MARK}={mark}"), target.container.clone()]);
    let command = command.args(call.argv.clone());
    session.engine.begin_command(&target.container, &mark);
    let (status, said) = process::between_files(&command, input, output).await?;
    session.engine.command_ended(&target.container, &mark);
    if status.success() {
        return Ok(Ok(()));
    }
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(3)..].join("\n  ");
    Ok(Err(if last.is_empty() { status.to_string() } else { last }))
}

pub(super) fn ended(said: Said, what: &str) -> Result<()> {
    said.map_err(|reason| Error::message(Kind::Failed, format!("{what} failed:\n  {reason}")))
}
