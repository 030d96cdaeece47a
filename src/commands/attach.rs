//! `devenv attach`

use std::io::IsTerminal;

use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::apply::watch::background::watched;
use crate::apply::{debug, tmux as copied};
use crate::commands::context::Context;
use crate::commands::images;
use crate::error::{Error, Kind, Result};
use crate::host::terminal;
use crate::host::tmux::{self, Tmux};
use crate::nearest;
use crate::plan::databases;
use crate::plan::images::DEBUG;
use crate::plan::screens::changes::{self, RunningPane, TmuxChange};
use crate::plan::screens::{self, KnownParts, Screen};
use crate::render::tmux as commands;

/// Open a tmux session on everything that runs
///
/// One window for each module, with its logs, a shell in its folder, the results of its loop and a console on each
/// database that it needs; the first one has the state and the logs of all. `screens:` in devenv.yaml groups parts
/// differently. The session is this checkout's own: it is created if it is missing; the next
/// `attach` adds or removes panes for parts that changed and leaves the others alone. Leave it with the prefix and d, end it with the prefix and D.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv attach\n  devenv attach api\n  devenv attach --print")]
pub struct AttachArgs {
    /// Screen to show: a module, or a name of `screens:` [default: the first]
    pub screen: Option<String>,
    /// Print the commands of tmux and stop
    #[arg(long, conflicts_with = "fill")]
    pub print: bool,
    /// Start the panes of a screen that is looked at for the first time: what the session itself calls
    #[arg(long, hide = true, value_name = "SCREEN")]
    pub fill: Option<String>,
}

/// Where somebody is who wants to see the session.
enum Seat {
    /// On a terminal.
    Terminal,
    /// In a pane of this very session.
    Inside,
    /// In a pane of another tmux server.
    Elsewhere(String),
}

/// Runs the command.
pub async fn run(cx: &Context, args: &AttachArgs) -> Result<()> {
    if !args.print && args.fill.is_none() {
        check(std::io::stdin().is_terminal() && std::io::stdout().is_terminal())?;
    }
    let session = cx.session(Intent::Look).await?;
    let tmux = match Tmux::found(&session.environment.id) {
        Some(tmux) => tmux,
        None if args.print => Tmux::on_path(&session.environment.id),
        None => from_image(cx, &session).await?,
    };
    let screens = screens_of(&session);
    let devenv = devenv(cx, &session)?;
    let size = (terminal::columns().unwrap_or(80), terminal::rows().unwrap_or(24));
    let rendered = commands::TmuxSession {
        assets: &session.checkout.assets,
        host: &session.environment.host,
        devenv: &devenv,
        size,
    };
    if let Some(name) = &args.fill {
        let seen = seen(&tmux).await?;
        let window: Vec<&RunningPane> = seen.iter().filter(|pane| pane.screen == *name).collect();
        let is_new = !window.is_empty() && window.iter().all(|pane| pane.pane.is_empty());
        let Some(screen) = screens.iter().find(|screen| screen.name == *name).filter(|_| is_new) else { return Ok(()) };
        let size = window_size(&tmux, name).await?.unwrap_or(size);
        let mut all = changes::fill(screen);
        all.push(TmuxChange::Show(name.clone()));
        return tmux.run(&commands::TmuxSession { size, ..rendered }.commands(&all)?).await;
    }
    let shown = match &args.screen {
        Some(name) => chosen(&session, &screens, name)?,
        None => screens.first().map(|screen| screen.name.clone()).unwrap_or_default(),
    };
    let seen = seen(&tmux).await?;
    // Who comes back without a name finds what they have left.
    let mut changes = changes::changes(&screens, &seen, &shown);
    if args.screen.is_none() && !seen.is_empty() {
        changes.retain(|change| !matches!(change, TmuxChange::Show(_)));
    }
    let all = rendered.commands(&changes)?;
    if args.print {
        let lines: Vec<String> = all.iter().map(|one| tmux.call(std::slice::from_ref(one)).to_string()).collect();
        cx.screen.data(lines.join("\n"));
        return Ok(());
    }
    if tmux.is_copy() {
        cx.screen.say("tmux is not installed on this machine: using the one of the image `debug`");
    }
    if !all.is_empty() {
        tmux.run(&all).await?;
    }
    show(&tmux).await
}

/// Whether a session can be shown here at all.
fn check(has_terminal: bool) -> Result<()> {
    if !has_terminal {
        let error = Error::message(Kind::Usage, "`attach` needs a terminal, and there is none");
        return Err(
            error.hint("`devenv attach --print` prints the commands of tmux; `devenv logs -f` needs no terminal")
        );
    }
    Ok(())
}

/// The tmux of the image `debug`, for a machine that has none.
async fn from_image(cx: &Context, session: &Session) -> Result<Tmux> {
    let missing = |said: &str| {
        let error = Error::message(Kind::Missing, format!("tmux is not installed on this machine{said}"));
        error.hint("`sudo apt-get install tmux` or `devenv doctor --fix` installs it; `devenv logs -f` and `devenv shell` work without it")
    };
    // The programs of the image are those of Linux, and of the engine's processor.
    if !cfg!(target_os = "linux") {
        return Err(missing(""));
    }
    if !session.observed.tags.contains(&debug::image(session)?) {
        images::build(cx, &[DEBUG.to_owned()], None).await?;
    }
    let session = cx.session(Intent::Look).await?;
    let folder = copied::copy(&session).await.map_err(|error| missing(&format!(", and {error}")))?;
    Ok(Tmux::copied(folder, &session.environment.id))
}

/// Shows the session until it is left.
async fn show(tmux: &Tmux) -> Result<()> {
    let seat = match tmux::inside() {
        None => Seat::Terminal,
        Some(server) if tmux.is_of(&server) => Seat::Inside,
        Some(server) => Seat::Elsewhere(server),
    };
    let status = match seat {
        // The window is shown already.
        Seat::Inside => return Ok(()),
        Seat::Terminal => tmux.attach(commands::NAME).await?,
        // In the very pane it would have little room.
        Seat::Elsewhere(server) => tmux.attach_elsewhere(&server, commands::NAME).await?,
    };
    match status.code() {
        Some(0) => Ok(()),
        _ => Err(Error::message(Kind::Failed, "tmux has ended: `devenv attach` opens the session again")),
    }
}

/// The screen that somebody means.
fn chosen(session: &Session, screens: &[Screen], name: &str) -> Result<String> {
    if let Some(screen) = screens.iter().find(|screen| screen.name == name) {
        return Ok(screen.name.clone());
    }
    let error = Error::message(Kind::Usage, format!("there is no screen `{name}`"));
    let all = screens.iter().map(|screen| screen.name.as_str());
    Err(if session.environment.parts.contains_key(name) {
        let all: Vec<&str> = all.collect();
        error.hint(format!("`{name}` is shown with the modules that need it: {}", all.join(", ")))
    } else {
        error.hint(nearest::hint(name, all))
    })
}

fn screens_of(session: &Session) -> Vec<Screen> {
    let parts = session.environment.parts.values();
    let databases = parts.filter(|part| databases::kind(part, &session.images).is_some());
    let known = KnownParts { databases: databases.map(|part| part.name.clone()).collect(), watched: watched(session) };
    screens::screens(&session.environment, &known, &session.checkout.project.file.screens)
}

/// The call of this very program for this checkout, from anywhere.
fn devenv(cx: &Context, session: &Session) -> Result<Vec<String>> {
    let program = std::env::current_exe().map_err(|error| Error::message(Kind::Failed, error))?;
    let root = &session.machine.root;
    let mut call = vec![program.display().to_string()];
    match &cx.file {
        Some(file) => call.extend(["--file".to_owned(), format!("{root}/{file}")]),
        None => call.extend(["--directory".to_owned(), root.clone()]),
    }
    Ok(call)
}

/// The panes of the session; none where there is no session.
async fn seen(tmux: &Tmux) -> Result<Vec<RunningPane>> {
    let format =
        format!("#{{{}}}\t#{{pane_id}}\t#{{pane_dead}}\t#{{{}}}", commands::SCREEN_OPTION, commands::PANE_OPTION);
    let ask = ["list-panes", "-s", "-t", commands::NAME, "-F", &format].map(str::to_owned);
    // Where there is no tmux either, `--print` prints what would be done.
    let listed = tmux.ask(&ask).await.ok().flatten().unwrap_or_default();
    let pane = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        let (screen, id, dead) = (fields.next()?, fields.next()?, fields.next()?);
        Some(RunningPane { screen, id, pane: fields.next().unwrap_or_default(), is_dead: dead == "1" })
    };
    // A window that was opened by hand has no screen, and is left alone.
    Ok(listed.lines().filter_map(pane).filter(|pane| !pane.screen.is_empty()).collect())
}

/// The size of a window.
async fn window_size(tmux: &Tmux, screen: &str) -> Result<Option<(usize, usize)>> {
    let target = format!("={}:={screen}", commands::NAME);
    let ask = ["display-message", "-p", "-t", &target, "#{window_width} #{window_height}"].map(str::to_owned);
    let answer = tmux.ask(&ask).await?.unwrap_or_default();
    let size =
        answer.trim().split_once(' ').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    Ok(size)
}
