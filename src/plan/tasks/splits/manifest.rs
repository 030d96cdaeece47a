//! What became of the splits of a task in a run: which of them ran which tests, in which batches. From it times are learned,
//! and one split is run again alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The splits of a task, as a file in the folder of its run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Into how many it was split.
    pub into: u32,
    /// The one that was run again alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<u32>,
    /// The batches of each, from 1, in their order.
    pub splits: BTreeMap<u32, Vec<Batch>>,
}

/// Tests that were run together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Their names.
    pub tests: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How long each test took, in seconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub times: BTreeMap<String, f64>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a batch has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The command ended, with this code.
    Ended(i64),
    /// The container died. Others have run its tests.
    Lost,
}

/// One split of a task, as `3/4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneSplit {
    /// Which, from 1.
    pub split: u32,
    /// Of how many.
    pub of: u32,
}

impl std::str::FromStr for OneSplit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
        let both = text.split_once('/').and_then(|(split, of)| Some(Self { split: number(split)?, of: number(of)? }));
        both.filter(|one| one.split <= one.of).ok_or_else(|| "write which of how many, such as 3/4".to_owned())
    }
}

impl std::fmt::Display for OneSplit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.split, self.of)
    }
}

/// What became of a split, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCount {
    /// Which, from 1.
    pub split: u32,
    /// Of how many.
    pub of: u32,
    /// How many tests it ran.
    pub tests: usize,
    /// In how many batches.
    pub batches: usize,
    /// For how many milliseconds it worked.
    pub took: u64,
    /// Whether its container died.
    pub was_lost: bool,
    /// The first exit code that was not 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<i64>,
}

impl Manifest {
    /// Nothing has run yet.
    #[must_use]
    pub fn new(into: u32) -> Self {
        Self { into, ..Self::default() }
    }

    /// Adds a batch that a split has run.
    pub fn add(&mut self, split: u32, batch: Batch) {
        self.splits.entry(split).or_default().push(batch);
    }

    /// The batches whose tests were run.
    pub fn done(&self) -> impl Iterator<Item = &Batch> {
        self.splits.values().flatten().filter(|batch| matches!(batch.outcome, Outcome::Ended(_)))
    }

    /// What one split has run, batch by batch; none where it has run nothing.
    #[must_use]
    pub fn batches_of(&self, part: OneSplit) -> Option<Vec<Vec<String>>> {
        let batches = self.splits.get(&part.split).filter(|_| self.into == part.of)?.iter();
        Some(batches.map(|batch| batch.tests.clone()).collect())
    }

    /// Each split in numbers.
    #[must_use]
    pub fn counts(&self) -> Vec<SplitCount> {
        let count = |(split, batches): (&u32, &Vec<Batch>)| {
            let done = || batches.iter().filter(|batch| batch.outcome != Outcome::Lost);
            let seconds: f64 = batches.iter().map(|batch| batch.seconds).sum();
            SplitCount {
                split: *split,
                of: self.into,
                tests: done().map(|batch| batch.tests.len()).sum(),
                batches: done().count(),
                took: std::time::Duration::try_from_secs_f64(seconds)
                    .map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
                was_lost: batches.iter().any(|batch| batch.outcome == Outcome::Lost),
                failed: batches.iter().find_map(|batch| match batch.outcome {
                    Outcome::Ended(code) if code != 0 => Some(code),
                    _ => None,
                }),
            }
        };
        self.splits.iter().map(count).collect()
    }
}

/// The splits of a task in a line.
#[must_use]
pub fn sentence(counts: &[SplitCount]) -> Option<String> {
    let slowest = counts.iter().map(|count| count.took).max()?;
    let lost: Vec<String> =
        counts.iter().filter(|count| count.was_lost).map(|count| format!("{} was lost", count.split)).collect();
    let mean = counts.iter().map(|count| count.took).sum::<u64>() / counts.len() as u64;
    let ratio = if mean == 0 { 1.0 } else { slowest as f64 / mean as f64 };
    let lost = if lost.is_empty() { String::new() } else { format!("; split {}", lost.join(", ")) };
    Some(format!("{} splits, slowest {ratio:.2} × mean{lost}", counts.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_are_told_in_numbers_and_written_as_they_are_read() {
        let mut manifest = Manifest::new(2);
        let batch = |tests: &[&str], outcome| Batch {
            tests: tests.iter().map(|test| (*test).to_owned()).collect(),
            seconds: 1.5,
            times: BTreeMap::new(),
            outcome,
        };
        manifest.add(1, batch(&["a", "b"], Outcome::Ended(1)));
        manifest.add(1, batch(&["c"], Outcome::Ended(0)));
        manifest.add(2, batch(&["c"], Outcome::Lost));
        let text = serde_json::to_string(&manifest).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest);
        let counts = manifest.counts();
        assert_eq!((counts[0].tests, counts[0].batches, counts[0].took, counts[0].failed), (3, 2, 3_000, Some(1)));
        assert_eq!((counts[1].tests, counts[1].was_lost), (0, true));
        assert_eq!(sentence(&counts).unwrap(), "2 splits, slowest 1.33 × mean; split 2 was lost");
        let batches = |text: &str| manifest.batches_of(text.parse().unwrap());
        assert_eq!(batches("1/2").unwrap(), [vec!["a", "b"], vec!["c"]]);
        assert_eq!((batches("1/3"), sentence(&[])), (None, None));
    }

    #[test]
    fn one_split_is_written_as_which_of_how_many() {
        assert_eq!("3/4".parse::<OneSplit>().unwrap().to_string(), "3/4");
        for text in ["", "3", "0/4", "5/4", "3/", "a/b", "-1/4"] {
            assert!(text.parse::<OneSplit>().is_err(), "{text}");
        }
    }
}
