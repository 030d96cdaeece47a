//! Splits of suites that nobody has timed, simulated: how even they are, and that no test is lost or run twice.

use std::collections::BTreeMap;

use crate::plan::tasks::splits::deal::Deal;
use crate::plan::tasks::splits::manifest::{Batch, Manifest, Outcome};
use crate::plan::tasks::splits::times::Times;

/// Numbers by chance, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * ((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// About a normal distribution.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.between(0.0, 1.0)).sum::<f64>() - 6.0
    }
}

/// By the clock, so that each run tries others; `DEVENV_SEED` repeats one.
fn seed() -> u64 {
    let given = std::env::var("DEVENV_SEED").ok().and_then(|text| text.parse().ok());
    let clock = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::from(since.subsec_nanos()) + since.as_secs()
    };
    let seed = given.unwrap_or_else(clock).max(1);
    println!("DEVENV_SEED={seed}");
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}

/// A suite as it really is.
struct Suite {
    tests: Vec<(String, f64)>,
    start: f64,
    into: u32,
    /// How much a time differs between runs.
    noise: f64,
}

impl Suite {
    fn by(chance: &mut Chance) -> Self {
        let many = 40 + chance.below(360);
        let spread = chance.between(0.5, 1.5);
        let middle = chance.between(0.1, 3.0);
        let tests: Vec<(String, f64)> =
            (0..many).map(|at| (format!("test_{at}"), middle * (spread * chance.normal()).exp())).collect();
        let into = 2 + u32::try_from(chance.below(7)).unwrap();
        let total: f64 = tests.iter().map(|(_, seconds)| seconds).sum();
        // Who splits a suite has more to run than starts of the runner.
        let start = chance.between(0.002, 0.02) * total / f64::from(into);
        Self { tests, start, into, noise: chance.between(0.0, 0.15) }
    }

    fn names(&self) -> Vec<String> {
        self.tests.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Nobody can be faster than an even share, or than the longest test.
    fn ideal(&self, now: &BTreeMap<&str, f64>) -> f64 {
        let longest = now.values().copied().fold(0.0, f64::max);
        self.start + longest.max(now.values().sum::<f64>() / f64::from(self.into))
    }

    /// One run: the slowest split in relation to the ideal, and what it has recorded. In `dying`, containers of splits die in
    /// the middle of a batch.
    fn run(&self, times: &Times, chance: &mut Chance, dying: bool) -> (f64, Manifest) {
        let now: BTreeMap<&str, f64> = self
            .tests
            .iter()
            .map(|(name, seconds)| (name.as_str(), seconds * (self.noise * chance.normal()).exp()))
            .collect();
        let mut deal = Deal::new(self.names(), times, self.into);
        let mut manifest = Manifest::new(self.into);
        // When each split is free: environments are ready one after the other.
        let mut free: BTreeMap<u32, f64> = (1..=self.into).map(|split| (split, 0.0)).collect();
        let mut running: BTreeMap<u32, (f64, Batch)> = BTreeMap::new();
        let mut slowest: f64 = 0.0;
        loop {
            let idle: Vec<u32> = free.keys().copied().filter(|split| !running.contains_key(split)).collect();
            for split in idle {
                if let Some(tests) = deal.draw(split) {
                    let times: BTreeMap<String, f64> =
                        tests.iter().map(|test| (test.clone(), now[test.as_str()])).collect();
                    let seconds = self.start + times.values().sum::<f64>();
                    let batch = Batch { tests, seconds, times, outcome: Outcome::Ended(0) };
                    running.insert(split, (free[&split] + seconds, batch));
                }
            }
            let first = running.iter().min_by(|(_, a), (_, b)| a.0.total_cmp(&b.0)).map(|(split, _)| *split);
            let Some((split, (at, mut batch))) = first.and_then(|split| Some((split, running.remove(&split)?))) else {
                break;
            };
            if dying && free.len() > 1 && chance.below(4) == 0 {
                free.remove(&split);
                free.values_mut().for_each(|free| *free = free.max(at));
                (batch.outcome, batch.times) = (Outcome::Lost, BTreeMap::new());
                manifest.add(split, batch);
                deal.died(split);
                continue;
            }
            deal.finished(split);
            free.insert(split, at);
            slowest = slowest.max(at);
            manifest.add(split, batch);
        }
        assert!(deal.is_over());
        (slowest / self.ideal(&now), manifest)
    }
}

/// The middle and the 95th of a hundred.
fn figures(mut all: Vec<f64>) -> (f64, f64) {
    all.sort_by(f64::total_cmp);
    (all[all.len() / 2], all[all.len() * 95 / 100])
}

#[test]
fn after_three_runs_the_slowest_split_is_near_the_ideal() {
    let mut chance = Chance(seed());
    let (mut unknown, mut known) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let suite = Suite::by(&mut chance);
        let mut runs = Vec::new();
        for run in 0..4 {
            let (ratio, manifest) = suite.run(&Times::of(&runs), &mut chance, false);
            match run {
                0 => unknown.push(ratio),
                3 => known.push(ratio),
                _ => {}
            }
            runs.insert(0, manifest);
        }
    }
    let ((middle, most), (middle_unknown, most_unknown)) = (figures(known), figures(unknown));
    println!("after three runs: median {middle:.3}, p95 {most:.3}; with none: {middle_unknown:.3}, {most_unknown:.3}");
    assert!(middle <= 1.05 && most <= 1.15, "{middle} {most}");
    // A long test that nobody knows may come last: nothing holds for the worst of such suites.
    assert!(middle_unknown <= 1.30, "{middle_unknown} {most_unknown}");
}

#[test]
fn no_test_is_lost_or_run_twice_although_splits_die() {
    let mut chance = Chance(seed());
    for _ in 0..200 {
        let suite = Suite::by(&mut chance);
        let (_, whole) = suite.run(&Times::default(), &mut chance, false);
        // Some of what the times are of is gone, and some is new.
        let mut known = whole.clone();
        for batch in known.splits.values_mut().flatten() {
            batch.times.retain(|_, _| chance.below(10) > 0);
        }
        for times in [Times::default(), Times::of([&known])] {
            let (_, manifest) = suite.run(&times, &mut chance, true);
            let mut ran: Vec<&String> = manifest.done().flat_map(|batch| &batch.tests).collect();
            ran.sort();
            let mut all = suite.names();
            all.sort();
            assert_eq!(ran, all.iter().collect::<Vec<_>>());
        }
    }
}
