//! What was deployed to an environment, from the records; and what a rollback brings back.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::plan::deploy::stack::Stack;
use crate::plan::release::record::{Happened, Record};

/// How a deployment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It runs.
    Deployed,
    /// An earlier deployment was brought back.
    RolledBack,
    /// It failed, and what ran before runs again.
    Failed,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Deployed => "deployed",
            Self::RolledBack => "rolled back to",
            Self::Failed => "failed",
        })
    }
}

/// A deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deployment<'a> {
    /// The environment.
    pub environment: &'a str,
    /// Digest of the release set.
    pub set: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// When, in milliseconds since 1970.
    pub time: u64,
    /// Who deployed.
    pub by: &'a str,
    /// Why it failed; none where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'a str>,
    /// What runs since then.
    #[serde(skip)]
    pub stack: Option<&'a Stack>,
}

/// The deployments to one environment, or to all, the oldest first.
#[must_use]
pub fn deployments<'a>(records: &'a [Record], environment: Option<&str>) -> Vec<Deployment<'a>> {
    let mut all: Vec<Deployment<'a>> = records.iter().filter_map(deployment).collect();
    all.retain(|one| environment.is_none_or(|environment| one.environment == environment));
    all.sort_by_key(|one| one.time);
    all
}

fn deployment(record: &Record) -> Option<Deployment<'_>> {
    let (environment, outcome, stack, why) = match &record.happened {
        Happened::Deployed { environment, rollback: false, stack } => {
            (environment, Outcome::Deployed, Some(&**stack), None)
        }
        Happened::Deployed { environment, rollback: true, stack } => {
            (environment, Outcome::RolledBack, Some(&**stack), None)
        }
        Happened::DeploymentFailed { environment, why } => (environment, Outcome::Failed, None, Some(why.as_str())),
        _ => return None,
    };
    Some(Deployment { environment, set: &record.set, outcome, time: record.time, by: &record.by, why, stack })
}

/// The deployment that ran before the one that runs now; going back twice goes back further. `deployments` are those of one
/// environment, the oldest first.
#[must_use]
pub fn before<'d, 'a>(deployments: &'d [Deployment<'a>]) -> Option<&'d Deployment<'a>> {
    let now = deployments.iter().rev().find(|one| one.stack.is_some())?;
    // When what runs now was deployed, rather than brought back.
    let begin = deployments.iter().rposition(|one| one.outcome == Outcome::Deployed && one.stack == now.stack)?;
    let earlier = deployments.get(..begin)?.iter().rev();
    earlier.filter(|one| one.stack.is_some()).find(|one| one.stack != now.stack)
}

/// Environments in which release sets run, by the digest of the set.
#[must_use]
pub fn running(records: &[Record]) -> BTreeMap<&str, BTreeSet<&str>> {
    let newest: BTreeMap<&str, &str> = deployments(records, None)
        .into_iter()
        .filter(|one| one.stack.is_some())
        .map(|one| (one.environment, one.set))
        .collect();
    let mut running: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (environment, set) in newest {
        running.entry(set).or_default().insert(environment);
    }
    running
}

/// The newest deployment of one of these release sets.
#[must_use]
pub fn newest_of<'d, 'a>(deployments: &'d [Deployment<'a>], set: &str) -> Option<&'d Deployment<'a>> {
    deployments.iter().rev().find(|one| one.stack.is_some() && one.set == set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(set: &str, time: u64, rollback: bool) -> Record {
        let stack = Box::new(Stack { name: set.to_owned(), ..Stack::default() });
        let happened = Happened::Deployed { environment: "prod".to_owned(), rollback, stack };
        Record { set: set.to_owned(), happened, time, by: "me".to_owned() }
    }

    fn failed(set: &str, time: u64) -> Record {
        let happened = Happened::DeploymentFailed { environment: "prod".to_owned(), why: "api".to_owned() };
        Record { happened, ..record(set, time, false) }
    }

    #[test]
    fn going_back_skips_what_failed_and_goes_further_each_time() {
        let mut records = vec![record("a", 1, false), record("b", 2, false), record("c", 3, false), failed("d", 4)];
        let back = |records: &[Record]| before(&deployments(records, Some("prod"))).map(|one| one.set.to_owned());
        assert_eq!(back(&records).as_deref(), Some("b"));
        records.push(record("b", 5, true));
        assert_eq!(back(&records).as_deref(), Some("a"));
        records.push(record("a", 6, true));
        assert_eq!(back(&records), None);
        assert_eq!(newest_of(&deployments(&records, None), "b").map(|one| one.time), Some(5));
        assert_eq!(newest_of(&deployments(&records, None), "d"), None);
    }

    #[test]
    fn a_set_runs_where_it_was_deployed_last_and_a_failure_changes_nothing() {
        let elsewhere = |set: &str, time: u64| {
            let stack = Box::new(Stack::default());
            let happened = Happened::Deployed { environment: "staging".to_owned(), rollback: false, stack };
            Record { happened, ..record(set, time, false) }
        };
        let records = [record("b", 2, false), record("a", 1, false), failed("c", 3), elsewhere("b", 4)];
        assert_eq!(running(&records), BTreeMap::from([("b", BTreeSet::from(["prod", "staging"]))]));
    }

    #[test]
    fn each_environment_has_its_own() {
        let records = [record("a", 2, false), failed("b", 1)];
        assert_eq!(deployments(&records, Some("staging")), []);
        let all = serde_json::to_string(&deployments(&records, None)).unwrap();
        assert_eq!(
            all,
            r#"[{"environment":"prod","set":"b","outcome":"failed","time":1,"by":"me","why":"api"},{"environment":"prod","set":"a","outcome":"deployed","time":2,"by":"me"}]"#
        );
    }
}
