//! A watched environment that tests play with.

use super::*;
use crate::plan::watch::tests::rule;

pub(super) fn part(name: &str) -> PartName {
    PartName::new(name).unwrap()
}

/// A watched environment at work.
pub(super) struct Play {
    pub(super) loops: Loops,
    pub(super) at: Duration,
    said: String,
}

impl Play {
    /// `api` in `api/` builds, lints, tests and restarts after that; `worker` in `worker/` only restarts, and needs `api`.
    pub(super) fn new() -> Self {
        Self::with(&[LoopStep::Build, LoopStep::Lint, LoopStep::Test, LoopStep::Restart])
    }

    /// The same with these steps of `api`.
    pub(super) fn with(steps: &[LoopStep]) -> Self {
        let mut play = Self { loops: Loops::default(), at: Duration::from_secs(100), said: String::new() };
        let mut rules = Rules::new();
        rules.insert(part("api"), rule("api", steps, &["*.md"]));
        let mut worker = rule("worker", &[LoopStep::Restart], &[]);
        worker.needs = vec![part("api")];
        rules.insert(part("worker"), worker);
        play.take(WatchEvent::Configured(rules));
        play.take(WatchEvent::Up(part("api")));
        play.take(WatchEvent::Up(part("worker")));
        play
    }

    pub(super) fn take(&mut self, event: WatchEvent) {
        for action in self.loops.take(event) {
            self.said.push_str(&format!("{action}\n"));
        }
    }

    pub(super) fn change(&mut self, paths: &[(&str, FileChange)]) {
        let paths = paths.iter().map(|(path, change)| ((*path).to_owned(), *change)).collect();
        self.take(WatchEvent::Changed(self.at, paths));
    }

    /// Waits until what changed counts.
    pub(super) fn wait(&mut self) {
        self.at += Duration::from_secs(1);
        self.take(WatchEvent::Tick(self.at));
    }

    pub(super) fn save(&mut self, path: &str) {
        self.change(&[(path, FileChange::Written)]);
        self.wait();
    }

    pub(super) fn end(&mut self, module: &str, run: u64, end: End) {
        self.take(WatchEvent::Ended(part(module), run, end));
    }

    /// What was said since the last time.
    pub(super) fn said(&mut self) -> String {
        std::mem::take(&mut self.said)
    }
}
