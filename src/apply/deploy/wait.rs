//! Waits for services and runs, whose state the engine is asked for again and again.

use std::time::{Duration, Instant};

use crate::amounts;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::names::PartName;
use crate::plan::deploy::cluster::{Running, Task, Update};
use crate::plan::deploy::stack::{Desired, Stack};
use crate::plan::deploy::verdict::{self, RunState, Verdict};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// What an engine needs beside the time that a part has: it pulls, starts, looks at it, and goes back.
pub const ROOM: Duration = Duration::from_secs(120);
/// What each further container needs.
const EACH: Duration = Duration::from_secs(30);
/// How long a service may be held up by what only somebody else can change.
const HELD_UP: Duration = Duration::from_secs(30);
/// An engine that has not answered for so long is not asked any more.
const SILENCE: Duration = Duration::from_secs(120);

/// A service as it is now; none where it is gone.
pub async fn look(engine: &Engine, stack: &Stack, part: &PartName) -> Result<Option<Running>> {
    let all = engine.services(&stack.name).await?;
    Ok(all.into_iter().find(|(name, _)| name == part).map(|(_, running)| running))
}

/// Looks at one part again and again. An answer that is lost fails nothing: managers choose a leader, lines break.
pub struct Watch<'a> {
    engine: &'a Engine,
    stack: &'a Stack,
    part: &'a PartName,
    begin: Instant,
    longest: Duration,
    /// When the engine answered last.
    answered: Instant,
}

impl<'a> Watch<'a> {
    /// One that ends after so long, however many things are waited for.
    #[must_use]
    pub fn new(engine: &'a Engine, stack: &'a Stack, part: &'a PartName, longest: Duration) -> Self {
        let now = Instant::now();
        Self { engine, stack, part, begin: now, longest, answered: now }
    }

    fn is_over(&self) -> bool {
        self.begin.elapsed() >= self.longest
    }

    /// The next answer: the service, or none where it is gone. An error when none came until the limit.
    async fn next(&mut self) -> Result<Option<Running>> {
        loop {
            match look(self.engine, self.stack, self.part).await {
                Ok(found) => {
                    self.answered = Instant::now();
                    return Ok(found);
                }
                Err(error) if self.is_over() || self.answered.elapsed() >= SILENCE => return Err(error),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Waits until a verdict is final. What holds a service up may go away, but not for long: nodes restart.
    async fn until(&mut self, judge: impl Fn(&Running) -> Verdict) -> Result<Verdict> {
        let mut held_up: Option<Instant> = None;
        loop {
            let Some(running) = self.next().await? else {
                return Ok(Verdict::Failed("somebody removed its service".to_owned()));
            };
            let why = match judge(&running) {
                Verdict::HeldUp(why) if held_up.get_or_insert_with(Instant::now).elapsed() >= HELD_UP => {
                    return Ok(Verdict::Failed(why));
                }
                Verdict::HeldUp(why) => why,
                Verdict::Waiting(why) => {
                    held_up = None;
                    why
                }
                verdict => return Ok(verdict),
            };
            if self.is_over() {
                return Ok(Verdict::Failed(format!("not healthy within {}: {why}", amounts::limit(self.longest))));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits while the engine goes back by itself.
    pub async fn while_engine_goes_back(&mut self) -> Result<Verdict> {
        self.until(|running| match running.update {
            Update::GoingBack => Verdict::Waiting("the engine rolls it back".to_owned()),
            _ => Verdict::Healthy,
        })
        .await
    }

    /// Waits until `least` containers of what the service is now run.
    pub async fn until_back(&mut self, least: u64) -> Result<()> {
        match self.until(|running| verdict::of_return(running, least)).await? {
            Verdict::Failed(why) => Err(Error::message(Kind::Failed, why)),
            _ => Ok(()),
        }
    }
}

/// How long a service may take until all its containers are healthy.
#[must_use]
pub fn longest(desired: &Desired) -> Duration {
    ROOM + (Duration::from_secs(desired.within) + EACH) * u32::try_from(desired.replicas).unwrap_or(1)
}

/// Waits until a service is healthy, or will not be; `earlier` are its containers from before.
pub async fn until_healthy(
    engine: &Engine,
    stack: &Stack,
    (part, desired): (&PartName, &Desired),
    earlier: &[Task],
) -> Result<Verdict> {
    let mut watch = Watch::new(engine, stack, part, longest(desired));
    watch.until(|running| verdict::of_service(desired, running, earlier)).await
}

/// How a run has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Well.
    Done,
    /// Not well.
    Failed(String),
    /// It has not: it would go on, or begin some day, unless it is stopped.
    Overran(String),
}

/// Waits until a run has ended, or its time is up. Its time begins when its program does, and until then a node may pull its
/// image.
pub async fn until_ended(engine: &Engine, stack: &Stack, part: &PartName, desired: &Desired) -> Result<Ended> {
    let within = Duration::from_secs(desired.within);
    let mut watch = Watch::new(engine, stack, part, ROOM + within);
    let (mut started, mut held_up): (Option<Instant>, Option<Instant>) = (None, None);
    loop {
        let Some(running) = watch.next().await? else {
            return Ok(Ended::Failed("somebody removed its service".to_owned()));
        };
        match verdict::of_run(&running) {
            RunState::Done => return Ok(Ended::Done),
            RunState::Failed(why) => return Ok(Ended::Failed(why)),
            RunState::UnderWay => {}
        }
        match verdict::unplaced(running.tasks.iter()) {
            Some(why) if held_up.get_or_insert_with(Instant::now).elapsed() >= HELD_UP => {
                return Ok(Ended::Overran(why));
            }
            Some(_) => {}
            None => held_up = None,
        }
        if running.tasks.iter().any(Task::is_running) {
            started.get_or_insert_with(Instant::now);
        }
        let is_over = started.is_some_and(|started| started.elapsed() >= within) || watch.is_over();
        if is_over {
            return Ok(Ended::Overran(format!("it did not end within {}", amounts::limit(within))));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
