//! Records: what happened to a release set. Each is an object of its own beside the sets, under a name that nobody else
//! takes, so that writers at the same time lose nothing.

use serde::{Deserialize, Serialize};

use crate::plan::deploy::stack::Stack;
use crate::plan::registry::tag::is_tag;
use crate::plan::release::signature::is_of_signatures;

/// The media type of a record.
pub const TYPE: &str = "application/vnd.devenv.record.v1+json";
/// What the tags of records begin with.
pub const PREFIX: &str = "record-";

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Happened {
    /// Its tests have passed.
    Passed,
    /// It is about to get another name. Whoever says so may be killed before the name is moved, or right after.
    Promoting {
        /// The name.
        to: String,
        /// Digest of the set that has that name.
        before: Option<String>,
    },
    /// It got another name.
    Promoted {
        /// The name that it had.
        from: String,
        /// The name that it got.
        to: String,
        /// Digest of the set that had that name before.
        before: Option<String>,
        /// Whether it was promoted although no passed run was recorded.
        forced: bool,
    },
    /// A name is about to be given back to the set that had it before.
    RollingBack {
        /// The name.
        to: String,
        /// Digest of the set that has it.
        before: Option<String>,
    },
    /// A name was given back to the set that had it before.
    RolledBack {
        /// The name.
        to: String,
        /// Digest of the set that lost it.
        before: Option<String>,
    },
    /// Somebody agrees to its deployment.
    Approved {
        /// The environment.
        environment: String,
    },
    /// Somebody has confirmed an item of the checklist.
    Confirmed {
        /// The environment.
        environment: String,
        /// The item.
        item: String,
    },
    /// It runs in an environment.
    Deployed {
        /// The environment.
        environment: String,
        /// Whether an earlier deployment was brought back.
        rollback: bool,
        /// What runs there.
        stack: Box<Stack>,
    },
    /// Its deployment has failed, and what ran before runs again.
    DeploymentFailed {
        /// The environment.
        environment: String,
        /// Why.
        why: String,
    },
}

impl Happened {
    /// Digest of the set that had the name before.
    #[must_use]
    pub fn before(&self) -> Option<String> {
        match self {
            Self::Passed
            | Self::Approved { .. }
            | Self::Confirmed { .. }
            | Self::Deployed { .. }
            | Self::DeploymentFailed { .. } => None,
            Self::Promoting { before, .. }
            | Self::Promoted { before, .. }
            | Self::RollingBack { before, .. }
            | Self::RolledBack { before, .. } => before.clone(),
        }
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Digest of the set that it speaks of.
    pub set: String,
    /// What happened.
    pub happened: Happened,
    /// When, in milliseconds since 1970.
    pub time: u64,
    /// Who says so.
    pub by: String,
}

/// What the tags of all records of a set begin with.
#[must_use]
pub fn prefix(set: &str) -> String {
    format!("{PREFIX}{}-", set.trim_start_matches("sha256:").chars().take(16).collect::<String>())
}

/// When the record with this tag was made; 0 where the tag does not say it.
#[must_use]
pub fn time_of(tag: &str) -> u64 {
    tag.split('-').nth(2).and_then(|time| time.parse().ok()).unwrap_or_default()
}

impl Record {
    /// Whether it says that its set got this name.
    #[must_use]
    pub fn gives(&self, name: &str) -> bool {
        match &self.happened {
            Happened::Promoted { to, .. } | Happened::RolledBack { to, .. } => to == name,
            _ => false,
        }
    }

    /// Whether it says that its set was about to get this name.
    fn intends(&self, name: &str) -> bool {
        match &self.happened {
            Happened::Promoting { to, .. } | Happened::RollingBack { to, .. } => to == name,
            _ => false,
        }
    }

    /// The tag of a record; `random` keeps two of one moment apart.
    #[must_use]
    pub fn tag(&self, random: &str) -> String {
        format!("{}{:013}-{random}", prefix(&self.set), self.time)
    }
}

/// Why a set is not promoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Images that it names are gone.
    #[error("the set is not complete: the registry does not have {}", .0.join(", "))]
    Incomplete(Vec<String>),
    /// Nobody has said that its tests passed.
    #[error("no passed run is recorded for {0}")]
    NotPassed(String),
    /// The name stands for another set by now.
    #[error("`{0}` was moved to another set meanwhile")]
    Moved(String),
    /// The name cannot be a tag, or belongs to something else.
    #[error("`{0}` cannot be the name of a release: letters, digits, `.`, `_` and `-`, and not a commit")]
    Name(String),
}

/// Refuses a name that a set cannot be promoted to.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let is_commit = name.len() >= 40 && name.chars().all(|c| c.is_ascii_hexdigit());
    if is_tag(name) && !is_commit && !name.starts_with(PREFIX) && !is_of_signatures(name) {
        return Ok(());
    }
    Err(Refusal::Name(name.to_owned()))
}

/// The set to which a name goes back: the one that had it before the newest promotion of the set that has it now. One that was
/// killed before its end counts too: the name was moved.
#[must_use]
pub fn before(records: &[Record], name: &str, now: &str) -> Option<String> {
    let newest = records
        .iter()
        .filter(|record| record.set == now)
        .filter_map(|record| match &record.happened {
            Happened::Promoted { to, before, .. } | Happened::Promoting { to, before } if to == name => {
                Some(((record.time, record.gives(name)), before.clone()))
            }
            _ => None,
        })
        .max_by_key(|(when, _)| *when);
    newest?.1.filter(|before| before != now)
}

/// What was begun and never recorded as done for the set that has a name now; `records` are those of that set.
#[must_use]
pub fn unfinished<'a>(records: &'a [Record], name: &str) -> Option<&'a Happened> {
    let of_name = records.iter().filter(|record| record.gives(name) || record.intends(name));
    let newest = of_name.max_by_key(|record| (record.time, record.gives(name)))?;
    newest.intends(name).then_some(&newest.happened)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promoted(set: &str, before: Option<&str>, time: u64) -> Record {
        let (from, to, before) = ("staging".to_owned(), "prod".to_owned(), before.map(str::to_owned));
        let happened = Happened::Promoted { from, to, before, forced: false };
        Record { set: set.to_owned(), happened, time, by: "me".to_owned() }
    }

    #[test]
    fn a_name_goes_back_to_what_had_it_before() {
        let records = [promoted("b", Some("a"), 1), promoted("c", Some("b"), 2), promoted("b", Some("c"), 3)];
        assert_eq!(before(&records, "prod", "b").as_deref(), Some("c"));
        assert_eq!(before(&records, "prod", "c").as_deref(), Some("b"));
        assert_eq!(before(&records, "staging", "b"), None);
        assert_eq!(before(&[promoted("a", None, 1)], "prod", "a"), None);
    }

    #[test]
    fn what_was_begun_and_not_recorded_is_known_and_a_later_record_ends_it() {
        let promoting = |time| {
            let happened = Happened::Promoting { to: "prod".to_owned(), before: Some("b".to_owned()) };
            Record { happened, ..promoted("c", None, time) }
        };
        let killed = [promoted("c", Some("a"), 1), promoting(5)];
        assert_eq!(unfinished(&killed, "prod"), Some(&killed[1].happened));
        assert_eq!(unfinished(&killed, "staging"), None);
        assert_eq!(before(&killed, "prod", "c").as_deref(), Some("b"));
        // A record of the same moment came after it.
        let ended = [promoted("c", Some("b"), 5), promoting(5)];
        assert_eq!(unfinished(&ended, "prod"), None);
    }

    #[test]
    fn records_of_a_set_have_names_that_sort_by_time_and_never_meet() {
        let record = promoted("sha256:0123456789abcdef0123", None, 42);
        assert_eq!(record.tag("aa"), "record-0123456789abcdef-0000000000042-aa");
        assert!(record.tag("aa").starts_with(&prefix(&record.set)));
        assert_eq!([time_of(&record.tag("aa")), time_of("prod")], [42, 0]);
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }

    #[test]
    fn names_are_tags_and_not_commits() {
        assert_eq!(check_name("prod"), Ok(()));
        for name in ["", "-x", "a/b", "a b", "record-1", "sha256-f00.sig", &"0123456789".repeat(4)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
