//! Dockerfiles: what a linter says about the team's own, and what stays readable in an image. Pure.

use serde::Deserialize;

use crate::plan::check::finding::{Finding, Severity, Spot};
use crate::plan::check::rules::Rule;

/// What the linter says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Lint {
    /// There is nothing to lint.
    #[default]
    Nothing,
    /// It is not installed.
    Absent,
    /// It has failed, with this.
    Failed(String),
    /// It has looked.
    Done(Vec<LintLine>),
}

/// What `hadolint --format json` says about a line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LintLine {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// `error`, `warning`, `info` or `style`.
    pub level: String,
    /// Name of the rule.
    pub code: String,
    /// What is wrong.
    pub message: String,
}

impl Lint {
    /// Reads what it has printed.
    #[must_use]
    pub fn read(output: &str) -> Self {
        serde_json::from_str(output).map_or_else(|error| Self::Failed(error.to_string()), Self::Done)
    }

    /// The same with paths below `root` in place of whole ones.
    #[must_use]
    pub fn below(self, root: &str) -> Self {
        let Self::Done(mut lines) = self else { return self };
        for line in &mut lines {
            if let Some(path) = line.file.strip_prefix(root).and_then(|path| path.strip_prefix('/')) {
                line.file = path.to_owned();
            }
        }
        Self::Done(lines)
    }

    /// A line for people where it could not look.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Absent => Some("Dockerfiles were not linted: hadolint is not installed".to_owned()),
            Self::Failed(why) => Some(format!("Dockerfiles were not linted: hadolint failed: {why}")),
            Self::Nothing | Self::Done(_) => None,
        }
    }
}

/// What the linter has found, but for matters of style.
#[must_use]
pub fn findings(lint: &Lint) -> Vec<Finding> {
    let Lint::Done(lines) = lint else { return Vec::new() };
    let finding = |line: &LintLine| {
        let severity = match line.level.as_str() {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => return None,
        };
        let fix =
            format!("{} of hadolint explains it; `# hadolint ignore={}` silences the linter", line.code, line.code);
        let spot = Spot::new(line.file.as_str(), line.line);
        Some(Finding { severity, ..Finding::error(Rule::Dockerfile, spot, line.message.as_str(), fix) })
    };
    lines.iter().filter_map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_linter_prints_becomes_findings_and_style_does_not() {
        let text = r#"[{"code":"DL3008","column":1,"file":"devenv/images/x/Dockerfile","level":"warning","line":3,"message":"Pin versions"},
                       {"code":"DL3059","column":1,"file":"x","level":"info","line":3,"message":"Multiple RUN"}]"#;
        let said: Vec<String> = findings(&Lint::read(text)).iter().map(ToString::to_string).collect();
        assert_eq!(said, ["warning dockerfile devenv/images/x/Dockerfile:3: Pin versions"]);
        assert!(Lint::read("Segmentation fault").note().unwrap().contains("hadolint failed"));
    }
}
