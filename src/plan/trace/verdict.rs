//! A hop with what is known of it, the causes of those that are broken, and the words that all hops share. Pure.

use serde::Serialize;

use crate::plain::spaced;
use crate::plan::states::PartState;
use crate::plan::trace::facts::{Failure, LogLine};

/// What is known of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It does what it should.
    Ok,
    /// It does not.
    Broken,
    /// It was not asked.
    Skipped,
    /// It was seen on the wire, and nothing depends on it.
    Seen,
    /// It was seen on the wire while the module had other requests too, and may belong to those.
    #[serde(rename = "also-seen")]
    AlsoSeen,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Broken => "BROKEN",
            Self::Skipped => "-",
            Self::Seen => "seen",
            Self::AlsoSeen => "also seen",
        })
    }
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hop {
    /// What it is.
    pub name: String,
    /// Milliseconds that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
    /// What is known of it.
    pub verdict: Verdict,
    /// What it answered.
    pub said: String,
}

/// The result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    /// What was asked.
    pub request: String,
    /// The request's id, which goes into every log that knows it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Whether every hop is OK.
    pub ok: bool,
    /// The hops, in the order of the way.
    pub hops: Vec<Hop>,
    /// The hop that is broken, and the likely cause.
    pub sentence: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What the parts involved have logged meanwhile.
    pub log: Vec<LogLine>,
}

/// Why a hop is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) kind: CauseKind,
    pub(super) sentence: String,
    pub(super) hint: Option<String>,
}

/// How far a cause explains others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CauseKind {
    /// Nothing gets further than this.
    Way,
    /// The module cannot answer.
    Module,
    /// The module answers, and not well: what it talks to, or its log, may say why.
    Answer,
    /// Something that the module talks to.
    Peer,
}

impl Cause {
    pub(super) fn new(kind: CauseKind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Hops with the causes of those that are broken.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) hops: Vec<Hop>,
    pub(super) causes: Vec<Cause>,
}

impl Found {
    pub(super) fn add(
        &mut self,
        name: impl Into<String>,
        ms: Option<f64>,
        said: impl Into<String>,
        cause: Option<Cause>,
    ) {
        let verdict = if cause.is_some() { Verdict::Broken } else { Verdict::Ok };
        self.hops.push(Hop { name: plain(&name.into()), ms, verdict, said: plain(&said.into()) });
        self.causes.extend(cause);
    }

    pub(super) fn skip(&mut self, name: impl Into<String>, said: impl Into<String>) {
        let (name, said) = (plain(&name.into()), plain(&said.into()));
        self.hops.push(Hop { name, ms: None, verdict: Verdict::Skipped, said });
    }

    /// Adds something that was seen on the wire; it is broken where it is a cause.
    pub(super) fn watched(
        &mut self,
        ms: Option<f64>,
        said: impl Into<String>,
        otherwise: Verdict,
        cause: Option<Cause>,
    ) {
        let verdict = if cause.is_some() { Verdict::Broken } else { otherwise };
        self.hops.push(Hop { name: "wire".to_owned(), ms, verdict, said: plain(&said.into()) });
        self.causes.extend(cause);
    }

    pub(super) fn first(&self, kind: CauseKind) -> Option<&Cause> {
        self.causes.iter().find(|cause| cause.kind == kind)
    }
}

/// Text of others in one line without anything that steers a terminal, and not too long for a table.
pub(super) fn plain(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut short: String = spaced(text.trim()).chars().take(LONGEST).collect();
    if text.trim().chars().count() > LONGEST {
        short.push('…');
    }
    short
}

/// A failure in words.
pub(super) fn said(failure: &Failure) -> String {
    match failure {
        Failure::NotFound => "no address".to_owned(),
        Failure::Refused => "connection refused".to_owned(),
        Failure::TimedOut(seconds) => format!("nothing came within {seconds} s"),
        Failure::Closed => "the connection was closed without an answer".to_owned(),
        Failure::SpeaksTls => "it speaks TLS, but was asked without it".to_owned(),
        Failure::Other(words) => words.clone(),
    }
}

/// Why a part cannot answer, as the end of a sentence that begins with its name; none where it runs.
pub(super) fn lifeless(state: &PartState) -> Option<String> {
    Some(match state {
        state if state.runs() => return None,
        PartState::Ended(code) => format!("is not running: it ended with code {code}"),
        PartState::Restarting => "is not running: it ended, and is about to be restarted".to_owned(),
        PartState::CrashLoop(times) => format!("crashes in a loop: it was restarted {times} times"),
        PartState::OutOfMemory(_) => "is not running: the kernel ended it because it ran out of memory".to_owned(),
        PartState::Paused => "is paused".to_owned(),
        PartState::Created => "was never started".to_owned(),
        PartState::NotCreated | PartState::Removing => "has no container".to_owned(),
        _ => "is not running: it was stopped".to_owned(),
    })
}

/// What to do about a part that is not running.
pub(super) fn revived(part: &str, state: &PartState) -> String {
    match state {
        PartState::Stopped | PartState::Done | PartState::Paused => format!("`devenv start {part}` starts it"),
        PartState::Created | PartState::NotCreated | PartState::Removing => format!("`devenv up {part}` starts it"),
        PartState::OutOfMemory(_) => "raise its memory limit, or find out what uses it".to_owned(),
        _ => format!("`devenv logs {part}` says why"),
    }
}
