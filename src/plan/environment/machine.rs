//! What this machine is to an environment.

use std::collections::BTreeMap;

/// What the machine adds to an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The checkout's folder.
    pub root: String,
    /// The folder whose `.devenv` the environment has.
    pub home: String,
    /// Owner of the checkout.
    pub uid: u32,
    /// Group of the checkout.
    pub gid: u32,
    /// The machine's CA certificates.
    pub ca: MachineCa,
    /// Proxy settings: the machine's, then those that [`crate::plan::environment::proxies::variables`] makes of them.
    pub proxy: BTreeMap<String, String>,
    /// The engine is known not to share a kernel and a file system with the checkout.
    pub engine_apart: bool,
}

/// The CA certificates of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MachineCa {
    /// It has none in one file.
    #[default]
    Unknown,
    /// The usual ones, as a PEM text.
    Usual(String),
    /// The usual ones and some of its own, which builds need too.
    Extended(String),
}

impl MachineCa {
    /// All of them.
    #[must_use]
    pub fn bundle(&self) -> Option<&str> {
        match self {
            Self::Unknown => None,
            Self::Usual(text) | Self::Extended(text) => Some(text),
        }
    }

    /// All of them, where builds cannot do without.
    #[must_use]
    pub fn for_builds(&self) -> Option<&str> {
        if let Self::Extended(text) = self { Some(text) } else { None }
    }
}
