//! `devenv shell`, `devenv exec` and `devenv run`: a person in a container. The docker command has their terminal; what it
//! leaves behind in the container when that ends, it cannot end itself, and we do.

use crate::apply::executor::failure::no_container;
use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::commands::context::Context;
use crate::commands::copies;
use crate::error::{Error, Kind, Result};
use crate::host::engine::exec::MARK;
use crate::host::engine::one_off::OneOff;
use crate::host::process::{self, Cmd};
use crate::host::random;
use crate::plan::observed::State;
use crate::plan::parts::Part;
use crate::ui::screen;

/// Open a shell in a running part
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv shell api\n  devenv shell api:logs\n  devenv shell api -- ls -l")]
pub struct ShellArgs {
    /// Module or service, with a folder or one of its `paths` after a colon
    #[arg(value_name = "NAME[:PATH]")]
    pub name: String,
    /// Command in place of a shell
    #[arg(last = true)]
    pub command: Vec<String>,
}

/// Run a command in a running part
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv exec api -- python -m shop.report")]
pub struct ExecArgs {
    /// Module or service
    pub name: String,
    /// Command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// Run a command in a container of its own, made like a part's and removed afterwards
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv run api python -m pytest -q")]
pub struct RunArgs {
    /// Module or service
    pub name: String,
    /// Command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// Runs `shell`.
pub async fn shell(cx: &Context, args: &ShellArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let (name, path) = match args.name.split_once(':') {
        Some((name, path)) => (name, Some(path)),
        None => (args.name.as_str(), None),
    };
    let part = session.part(name)?;
    let dir = path.map(|path| folder(&session, part, path));
    // No login shell: that would forget the image's PATH.
    let shell = "if command -v bash >/dev/null; then exec bash; else exec sh; fi";
    let command =
        if args.command.is_empty() { ["sh", "-c", shell].map(str::to_owned).to_vec() } else { args.command.clone() };
    in_container(&session, part, dir.as_deref(), &command).await
}

/// Runs `exec`.
pub async fn exec(cx: &Context, args: &ExecArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    in_container(&session, session.part(&args.name)?, None, &args.command).await
}

/// Runs `run`.
pub async fn run(cx: &Context, args: &RunArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let part = session.part(&args.name)?;
    let like = container(&session, part)?;
    copies::settle(cx, &session, part, like).await?;
    let like = like.id.clone();
    let terminal = screen::has_terminal();
    let one_off = OneOff {
        like,
        name: format!("{}-{}-run-{}", session.environment.project, part.name, random::text(3)?),
        purpose: "run".to_owned(),
        argv: args.command.clone(),
        terminal,
        input: true,
        ..OneOff::default()
    };
    let id = session.engine.create_one_off(&one_off).await?;
    let call =
        Cmd::new("docker", ["start", "--attach", "--interactive", &id]).env("DOCKER_HOST", &session.engine.endpoint);
    let ended = tokio::select! {
        ended = process::interactive(&call) => ended,
        // The signal reaches docker's command too; the container is removed whichever of the two is quicker.
        _ = tokio::signal::ctrl_c() => Err(Error::message(Kind::Signal(2), "interrupted")),
    };
    session.engine.remove_one_off(&id).await?;
    pass_on(ended?)
}

/// Runs a command in a part's running container, which ends with its person.
async fn in_container(session: &Session, part: &Part, dir: Option<&str>, command: &[String]) -> Result<()> {
    let container = container(session, part)?;
    if container.state != State::Running {
        let error = Error::message(Kind::Failed, format!("`{}` does not run", part.name));
        return Err(error
            .hint(format!("`devenv up {}` starts it", part.name))
            .hint(format!("`devenv run {} COMMAND` needs no running container", part.name)));
    }
    let mut call = Cmd::new("docker", ["exec", "--interactive"]).env("DOCKER_HOST", &session.engine.endpoint);
    if screen::has_terminal() {
        call = call.args(["--tty"]);
        for name in ["TERM", "COLORTERM"] {
            if let Ok(value) = std::env::var(name) {
                call = call.args(["--env".to_owned(), format!("{name}={value}")]);
            }
        }
    }
    if let Some(dir) = dir {
        call = call.args(["--workdir", dir]);
    }
    let mark = random::text(8)?;
    call = call.args(["--env".to_owned(), format!("{MARK}={mark}"), container.id.clone()]).args(command.to_vec());
    session.engine.begin_command(&container.id, &mark);
    let ended = process::interactive(&call).await;
    match &ended {
        Ok(status) if status.code().is_some() => session.engine.command_ended(&container.id, &mark),
        _ => session.engine.end_command(&container.id, &mark).await?,
    }
    pass_on(ended?)
}

fn container<'a>(session: &'a Session, part: &Part) -> Result<&'a crate::plan::observed::Container> {
    session.observed.container(&part.name).ok_or_else(|| no_container(&part.name))
}

/// A path in a container: one of the module's short cuts, an absolute path, or one below its folder.
fn folder(session: &Session, part: &Part, path: &str) -> String {
    let module = session.checkout.project.file.modules.get(&part.name);
    let short_cut = module.and_then(|module| module.paths.get(path));
    let path = short_cut.map_or(path, String::as_str);
    match &part.dir {
        Some(dir) if !path.starts_with('/') => format!("{dir}/{path}"),
        _ => path.to_owned(),
    }
}

fn pass_on(status: std::process::ExitStatus) -> Result<()> {
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Error::message(Kind::Child(code), "")),
        None => Err(Error::message(Kind::Failed, "docker was ended by a signal")),
    }
}
