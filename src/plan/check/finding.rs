//! A finding: where it is, which rule it breaks, and how to fix it.

use serde::Serialize;

use crate::config::project::Project;
use crate::config::text::place::Place;
use crate::plan::check::rules::Rule;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something will not work, or is not safe.
    Error,
    /// Something may go wrong later.
    Warning,
}

impl Severity {
    /// The word for people and programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Where it is: a file below the checkout's folder, and a line from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The file.
    pub file: String,
    /// The line.
    pub line: usize,
}

impl Spot {
    /// A line of a file.
    #[must_use]
    pub fn new(file: impl Into<String>, line: usize) -> Self {
        Self { file: file.into(), line: line.max(1) }
    }

    /// Where the nearest of these keys stands that is written: the last one may be a default.
    #[must_use]
    pub fn of(project: &Project, path: &[&str]) -> Self {
        let nearest = (0..=path.len()).rev().find_map(|many| project.place(path.get(..many)?));
        nearest.map_or_else(|| Self::new("devenv.yaml", 1), Self::from)
    }
}

impl From<Place> for Spot {
    fn from(place: Place) -> Self {
        Self::new(place.file, place.line)
    }
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule.
    pub rule: Rule,
    /// Where it is.
    pub spot: Spot,
    /// What is wrong.
    pub says: String,
    /// Why that matters.
    pub why: &'static str,
    /// What to do.
    pub fix: String,
}

impl Finding {
    /// An error.
    #[must_use]
    pub fn error(rule: Rule, spot: Spot, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity: Severity::Error, rule, spot, says: says.into(), why: rule.why(), fix: fix.into() }
    }

    /// A warning.
    #[must_use]
    pub fn warning(rule: Rule, spot: Spot, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, spot, says, fix) }
    }
}

/// For tests and logs: severity, rule, place and what is wrong on one line.
impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}: {}", self.severity.name(), self.rule.name(), self.spot, self.says)
    }
}
