//! The command line: arguments become a command and its context, an error becomes a message and an exit code.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};
use futures_util::FutureExt;

use crate::commands::context::{Context, ENVIRONMENT};
use crate::commands::{
    attach, certs, check, ci, config, db, debug, deploy, deps, doctor, down, env, features, graph, hosts, ide, images,
    init, list, logs, mirror, release, runs, secrets, shell, start, status, steps, stop, task, toggle, trace, up,
    update, url, watch, why,
};
use crate::error::{Error, Kind, Result};
use crate::host::engine::BegunSet;
use crate::host::terminal;
use crate::host::user::checkout_table;
use crate::paths;
use crate::plan::environment::target::Base;
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
    /// Run in this folder instead of the current one
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Read this configuration instead of the nearest devenv.yaml
    #[arg(short, long, value_name = "FILE", conflicts_with = "project")]
    file: Option<PathBuf>,
    /// Act on another of your checkouts: its product, host name, folder or id
    #[arg(short, long, value_name = "NAME", conflicts_with = "directory")]
    project: Option<String>,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    yes: bool,
    /// Print only data and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Fail if devenv.lock would have to change
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
    Task(task::TaskArgs),
    Runs(runs::RunsArgs),
    Ci(ci::CiArgs),
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
    List(list::ListArgs),
    Images(images::ImagesArgs),
    Release(release::ReleaseArgs),
    Push(release::sets::PushArgs),
    Promote(release::promote::PromoteArgs),
    Deploy(deploy::args::DeployArgs),
    Deployments(deploy::deployments::DeploymentsArgs),
    Env(env::EnvArgs),
    Config(config::ConfigArgs),
    Check(check::CheckArgs),
    Features(features::FeaturesArgs),
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
    /// Whether the command takes signals itself, and ends in order.
    fn hears_signals(&self) -> bool {
        match self {
            Self::Task(args) => args.hears_signals(),
            Self::Runs(args) => args.hears_signals(),
            Self::Ci(args) => args.hears_signals(),
            _ => false,
        }
    }

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
            Self::Task(args) => task::run(cx, args).await,
            Self::Runs(args) => runs::run(cx, args).await,
            Self::Ci(args) => ci::run(cx, args).await,
            Self::Watch(args) => watch::watch(cx, args).await,
            Self::Watcher => watch::watcher(cx).await,
            Self::Attach(args) => attach::run(cx, args).await,
            Self::Db(args) => db::run(cx, args).await,
            Self::Why(args) => why::run(cx, args).await,
            Self::Graph(args) => graph::run(cx, args).await,
            Self::Open(args) => url::open(cx, args).await,
            Self::Url(args) => url::url(cx, args).await,
            Self::List(args) => list::run(cx, args).await,
            Self::Images(args) => images::run(cx, args).await,
            Self::Release(args) => release::run(cx, args).await,
            Self::Push(args) => release::sets::push(cx, args).await,
            Self::Promote(args) => release::promote::promote(cx, args).await,
            Self::Deploy(args) => deploy::run::run(cx, args).await,
            Self::Deployments(args) => deploy::deployments::list(cx, args).await,
            Self::Env(args) => env::run(cx, args).await,
            Self::Config(args) => config::run(cx, args).await,
            Self::Check(args) => check::run(cx, args).await,
            Self::Features(args) => features::run(cx, args),
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
    let called = parsed.as_ref().ok().map(Called::of).unwrap_or_default();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return printed(&error),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(until_signal(&cli, called));
            runtime.shutdown_timeout(std::time::Duration::from_secs(2));
            ended
        }
        Err(error) => Err(Error::message(Kind::Bug, error)),
    };
    let Err(error) = ended.and_then(|()| screen::lost_output()) else { return ExitCode::SUCCESS };
    code(&error)
}

/// What the arguments say, whichever command it is.
#[derive(Debug, Default)]
struct Called {
    /// The command's name.
    name: String,
    /// What `--env` names; none where the command has no `--env`, since it is about dev.
    environment: Option<Option<String>>,
}

impl Called {
    fn of(matches: &clap::ArgMatches) -> Self {
        let Some((name, given)) = matches.subcommand() else { return Self::default() };
        let command = Cli::command();
        let mut arguments = command.find_subcommand(name).into_iter().flat_map(clap::Command::get_arguments);
        let has_environment = arguments.any(|argument| argument.get_id() == ENVIRONMENT);
        let environment = has_environment.then(|| given.get_one::<String>(ENVIRONMENT).cloned());
        Self { name: name.to_owned(), environment }
    }
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
async fn until_signal(cli: &Cli, called: Called) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| Error::message(Kind::Bug, error));
    let (mut int, mut term, mut hup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    let Place { folder, file, environment } = place(cli)?;
    let cx = Context {
        screen: Screen { quiet: cli.quiet, yes: cli.yes },
        folder,
        file,
        environment: chosen_environment(called.environment, environment)?,
        locked: cli.locked,
        command: called.name,
        begun: BegunSet::default(),
    };
    if let Command::Watcher = cli.command {
        // It ends by itself when it is asked to, and a terminal that is closed is not its own.
        return cli.command.run(&cx).await;
    }
    if cli.command.hears_signals() {
        let ended = cli.command.run(&cx).await;
        cx.clean_up().await;
        return ended;
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
        Command::Logs(_) | Command::Watch(_) | Command::Status(_) => {
            "stopped; everything it showed keeps running in the background"
        }
        _ => "interrupted; run the command again to continue",
    };
    Err(Error::message(Kind::Signal(number), message))
}

/// The environment that a command is about, where it is not dev: the one that `--env` names, else the one that was
/// `selected` with its checkout.
fn chosen_environment(given: Option<Option<String>>, selected: Option<String>) -> Result<Option<String>> {
    match (given, selected) {
        (Some(given), selected) => Ok(given.or(selected).filter(|name| name != Base::Dev.name())),
        (None, Some(name)) => {
            let error = Error::message(Kind::Usage, format!("this command is for dev, but `-p` selects `{name}`"));
            Err(error.hint("select the checkout by its product, folder or dev's host name"))
        }
        (None, None) => Ok(None),
    }
}

/// Where a command begins.
struct Place {
    /// The folder.
    folder: PathBuf,
    /// The configuration in it, where one is named.
    file: Option<String>,
    /// The environment, where what is selected is another one than dev.
    environment: Option<String>,
}

fn place(cli: &Cli) -> Result<Place> {
    if let Some(name) = &cli.project {
        let table = checkout_table::look()?.table;
        let path = Path::new(&checkout_lookup::select(&table, name)?.path);
        let (folder, environment) = paths::environment_of(path).map_or((path, None), |(root, name)| (root, Some(name)));
        let environment = environment.map(str::to_owned);
        return Ok(Place { folder: folder.to_owned(), file: None, environment });
    }
    let folder = match &cli.directory {
        Some(folder) => folder.clone(),
        None => std::env::current_dir().map_err(|error| Error::message(Kind::Usage, error))?,
    };
    let Some(file) = &cli.file else { return Ok(Place { folder, file: None, environment: None }) };
    let path = folder.join(file);
    match (path.parent(), path.file_name().and_then(OsStr::to_str)) {
        (Some(folder), Some(name)) => {
            Ok(Place { folder: folder.to_owned(), file: Some(name.to_owned()), environment: None })
        }
        _ => Err(Error::message(Kind::Usage, format!("`{}` is not a file", file.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_is_found_wherever_it_stands_and_only_where_the_command_has_it() {
        let environment = |words: &str| {
            let words = words.split(' ');
            Called::of(&Cli::command().try_get_matches_from(words).unwrap()).environment
        };
        assert_eq!(environment("devenv status --env ci"), Some(Some("ci".to_owned())));
        assert_eq!(environment("devenv images verify --env prod"), Some(Some("prod".to_owned())));
        assert_eq!(environment("devenv exec api -- env --env ci"), Some(None));
        assert_eq!(environment("devenv config --env prod"), None);
    }
}
