//! Why a module's loop waits although it has something to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::PartName;

/// Why a module's loop waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "kebab-case")]
pub enum Hold {
    /// The engine does not answer.
    Engine,
    /// Its container does not run.
    Container,
    /// A part that it needs does not run.
    Need {
        /// Which one.
        part: PartName,
    },
    /// The copy of its source is not equal.
    Mirror,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine => f.write_str("the engine"),
            Self::Container => f.write_str("its container"),
            Self::Need { part } => part.fmt(f),
            Self::Mirror => f.write_str("its mirror"),
        }
    }
}
