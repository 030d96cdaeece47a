//! One deployment of an environment at a time, on whatever machine: while it goes on, a config of the cluster says so, and
//! beats. Whoever finds it waits until it is gone, or until it has not beaten for a while: then whoever made it was killed.
//! Clocks of machines are not compared: what counts is that the mark changes while one looks.

use std::time::{Duration, Instant};

use crate::amounts;
use crate::error::{Error, Kind, Result};
use crate::host::clock::unix_time;
use crate::host::engine::Engine;
use crate::host::engine::swarm::marker::Marker;

/// Between two beats.
const BEAT: Duration = Duration::from_secs(3);
/// Without a beat for so long, the deployment is not alive any more.
const DEAD: Duration = Duration::from_secs(15);

/// Does `work` while this deployment alone goes on.
pub async fn alone<T>(
    engine: &Engine,
    stack: &str,
    by: &str,
    tell: impl Fn(&str),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let marker = take(engine, stack, by, &tell).await?;
    let result = tokio::select! {
        result = work => result,
        error = beating(engine, stack, marker.clone()) => Err(error),
    };
    // One that another deployment has made meanwhile has another id.
    if let Err(error) = engine.remove_config(&marker.id).await {
        let seconds = DEAD.as_secs();
        tell(&format!(
            "warning: the deployment stays marked, and the next one waits {seconds} seconds for it: {error}"
        ));
    }
    result
}

async fn take(engine: &Engine, stack: &str, by: &str, tell: impl Fn(&str)) -> Result<Marker> {
    let mut seen: Option<(Marker, Instant)> = None;
    loop {
        if let Some(marker) = engine.mark(stack, by, unix_time()).await? {
            return Ok(marker);
        }
        let Some(now) = engine.marker(stack).await? else { continue };
        match &seen {
            Some((before, since)) if *before == now && since.elapsed() >= DEAD => {
                tell(&format!("the deployment by {} was interrupted: this one continues it", now.by));
                engine.remove_config(&now.id).await?;
                seen = None;
            }
            Some((before, _)) if *before == now => {}
            _ => {
                if seen.as_ref().is_none_or(|(before, _)| before.id != now.id) {
                    let age = amounts::age(unix_time().saturating_sub(now.since));
                    tell(&format!("waiting for the deployment by {}, started {age} ago", now.by));
                }
                seen = Some((now, Instant::now()));
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Beats until the mark is somebody else's.
async fn beating(engine: &Engine, stack: &str, mut marker: Marker) -> Error {
    for number in 1.. {
        tokio::time::sleep(BEAT).await;
        match engine.beat(stack, &marker, number).await {
            Ok(Some(now)) => marker = now,
            Ok(None) => break,
            // One beat that is lost does no harm.
            Err(_) => {}
        }
    }
    Error::message(Kind::Failed, format!("another deployment took over {stack}"))
        .hint("run the command again: it waits for the other one, and does what is left")
}
