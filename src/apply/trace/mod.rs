//! Asks each hop of a request: from this machine, from inside a part's network by a tool box, and the logs.

pub mod gather;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::sync::mpsc;

use crate::error::{Error, Kind, Result};
use crate::host::clock;
use crate::host::engine::Engine;
use crate::host::engine::containers::LogRequest;
use crate::host::engine::tool_box::Printed;
use crate::host::outside_request::{self, Request};
use crate::names::PartName;
use crate::plan::debug::ToolBox;
use crate::plan::logs::lines::{Line, Lines};
use crate::plan::observed::{Container, Observed};
use crate::plan::parts::Part;
use crate::plan::states;
use crate::plan::trace::facts::{Life, Outside};

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

/// Runs a script in a tool box and returns what it prints.
pub async fn inside(engine: &Engine, tool_box: &ToolBox) -> Result<String> {
    let id = engine.create_tool_box(tool_box).await?;
    let mut printed = Vec::new();
    let (_, nothing) = mpsc::channel(1);
    let ended = engine
        .run_piped(&id, nothing, |on, bytes| {
            if on == Printed::Output {
                printed.extend_from_slice(bytes);
            }
            true
        })
        .await;
    engine.remove_one_off(&id).await?;
    ended.map(|_| String::from_utf8_lossy(&printed).into_owned())
}

/// How a part lives, by its newest container.
pub async fn life(engine: &Engine, observed: &Observed, part: &Part) -> Life {
    let Some(container) = observed.container(&part.name) else { return Life::NotThere };
    let Ok(detail) = engine.detail(&container.id).await else { return Life::NotThere };
    let container = Container { state: detail.state, ..container.clone() };
    let known = states::Life {
        since: detail.since(),
        restarts: detail.restarts,
        out_of_memory: detail.out_of_memory,
        memory_limit: detail.memory_limit,
        ..states::Life::default()
    };
    let now = i64::try_from(clock::seconds()).unwrap_or_default();
    Life::of(&states::of_container(part, &container, &known, true, now))
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
    let mut pieces = std::pin::pin!(engine.follow(id, &request));
    let (mut lines, mut all) = (Lines::default(), Vec::new());
    while let Some(Ok(piece)) = pieces.next().await {
        all.extend(lines.take(&piece));
    }
    all.extend(lines.end());
    all
}
