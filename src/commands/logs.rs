//! `devenv logs`

use futures_util::StreamExt;
use futures_util::stream::{select_all, unfold};
use tokio::sync::mpsc::Receiver;

use crate::apply::logs::{Log, Piece};
use crate::apply::session::Intent;
use crate::commands::context::Context;
use crate::config::model::values::Duration;
use crate::error::{self, Error, Result};
use crate::host::clock;
use crate::host::engine::containers::LogRequest;
use crate::plan::parts::Kind;
use crate::ui::screen::visible;

/// Show the output of modules and services
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv logs -f api worker\n  devenv logs --tail 20 --since 10m")]
pub struct LogsArgs {
    /// Modules and services [default: all]
    pub names: Vec<String>,
    /// Follow new output, even after a part is restarted or recreated
    #[arg(short, long)]
    pub follow: bool,
    /// Number of lines from the end of each log
    #[arg(short = 'n', long, value_name = "LINES")]
    pub tail: Option<u64>,
    /// Only what is younger than this, such as 10m
    #[arg(long, value_parser = Duration::parse)]
    pub since: Option<Duration>,
    /// With the time in front of each line
    #[arg(short, long)]
    pub timestamps: bool,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &LogsArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let names = session.names(&args.names)?;
    let since = args.since.map(|age| clock::now().saturating_sub(age.get()).as_secs());
    let request = LogRequest {
        follow: args.follow,
        tail: args.tail.map(|lines| lines.to_string()),
        since: since.and_then(|since| i32::try_from(since).ok()),
    };
    let parts = session.environment.parts.values().filter(|part| names.is_empty() || names.contains(&part.name));
    let mut logs = Vec::new();
    let each =
        parts.flat_map(|part| session.observed.containers_of(&part.name).map(move |container| (part, container)));
    for (part, container) in each {
        // Of several, each has its number at the end of its name.
        let number = container.name.rsplit('-').next().filter(|_| part.lifecycle.replicas > 1);
        let shown = number.map_or_else(|| part.name.to_string(), |number| format!("{}-{number}", part.name));
        let log = Log {
            engine: session.engine.clone(),
            label: session.label(),
            root: session.checkout.root.clone(),
            part: part.name.to_string(),
            is_task: part.kind == Kind::Task,
        };
        logs.push((shown, log.lines(container.id.clone(), request.clone())));
    }
    if logs.is_empty() {
        return Err(Error::message(error::Kind::Failed, "nothing has run yet").hint("`devenv up` starts it"));
    }
    let shown = Shown {
        cx,
        width: logs.iter().map(|(name, _)| name.len()).max().unwrap_or_default(),
        alone: logs.len() == 1,
        timestamps: args.timestamps,
    };
    if args.follow { as_they_come(&shown, logs).await } else { in_order(&shown, logs).await }
}

/// A part with what comes of its log.
type Coming = (String, Receiver<Result<Piece>>);

async fn as_they_come(shown: &Shown<'_>, logs: Vec<Coming>) -> Result<()> {
    let streams = logs.into_iter().map(|(part, receiver)| {
        let next = |(part, mut receiver): Coming| async move {
            let piece = receiver.recv().await?;
            Some(((part.clone(), piece), (part, receiver)))
        };
        unfold((part, receiver), next).boxed()
    });
    let mut all = select_all(streams);
    while let Some((part, piece)) = all.next().await {
        if !shown.print(&part, &piece?) {
            break;
        }
    }
    Ok(())
}

/// Always the oldest of the lines that come next.
async fn in_order(shown: &Shown<'_>, mut logs: Vec<Coming>) -> Result<()> {
    let mut next: Vec<(String, usize)> = Vec::new();
    let mut heads: Vec<Option<Piece>> = Vec::new();
    for (at, (_, receiver)) in logs.iter_mut().enumerate() {
        let head = receiver.recv().await.transpose()?;
        next.extend(head.as_ref().map(|head| (head.time().to_owned(), at)));
        heads.push(head);
    }
    while let Some(oldest) = next.iter().min().cloned() {
        let (_, at) = oldest;
        next.retain(|one| *one != oldest);
        let (part, receiver) = &mut logs[at];
        if let Some(piece) = heads[at].take()
            && !shown.print(part, &piece)
        {
            return Ok(());
        }
        heads[at] = receiver.recv().await.transpose()?;
        next.extend(heads[at].as_ref().map(|head| (head.time().to_owned(), at)));
    }
    Ok(())
}

/// How lines are shown.
struct Shown<'a> {
    cx: &'a Context,
    width: usize,
    alone: bool,
    timestamps: bool,
}

impl Shown<'_> {
    /// Prints what has come; false when the reader has gone away.
    fn print(&self, part: &str, piece: &Piece) -> bool {
        let line = match piece {
            Piece::Line(line) => line,
            Piece::Note(note) => {
                self.cx.screen.say(note);
                return true;
            }
        };
        let text = if self.timestamps { format!("{} {}", line.time, line.text) } else { line.text.clone() };
        let width = self.width;
        self.cx.screen.line(&if self.alone { text } else { format!("{part:width$} | {}", visible(&text)) })
    }
}
