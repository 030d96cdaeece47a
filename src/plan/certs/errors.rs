//! What is wrong with a certificate, a profile or a zone, and which names are the machine's own.

use crate::config::problems::Problems;

/// Path of the profile among the files in force.
pub const PROFILE: &str = "certs/profile.yaml";

/// What is wrong with certificates, keys or the profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertsError {
    /// The profile does not parse or asks for what is not allowed.
    #[error("{PROFILE}: {0}")]
    Profile(String),
    /// The profile cannot be read.
    #[error(transparent)]
    Unreadable(Problems),
    /// An authority cannot be used.
    #[error("the certificate authority {} cannot be used: {path}: {problem}", whose(zone.as_deref()))]
    Authority {
        /// The zone that it is for; `None` for the machine's.
        zone: Option<String>,
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An authority's key is open to others.
    #[error("the certificate authority {} cannot be used: others can read {path} (mode {mode:04o})", whose(zone.as_deref()))]
    Exposed {
        /// The zone that it is for; `None` for the machine's.
        zone: Option<String>,
        /// The key.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// No authority is made for this.
    #[error("no authority for `{zone}`: {problem}")]
    Zone {
        /// What was asked for.
        zone: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The team's own certificate cannot be used.
    #[error("{path}: {problem}")]
    Own {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

pub(super) fn whose(zone: Option<&str>) -> String {
    zone.map_or_else(|| "of this machine".to_owned(), |zone| format!("of zone {zone}"))
}
