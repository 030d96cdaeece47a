//! The one error that leaves a command: what kind it is (which decides the exit code), what happened, and what to
//! do next. Each module has a small enum of its own; the conversion that picks kind and hint stands beside it.

use std::fmt;

/// A result whose error knows its exit code.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as the caller of the program must tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A step or a service failed.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// Something that devenv needs is missing: engine, compose.
    Missing,
    /// devenv itself is wrong.
    Bug,
    /// Ended by this signal.
    Signal(i32),
    /// A child ended with this code, which is passed on; nothing is printed.
    Child(i32),
    /// The command of a task ended with this code, which is passed on.
    Code(i32),
}

impl Kind {
    /// The exit code, which is documented and stable.
    #[must_use]
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Missing => 3,
            Self::Bug => 70,
            Self::Signal(number) => 128 + number,
            Self::Child(code) | Self::Code(code) => code,
        }
    }
}

/// An error with its kind and the next steps.
#[derive(Debug)]
pub struct Error {
    /// Decides the exit code.
    pub kind: Kind,
    /// What happened, with its causes.
    pub source: anyhow::Error,
    /// What to do next, a sentence each, without full stop.
    pub hints: Vec<String>,
    /// Other failures of the same command, told after this one.
    pub also: Vec<Self>,
}

impl Error {
    /// An error of `kind` from any error or message.
    pub fn new(kind: Kind, source: impl Into<anyhow::Error>) -> Self {
        Self { kind, source: source.into(), hints: Vec::new(), also: Vec::new() }
    }

    /// An error of `kind` from a message.
    pub fn message(kind: Kind, message: impl fmt::Display) -> Self {
        Self::new(kind, anyhow::Error::msg(message.to_string()))
    }

    /// The same error with one more next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.source)
    }
}

/// What was not foreseen is a failed step, with all its causes.
impl From<anyhow::Error> for Error {
    fn from(source: anyhow::Error) -> Self {
        Self::new(Kind::Failed, source)
    }
}
