//! What is wrong with a configuration: every problem with its place, in the order of the files.

use std::fmt;

use crate::config::text::place::{Place, Span, Texts};
use crate::error::{Error, Kind};

/// Problems that are kept; what is beyond is only counted.
const MOST: usize = 200;

/// Findings after which a check need not be helpful any more: keeps bad files cheap.
pub(crate) const ENOUGH: usize = 1_000;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, in one line.
    pub message: String,
    /// Where; only facts about no file at all have no place.
    pub place: Option<Place>,
    /// A few words for under the line.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
    /// Other places that belong to it, with a few words each.
    pub also: Vec<(Place, String)>,
}

/// `devenv.yaml:5:5: message (help)`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { file, line, column, .. }) = &self.place {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// All that is wrong, sorted by file and place, with the texts of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// At least one.
    pub list: Vec<Problem>,
    /// Name and text of each file that places point into.
    pub texts: Vec<(String, String)>,
}

/// One line per problem.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, problem) in self.list.iter().enumerate() {
            if count > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::new(Kind::Usage, problems)
    }
}

/// A problem while the texts are still being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub span: Span,
    pub message: String,
    pub label: String,
    pub help: Option<String>,
    pub also: Vec<(Span, String)>,
}

impl Finding {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), label: String::new(), help: None, also: Vec::new() }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    pub(crate) fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also.push((span, label.into()));
        self
    }
}

/// Findings as problems: sorted, each once, and no more than a person reads.
pub(crate) fn located(mut findings: Vec<Finding>, texts: Texts) -> Problems {
    findings.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
    findings.dedup_by(|a, b| a.span == b.span && a.message == b.message);
    let beyond = findings.len().saturating_sub(MOST);
    findings.truncate(MOST);
    let last = findings.last().map(|finding| finding.span);
    if let (Some(span), 1..) = (last, beyond) {
        findings.push(Finding::new(span, format!("{beyond} more problems are not shown")));
    }
    let list = findings.into_iter().map(|finding| problem(finding, &texts)).collect();
    Problems { list, texts: texts.into_named() }
}

fn problem(finding: Finding, texts: &Texts) -> Problem {
    Problem {
        place: Some(texts.place(finding.span)),
        also: finding.also.into_iter().map(|(span, label)| (texts.place(span), label)).collect(),
        message: finding.message,
        label: finding.label,
        help: finding.help,
    }
}
