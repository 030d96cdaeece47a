//! Whose signatures count: the keys that the configuration names, and what is thought of a record or a set by them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Kind};
use crate::names::SignerName;
use crate::plan::release::record::Record;
use crate::plan::release::signature::PublicKey;

/// The variable with the private key that records are signed with, or with the path of its file.
pub const KEY: &str = "DEVENV_SIGNING_KEY";

/// The keys whose signatures count; with none, no signature is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signers(pub BTreeMap<SignerName, PublicKey>);

/// Why something does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// Nobody has signed it.
    #[error("it is not signed")]
    Unsigned,
    /// No key that counts has.
    #[error("its signature is by none of the keys in `signers`, or damaged")]
    Foreign,
}

/// Who vouches for a set or a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Nobody was asked: there are no signers.
    Unasked,
    /// This signer.
    SignedBy(SignerName),
    /// Nobody whose word counts.
    Doubted(Doubt),
}

/// A record that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubted {
    /// The record.
    pub record: Record,
    /// Why.
    pub why: Doubt,
}

/// What is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// What counts.
    pub all: Vec<Record>,
    /// What does not.
    pub doubted: Vec<Doubted>,
}

/// Why a command that records something, or trusts a set, is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// There is no key to sign with.
    #[error("what is recorded here must be signed, and no key is at hand: {KEY} is not set")]
    NoKey,
    /// The key is not one that counts.
    #[error("the key in {KEY} is none of the keys in `signers`: what it signs does not count")]
    NotASigner {
        /// Names of those that count.
        signers: Vec<String>,
    },
    /// A set does not count.
    #[error("release set `{name}` cannot be trusted: {why}")]
    Set {
        /// What it was asked for by.
        name: String,
        /// Why.
        why: Doubt,
        /// Names of the keys that count.
        signers: Vec<String>,
    },
}

impl From<Untrusted> for Error {
    fn from(untrusted: Untrusted) -> Self {
        let hint = match &untrusted {
            Untrusted::NoKey => {
                format!("set {KEY} to a private key or its file; `devenv release keygen FILE` makes one")
            }
            Untrusted::NotASigner { signers } => {
                format!("keys that count: {}; add its public key to `signers:` in devenv.yaml", signers.join(", "))
            }
            Untrusted::Set { signers, .. } => {
                format!("`devenv push` of that commit with {KEY} signs it; keys that count: {}", signers.join(", "))
            }
        };
        Self::new(Kind::Failed, untrusted).hint(hint)
    }
}

impl Signers {
    /// Whether signatures are asked for.
    #[must_use]
    pub fn are_asked(&self) -> bool {
        !self.0.is_empty()
    }

    /// The names of all, for people.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.keys().map(ToString::to_string).collect()
    }

    /// Whose key this is.
    #[must_use]
    pub fn name_of(&self, key: &PublicKey) -> Option<&SignerName> {
        self.0.iter().find(|(_, one)| *one == key).map(|(name, _)| name)
    }

    /// The signer who has signed a text so.
    #[must_use]
    pub fn signer_of(&self, text: &[u8], signature: &[u8]) -> Option<&SignerName> {
        self.0.iter().find(|(_, key)| key.has_signed(text, signature)).map(|(name, _)| name)
    }
}

impl Records {
    /// Adds a record, with what is thought of it.
    pub fn add(&mut self, record: Record, proof: &Proof) {
        match proof {
            Proof::Doubted(why) => self.doubted.push(Doubted { record, why: *why }),
            Proof::Unasked | Proof::SignedBy(_) => self.all.push(record),
        }
    }

    /// Adds those of another registry; one that was brought there counts once.
    pub fn extend(&mut self, other: Self) {
        self.all.extend(other.all.into_iter().filter(|one| !self.all.contains(one)).collect::<Vec<_>>());
        self.doubted.extend(other.doubted.into_iter().filter(|one| !self.doubted.contains(one)).collect::<Vec<_>>());
    }
}

/// What to do about a record that does not count.
#[must_use]
pub fn uncounted(doubted: &Doubted) -> String {
    format!("what {} has recorded does not count: {}; record it again with {KEY} set", doubted.record.by, doubted.why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::release::record::Happened;

    #[test]
    fn what_nobody_vouches_for_is_kept_apart_and_named() {
        let record = || Record { set: "sha256:1".into(), happened: Happened::Passed, time: 1, by: "me".into() };
        let mut records = Records::default();
        records.add(record(), &Proof::Unasked);
        records.add(record(), &Proof::SignedBy(SignerName::new("ci").unwrap()));
        records.add(record(), &Proof::Doubted(Doubt::Foreign));
        assert_eq!((records.all.len(), records.doubted.len()), (2, 1));
        records.extend(records.clone());
        assert_eq!((records.all.len(), records.doubted.len()), (2, 1));
        assert_eq!(
            uncounted(&records.doubted[0]),
            "what me has recorded does not count: its signature is by none of the keys in `signers`, or damaged; record \
             it again with DEVENV_SIGNING_KEY set"
        );
    }
}
