//! Asks each hop of a request: from this machine, from inside a part's network by a tool box, and the logs.

mod from_here;
mod from_inside;
pub mod gather;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::mpsc;

use crate::apply::states::life;
use crate::error::{Error, Kind, Result};
use crate::host::clock;
use crate::host::engine::Engine;
use crate::host::engine::log_stream::LogRequest;
use crate::host::engine::piped::Printed;
use crate::host::outside_request::{self, Request};
use crate::names::PartName;
use crate::plan::debug::ToolBox;
use crate::plan::logs::lines::{Block, Line, Lines};
use crate::plan::observed::{Container, Observed};
use crate::plan::parts::Part;
use crate::plan::states::{self, PartState};
use crate::plan::trace::facts::Outside;

/// Lines that are read of each log.
const TAIL: &str = "400";
/// How long the gateway may take to write what it has done, and between two looks.
const WRITTEN: Duration = Duration::from_millis(600);
const PAUSE: Duration = Duration::from_millis(40);

/// Sends a request from this machine.
pub async fn outside(request: Request) -> Result<Outside> {
    let sent = tokio::task::spawn_blocking(move || outside_request::send(&request));
    sent.await.map_err(|error| Error::message(Kind::Bug, error))
}

/// Runs a script in a tool box, hands it a line, and returns what it prints until `end`, which is the last thing that it
/// does: the engine removes the tool box, and nobody waits for that.
pub async fn inside(engine: &Engine, tool_box: &ToolBox, end: &str, line: &'static str) -> Result<Vec<u8>> {
    let id = engine.create_tool_box(tool_box).await?;
    let mut bytes = Vec::new();
    let (sender, receiver) = mpsc::channel(1);
    let tell = async move {
        // A tool box that has ended reads nothing.
        let _ = sender.send(Bytes::from(format!("{line}\n"))).await;
    };
    let keep = |on, printed: &[u8]| {
        if on == Printed::Output {
            bytes.extend_from_slice(printed);
        }
        !bytes.ends_with(end.as_bytes())
    };
    let (ended, ()) = tokio::join!(engine.listen(&id, receiver, keep), tell);
    match ended {
        Ok(()) if bytes.ends_with(end.as_bytes()) => {
            engine.leave_tool_box(&id);
            bytes.truncate(bytes.len() - end.len());
            Ok(bytes)
        }
        ended => {
            engine.remove_one_off(&id).await?;
            ended.map(|()| bytes)
        }
    }
}

/// What a part does, by its newest container.
pub async fn state(engine: &Engine, observed: &Observed, part: &Part) -> PartState {
    let Some(container) = observed.container(&part.name) else { return PartState::NotCreated };
    let Ok(detail) = engine.detail(&container.id).await else { return PartState::NotCreated };
    let container = Container { state: detail.state, ..container.clone() };
    let now = i64::try_from(clock::seconds()).unwrap_or_default();
    states::of_container(part, &container, &life(&detail), true, now)
}

/// The logs of containers since a time, each under its part. Asked again until one of them has the text that is awaited.
pub async fn logs(
    engine: &Engine,
    observed: &Observed,
    parts: &BTreeSet<PartName>,
    since: Duration,
    awaited: Option<&str>,
) -> Vec<(String, Vec<Line>)> {
    let begin = Instant::now();
    loop {
        let read = parts
            .iter()
            .filter_map(|part| Some((part, observed.container(part)?)))
            .map(|(part, container)| async { (part.to_string(), log(engine, &container.id, since).await) });
        let all = join_all(read).await;
        let mut lines = all.iter().flat_map(|(_, lines)| lines);
        let is_there = awaited.is_none_or(|text| lines.any(|line| line.text.contains(text)));
        if is_there || begin.elapsed() > WRITTEN {
            return all;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn log(engine: &Engine, id: &str, since: Duration) -> Vec<Line> {
    let request = LogRequest {
        follow: false,
        tail: Some(TAIL.to_owned()),
        since: i32::try_from(since.as_secs().saturating_sub(1)).ok(),
    };
    let (mut lines, mut all) = (Lines::default(), Block::default());
    let Ok(mut stream) = engine.log(id, &request).await else { return Vec::new() };
    while let Ok(true) = stream.next(|piece| lines.add(piece, &mut all)).await {}
    lines.end(&mut all);
    all.iter().map(Line::from).collect()
}
