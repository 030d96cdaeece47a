//! The command line: arguments become a command and its context, an error becomes a message and an exit code.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};
use futures_util::FutureExt;

use crate::commands::context::Context;
use crate::commands::{
    attach, certs, config, db, debug, deps, doctor, down, graph, hosts, ide, images, init, logs, mirror, secrets,
    shell, start, status, steps, stop, toggle, trace, up, update, url, watch, why,
};
use crate::error::{Error, Kind, Result};
use crate::host::engine::BegunSet;
use crate::host::terminal;
use crate::host::user::checkout_table;
use crate::plan::identity::checkout_lookup;
use crate::ui::errors;
use crate::ui::help;
use crate::ui::screen::{self, Screen};

/// Columns of help, where the terminal has as many.
const WIDEST: usize = 100;

/// One command after a clone: reproducible dev environments on one hierarchy of Docker images
#[derive(Parser, Debug)]
#[command(name = "devenv", version, about, max_term_width = WIDEST, arg_required_else_help = true)]
struct Cli {
    /// Begin in this folder instead of the current one
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Read this configuration instead of the nearest devenv.yaml
    #[arg(short, long, value_name = "FILE", conflicts_with = "project")]
    file: Option<PathBuf>,
    /// Act on another checkout of yours: its product, host name, folder or id
    #[arg(short, long, value_name = "NAME", conflicts_with = "directory")]
    project: Option<String>,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    yes: bool,
    /// Print only data and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Fail where devenv.lock would have to change
    #[arg(long, global = true)]
    locked: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Up(up::UpArgs),
    Down(down::DownArgs),
    Stop(stop::StopArgs),
    Start(start::StartArgs),
    Restart(start::RestartArgs),
    #[command(visible_alias = "ps")]
    Status(status::StatusArgs),
    Logs(logs::LogsArgs),
    Shell(shell::ShellArgs),
    Exec(shell::ExecArgs),
    Run(shell::RunArgs),
    Debug(debug::DebugArgs),
    Trace(trace::TraceArgs),
    Build(steps::BuildArgs),
    Lint(steps::LintArgs),
    Test(steps::TestArgs),
    Watch(watch::WatchArgs),
    /// Watch in this very process: what `up` starts in the background
    #[command(hide = true)]
    Watcher,
    Db(db::DbArgs),
    Attach(attach::AttachArgs),
    Why(why::WhyArgs),
    Graph(graph::GraphArgs),
    Open(url::OpenArgs),
    Url(url::UrlArgs),
    Images(images::ImagesArgs),
    Config(config::ConfigArgs),
    Certs(certs::CertsArgs),
    Secrets(secrets::SecretsArgs),
    Hosts(hosts::HostsArgs),
    Enable(toggle::EnableArgs),
    Disable(toggle::DisableArgs),
    Init(init::InitArgs),
    Eject(init::EjectArgs),
    Update(update::UpdateArgs),
    Outdated(update::OutdatedArgs),
    Mirror(mirror::MirrorArgs),
    Deps(deps::DepsArgs),
    Ide(ide::IdeArgs),
    Doctor(doctor::DoctorArgs),
    /// Print the completion script of a shell
    #[command(after_help = "Example:\n  devenv completions bash > /etc/bash_completion.d/devenv")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    async fn run(&self, cx: &Context) -> Result<()> {
        match self {
            Self::Up(args) => up::run(cx, args).await,
            Self::Down(args) => down::run(cx, args).await,
            Self::Stop(args) => stop::run(cx, args).await,
            Self::Start(args) => start::start(cx, args).await,
            Self::Restart(args) => start::restart(cx, args).await,
            Self::Status(args) => status::run(cx, args).await,
            Self::Logs(args) => logs::run(cx, args).await,
            Self::Shell(args) => shell::shell(cx, args).await,
            Self::Exec(args) => shell::exec(cx, args).await,
            Self::Run(args) => shell::run(cx, args).await,
            Self::Debug(args) => debug::run(cx, args).await,
            Self::Trace(args) => trace::run(cx, args).await,
            Self::Build(args) => steps::build(cx, args).await,
            Self::Lint(args) => steps::lint(cx, args).await,
            Self::Test(args) => steps::test(cx, args).await,
            Self::Watch(args) => watch::watch(cx, args).await,
            Self::Watcher => watch::watcher(cx).await,
            Self::Attach(args) => attach::run(cx, args).await,
            Self::Db(args) => db::run(cx, args).await,
            Self::Why(args) => why::run(cx, args).await,
            Self::Graph(args) => graph::run(cx, args).await,
            Self::Open(args) => url::open(cx, args).await,
            Self::Url(args) => url::url(cx, args).await,
            Self::Images(args) => images::run(cx, args).await,
            Self::Config(args) => config::run(cx, args),
            Self::Certs(args) => certs::run(cx, args).await,
            Self::Secrets(args) => secrets::run(cx, args).await,
            Self::Hosts(args) => hosts::run(cx, args).await,
            Self::Enable(args) => toggle::enable(cx, args),
            Self::Disable(args) => toggle::disable(cx, args),
            Self::Init(args) => init::init(cx, args),
            Self::Eject(args) => init::eject(cx, args),
            Self::Update(args) => update::update(cx, args).await,
            Self::Outdated(args) => update::outdated(cx, args).await,
            Self::Mirror(args) => mirror::run(cx, args).await,
            Self::Deps(args) => deps::run(cx, args).await,
            Self::Ide(args) => ide::run(cx, args).await,
            Self::Doctor(args) => doctor::run(cx, args).await,
            Self::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut command(), "devenv", &mut script);
                cx.screen.data(String::from_utf8_lossy(&script));
                Ok(())
            }
            Self::Version { json: true } => {
                cx.screen.json(&serde_json::json!({"version": env!("CARGO_PKG_VERSION")}));
                Ok(())
            }
            Self::Version { json: false } => {
                cx.screen.data(concat!("devenv ", env!("CARGO_PKG_VERSION")));
                Ok(())
            }
        }
    }
}

/// All commands with their arguments and texts, for the reference page.
#[must_use]
pub fn command() -> clap::Command {
    help::grouped(Cli::command(), WIDEST)
}

/// Runs devenv on this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let room = terminal::columns().map_or(WIDEST, |width| width.min(WIDEST));
    let parsed = help::grouped(Cli::command(), room).try_get_matches();
    let name = parsed.as_ref().ok().and_then(|matches| matches.subcommand_name()).unwrap_or_default().to_owned();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return printed(&error),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(until_signal(&cli, name));
            runtime.shutdown_timeout(std::time::Duration::from_secs(2));
            ended
        }
        Err(error) => Err(Error::message(Kind::Bug, error)),
    };
    let Err(error) = ended.and_then(|()| screen::lost_output()) else { return ExitCode::SUCCESS };
    code(&error)
}

/// Prints help, the version, or what is wrong with the arguments.
fn printed(error: &clap::Error) -> ExitCode {
    screen::kept(&error.print());
    match screen::lost_output() {
        Err(lost) if !error.use_stderr() => code(&lost),
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
    }
}

/// Prints an error, and says with which code the process ends.
fn code(error: &Error) -> ExitCode {
    let text = errors::text(error, std::io::stderr().is_terminal());
    if !text.is_empty() {
        screen::to_stderr(&format!("{text}\n"));
    }
    ExitCode::from(u8::try_from(error.kind.exit_code()).unwrap_or(1))
}

/// Runs the command until it ends or a signal asks it to: then it is dropped, and with it what it has begun.
async fn until_signal(cli: &Cli, name: String) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| Error::message(Kind::Bug, error));
    let (mut int, mut term, mut hup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    let (folder, file) = place(cli)?;
    let cx = Context {
        screen: Screen { quiet: cli.quiet, yes: cli.yes },
        folder,
        file,
        locked: cli.locked,
        command: name,
        begun: BegunSet::default(),
    };
    if let Command::Watcher = cli.command {
        // It ends by itself when it is told to, and a terminal that is closed is not its own.
        return cli.command.run(&cx).await;
    }
    let number = tokio::select! {
        ended = cli.command.run(&cx) => {
            // A question that was taken back and a child that the same signal has ended tell of it first.
            let signals = [(&mut int, 2), (&mut term, 15), (&mut hup, 1)];
            let came = signals.into_iter().find_map(|(signal, number)| signal.recv().now_or_never().map(|_| number));
            match (ended, came) {
                (Err(_), Some(number)) => number,
                (ended, _) => {
                    // Of several things at once, those that were going on when one failed.
                    cx.clean_up().await;
                    return ended;
                }
            }
        }
        _ = int.recv() => 2,
        _ = term.recv() => 15,
        _ = hup.recv() => 1,
    };
    cx.clean_up().await;
    let message = match cli.command {
        Command::Logs(_) | Command::Watch(_) | Command::Status(_) => "ended; what it showed goes on in the background",
        _ => "interrupted; run the command again to continue",
    };
    Err(Error::message(Kind::Signal(number), message))
}

/// The folder to begin with, and the configuration in it where one is named.
fn place(cli: &Cli) -> Result<(PathBuf, Option<String>)> {
    if let Some(name) = &cli.project {
        let table = checkout_table::look()?.table;
        return Ok((PathBuf::from(&checkout_lookup::select(&table, name)?.path), None));
    }
    let folder = match &cli.directory {
        Some(folder) => folder.clone(),
        None => std::env::current_dir().map_err(|error| Error::message(Kind::Usage, error))?,
    };
    let Some(file) = &cli.file else { return Ok((folder, None)) };
    let path = folder.join(file);
    match (path.parent(), path.file_name().and_then(OsStr::to_str)) {
        (Some(folder), Some(name)) => Ok((folder.to_owned(), Some(name.to_owned()))),
        _ => Err(Error::message(Kind::Usage, format!("`{}` is not a file", file.display()))),
    }
}
