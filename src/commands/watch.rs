//! `devenv watch`, and the watcher itself, which `up` starts in the background.

use std::time::Duration;

use crate::apply::session::{Intent, Session};
use crate::apply::watch::background;
use crate::apply::watch::service::{self, Reader};
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::files::growing::GrowingFile;
use crate::host::locks::ProjectLock;
use crate::host::watcher_process;
use crate::names::PartName;
use crate::plan::watch::rules;
use crate::ui::screen::visible;

/// Show what the watcher does, as it does it
///
/// Ctrl-C ends the view and nothing else: the watcher continues in the background.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv watch")]
pub struct WatchArgs {
    /// Modules [default: all that are watched]
    pub names: Vec<String>,
    /// Number of lines to begin with
    #[arg(short = 'n', long, value_name = "LINES", default_value_t = 20)]
    pub tail: usize,
}

/// Between two looks at the log.
const PAUSE: Duration = Duration::from_millis(100);
/// Runs `watch`.
pub async fn watch(cx: &Context, args: &WatchArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let root = session.checkout.root.clone();
    if rules(&session.checkout.project, &session.environment).is_empty() {
        return Err(Error::message(Kind::Usage, "no module is configured to be watched")
            .hint("`watch: {}` restarts a module when a file is saved, `watch: {on_change: [build, test]}` runs its steps first"));
    }
    if watcher_process::holder(&root).is_none() && !session.observed.runs() {
        return Err(
            Error::message(Kind::Failed, "nothing is running that could be watched").hint("`devenv up` starts it")
        );
    }
    ensure(cx, &session).await?;
    let names = session.names(&args.names)?;
    let mut log = GrowingFile::open(watcher_process::log(&root), args.tail)?;
    loop {
        for line in log.lines().into_iter().filter(|line| is_of(line, &names)) {
            if !cx.screen.line(&visible(&line)) {
                return Ok(());
            }
        }
        if watcher_process::holder(&root).is_none() {
            cx.screen.say("the watcher has stopped");
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether a line of the log is about one of these modules, or about no module; each begins with the time of day.
fn is_of(line: &str, names: &[PartName]) -> bool {
    let subject = line.split(' ').nth(1).unwrap_or_default();
    names.is_empty() || names.iter().any(|name| name.as_str() == subject) || PartName::new(subject).is_err()
}

/// Sees to it that the right watcher runs, if a module asks for one, and says what it does about it.
pub async fn ensure(cx: &Context, session: &Session) -> Result<()> {
    background::ensure(session, cx.file.as_deref(), |line| cx.screen.say(line)).await
}

/// Is the watcher: runs until it is asked to end.
pub async fn watcher(cx: &Context) -> Result<()> {
    watcher_process::leave_session();
    let Some(held) = watcher_process::take(&cx.root()?, &cx.engine()?.endpoint)? else { return Ok(()) };
    let screen = cx.screen;
    service::serve(cx, held, move |line| screen.say(line)).await
}

impl Reader for Context {
    fn main(&self) -> &str {
        Self::main(self)
    }

    fn look(&self) -> impl Future<Output = Result<Session>> {
        self.session(Intent::Look)
    }

    fn lock(&self) -> impl Future<Output = Result<(Session, ProjectLock)>> {
        self.locked_session(Intent::Act)
    }
}
