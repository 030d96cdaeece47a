//! What is remembered of watched modules: the last run of each step, and what waits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::amounts;
use crate::config::model::module::Module;
use crate::names::PartName;
use crate::plan::mirror::MirrorStatus;
use crate::plan::mirror::outputs::Stamps;
use crate::plan::watch::hold::Hold;
use crate::plan::watch::loop_step::LoopStep;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepOutcome {
    /// Well.
    Good,
    /// Not well.
    Failed,
}

/// Lines of a step that are remembered.
const LINES: usize = 40;

/// The last run of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The container that it ran in: the result says nothing about another one.
    #[serde(default)]
    pub container: String,
    /// How it ended.
    pub result: StepOutcome,
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// How long it took, in milliseconds.
    pub took: u64,
    /// Its exit code.
    pub code: i64,
    /// The last lines that it printed.
    pub lines: Vec<String>,
}

impl Run {
    /// A run in `container` that began at `began` (seconds since 1970) and took `took`; the last of its `lines` are kept.
    #[must_use]
    pub fn new(container: &str, code: i64, (began, took): (u64, Duration), mut lines: Vec<String>) -> Self {
        let result = if code == 0 { StepOutcome::Good } else { StepOutcome::Failed };
        let lines = lines.split_off(lines.len().saturating_sub(LINES));
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self { container: container.to_owned(), result, began, took, code, lines }
    }
}

/// Changes that were carried into a copy together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// When they had arrived, in seconds since 1970.
    pub at: u64,
    /// How many there were.
    pub changes: usize,
}

/// What is remembered of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleState {
    /// The last run of each step.
    #[serde(default)]
    pub steps: BTreeMap<LoopStep, Run>,
    /// The step that runs now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<LoopStep>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Hold>,
    /// Whether its command is still to be restarted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restarts: bool,
    /// How the copy of its source stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<MirrorStatus>,
    /// The last changes that were carried into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// What both sides of it had of the outputs last.
    #[serde(default, skip_serializing_if = "Stamps::is_empty")]
    pub outputs: Stamps,
    /// What is not in it, as far as people were told.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left_out: BTreeSet<PathBuf>,
    /// State of its source when its loop was last done, by which a new watcher sees what it has missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// Process group of the running step, and its container, which a new watcher ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<(String, i64)>,
}

/// What is known about the watcher and by it: `.devenv/watch/state.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchState {
    /// The process that watches and is ready for changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<u32>,
    /// What keeps it from its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// All modules that have had a step.
    #[serde(default)]
    pub modules: BTreeMap<PartName, ModuleState>,
}

impl WatchState {
    /// Forgets what was true of a watcher that has ended: what ran, what waited, how copies stood.
    pub fn watcher_ended(&mut self) {
        (self.ready, self.trouble) = (None, None);
        for known in self.modules.values_mut() {
            (known.runs, known.waits, known.group, known.mirror) = (None, None, None, None);
            known.restarts = false;
        }
    }
}

impl ModuleState {
    /// Forgets results that say nothing about what there is now: of steps that `module` does not have, of another
    /// container than `container`, and of a failed installation where the dependencies are `installed` after all.
    pub fn keep_current(&mut self, module: &Module, container: Option<&str>, installed: bool) {
        self.steps.retain(|step, run| {
            step.is_of(module)
                && match step {
                    LoopStep::Deps => !(installed && run.result == StepOutcome::Failed),
                    _ => container == Some(run.container.as_str()),
                }
        });
    }

    /// The restart since `began` (seconds since 1970) after which the command did not become ready.
    #[must_use]
    pub fn failed_restart(&self, began: u64) -> Option<&Run> {
        self.steps.get(&LoopStep::Restart).filter(|run| run.result == StepOutcome::Failed && run.began >= began)
    }

    /// Whether the last build failed.
    #[must_use]
    pub fn build_failed(&self) -> bool {
        self.steps.get(&LoopStep::Build).is_some_and(|run| run.result == StepOutcome::Failed)
    }

    /// The last runs, what runs, and what it waits for, in a line.
    #[must_use]
    pub fn line(&self, part: &PartName) -> String {
        let mut words: Vec<String> = self
            .steps
            .iter()
            .map(|(step, run)| match run.result {
                StepOutcome::Good => format!("{step} ok {}", amounts::milliseconds(run.took)),
                StepOutcome::Failed => format!("{step} FAILED {}", amounts::milliseconds(run.took)),
            })
            .collect();
        words.extend(self.runs.map(|step| format!("{step} runs")));
        words.extend(self.waits.as_ref().map(|what| format!("waits for {what}")));
        words.extend(self.mirror.as_ref().map(|status| status.text(part)));
        words.join(", ")
    }
}
