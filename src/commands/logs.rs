//! `devenv logs`

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream::select_all;

use crate::commands::context::{Context, Intent};
use crate::config::values::Duration;
use crate::error::{Error, Kind, Result};
use crate::host::clock;
use crate::host::engine::containers::LogRequest;
use crate::ui::screen::visible;

/// Print what parts have printed
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv logs -f api worker\n  devenv logs --tail 20 --since 10m")]
pub struct LogsArgs {
    /// Modules and services [default: all]
    pub names: Vec<String>,
    /// Go on with what comes
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
        timestamps: args.timestamps,
    };
    let containers: Vec<_> = session
        .environment
        .parts
        .keys()
        .filter(|name| names.is_empty() || names.contains(name))
        .filter_map(|name| session.observed.container(name))
        .collect();
    if containers.is_empty() {
        return Err(Error::message(Kind::Failed, "nothing has run yet").hint("`devenv up` starts it"));
    }
    let width = containers.iter().map(|container| container.part.len()).max().unwrap_or_default();
    let alone = containers.len() == 1;
    let streams = containers.iter().map(|container| {
        let part = container.part.clone();
        session.engine.follow(&container.id, &request).map(move |piece| (part.clone(), piece)).boxed()
    });
    let mut all = select_all(streams);
    let mut begun: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    while let Some((part, piece)) = all.next().await {
        let text = begun.entry(part.clone()).or_default();
        text.extend(piece?);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]).trim_end_matches('\r').to_owned();
            let line = if alone { line } else { format!("{part:width$} | {}", visible(&line)) };
            if !cx.screen.line(&line) {
                return Ok(());
            }
        }
    }
    Ok(())
}
