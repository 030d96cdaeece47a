//! `devenv logs`

use futures_util::FutureExt;
use serde::Serialize;
use serde_json::Value;

use crate::apply::logs::Log;
use crate::apply::logs::merge::{Merge, Next};
use crate::apply::session::Intent;
use crate::commands::context::{Context, InEnvironment};
use crate::config::model::values::Duration;
use crate::error::{self, Error, Result};
use crate::host::clock;
use crate::host::engine::log_stream::LogRequest;
use crate::plan::logs::filter::{Author, Filter};
use crate::plan::logs::level::Level;
use crate::plan::logs::lines::LineRef;
use crate::plan::parts::PartKind;
use crate::ui::stream::{Stream, coloured};

/// Show the output of modules and services, in chronological order
///
/// Escape sequences other than colours are removed. The gateway's lines say method, path, status, time and part.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  devenv logs -f api worker
  devenv logs --tail 20 --since 10m
  devenv logs --level warn --grep 'order [0-9]+'
  devenv logs gateway --json | jq .fields.status")]
pub struct LogsArgs {
    /// Modules and services [default: all]
    pub names: Vec<String>,
    /// Follow new output, even after a part is restarted or recreated
    #[arg(short, long)]
    pub follow: bool,
    /// Number of lines from the end of each log, counted before `--grep` and `--level` apply
    #[arg(short = 'n', long, value_name = "LINES")]
    pub tail: Option<u64>,
    /// Only lines newer than this, such as 10m
    #[arg(long, value_parser = Duration::parse)]
    pub since: Option<Duration>,
    /// Only lines that this regular expression matches
    #[arg(short, long, value_name = "PATTERN")]
    pub grep: Option<String>,
    /// Only lines of at least this severity: trace, debug, info, warn, error or fatal
    ///
    /// Levels are found in JSON and logfmt, and as Python, Go, nginx, Postgres and Redis write them. A line without one
    /// counts as info; a traceback has the level of the line that it follows.
    #[arg(short, long, value_name = "LEVEL", value_parser = clap::value_parser!(Level))]
    pub level: Option<Level>,
    /// Print one JSON object per line: time, part, level, text, and the fields of a line that is JSON itself
    #[arg(long)]
    pub json: bool,
    /// Print the time in front of each line
    #[arg(short, long)]
    pub timestamps: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// A line as `--json` prints it.
#[derive(Debug, Serialize)]
struct LineJson<'a> {
    time: &'a str,
    part: &'a str,
    level: Option<Level>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Value>,
}

/// A log that is shown.
struct ShownLog {
    /// The part, with its number where there are several of it.
    name: String,
    author: Author,
    /// What stands in front of its lines.
    before: String,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &LogsArgs) -> Result<()> {
    let filter = Filter::new(args.grep.as_deref(), args.level)?;
    let session = cx.session(Intent::Look).await?;
    let names = session.names(&args.names)?;
    let since = args.since.map(|age| clock::now().saturating_sub(age.get()).as_secs());
    let request = LogRequest {
        follow: args.follow,
        tail: args.tail.map(|lines| lines.to_string()),
        since: since.and_then(|since| i32::try_from(since).ok()),
    };
    let (mut sources, mut logs) = (Vec::new(), Vec::new());
    // The colour of a part does not depend on which others are shown.
    for (colour, part) in session.environment.parts.values().enumerate() {
        if !names.is_empty() && !names.contains(&part.name) {
            continue;
        }
        for container in session.observed.containers_of(&part.name) {
            // Of several, each has its number at the end of its name.
            let number = container.name.rsplit('-').next().filter(|_| part.lifecycle.replicas > 1);
            let name = number.map_or_else(|| part.name.to_string(), |number| format!("{}-{number}", part.name));
            let log = Log {
                engine: session.engine.clone(),
                label: session.label(),
                root: session.checkout.home.clone(),
                part: part.name.to_string(),
                is_task: part.kind == PartKind::Task,
            };
            logs.push((log, container.id.clone()));
            let author = if part.kind == PartKind::Gateway { Author::Gateway } else { Author::Other };
            sources.push((colour, ShownLog { name, author, before: String::new() }));
        }
    }
    if logs.is_empty() {
        return Err(Error::message(error::Kind::Failed, "no containers yet").hint("`devenv up` starts it"));
    }
    let count = logs.len();
    let logs = logs.into_iter().map(|(log, id)| log.lines(id, request.clone(), count)).collect();
    let width = sources.iter().map(|(_, source)| source.name.len()).max().unwrap_or_default();
    let is_alone = sources.len() == 1;
    let stream = Stream::default();
    let sources = sources.into_iter().map(|(colour, source)| {
        let before = if is_alone { String::new() } else { stream.beginning(&coloured(&source.name, width, colour)) };
        ShownLog { before, ..source }
    });
    let sources = sources.collect();
    let mut shown = Shown { cx, sources, filter, stream, json: args.json, timestamps: args.timestamps };
    shown.show(Merge::new(logs, args.follow)).await
}

/// How lines are shown.
struct Shown<'a> {
    cx: &'a Context,
    sources: Vec<ShownLog>,
    filter: Filter,
    stream: Stream,
    json: bool,
    timestamps: bool,
}

impl Shown<'_> {
    /// Shows everything that comes; ends when the reader has gone away.
    async fn show(&mut self, mut logs: Merge) -> Result<()> {
        loop {
            let goes_on = match logs.oldest() {
                Next::Line(at, line) => self.line(at, line),
                Next::Note(note) => {
                    self.cx.screen.say(note);
                    true
                }
                Next::NotYet => {
                    let more = match logs.wait().now_or_never() {
                        Some(more) => more?,
                        // Whoever reads sees what there is before more is waited for.
                        None if !self.stream.flush() => return Ok(()),
                        None => logs.wait().await?,
                    };
                    if !more {
                        break;
                    }
                    true
                }
            };
            if !goes_on {
                return Ok(());
            }
        }
        self.stream.flush();
        Ok(())
    }

    /// Shows a line, where it is wanted; false when the reader has gone away.
    fn line(&mut self, at: usize, line: LineRef<'_>) -> bool {
        let source = &self.sources[at];
        let Some(shown) = self.filter.take(&source.name, source.author, line.text, self.json) else { return true };
        if self.json {
            let is_object = line.text.starts_with('{');
            let fields = if is_object { serde_json::from_str(line.text).ok() } else { None };
            let (time, part, level, text) = (line.time, source.name.as_str(), shown.level, &*shown.text);
            return self.stream.json(&LineJson { time, part, level, text, fields });
        }
        if self.timestamps {
            return self.stream.line([&source.before, &format!("{} ", line.time)], &shown.text);
        }
        self.stream.line([&source.before, ""], &shown.text)
    }
}
