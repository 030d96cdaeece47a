//! Waits for services and runs, whose state the engine is asked for again and again.

use std::time::{Duration, Instant};

use crate::amounts;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::names::PartName;
use crate::plan::deploy::cluster::{Running, Task};
use crate::plan::deploy::stack::{Desired, Stack};
use crate::plan::deploy::verdict::{self, RunState, Verdict};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// What an engine needs beside the time that a part has: it pulls, starts, looks at it, and goes back.
const ROOM: Duration = Duration::from_secs(120);
/// What each further container needs.
const EACH: Duration = Duration::from_secs(30);
/// An engine that has not answered for so long is not asked any more.
const SILENCE: Duration = Duration::from_secs(120);

/// A service as it is now; none where it is gone.
pub async fn look(engine: &Engine, stack: &Stack, part: &PartName) -> Result<Option<Running>> {
    let all = engine.services(&stack.name).await?;
    Ok(all.into_iter().find(|(name, _)| name == part).map(|(_, running)| running))
}

/// Looks at one part again and again. An answer that is lost fails nothing: managers choose a leader, lines break.
struct Watch<'a> {
    engine: &'a Engine,
    stack: &'a Stack,
    part: &'a PartName,
    begin: Instant,
    /// When the engine answered last.
    answered: Instant,
}

impl<'a> Watch<'a> {
    fn new(engine: &'a Engine, stack: &'a Stack, part: &'a PartName) -> Self {
        let now = Instant::now();
        Self { engine, stack, part, begin: now, answered: now }
    }

    /// The next answer: the service, or none where it is gone. An error when none came until the limit.
    async fn next(&mut self, longest: Duration) -> Result<Option<Running>> {
        loop {
            match look(self.engine, self.stack, self.part).await {
                Ok(found) => {
                    self.answered = Instant::now();
                    return Ok(found);
                }
                Err(error) if self.begin.elapsed() >= longest || self.answered.elapsed() >= SILENCE => {
                    return Err(error);
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// How long a service may take until all its containers are healthy.
fn longest(desired: &Desired) -> Duration {
    ROOM + (Duration::from_secs(desired.within) + EACH) * u32::try_from(desired.replicas).unwrap_or(1)
}

/// Waits until a service is healthy, or will not be; `earlier` are its containers from before.
pub async fn until_healthy(
    engine: &Engine,
    stack: &Stack,
    (part, desired): (&PartName, &Desired),
    earlier: &[Task],
) -> Result<Verdict> {
    let longest = longest(desired);
    let mut watch = Watch::new(engine, stack, part);
    loop {
        let Some(running) = watch.next(longest).await? else {
            return Ok(Verdict::Failed("somebody removed its service".to_owned()));
        };
        match verdict::of_service(desired, &running, earlier) {
            Verdict::Waiting(why) if watch.begin.elapsed() >= longest => {
                return Ok(Verdict::Failed(format!("not healthy within {}: {why}", amounts::limit(longest))));
            }
            Verdict::Waiting(_) => tokio::time::sleep(PAUSE).await,
            verdict => return Ok(verdict),
        }
    }
}

/// Waits until a run has ended; it is still under way when its time is up. Its time begins when its program does, and until
/// then a node may pull its image.
pub async fn until_ended(engine: &Engine, stack: &Stack, part: &PartName, desired: &Desired) -> Result<RunState> {
    let within = Duration::from_secs(desired.within);
    let mut watch = Watch::new(engine, stack, part);
    let mut started: Option<Instant> = None;
    loop {
        let Some(running) = watch.next(ROOM + within).await? else {
            return Ok(RunState::Failed("somebody removed its service".to_owned()));
        };
        let state = verdict::of_run(&running);
        if running.tasks.iter().any(Task::is_running) {
            started.get_or_insert_with(Instant::now);
        }
        let is_over =
            started.is_some_and(|started| started.elapsed() >= within) || watch.begin.elapsed() >= ROOM + within;
        if state != RunState::UnderWay || is_over {
            return Ok(state);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until the engine has ended an update, and `least` containers of what the service is now run.
pub async fn until_settled(engine: &Engine, stack: &Stack, part: &PartName, least: u64) -> Result<()> {
    let longest = stack.parts.get(part).map_or(ROOM, longest);
    let mut watch = Watch::new(engine, stack, part);
    loop {
        let Some(running) = watch.next(longest).await? else {
            return Err(Error::message(Kind::Failed, "somebody removed its service"));
        };
        match verdict::of_return(&running, least) {
            Some(Ok(())) => return Ok(()),
            Some(Err(why)) => return Err(Error::message(Kind::Failed, why)),
            None if watch.begin.elapsed() >= longest => {
                let message = format!("{} of {least} run after {}", running.up(), amounts::limit(longest));
                return Err(Error::message(Kind::Failed, message));
            }
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}
