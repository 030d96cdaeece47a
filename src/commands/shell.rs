//! `devenv shell`, `devenv exec` and `devenv run`: a person in a container.

use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::commands::context::{Context, InEnvironment};
use crate::commands::copies;
use crate::commands::in_container::{self, Call, RunningContainer};
use crate::error::{Error, Kind, Result};
use crate::host::engine::one_off::OneOff;
use crate::host::process::{self, Cmd};
use crate::host::random;
use crate::plan::parts::Part;
use crate::plan::short_cuts::{self, ShortCut};
use crate::ui::screen;

/// Open a shell in a running part
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  devenv shell api\n  devenv shell api:logs\n  devenv shell --list\n  devenv shell api -- ls -l"
)]
pub struct ShellArgs {
    /// Module or service, with a folder or one of its shortcuts after a colon
    #[arg(value_name = "NAME[:PATH]", required_unless_present = "list")]
    pub name: Option<String>,
    /// List the shortcuts: `paths` of modules, and the data of services
    #[arg(long)]
    pub list: bool,
    /// With --list, print JSON
    #[arg(long, requires = "list")]
    pub json: bool,
    /// Command in place of a shell
    #[arg(last = true)]
    pub command: Vec<String>,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
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
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
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
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// Runs `shell`.
pub async fn shell(cx: &Context, args: &ShellArgs) -> Result<()> {
    // No login shell: that would forget the image's PATH.
    let shell = "if command -v bash >/dev/null; then exec bash; else exec sh; fi";
    let argv =
        if args.command.is_empty() { ["sh", "-c", shell].map(str::to_owned).to_vec() } else { args.command.clone() };
    if let Some(name) = args.name.as_deref().filter(|name| !args.list && !name.contains(':'))
        && let Some(place) = RunningContainer::by_labels(cx, name).await
    {
        return in_container::run(cx, &place, &Call::new(argv)).await;
    }
    let session = cx.session(Intent::Look).await?;
    let named = args.name.as_deref().map(|name| match name.split_once(':') {
        Some((name, path)) => (name, Some(path)),
        None => (name, None),
    });
    let Some((name, path)) = named.filter(|_| !args.list) else {
        return list(cx, &session, named.map(|(name, _)| name), args.json);
    };
    let part = session.part(name)?;
    let dir = path.map(|path| folder(&session, part, path));
    in_container::run(cx, &RunningContainer::of(&session, part)?, &Call { dir, ..Call::new(argv) }).await
}

/// Runs `exec`.
pub async fn exec(cx: &Context, args: &ExecArgs) -> Result<()> {
    let call = Call::new(args.command.clone());
    if let Some(place) = RunningContainer::by_labels(cx, &args.name).await {
        return in_container::run(cx, &place, &call).await;
    }
    let session = cx.session(Intent::Look).await?;
    let place = RunningContainer::of(&session, session.part(&args.name)?)?;
    in_container::run(cx, &place, &call).await
}

/// Runs `run`.
pub async fn run(cx: &Context, args: &RunArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let part = session.part(&args.name)?;
    let like = session.observed.created(&part.name)?;
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
    in_container::pass_on(ended?)
}

/// A path in a container: one of the part's shortcuts, an absolute path, or one below its folder.
fn folder(session: &Session, part: &Part, path: &str) -> String {
    let module = session.checkout.project.file.modules.get(&part.name);
    let short_cut = short_cuts::of(part, module, &session.environment.project).remove(path);
    short_cut.unwrap_or_else(|| short_cuts::absolute(part, path))
}

/// Lists the shortcuts of all parts, or of one.
fn list(cx: &Context, session: &Session, name: Option<&str>, json: bool) -> Result<()> {
    let parts: Vec<&Part> = match name {
        Some(name) => vec![session.part(name)?],
        None => session.environment.parts.values().collect(),
    };
    let all: Vec<ShortCut> = parts
        .into_iter()
        .flat_map(|part| {
            let module = session.checkout.project.file.modules.get(&part.name);
            short_cuts::list(part, module, &session.environment.project)
        })
        .collect();
    if json {
        cx.screen.json(&all);
        return Ok(());
    }
    let rows = all.into_iter().map(|one| {
        let name = one.name.map(|name| format!("{}:{name}", one.part)).unwrap_or_else(|| one.part.to_string());
        vec![name, one.path]
    });
    cx.screen.table(&["SHORT CUT", "FOLDER"], &rows.collect::<Vec<_>>());
    Ok(())
}
