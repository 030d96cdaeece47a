//! How long tests take, as earlier runs know it.

use std::collections::BTreeMap;

use crate::plan::tasks::splits::manifest::Manifest;

/// How many of the last runs count.
const LAST: usize = 5;
/// What one start of the test runner is expected to take of which nothing is known, in seconds.
const START: f64 = 0.5;

/// Times in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Times {
    tests: BTreeMap<String, f64>,
    start: Option<f64>,
}

impl Times {
    /// What these runs of a task know, the newest first: the middle of the last times of each test, and what a start of
    /// the runner takes apart from its tests.
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a Manifest>) -> Self {
        let mut tests: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut starts = Vec::new();
        for run in runs.into_iter().take(LAST) {
            for batch in run.done() {
                for (test, seconds) in &batch.times {
                    tests.entry(test.clone()).or_default().push(*seconds);
                }
                starts.push((batch.seconds - batch.times.values().sum::<f64>()).max(0.0));
            }
        }
        let tests = tests.into_iter().filter_map(|(test, all)| Some((test, middle(all)?))).collect();
        Self { tests, start: middle(starts) }
    }

    /// Whether no test is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// What a start of the runner takes.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.start.unwrap_or(START)
    }

    /// What each of these is expected to take: one that is not known as much as the middle of those that are; where none
    /// is, all the same.
    #[must_use]
    pub fn expected(&self, tests: &[String]) -> Vec<f64> {
        let known = |test: &String| self.tests.get(test).copied();
        let usual =
            middle(tests.iter().filter_map(known).collect()).or_else(|| middle(self.tests.values().copied().collect()));
        tests.iter().map(|test| known(test).or(usual).unwrap_or(1.0)).collect()
    }
}

/// The middle of all.
fn middle(mut all: Vec<f64>) -> Option<f64> {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tasks::splits::manifest::{Batch, Outcome};

    fn run(seconds: f64, times: &[(&str, f64)], outcome: Outcome) -> Manifest {
        let mut manifest = Manifest::new(2);
        let batch = Batch {
            tests: times.iter().map(|(test, _)| (*test).to_owned()).collect(),
            seconds,
            times: times.iter().map(|(test, seconds)| ((*test).to_owned(), *seconds)).collect(),
            outcome,
        };
        manifest.add(1, batch);
        manifest
    }

    #[test]
    fn the_middle_of_the_last_runs_counts_and_a_start_is_known_apart() {
        let done = Outcome::Ended(0);
        let runs = [
            run(3.5, &[("a", 1.0), ("b", 2.0)], done),
            run(9.5, &[("a", 9.0)], done),
            run(3.5, &[("a", 3.0)], done),
            run(99.0, &[], Outcome::Lost),
        ];
        let times = Times::of(&runs);
        assert_eq!(times.start(), 0.5);
        let names = ["a", "b", "new"].map(str::to_owned);
        assert_eq!(times.expected(&names), [3.0, 2.0, 3.0]);
    }

    #[test]
    fn where_nothing_is_known_all_are_the_same() {
        let times = Times::of([]);
        assert!(times.is_empty());
        assert_eq!(times.expected(&["a".to_owned(), "b".to_owned()]), [1.0, 1.0]);
    }
}
