//! The event loop of the watcher, which only decides: events in, actions out. It knows no clock, no engine and no files;
//! times are what the caller's clock says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::digest::Fingerprint;
use crate::names::PartName;
use crate::plan::watch::debounce::Pending;
use crate::plan::watch::events::{End, LoopAction, WatchEvent};
use crate::plan::watch::hold::Hold;
use crate::plan::watch::interruptions::{Interruption, Interruptions};
use crate::plan::watch::loop_step::LoopStep;
use crate::plan::watch::{FileChange, Rule, Rules};

/// A step that runs.
#[derive(Debug, Clone)]
struct Current {
    run: u64,
    step: LoopStep,
    cancelled: bool,
    /// What is installed when `deps` ends well.
    install: Option<Fingerprint>,
}

/// The loop of one module.
#[derive(Debug, Clone, Default)]
struct Loop {
    pending: Pending,
    queue: VecDeque<LoopStep>,
    cause: Option<String>,
    current: Option<Current>,
    /// A step of this loop has failed, so that the process that runs is left alone.
    failed: bool,
    installed: Option<Fingerprint>,
    held: Option<Hold>,
    /// Changes are on their way that belong to the same batch.
    is_coming: bool,
    interruptions: Interruptions,
    /// It runs once more after this time: a change came that did not interrupt it.
    again: Option<String>,
    /// The container was started with what is in this batch.
    revived: bool,
}

impl Loop {
    /// Begins with all steps.
    fn fill(&mut self, rule: &Rule, cause: String) {
        self.cause = Some(cause);
        self.failed = false;
        // Dependencies are no step that a person chooses: they come first whenever they are not what they should be.
        let deps = rule.install.is_some().then_some(LoopStep::Deps);
        self.queue = deps.into_iter().chain(rule.steps.iter().copied()).collect();
    }

    /// It has nothing left to do, or begins once more.
    fn done(&mut self, module: &PartName, rule: &Rule) -> Option<LoopAction> {
        if let Some(cause) = self.again.take() {
            self.fill(rule, cause);
            return None;
        }
        if self.pending.is_empty() {
            self.interruptions = Interruptions::default();
        }
        Some(LoopAction::Done(module.clone()))
    }

    /// Whether changes wait for nothing but their batch to be complete.
    fn is_pending(&self) -> bool {
        !self.pending.is_empty() && !self.interruptions.is_resting()
    }

    /// When a batch is complete.
    fn due(&self) -> Option<Duration> {
        (!self.pending.is_empty() && !self.is_coming).then(|| self.pending.due())
    }
}

/// The loops of all modules.
#[derive(Debug, Clone, Default)]
pub struct Loops {
    rules: Rules,
    loops: BTreeMap<PartName, Loop>,
    up: BTreeSet<PartName>,
    /// Parts whose containers have failed by themselves.
    failed: BTreeSet<PartName>,
    away: bool,
    runs: u64,
}

impl Loops {
    /// Takes in what happened, and says what is to be done.
    pub fn take(&mut self, event: WatchEvent) -> Vec<LoopAction> {
        let mut actions = Vec::new();
        match event {
            WatchEvent::Configured(rules) => self.configure(rules, &mut actions),
            WatchEvent::Coming(paths) => self.coming(&paths),
            WatchEvent::Changed(at, paths) => self.change(at, &paths),
            WatchEvent::Missed(at, module) => {
                if let Some(one) = self.loops.get_mut(&module) {
                    one.pending.missed = true;
                    one.pending.last = at;
                }
            }
            WatchEvent::Tick(at) => {
                let due = |one: &Loop| one.due().is_some_and(|due| due <= at);
                let modules: Vec<PartName> =
                    self.loops.iter().filter(|(_, one)| due(one)).map(|(name, _)| name.clone()).collect();
                for module in modules {
                    self.begin(&module, at, &mut actions);
                }
            }
            WatchEvent::Up(part) => {
                if let Some(one) = self.loops.get_mut(&part) {
                    // Whoever started it has started what was saved.
                    one.revived = true;
                }
                self.up.insert(part);
            }
            WatchEvent::Down(part) => drop(self.up.remove(&part)),
            WatchEvent::FailedContainers(parts) => self.failed = parts,
            WatchEvent::Away => {
                self.away = true;
                self.up.clear();
                self.failed.clear();
            }
            WatchEvent::Back => self.away = false,
            WatchEvent::Held(module, why) => self.loops.entry(module).or_default().held = why,
            WatchEvent::Installed(module, fingerprint) => self.loops.entry(module).or_default().installed = fingerprint,
            WatchEvent::Ended(module, run, end) => self.end(&module, run, end, &mut actions),
        }
        let modules: Vec<PartName> = self.loops.keys().cloned().collect();
        for module in modules {
            self.advance(&module, &mut actions);
            if self.revives(&module) {
                actions.push(LoopAction::Revive(module));
            }
        }
        actions
    }

    /// When the next tick is worth something.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.loops.values().filter_map(Loop::due).min()
    }

    /// Whether a change of a path of the checkout means anything to a module.
    #[must_use]
    pub fn counts(&self, module: &PartName, path: &str) -> bool {
        self.rules.get(module).is_some_and(|rule| rule.counts(path))
    }

    /// The step that a module runs.
    #[must_use]
    pub fn runs(&self, module: &PartName) -> Option<LoopStep> {
        self.loops.get(module)?.current.as_ref().map(|current| current.step)
    }

    /// Whether a module's command is still to be restarted.
    #[must_use]
    pub fn will_restart(&self, module: &PartName) -> bool {
        let (Some(one), Some(rule)) = (self.loops.get(module), self.rules.get(module)) else { return false };
        let restarts = rule.steps.contains(&LoopStep::Restart);
        one.queue.contains(&LoopStep::Restart)
            || self.runs(module) == Some(LoopStep::Restart)
            || (restarts && (one.is_pending() || one.again.is_some()))
    }

    /// What a module's loop waits for, if it has anything to do.
    #[must_use]
    pub fn waits(&self, module: &PartName) -> Option<Hold> {
        let one = self.loops.get(module)?;
        if one.queue.is_empty() || one.current.is_some() { None } else { self.obstacle(module) }
    }

    /// Whether the container of a module, which has failed, is to be started again: something was saved since, and it was
    /// not started for that yet. A program that fails with it again waits for the next save.
    fn revives(&mut self, module: &PartName) -> bool {
        let waits = self.failed.contains(module) && !self.up.contains(module) && self.waits(module).is_some();
        let one = self.loops.get_mut(module).filter(|one| waits && !one.revived);
        let revives = one.is_some_and(|one| !std::mem::replace(&mut one.revived, true));
        if revives {
            self.failed.remove(module);
        }
        revives
    }

    fn configure(&mut self, rules: Rules, actions: &mut Vec<LoopAction>) {
        for (module, one) in &mut self.loops {
            if rules.contains_key(module) {
                continue;
            }
            one.queue.clear();
            one.pending = Pending::default();
            if let Some(current) = one.current.as_mut().filter(|current| !current.cancelled) {
                current.cancelled = true;
                actions.push(LoopAction::Cancel { module: module.clone(), run: current.run });
            }
        }
        for module in rules.keys() {
            self.loops.entry(module.clone()).or_default();
        }
        self.loops.retain(|module, one| rules.contains_key(module) || one.current.is_some());
        self.rules = rules;
    }

    fn coming(&mut self, paths: &BTreeMap<String, FileChange>) {
        for (module, rule) in &self.rules {
            if let Some(one) = self.loops.get_mut(module) {
                one.is_coming |= paths.keys().any(|path| rule.counts(path));
            }
        }
    }

    fn change(&mut self, at: Duration, paths: &BTreeMap<String, FileChange>) {
        for (module, rule) in &self.rules {
            let Some(one) = self.loops.get_mut(module) else { continue };
            for (path, change) in paths.iter().filter(|(path, _)| rule.counts(path)) {
                one.is_coming = false;
                one.pending.add(path, *change);
                one.pending.last = at;
            }
        }
    }

    /// A batch is complete: the loop of the module begins, or begins again.
    fn begin(&mut self, module: &PartName, at: Duration, actions: &mut Vec<LoopAction>) {
        let (Some(one), Some(rule)) = (self.loops.get_mut(module), self.rules.get(module)) else { return };
        let pending = std::mem::take(&mut one.pending);
        if let Some(current) = &mut one.current {
            match one.interruptions.add(pending.paths.keys().cloned().collect()) {
                Interruption::Now => {}
                Interruption::AtItsEnd => {
                    let text = format!(
                        "{} whenever {} runs, so it runs to completion, then once more: if it generates that file, add it to \
                         .gitignore or `watch.ignore`",
                        pending.cause(),
                        current.step,
                    );
                    actions.push(LoopAction::Say(module.clone(), text));
                    one.again = Some(pending.cause());
                    return;
                }
                Interruption::After(rest) => {
                    one.pending = Pending { last: at + rest, ..pending };
                    return;
                }
            }
            if !current.cancelled {
                current.cancelled = true;
                actions.push(LoopAction::Cancel { module: module.clone(), run: current.run });
            }
        }
        (one.again, one.revived) = (None, false);
        one.fill(rule, pending.cause());
    }

    fn end(&mut self, module: &PartName, run: u64, end: End, actions: &mut Vec<LoopAction>) {
        let Some(one) = self.loops.get_mut(module) else { return };
        let Some(current) = one.current.take_if(|current| current.run == run) else { return };
        if current.step == LoopStep::Deps {
            // An installation that was begun has ended what was there before.
            one.installed = current.install.filter(|_| end == End::Good);
        }
        match end {
            _ if current.cancelled => {}
            End::Good => {}
            // Whoever starts the container again starts what was built.
            End::Lost if current.step == LoopStep::Restart => {}
            End::Failed => {
                one.failed = true;
                if matches!(current.step, LoopStep::Deps | LoopStep::Build) {
                    one.queue.clear();
                }
            }
            End::Cancelled | End::Lost => one.queue.push_front(current.step),
        }
        if !self.rules.contains_key(module) {
            self.loops.remove(module);
            return;
        }
        if let (Some(one), Some(rule)) = (self.loops.get_mut(module), self.rules.get(module))
            && one.queue.is_empty()
        {
            actions.extend(one.done(module, rule));
        }
    }

    /// Begins the next step of a module, if nothing stands in its way.
    fn advance(&mut self, module: &PartName, actions: &mut Vec<LoopAction>) {
        if self.obstacle(module).is_some() {
            return;
        }
        let (Some(one), Some(rule)) = (self.loops.get_mut(module), self.rules.get(module)) else { return };
        if one.current.is_some() {
            return;
        }
        let mut had = !one.queue.is_empty();
        let step = loop {
            match one.queue.pop_front() {
                Some(LoopStep::Deps) if one.installed == rule.install => {}
                Some(LoopStep::Restart) if one.failed => {
                    let text = "not restarted because a step failed: the old process keeps running".to_owned();
                    actions.push(LoopAction::Say(module.clone(), text));
                }
                None if std::mem::take(&mut had) => actions.extend(one.done(module, rule)),
                step => break step,
            }
        };
        let Some(step) = step else { return };
        self.runs += 1;
        one.current = Some(Current { run: self.runs, step, cancelled: false, install: rule.install.clone() });
        let cause = one.cause.take();
        actions.push(LoopAction::Run { module: module.clone(), run: self.runs, step, cause });
    }

    fn obstacle(&self, module: &PartName) -> Option<Hold> {
        if self.away {
            return Some(Hold::Engine);
        }
        if !self.up.contains(module) {
            return Some(Hold::Container);
        }
        let need = self.rules.get(module)?.needs.iter().find(|need| !self.up.contains(*need));
        need.map(|part| Hold::Need { part: part.clone() }).or_else(|| self.loops.get(module)?.held.clone())
    }
}

#[cfg(test)]
#[path = "event_loop_changes_tests.rs"]
mod changes_tests;
#[cfg(test)]
#[path = "event_loop_play.rs"]
mod play;
#[cfg(test)]
#[path = "event_loop_tests.rs"]
mod tests;
