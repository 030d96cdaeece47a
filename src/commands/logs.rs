//! `devenv logs`

use std::path::PathBuf;
use std::time::Instant;

use futures_util::StreamExt;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::apply::secrets;
use crate::commands::context::{Context, Intent};
use crate::config::values::Duration;
use crate::error::{Error, Kind, Result};
use crate::host::clock;
use crate::host::engine::Engine;
use crate::host::engine::containers::LogRequest;
use crate::names::PartName;
use crate::plan::log::{Line, Lines};
use crate::plan::observed::{Container, Role, State};
use crate::redact;
use crate::ui::screen::visible;

/// Between two looks whether a part runs again.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);
/// A part that has no container for so long is not followed any more.
const GONE: std::time::Duration = std::time::Duration::from_secs(60);

/// Print what parts have printed
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv logs -f api worker\n  devenv logs --tail 20 --since 10m")]
pub struct LogsArgs {
    /// Modules and services [default: all]
    pub names: Vec<String>,
    /// Go on with what comes, also when a part is restarted or made anew
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
    let parts = session.environment.parts.keys().filter(|name| names.is_empty() || names.contains(name));
    let parts: Vec<(&PartName, &Container)> =
        parts.filter_map(|name| Some((name, session.observed.container(name)?))).collect();
    if parts.is_empty() {
        return Err(Error::message(Kind::Failed, "nothing has run yet").hint("`devenv up` starts it"));
    }
    let width = parts.iter().map(|(name, _)| name.as_str().len()).max().unwrap_or_default();
    let alone = parts.len() == 1;
    let (sender, mut receiver) = unbounded_channel();
    for (name, container) in parts {
        let log = Log {
            engine: session.engine.clone(),
            label: session.label(),
            root: session.checkout.root.clone(),
            part: name.to_string(),
        };
        tokio::spawn(log.send(container.id.clone(), request.clone(), sender.clone()));
    }
    drop(sender);
    let shown = |part: &str, line: &Line| {
        let text = if args.timestamps { format!("{} {}", line.time, line.text) } else { line.text.clone() };
        if alone { text } else { format!("{part:width$} | {}", visible(&text)) }
    };
    let mut all = Vec::new();
    while let Some((part, line)) = receiver.recv().await {
        let line = line?;
        if !alone && !args.follow {
            all.push((part, line));
        } else if !cx.screen.line(&shown(&part, &line)) {
            return Ok(());
        }
    }
    all.sort_by(|(_, one), (_, other)| one.time.cmp(&other.time));
    for (part, line) in &all {
        if !cx.screen.line(&shown(part, line)) {
            return Ok(());
        }
    }
    Ok(())
}

/// The log of a part.
struct Log {
    engine: Engine,
    label: String,
    root: PathBuf,
    part: String,
}

impl Log {
    /// Sends its lines; those that come too, where that is asked for, also when the part is restarted or made anew.
    async fn send(self, mut id: String, mut request: LogRequest, sender: UnboundedSender<(String, Result<Line>)>) {
        let mut lines = Lines::default();
        loop {
            let mut pieces = self.engine.follow(&id, &request).boxed();
            while let Some(piece) = pieces.next().await {
                let complete = match piece {
                    Ok(piece) => lines.take(&piece).into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                };
                for line in complete {
                    // Nobody reads any more.
                    if sender.send((self.part.clone(), line)).is_err() {
                        return;
                    }
                }
            }
            if let Some(line) = lines.end() {
                let _ = sender.send((self.part.clone(), Ok(line)));
            }
            let ended = i32::try_from(clock::seconds()).ok().map(|now| now - 2);
            let next = if request.follow { self.started_again(&sender).await } else { None };
            let Some(next) = next else { return };
            // A new container is of interest from its first line on.
            request.since = ended.filter(|_| next == id);
            (id, request.tail) = (next, None);
            lines.begin_again();
            // It may have other credentials now.
            redact::remember(&secrets::kept_values(&self.root));
        }
    }

    /// Waits until a container of the part runs; none where nobody listens any more, or where the engine is away or has
    /// none for long.
    async fn started_again(&self, sender: &UnboundedSender<(String, Result<Line>)>) -> Option<String> {
        let mut seen = Instant::now();
        while !sender.is_closed() && seen.elapsed() < GONE {
            tokio::time::sleep(PAUSE).await;
            let all = self.engine.containers(&self.label).await.unwrap_or_default();
            let ours = all.iter().find(|container| container.part == self.part && container.role == Role::Part);
            match ours {
                Some(container) if container.state == State::Running => {
                    return Some(container.id.clone());
                }
                Some(_) => seen = Instant::now(),
                None => {}
            }
        }
        None
    }
}
