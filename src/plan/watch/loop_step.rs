//! The steps of a module's loop.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::model::module::{Module, StepName};

/// A step of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoopStep {
    /// Installs dependencies.
    Deps,
    /// Compiles.
    Build,
    /// Checks style.
    Lint,
    /// Tests.
    Test,
    /// Ends the command and starts it again, and waits until it is ready.
    Restart,
}

impl LoopStep {
    /// Whether a module has such a step.
    #[must_use]
    pub fn is_of(self, module: &Module) -> bool {
        match self {
            Self::Restart => true,
            Self::Deps => module.deps.is_some(),
            Self::Build | Self::Lint | Self::Test => self.command(module).is_some(),
        }
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deps => "deps",
            Self::Build => "build",
            Self::Lint => "lint",
            Self::Test => "test",
            Self::Restart => "restart",
        }
    }

    /// The shell command of a module's step.
    #[must_use]
    pub fn command(self, module: &Module) -> Option<&str> {
        match self {
            Self::Build => module.build.as_deref(),
            Self::Lint => module.lint.as_deref(),
            Self::Test => module.test.as_deref(),
            Self::Deps | Self::Restart => None,
        }
    }
}

impl fmt::Display for LoopStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<StepName> for LoopStep {
    fn from(name: StepName) -> Self {
        match name {
            StepName::Build => Self::Build,
            StepName::Lint => Self::Lint,
            StepName::Test => Self::Test,
        }
    }
}
