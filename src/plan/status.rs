//! What `status` tells of each part: what it does, since when, what is stale and why, and what it waits for. Pure.

use serde::Serialize;

use crate::amounts;
use crate::names::PartName;
use crate::plan::observed::Observed;
use crate::plan::parts::{Environment, Part, PartKind, Publish};
use crate::plan::states::{self, Life, Lives, PartState, Severity};
use crate::plan::stats::Usage;
use crate::plan::watch::state::ModuleState;
use crate::plan::{Action, Plan, Step};

/// A part as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartStatus {
    /// Its name.
    pub name: PartName,
    /// What kind of part it is.
    pub kind: PartKind,
    /// What it does.
    pub state: &'static str,
    /// The same as a sentence.
    pub text: String,
    /// The exit code that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// Since when it does that, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// How often the engine has started it again.
    pub restarts: i64,
    /// The last answer to its probe or output of its health check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// Where it is reached from this machine.
    pub url: Option<String>,
    /// Its ports on this machine, and those in the container that they lead to.
    pub ports: Vec<Publish>,
    /// The image that it should run in.
    pub image: String,
    /// The commit that its released image is made from, where it runs in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    /// Why it is not what it should be.
    pub stale: Vec<String>,
    /// What it needs that is not ready.
    pub waits_for: Vec<PartName>,
    /// The last runs of its steps, what runs, and what it waits for.
    #[serde(rename = "loop", skip_serializing_if = "Option::is_none")]
    pub steps: Option<ModuleState>,
    /// What it uses of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What the state means.
    #[serde(skip)]
    pub verdict: Severity,
}

/// What a status is made from.
#[derive(Debug, Clone, Copy)]
pub struct StatusInputs<'a> {
    /// What should be.
    pub environment: &'a Environment,
    /// What is.
    pub observed: &'a Observed,
    /// What the engine knows of each container; empty where it was not asked.
    pub lives: &'a Lives,
    /// What `up` would do.
    pub plan: &'a Plan,
    /// Seconds since 1970.
    pub now: i64,
}

impl StatusInputs<'_> {
    /// The status of a part.
    #[must_use]
    pub fn status(&self, part: &Part, steps: Option<ModuleState>) -> PartStatus {
        let state = self.state(part);
        let lives: Vec<&Life> =
            self.observed.containers_of(&part.name).filter_map(|container| self.lives.get(&container.id)).collect();
        let shows_probe = state.verdict() != Severity::Good;
        let needs = part.needs.iter().filter(|need| {
            let need = self.environment.parts.get(*need);
            need.is_some_and(|need| self.state(need).verdict() != Severity::Good)
        });
        PartStatus {
            name: part.name.clone(),
            kind: part.kind,
            state: state.word(),
            text: state.to_string(),
            code: state.code(),
            since: lives.iter().filter_map(|life| life.since).max(),
            restarts: lives.iter().map(|life| life.restarts).sum(),
            probe: lives.iter().find_map(|life| life.probe.clone()).filter(|_| shows_probe),
            url: self.environment.url(part),
            ports: part.publish.clone(),
            image: part.image.reference().to_owned(),
            released: self.environment.releases.get(&part.name).map(|recipe| recipe.source.commit.id.clone()),
            stale: self.stale(part),
            waits_for: needs.filter(|_| state.verdict() == Severity::Waiting).cloned().collect(),
            steps: steps.filter(|_| !self.environment.releases.contains_key(&part.name)),
            usage: None,
            verdict: state.verdict(),
        }
    }

    fn state(&self, part: &Part) -> PartState {
        states::of(part, self.observed, self.lives, self.now)
    }

    /// Why a part is not what it should be.
    fn stale(&self, part: &Part) -> Vec<String> {
        let steps = self.plan.steps.iter().filter(|step| match &step.action {
            Action::Recreate(name) | Action::Install(name) | Action::Reload(name) => *name == part.name,
            _ => false,
        });
        steps.map(Step::why).collect()
    }
}

impl PartStatus {
    /// What is worth a word beside its state, most urgent first.
    #[must_use]
    pub fn remarks(&self) -> String {
        let probe = self.probe.as_deref().and_then(|text| text.lines().last()).map(str::to_owned);
        let restarts = (self.restarts > 0 && self.state != "crash-loop").then(|| match self.restarts {
            1 => "restarted once".to_owned(),
            times => format!("restarted {times} times"),
        });
        let waits: Vec<&str> = self.waits_for.iter().map(PartName::as_str).collect();
        let waits = (!waits.is_empty()).then(|| format!("waits for {}", waits.join(", ")));
        let stale = (!self.stale.is_empty()).then(|| format!("stale: {}", self.stale.join(", ")));
        let released =
            self.released.as_ref().map(|commit| format!("released, {}", commit.chars().take(12).collect::<String>()));
        let steps = self.steps.as_ref().map(|steps| steps.line(&self.name)).filter(|line| !line.is_empty());
        [probe, restarts, waits, stale, released, steps].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// How long it has done what it does.
    #[must_use]
    pub fn age(&self, now: i64) -> String {
        self.since.map(|since| amounts::age(now - since)).unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
