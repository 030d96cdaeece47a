//! Deals tests to splits: at first each gets one of the shares that hold the longest tests, then they draw batches of what
//! is left. What a split that dies has not finished goes back to the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::plan::tasks::splits::times::Times;

/// The part of the time that is dealt out at first. The rest evens out what was expected wrongly.
const FIRST: f64 = 0.9;
/// A batch takes at least so many starts of the runner, so that these do not count.
const STARTS: f64 = 5.0;
/// Bytes of the names of a batch: they are one variable, which the kernel limits to 128 KiB.
const MOST_BYTES: usize = 96 << 10;

/// A test that waits for its turn.
#[derive(Debug, Clone, PartialEq)]
struct Waiting {
    name: String,
    seconds: f64,
}

/// The tests of a task on their way to splits.
#[derive(Debug, Clone)]
pub struct Deal {
    into: u32,
    start: f64,
    /// What each split begins with, the longest last.
    shares: Vec<Vec<Waiting>>,
    /// Everything else, the longest first.
    rest: VecDeque<Waiting>,
    /// What splits run now.
    out: BTreeMap<u32, Vec<Waiting>>,
    /// Splits that have begun.
    begun: BTreeSet<u32>,
}

impl Deal {
    /// Tests for so many splits.
    #[must_use]
    pub fn new(tests: Vec<String>, times: &Times, into: u32) -> Self {
        let expected = times.expected(&tests);
        let mut all: Vec<Waiting> =
            tests.into_iter().zip(expected).map(|(name, seconds)| Waiting { name, seconds }).collect();
        all.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        // Where no time is known nothing can be shared out: all is drawn.
        let first = if times.is_empty() { 0.0 } else { FIRST * all.iter().map(|test| test.seconds).sum::<f64>() };
        let mut shares: Vec<(f64, Vec<Waiting>)> = (0..into.max(1)).map(|_| (0.0, Vec::new())).collect();
        let (mut dealt, mut rest) = (0.0, VecDeque::new());
        for test in all {
            let least = shares.iter_mut().min_by(|(a, _), (b, _)| a.total_cmp(b));
            match least {
                Some((load, share)) if dealt < first => {
                    dealt += test.seconds;
                    *load += test.seconds;
                    share.push(test);
                }
                _ => rest.push_back(test),
            }
        }
        shares.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let shares = shares.into_iter().map(|(_, share)| share).filter(|share| !share.is_empty()).collect();
        let (out, begun) = (BTreeMap::new(), BTreeSet::new());
        Self { into: into.max(1), start: times.start(), shares, rest, out, begun }
    }

    /// These batches alone, one after the other, for one split.
    #[must_use]
    pub fn again(batches: Vec<Vec<String>>) -> Self {
        let waiting = |tests: Vec<String>| tests.into_iter().map(|name| Waiting { name, seconds: 0.0 }).collect();
        let shares = batches.into_iter().rev().map(waiting).collect();
        Self { shares, ..Self::new(Vec::new(), &Times::default(), 1) }
    }

    /// The tests that a split runs next; none where nothing waits. What others run may still come back.
    pub fn draw(&mut self, split: u32) -> Option<Vec<String>> {
        let is_new = self.begun.insert(split);
        if !is_new && self.rest.is_empty() {
            // Whoever should have begun with these is not there yet.
            self.put_back(|deal| deal.shares.pop());
        }
        let share = if is_new { self.shares.pop() } else { None };
        let batch = match share {
            Some(share) => self.fitting(share),
            None => {
                let batch = self.batch();
                if batch.is_empty() && !self.shares.is_empty() {
                    self.shares.pop().map(|share| self.fitting(share)).unwrap_or_default()
                } else {
                    batch
                }
            }
        };
        if batch.is_empty() {
            return None;
        }
        let names = batch.iter().map(|test| test.name.clone()).collect();
        self.out.insert(split, batch);
        Some(names)
    }

    /// A split has finished what it ran.
    pub fn finished(&mut self, split: u32) {
        self.out.remove(&split);
    }

    /// A split has died: what it ran is run by others.
    pub fn died(&mut self, split: u32) {
        self.put_back(|deal| deal.out.remove(&split));
    }

    /// Whether every test was run.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.out.is_empty() && self.rest.is_empty() && self.shares.is_empty()
    }

    fn put_back(&mut self, of: impl FnOnce(&mut Self) -> Option<Vec<Waiting>>) {
        if let Some(tests) = of(self) {
            self.rest.extend(tests);
            self.rest.make_contiguous().sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        }
    }

    /// What fits into one batch of a share; the rest of it is drawn later.
    fn fitting(&mut self, share: Vec<Waiting>) -> Vec<Waiting> {
        let mut bytes = 0;
        let (now, later): (Vec<Waiting>, Vec<Waiting>) = share.into_iter().partition(|test| {
            bytes += test.name.len() + 1;
            bytes <= MOST_BYTES
        });
        self.put_back(|_| Some(later));
        now
    }

    /// Takes the longest tests of the rest, as many as are worth a start.
    fn batch(&mut self) -> Vec<Waiting> {
        let left: f64 = self.rest.iter().map(|test| test.seconds).sum();
        let wanted = (STARTS * self.start).max(left / f64::from(2 * self.into));
        let (mut batch, mut taken, mut bytes) = (Vec::new(), 0.0, 0);
        while let Some(test) = self.rest.front() {
            let is_enough = taken + test.seconds / 2.0 > wanted || bytes + test.name.len() >= MOST_BYTES;
            if is_enough && !batch.is_empty() {
                break;
            }
            (taken, bytes) = (taken + test.seconds, bytes + test.name.len() + 1);
            batch.extend(self.rest.pop_front());
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tasks::splits::manifest::{Batch, Manifest, Outcome};

    fn times(tests: &[(&str, f64)], start: f64) -> Times {
        let mut manifest = Manifest::new(1);
        let times: BTreeMap<String, f64> = tests.iter().map(|(test, seconds)| ((*test).to_owned(), *seconds)).collect();
        let seconds = times.values().sum::<f64>() + start;
        manifest.add(1, Batch { tests: Vec::new(), seconds, times, outcome: Outcome::Ended(0) });
        Times::of([&manifest])
    }

    fn deal(tests: &[(&str, f64)], start: f64, into: u32) -> Deal {
        Deal::new(tests.iter().map(|(test, _)| (*test).to_owned()).collect(), &times(tests, start), into)
    }

    const TESTS: [(&str, f64); 6] = [("a", 8.0), ("b", 5.0), ("c", 4.0), ("d", 1.0), ("e", 1.0), ("f", 1.0)];

    #[test]
    fn the_longest_come_first_and_the_rest_is_drawn() {
        let mut deal = deal(&TESTS, 0.1, 2);
        assert_eq!(deal.draw(1).unwrap(), ["b", "c"]);
        assert_eq!(deal.draw(2).unwrap(), ["a", "d"]);
        deal.finished(2);
        assert_eq!(deal.draw(2).unwrap(), ["e"]);
        deal.finished(1);
        assert_eq!(deal.draw(1).unwrap(), ["f"]);
        deal.finished(2);
        assert_eq!(deal.draw(2), None);
        assert!(!deal.is_over());
        deal.finished(1);
        assert!(deal.is_over());
    }

    #[test]
    fn a_batch_is_worth_its_start() {
        let mut deal = deal(&TESTS, 0.6, 2);
        assert_eq!((deal.draw(1).is_some(), deal.draw(2).is_some()), (true, true));
        deal.finished(1);
        assert_eq!(deal.draw(1).unwrap(), ["e", "f"]);
    }

    #[test]
    fn what_a_split_that_dies_or_never_begins_had_is_run_by_the_others() {
        let mut deal = deal(&TESTS, 0.1, 2);
        deal.draw(1);
        deal.draw(2);
        deal.died(2);
        deal.finished(1);
        let mut ran = Vec::new();
        while let Some(batch) = deal.draw(1) {
            deal.finished(1);
            ran.extend(batch);
        }
        assert!(deal.is_over());
        assert_eq!(ran, ["a", "e", "f", "d"]);
        let mut alone = self::deal(&TESTS, 0.1, 4);
        let mut ran = Vec::new();
        while let Some(batch) = alone.draw(3) {
            alone.finished(3);
            ran.extend(batch);
        }
        ran.sort();
        assert!(alone.is_over());
        assert_eq!(ran, ["a", "b", "c", "d", "e", "f"]);
    }

    #[test]
    fn batches_that_are_run_again_stay_as_they_were() {
        let batches =
            [vec!["b", "a"], vec!["d", "c"], vec!["e"]].map(|tests| tests.iter().map(ToString::to_string).collect());
        let batches: Vec<Vec<String>> = batches.into();
        let mut deal = Deal::again(batches.clone());
        let mut ran = Vec::new();
        while let Some(batch) = deal.draw(3) {
            deal.finished(3);
            ran.push(batch);
        }
        assert_eq!(ran, batches);
        assert!(deal.is_over());
    }

    #[test]
    fn names_that_are_too_many_for_one_variable_are_several_batches() {
        let names: Vec<String> = (0..4_000).map(|at| format!("tests/test_{at:0>40}.py")).collect();
        let tests: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
        let mut deal = deal(&tests, 0.1, 1);
        let mut many = 0;
        while let Some(batch) = deal.draw(1) {
            assert!(batch.iter().map(|name| name.len() + 1).sum::<usize>() <= MOST_BYTES + 64);
            many += batch.len();
            deal.finished(1);
        }
        assert_eq!(many, names.len());
    }
}
