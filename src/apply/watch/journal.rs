//! What the watcher says and remembers: lines of its log, and the state that `status` and the next watcher read. A state
//! that cannot be written is said once, and ends nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::amounts;
use crate::host::watcher_process as files;
use crate::names::PartName;
use crate::plan::mirror::{MirrorStatus, Told};
use crate::plan::watch::events::End;
use crate::plan::watch::hold::Hold;
use crate::plan::watch::loop_step::LoopStep;
use crate::plan::watch::state::{Batch, Run, StepOutcome, WatchState};

/// Prints a line into the log.
pub type Say = Box<dyn Fn(&str) + Send + Sync>;

/// What a module's loop does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Doing {
    /// The step that runs.
    pub(crate) runs: Option<LoopStep>,
    /// What it waits for.
    pub(crate) waits: Option<Hold>,
    /// Whether the command is still to be restarted.
    pub(crate) restarts: bool,
}

/// What the watcher says and remembers.
pub(crate) struct Journal {
    root: PathBuf,
    say: Say,
    is_lost: bool,
    trouble: Option<String>,
    shown: BTreeMap<PartName, Doing>,
    mirrors: BTreeMap<PartName, MirrorStatus>,
}

impl Journal {
    pub(crate) fn new(root: PathBuf, say: Say) -> Self {
        Self { root, say, is_lost: false, trouble: None, shown: BTreeMap::new(), mirrors: BTreeMap::new() }
    }

    /// Prints a line.
    pub(crate) fn say(&self, line: &str) {
        (self.say)(line);
    }

    /// What is known now.
    pub(crate) fn state(&self) -> WatchState {
        files::state(&self.root)
    }

    /// Changes what is known.
    pub(crate) fn update<T: Default>(&mut self, change: impl FnOnce(&mut WatchState) -> T) -> T {
        match files::update(&self.root, change) {
            Ok(answer) => {
                self.is_lost = false;
                answer
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_lost, true) {
                    self.say(&format!("cannot save what happened: {error}"));
                }
                T::default()
            }
        }
    }

    /// The watcher is ready; `trouble` is what keeps it from seeing everything at once.
    pub(crate) fn ready(&mut self, trouble: Option<&str>) {
        self.update(|state| state.ready = Some(std::process::id()));
        self.trouble(trouble);
    }

    /// What keeps the watcher from seeing everything at once, where that is another than before.
    pub(crate) fn trouble(&mut self, trouble: Option<&str>) {
        if self.trouble.as_deref() == trouble {
            return;
        }
        self.trouble = trouble.map(str::to_owned);
        if let Some(trouble) = trouble {
            self.say(trouble);
        }
        self.update(|state| state.trouble = trouble.map(str::to_owned));
    }

    /// A step has ended; returns the result of the run before it, where this one counts.
    pub(crate) fn ended(
        &mut self,
        module: &PartName,
        step: LoopStep,
        end: End,
        record: &Run,
    ) -> Option<Option<StepOutcome>> {
        let took = amounts::milliseconds(record.took);
        self.say(&match end {
            End::Good if step == LoopStep::Restart => format!("{module} restarted, healthy in {took}"),
            End::Good => format!("{module} {step} ok in {took}"),
            // A restart that does not get healthy has no code.
            End::Failed if record.code < 0 => format!("{module} {step} FAILED in {took}"),
            End::Failed => format!("{module} {step} FAILED (code {}) in {took}", record.code),
            End::Cancelled => format!("{module} {step} cancelled: a newer change was saved"),
            End::Lost => format!("{module} {step} lost its container: it will be run again"),
        });
        let counts = matches!(end, End::Good | End::Failed);
        let before = self.update(|state| {
            let known = state.modules.entry(module.clone()).or_default();
            known.group = None;
            if counts { known.steps.insert(step, record.clone()).map(|run| run.result) } else { None }
        });
        counts.then_some(before)
    }

    /// Nothing is known about a module's copy until it has been compared.
    pub(crate) fn forget_mirror(&mut self, part: &PartName) {
        self.mirrors.remove(part);
        self.update(|state| state.modules.entry(part.clone()).or_default().mirror = None);
    }

    /// Forgets the copies of modules that run on their source now.
    pub(crate) fn forget_mirrors_but(&mut self, copied: &BTreeSet<&PartName>) {
        self.mirrors.retain(|part, _| copied.contains(part));
        self.update(|state| {
            let others = state.modules.iter_mut().filter(|(part, _)| !copied.contains(part));
            others.for_each(|(_, known)| (known.mirror, known.batch) = (None, None));
        });
    }

    /// The state of the copies is unknown while the engine is unreachable.
    pub(crate) fn engine_is_away(&mut self) {
        self.mirrors.clear();
        self.update(|state| {
            for known in state.modules.values_mut().filter(|known| known.mirror.is_some()) {
                known.mirror = Some(MirrorStatus::EngineAway);
            }
        });
    }

    /// How a module's copy stands.
    pub(crate) fn mirrored(&mut self, told: &Told, at: u64) {
        let Told { part, status, .. } = told;
        if self.mirrors.insert(part.clone(), status.clone()).as_ref() != Some(status) {
            self.say(&format!("{part} mirror {}", status.text(part)));
        }
        for back in &told.brought {
            self.say(&format!("{part} {back}"));
        }
        self.update(|state| {
            let known = state.modules.entry(part.clone()).or_default();
            known.mirror = Some(status.clone());
            if told.changes > 0 {
                known.batch = Some(Batch { at, changes: told.changes });
            }
            if let Some(agreed) = &told.agreed {
                known.outputs.clone_from(agreed);
            }
        });
    }

    /// Remembers what runs and what waits, where that is another than before.
    pub(crate) fn show(&mut self, module: &PartName, now: Doing) {
        let before = self.shown.get(module).cloned().unwrap_or_default();
        if now == before {
            return;
        }
        if let (Some(what), true) = (&now.waits, now.waits != before.waits) {
            self.say(&format!("{module} waits for {what}"));
        }
        self.shown.insert(module.clone(), now.clone());
        self.update(|state| {
            let known = state.modules.entry(module.clone()).or_default();
            (known.runs, known.waits, known.restarts) = (now.runs, now.waits, now.restarts);
        });
    }
}
