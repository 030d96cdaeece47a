//! What each part does: one enum that `status`, `why` and `graph` show, and the sentences that are made from it. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::amounts::bytes;
use crate::plan::environment::lifecycle::End;
use crate::plan::observed::{Container, ContainerState, EngineHealth, Observed, STOPPED};
use crate::plan::parts::{Part, PartKind};

/// How often the engine starts a container again before that is called a crash loop.
pub const CRASHES: i64 = 3;
/// A container that has run longer than this has come out of its crash loop.
pub const CRASH_LOOP: Duration = Duration::from_secs(60);

/// What a part does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartState {
    /// It has no container.
    NotCreated,
    /// Its container was never started.
    Created,
    /// It runs, and has no probe.
    Running,
    /// It runs, and does not answer its probe.
    NotReady,
    /// It runs and answers.
    Healthy,
    /// It runs, and the engine's own check says no.
    Unhealthy,
    /// It has done what it was for.
    Done,
    /// It was stopped.
    Stopped,
    /// It ended by itself with this code.
    Ended(i64),
    /// Its program ended with this code after a file was saved; its runner waits for the next one.
    Died(i64),
    /// The kernel ended it for want of memory; its limit in bytes, 0 for none.
    OutOfMemory(i64),
    /// The engine starts it again and again, so many times by now.
    CrashLoop(i64),
    /// Its processes are frozen.
    Paused,
    /// The engine is about to start it again.
    Restarting,
    /// It is being removed.
    Removing,
    /// Its containers do different things: how many of how many are in which state.
    Several(Vec<(usize, PartState)>, usize),
}

/// What a state means to somebody who looks for trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Good,
    /// It does not run, and nothing went wrong.
    Off,
    /// It may come any moment.
    Waiting,
    /// Something went wrong.
    Bad,
}

impl PartState {
    /// The word that programs compare.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotCreated => "not-created",
            Self::Created => "created",
            Self::Running => "running",
            Self::NotReady => "not-ready",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Ended(_) => "ended",
            Self::Died(_) => "died",
            Self::OutOfMemory(_) => "out-of-memory",
            Self::CrashLoop(_) => "crash-loop",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Several(..) => "several",
        }
    }

    /// What it means.
    #[must_use]
    pub fn verdict(&self) -> Severity {
        match self {
            Self::Running | Self::Healthy | Self::Done => Severity::Good,
            Self::NotCreated | Self::Created | Self::Stopped | Self::Paused | Self::Removing => Severity::Off,
            Self::NotReady | Self::Restarting => Severity::Waiting,
            Self::Unhealthy | Self::Ended(_) | Self::Died(_) | Self::OutOfMemory(_) | Self::CrashLoop(_) => {
                Severity::Bad
            }
            Self::Several(states, _) => states.iter().map(|(_, state)| state.verdict()).max().unwrap_or(Severity::Off),
        }
    }

    /// Whether its container runs, or one of them does.
    #[must_use]
    pub fn runs(&self) -> bool {
        matches!(
            self,
            Self::Running | Self::NotReady | Self::Healthy | Self::Unhealthy | Self::Died(_) | Self::Several(..)
        )
    }

    /// The exit code that belongs to it.
    #[must_use]
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Ended(code) | Self::Died(code) => Some(*code),
            _ => None,
        }
    }
}

/// In one word or a few.
impl std::fmt::Display for PartState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotCreated => f.write_str("not created"),
            Self::NotReady => f.write_str("not ready"),
            Self::Removing => f.write_str("being removed"),
            Self::Ended(code) => write!(f, "ended with code {code}"),
            Self::Died(code) => write!(f, "ended with code {code}, waits for a saved file"),
            Self::OutOfMemory(0) => f.write_str("out of memory"),
            Self::OutOfMemory(limit) => write!(f, "out of memory: its limit is {}", bytes(limit.unsigned_abs())),
            Self::CrashLoop(restarts) => write!(f, "crash loop: restarted {restarts} times"),
            Self::Several(states, wanted) => {
                let all: Vec<String> =
                    states.iter().map(|(count, state)| format!("{count} of {wanted} {state}")).collect();
                f.write_str(&all.join(", "))
            }
            _ => f.write_str(self.word()),
        }
    }
}

/// What the engine knows about a container beyond its list, and what its part answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Life {
    /// When it was started, or has ended where it does not run, in seconds since 1970.
    pub since: Option<i64>,
    /// How often the engine has started it again.
    pub restarts: i64,
    /// Whether the kernel ended it for want of memory.
    pub out_of_memory: bool,
    /// Its memory limit in bytes; 0 for none.
    pub memory_limit: i64,
    /// The last answer to its probe, or output of its health check, where it is not ready.
    pub probe: Option<String>,
    /// The code of its program, where its runner waits for a saved file.
    pub died: Option<i64>,
}

/// By the id of the container.
pub type Lives = BTreeMap<String, Life>;

/// What a part does `now`, in seconds since 1970.
#[must_use]
pub fn of(part: &Part, observed: &Observed, lives: &Lives, now: i64) -> PartState {
    let mut states: Vec<PartState> = observed
        .containers_of(&part.name)
        .map(|container| {
            let life = lives.get(&container.id).cloned().unwrap_or_default();
            of_container(part, container, &life, observed.ready.contains(&part.name), now)
        })
        .collect();
    states.sort();
    let wanted = part.lifecycle.replicas;
    match states.first() {
        None if observed.done.contains_key(&part.name) => PartState::Done,
        None => PartState::NotCreated,
        Some(first) if states.iter().all(|state| state == first) && states.len() == wanted => first.clone(),
        Some(_) => {
            let mut counted: Vec<(usize, PartState)> = Vec::new();
            for state in states {
                match counted.iter_mut().find(|(_, known)| *known == state) {
                    Some((count, _)) => *count += 1,
                    None => counted.push((1, state)),
                }
            }
            PartState::Several(counted, wanted)
        }
    }
}

/// Whether a container crashes in a loop: the engine has started it again several times, and it has not run for long since.
/// One that has ended for good is in none.
#[must_use]
pub fn is_crash_loop(state: ContainerState, restarts: i64, since: Option<i64>, now: i64) -> bool {
    let is_young = since.is_none_or(|since| now - since < CRASH_LOOP.as_secs().cast_signed());
    matches!(state, ContainerState::Running | ContainerState::Restarting) && restarts >= CRASHES && is_young
}

/// What one container of a part does `now`, in seconds since 1970.
#[must_use]
pub fn of_container(part: &Part, container: &Container, life: &Life, is_ready: bool, now: i64) -> PartState {
    match (container.state, part.kind) {
        (state, _) if is_crash_loop(state, life.restarts, life.since, now) => PartState::CrashLoop(life.restarts),
        (ContainerState::Running, _) if part.probe.is_none() => match container.health {
            EngineHealth::Unhealthy => PartState::Unhealthy,
            EngineHealth::Starting => PartState::NotReady,
            EngineHealth::Healthy => PartState::Healthy,
            EngineHealth::Unknown => life.died.map_or(PartState::Running, PartState::Died),
        },
        (ContainerState::Running, _) if is_ready => PartState::Healthy,
        (ContainerState::Running, _) => life.died.map_or(PartState::NotReady, PartState::Died),
        (ContainerState::Created, _) => PartState::Created,
        (ContainerState::Exited(_), _) if life.out_of_memory => PartState::OutOfMemory(life.memory_limit),
        (ContainerState::Exited(0), PartKind::Task) => PartState::Done,
        (ContainerState::Exited(0), _) if part.lifecycle.end == End::Done => PartState::Done,
        (ContainerState::Exited(0 | STOPPED), _) => PartState::Stopped,
        (ContainerState::Exited(code), _) => PartState::Ended(code),
        (ContainerState::Paused, _) => PartState::Paused,
        (ContainerState::Restarting, _) => PartState::Restarting,
        (ContainerState::Removing, _) => PartState::Removing,
    }
}

#[cfg(test)]
#[path = "states_tests.rs"]
mod tests;
