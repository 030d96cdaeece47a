//! Parts that have ended unexpectedly, that are restarted again and again, or that print an error: who is notified,
//! once. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::amounts::bytes;
use crate::config::model::file::Notify;
use crate::config::model::occasions::Occasion;
use crate::names::PartName;
use crate::plan::observed::ContainerState;
use crate::plan::states::{CRASH_LOOP, is_crash_loop};
use crate::plan::watch::notify::News;

/// Errors of a part that are reported while a watcher runs; another one that differs only in numbers is the same.
const ERRORS: usize = 50;

/// What has happened to a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mishap {
    /// It ended with this code, and nobody had stopped it.
    Ended(i64),
    /// The kernel ended it for want of memory; its limit in bytes, 0 for none.
    OutOfMemory(i64),
    /// The engine has started it again so many times.
    CrashLoop(i64),
    /// It printed an error.
    Error(String),
}

/// What the engine says of a container that has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSeen {
    /// What it does.
    pub state: ContainerState,
    /// How often the engine has started it again.
    pub restarts: i64,
    /// Since when it does what it does, in seconds since 1970.
    pub since: Option<i64>,
    /// Its limit, where the kernel ended it for want of memory.
    pub out_of_memory: Option<i64>,
}

impl Mishap {
    /// What has happened to a container; none where it runs as it should.
    #[must_use]
    pub fn of(seen: &LastSeen, now: i64) -> Option<Self> {
        match (seen.state, seen.out_of_memory) {
            (state, _) if is_crash_loop(state, seen.restarts, seen.since, now) => Some(Self::CrashLoop(seen.restarts)),
            (ContainerState::Exited(_), Some(limit)) => Some(Self::OutOfMemory(limit)),
            (ContainerState::Exited(code), None) => Some(Self::Ended(code)),
            _ => None,
        }
    }

    /// The occasion on which people asked to be told.
    #[must_use]
    pub fn occasion(&self) -> Occasion {
        match self {
            Self::Error(_) => Occasion::Error,
            _ => Occasion::Died,
        }
    }

    fn code(&self) -> i64 {
        match self {
            Self::Ended(code) => *code,
            Self::OutOfMemory(_) => 137,
            Self::CrashLoop(_) | Self::Error(_) => 0,
        }
    }

    /// All this in a line.
    #[must_use]
    pub fn text(&self, part: &PartName) -> String {
        match self {
            Self::Ended(code) => format!("{part} exited unexpectedly with code {code}"),
            Self::OutOfMemory(0) => format!("{part} ran out of memory"),
            Self::OutOfMemory(limit) => {
                format!("{part} ran out of memory: its limit is {}", bytes(limit.unsigned_abs()))
            }
            Self::CrashLoop(restarts) => format!("{part} is in a crash loop: restarted {restarts} times"),
            Self::Error(line) => format!("{part} says: {line}"),
        }
    }
}

/// What was told of which part.
#[derive(Debug, Default)]
pub struct Deaths {
    /// Since when each part runs that does.
    up: BTreeMap<PartName, Duration>,
    told: BTreeSet<PartName>,
    errors: BTreeMap<PartName, BTreeSet<String>>,
}

impl Deaths {
    /// These parts run `at` this moment, and no others.
    pub fn run<'a>(&mut self, at: Duration, parts: impl Iterator<Item = &'a PartName>) {
        let now: BTreeSet<&PartName> = parts.collect();
        for (part, since) in &self.up {
            if !now.contains(part) && at.saturating_sub(*since) >= CRASH_LOOP {
                self.told.remove(part);
            }
        }
        self.up.retain(|part, _| now.contains(part));
        for part in now {
            self.up.entry(part.clone()).or_insert(at);
        }
    }

    /// Whether anybody is to be told.
    pub fn is_news(&mut self, part: &PartName, mishap: &Mishap) -> bool {
        match mishap {
            Mishap::Error(line) => {
                let errors = self.errors.entry(part.clone()).or_default();
                let bare: String = line.chars().filter(|c| !c.is_ascii_digit()).collect();
                errors.len() < ERRORS && errors.insert(bare)
            }
            _ => self.told.insert(part.clone()),
        }
    }
}

/// What there is to tell; none where nobody asked for it.
#[must_use]
pub fn news(notify: &Notify, project: &str, part: &PartName, mishap: &Mishap, lines: Vec<String>) -> Option<News> {
    let result = mishap.occasion();
    let is_asked = |on: &Occasion| *on == result || (*on == Occasion::Any && result != Occasion::Error);
    notify.on.0.iter().any(is_asked).then(|| News {
        project: project.to_owned(),
        module: part.clone(),
        step: None,
        result,
        code: mishap.code(),
        took: 0,
        lines,
        text: format!("{project}: {}", mishap.text(part)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::occasions::Occasions;

    fn name(name: &str) -> PartName {
        PartName::new(name).unwrap()
    }

    #[test]
    fn a_crash_loop_is_what_status_calls_one() {
        let began = 1_767_225_600;
        let of = |state, restarts, now| {
            Mishap::of(&LastSeen { state, restarts, since: Some(began), out_of_memory: None }, began + now)
        };
        assert_eq!(of(ContainerState::Restarting, 3, 5), Some(Mishap::CrashLoop(3)));
        assert_eq!(of(ContainerState::Running, 3, 86_400), None, "it has come out of it");
        assert_eq!(of(ContainerState::Exited(143), 3, 5), Some(Mishap::Ended(143)));
        assert_eq!(of(ContainerState::Running, 1, 5), None);
        let hungry = LastSeen { state: ContainerState::Exited(137), restarts: 0, since: None, out_of_memory: Some(16) };
        assert_eq!(Mishap::of(&hungry, began), Some(Mishap::OutOfMemory(16)));
    }

    #[test]
    fn a_part_that_dies_again_and_again_is_told_once_until_it_has_run_for_a_minute() {
        let (api, ended) = (name("api"), Mishap::Ended(3));
        let mut deaths = Deaths::default();
        let at = Duration::from_secs;
        deaths.run(at(0), [&api].into_iter());
        deaths.run(at(5), [].into_iter());
        assert!(deaths.is_news(&api, &ended));
        deaths.run(at(10), [&api].into_iter());
        deaths.run(at(20), [].into_iter());
        assert!(!deaths.is_news(&api, &ended));
        deaths.run(at(30), [&api].into_iter());
        deaths.run(at(100), [].into_iter());
        assert!(deaths.is_news(&api, &Mishap::OutOfMemory(0)));
    }

    #[test]
    fn the_same_error_with_another_number_is_the_same() {
        let mut deaths = Deaths::default();
        let is_news = |deaths: &mut Deaths, line: &str| deaths.is_news(&name("api"), &Mishap::Error(line.to_owned()));
        assert!(is_news(&mut deaths, "ERROR order 17"));
        assert!(!is_news(&mut deaths, "ERROR order 18"));
        assert!(is_news(&mut deaths, "ERROR payment 18"));
    }

    #[test]
    fn deaths_are_told_unless_only_steps_were_asked_for_and_errors_on_request_alone() {
        let told = |on: &[Occasion], mishap: Mishap| {
            let notify = Notify { on: Occasions(on.to_vec()), ..Notify::default() };
            news(&notify, "shop", &name("api"), &mishap, Vec::new()).map(|news| news.text)
        };
        let loops = Some("shop: api is in a crash loop: restarted 4 times".to_owned());
        assert_eq!(told(&[Occasion::Any], Mishap::CrashLoop(4)), loops);
        let memory = Some("shop: api ran out of memory: its limit is 16 MB".to_owned());
        assert_eq!(told(&[Occasion::Died], Mishap::OutOfMemory(16_000_000)), memory);
        assert_eq!(told(&[Occasion::Failed], Mishap::Ended(1)), None);
        assert_eq!(told(&[Occasion::Any], Mishap::Error("no".to_owned())), None);
        assert_eq!(told(&[Occasion::Error], Mishap::Error("no".to_owned())), Some("shop: api says: no".to_owned()));
    }
}
