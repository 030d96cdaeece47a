//! Conditions that must hold before a deployment: decided from the records of the release set and the answers of this
//! command.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::config::model::environment::Gate;
use crate::error::{Error, Kind};
use crate::plan::release::record::{Happened, Record};
use crate::plan::release::signers::{Records, uncounted};

/// Everything that gates are decided from.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The environment.
    pub environment: &'a str,
    /// The gates, in their order.
    pub gates: &'a [Gate],
    /// What is recorded of the release set.
    pub records: &'a Records,
    /// Items of checklists that are confirmed by this command.
    pub confirmed: &'a [String],
    /// Who deploys.
    pub by: &'a str,
}

/// What a gate lets through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// It is open.
    Open,
    /// No passed run is recorded.
    Untested,
    /// The set was not deployed there.
    NotDeployed {
        /// The environment.
        environment: String,
    },
    /// Nobody has confirmed these items.
    Unconfirmed {
        /// The items.
        items: Vec<String>,
    },
    /// More others must approve.
    Unapproved {
        /// As many have.
        approved: usize,
        /// As many must.
        needed: u32,
    },
}

/// A gate that is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// See [`State::Untested`].
    #[error("gate `tested`: no passed run is recorded for this release")]
    Untested,
    /// See [`State::NotDeployed`].
    #[error("gate `deployed`: this release was not deployed to {0}")]
    NotDeployed(String),
    /// See [`State::Unconfirmed`].
    #[error("gate `checklist`: not confirmed: {}", .0.join(", "))]
    Unconfirmed(Vec<String>),
    /// See [`State::Unapproved`].
    #[error("gate `approve`: {approved} of {needed} have approved, not counting the person who deploys")]
    Unapproved {
        /// As many have.
        approved: usize,
        /// As many must.
        needed: u32,
        /// The environment.
        environment: String,
    },
}

impl From<Closed> for Error {
    fn from(closed: Closed) -> Self {
        let hint = match &closed {
            Closed::Untested => "`devenv ci` or `devenv release passed` records one".to_owned(),
            Closed::NotDeployed(environment) => format!("`devenv deploy {environment}` first"),
            Closed::Unconfirmed(items) => {
                let first = items.first().map(String::as_str).unwrap_or_default();
                format!("check it, then `--confirm '{first}'`, once for each item")
            }
            Closed::Unapproved { environment, .. } => {
                format!("somebody else runs `devenv deploy {environment} --approve`")
            }
        };
        Self::new(Kind::Failed, closed).hint(hint)
    }
}

/// The state of each gate, in their order.
#[must_use]
pub fn states(asked: Asked<'_>) -> Vec<State> {
    asked.gates.iter().map(|gate| state(gate, asked)).collect()
}

/// Items of checklists that nobody has confirmed.
#[must_use]
pub fn unconfirmed(asked: Asked<'_>) -> Vec<String> {
    let items = states(asked).into_iter().filter_map(|state| match state {
        State::Unconfirmed { items } => Some(items),
        _ => None,
    });
    items.flatten().collect()
}

/// Items that this command confirms and that are not recorded yet.
#[must_use]
pub fn answered(asked: Asked<'_>) -> Vec<String> {
    let open = unconfirmed(Asked { confirmed: &[], ..asked });
    open.into_iter().filter(|item| asked.confirmed.contains(item)).collect()
}

/// The gates that are closed, in their order.
#[must_use]
pub fn closed(asked: Asked<'_>) -> Vec<Closed> {
    closed_gates(asked).into_iter().map(|(_, closed)| closed).collect()
}

/// What was recorded for gates that are closed and does not count, a line for each.
#[must_use]
pub fn doubted(asked: Asked<'_>) -> Vec<String> {
    closed_gates(asked).into_iter().flat_map(|(gate, _)| doubted_for(gate, asked)).collect()
}

/// Refuses where gates are closed, and says all of them.
pub fn pass(asked: Asked<'_>) -> Result<(), Error> {
    let told = |(gate, closed)| doubted_for(gate, asked).into_iter().fold(Error::from(closed), Error::hint);
    let mut errors = closed_gates(asked).into_iter().map(told);
    match errors.next() {
        Some(first) => Err(Error { also: errors.collect(), ..first }),
        None => Ok(()),
    }
}

fn closed_gates(asked: Asked<'_>) -> Vec<(&Gate, Closed)> {
    let closed = |gate| match state(gate, asked) {
        State::Open => None,
        State::Untested => Some((gate, Closed::Untested)),
        State::NotDeployed { environment } => Some((gate, Closed::NotDeployed(environment))),
        State::Unconfirmed { items } => Some((gate, Closed::Unconfirmed(items))),
        State::Unapproved { approved, needed } => {
            Some((gate, Closed::Unapproved { approved, needed, environment: asked.environment.to_owned() }))
        }
    };
    asked.gates.iter().filter_map(closed).collect()
}

fn doubted_for(gate: &Gate, asked: Asked<'_>) -> Vec<String> {
    let all = asked.records.doubted.iter();
    all.filter(|one| is_asked(gate, &one.record.happened, asked.environment)).map(uncounted).collect()
}

/// Whether a gate asks for such a record.
fn is_asked(gate: &Gate, happened: &Happened, here: &str) -> bool {
    match (gate, happened) {
        (Gate::Tested, Happened::Passed) => true,
        (Gate::Deployed(to), Happened::Deployed { environment, .. }) => environment == to.as_str(),
        (Gate::Checklist(items), Happened::Confirmed { environment, item }) => {
            environment == here && items.contains(item)
        }
        (Gate::Approve(_), Happened::Approved { environment }) => environment == here,
        _ => false,
    }
}

fn state(gate: &Gate, asked: Asked<'_>) -> State {
    let recorded: Vec<&Record> =
        asked.records.all.iter().filter(|record| is_asked(gate, &record.happened, asked.environment)).collect();
    match gate {
        Gate::Tested if recorded.is_empty() => State::Untested,
        Gate::Deployed(to) if recorded.is_empty() => State::NotDeployed { environment: to.to_string() },
        Gate::Tested | Gate::Deployed(_) => State::Open,
        Gate::Checklist(items) => {
            let is_of = |record: &&Record, wanted: &String| matches!(&record.happened, Happened::Confirmed { item, .. } if item == wanted);
            let is_confirmed = |wanted: &String| {
                asked.confirmed.contains(wanted) || recorded.iter().any(|record| is_of(record, wanted))
            };
            let items: Vec<String> = items.iter().filter(|item| !is_confirmed(item)).cloned().collect();
            if items.is_empty() { State::Open } else { State::Unconfirmed { items } }
        }
        Gate::Approve(needed) => {
            let others = recorded.iter().map(|record| record.by.as_str()).filter(|by| *by != asked.by);
            let approved = others.collect::<BTreeSet<_>>().len();
            let is_enough = u32::try_from(approved).unwrap_or(u32::MAX) >= *needed;
            if is_enough { State::Open } else { State::Unapproved { approved, needed: *needed } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::EnvironmentName;
    use crate::plan::deploy::samples::stack;
    use crate::plan::release::signers::{Doubt, Doubted};

    fn record(happened: Happened, by: &str) -> Record {
        Record { set: "sha256:1".to_owned(), happened, time: 1, by: by.to_owned() }
    }

    fn said(gate: Gate, records: &[Record], confirmed: &[&str]) -> String {
        let confirmed: Vec<String> = confirmed.iter().map(|item| (*item).to_owned()).collect();
        let records = &Records { all: records.to_vec(), doubted: Vec::new() };
        let asked = Asked { environment: "prod", gates: &[gate], records, confirmed: &confirmed, by: "me@example.com" };
        closed(asked).first().map_or_else(|| "open".to_owned(), ToString::to_string)
    }

    #[test]
    fn a_release_is_tested_when_a_passed_run_is_recorded() {
        assert_eq!(said(Gate::Tested, &[], &[]), "gate `tested`: no passed run is recorded for this release");
        assert_eq!(said(Gate::Tested, &[record(Happened::Passed, "ci")], &[]), "open");
    }

    #[test]
    fn the_very_same_images_were_deployed_there() {
        let gate = || Gate::Deployed(EnvironmentName::new("staging").unwrap());
        let deployed = |environment: &str| {
            let (environment, stack) = (environment.to_owned(), Box::new(stack()));
            record(Happened::Deployed { environment, rollback: false, stack }, "me")
        };
        assert_eq!(said(gate(), &[deployed("prod")], &[]), "gate `deployed`: this release was not deployed to staging");
        assert_eq!(said(gate(), &[deployed("staging")], &[]), "open");
    }

    #[test]
    fn an_item_is_confirmed_now_or_was_for_this_environment() {
        let gate = || Gate::Checklist(vec!["login".to_owned(), "upload".to_owned()]);
        let confirmed = |environment: &str| {
            let (environment, item) = (environment.to_owned(), "login".to_owned());
            record(Happened::Confirmed { environment, item }, "me")
        };
        assert_eq!(said(gate(), &[], &[]), "gate `checklist`: not confirmed: login, upload");
        assert_eq!(said(gate(), &[confirmed("staging")], &["upload"]), "gate `checklist`: not confirmed: login");
        assert_eq!(said(gate(), &[confirmed("prod")], &["upload"]), "open");
    }

    #[test]
    fn all_closed_gates_are_told_and_what_was_confirmed_is_known_although_another_one_is_closed() {
        let gates = [Gate::Tested, Gate::Checklist(vec!["login".to_owned(), "upload".to_owned()]), Gate::Approve(1)];
        let login = Happened::Confirmed { environment: "prod".to_owned(), item: "login".to_owned() };
        let passed = Doubted { record: record(Happened::Passed, "fork"), why: Doubt::Unsigned };
        let records = Records { all: vec![record(login, "me")], doubted: vec![passed] };
        let confirmed = ["login", "upload", "other"].map(str::to_owned);
        let by = "me@example.com";
        let asked = Asked { environment: "prod", gates: &gates, records: &records, confirmed: &confirmed, by };
        assert_eq!(answered(asked), ["upload"]);
        let error = pass(asked).unwrap_err();
        assert_eq!(error.to_string(), "gate `tested`: no passed run is recorded for this release");
        let uncounted =
            "what fork has recorded does not count: it is not signed; record it again with DEVENV_SIGNING_KEY set";
        assert_eq!(error.hints[1..], [uncounted]);
        assert_eq!(doubted(asked), [uncounted]);
        let also: Vec<String> = error.also.iter().map(ToString::to_string).collect();
        assert_eq!(also, ["gate `approve`: 0 of 1 have approved, not counting the person who deploys"]);
        assert!(pass(Asked { gates: &[], ..asked }).is_ok());
    }

    #[test]
    fn nobody_approves_their_own_deployment_or_twice() {
        let yes = |by: &str| record(Happened::Approved { environment: "prod".to_owned() }, by);
        let own = said(Gate::Approve(1), &[yes("me@example.com")], &[]);
        assert_eq!(own, "gate `approve`: 0 of 1 have approved, not counting the person who deploys");
        assert_eq!(said(Gate::Approve(1), &[yes("you@example.com")], &[]), "open");
        let twice = [yes("you@example.com"), yes("you@example.com")];
        assert_eq!(
            said(Gate::Approve(2), &twice, &[]),
            "gate `approve`: 1 of 2 have approved, not counting the person who deploys"
        );
        let elsewhere = record(Happened::Approved { environment: "staging".to_owned() }, "you@example.com");
        assert!(said(Gate::Approve(1), &[elsewhere], &[]).contains("0 of 1"));
    }
}
