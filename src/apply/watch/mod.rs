//! The watcher at work: feeds events to [`Loops`] and does what it says. What it decides itself is nothing but when to
//! look.

pub mod background;
mod configure;
mod deaths;
pub mod engine_events;
pub mod journal;
mod mishaps;
pub mod notify;
mod running_steps;
pub mod service;
mod step_task;
mod sync_queue;
mod sync_sessions;
mod watch_events;
pub mod watch_settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::amounts;
use crate::apply::SILENCE;
use crate::apply::watch::journal::{Doing, Journal, Say};
use crate::apply::watch::mishaps::Followers;
use crate::apply::watch::running_steps::RunningSteps;
use crate::apply::watch::sync_queue::{Batches, Road};
use crate::apply::watch::watch_events::{Containers, Message};
use crate::apply::watch::watch_settings::Changed;
use crate::apply::watch::watch_settings::WatchSettings;
use crate::error::Result;
use crate::host::clock::{self, Moment};
use crate::host::engine::Engine;
use crate::host::file_watch::Changes;
use crate::host::watcher_process::{self as files, Held};
use crate::names::PartName;
use crate::plan::mirror::{MirrorStatus, Told};
use crate::plan::watch::deaths::Deaths;
use crate::plan::watch::event_loop::Loops;
use crate::plan::watch::events::{End, LoopAction, WatchEvent};
use crate::plan::watch::hold::Hold;
use crate::plan::watch::loop_step::LoopStep;
use crate::plan::watch::notify as decision;
use crate::plan::watch::state::Run;
use crate::plan::watch::{Rules, rules};

/// Between two looks at what has no events: settings, the lock, the wall clock, outputs.
const LOOK: Duration = Duration::from_secs(1);

/// Why the watcher stopped for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A file that decides settings has changed.
    Settings,
    /// The checkout is gone, or its `.devenv` is.
    Gone,
    /// A certificate is to be renewed.
    Certificates,
}

/// The watcher.
pub struct Watcher {
    engine: Engine,
    setting: Arc<WatchSettings>,
    loops: Loops,
    changes: Changes,
    held: Held,
    containers: BTreeMap<PartName, String>,
    /// Those that have failed.
    failed: BTreeMap<PartName, String>,
    deaths: Deaths,
    followers: Followers,
    batches: Batches,
    running: RunningSteps,
    outbox: UnboundedSender<Message>,
    inbox: UnboundedReceiver<Message>,
    begin: Instant,
    looked: Moment,
    times: Vec<Option<SystemTime>>,
    settings_changed: bool,
    journal: Journal,
    events: JoinHandle<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.events.abort();
    }
}

impl Watcher {
    /// Begins to watch. `say` prints a line into the log.
    pub async fn new(engine: Engine, setting: WatchSettings, held: Held, say: Say) -> Self {
        let (outbox, inbox) = unbounded_channel();
        let mut watcher = Self {
            loops: Loops::default(),
            changes: Changes::open(&setting.trees()),
            held,
            containers: BTreeMap::new(),
            failed: BTreeMap::new(),
            deaths: Deaths::default(),
            followers: Followers::default(),
            batches: Batches::default(),
            running: RunningSteps::new(engine.clone(), outbox.clone()),
            inbox,
            begin: Instant::now(),
            looked: Moment::now(),
            times: setting.settled(),
            settings_changed: false,
            journal: Journal::new(setting.checkout.root.clone(), say),
            events: tokio::spawn(engine_events::follow(engine.clone(), setting.environment.id.clone(), outbox.clone())),
            engine,
            setting: Arc::new(setting),
            outbox,
        };
        let wanted = rules(&watcher.setting.checkout.project, &watcher.setting.environment);
        watcher.configure_loops(&wanted);
        watcher.catch_up(&wanted).await;
        watcher.show();
        watcher.tell_ready(&wanted);
        watcher
    }

    /// Ends what an earlier watcher has left, and finds out what it has missed.
    async fn catch_up(&mut self, wanted: &Rules) {
        for (module, known) in self.journal.state().modules {
            if let Some((container, group)) = known.group {
                // Its container may be gone, and the group with it.
                let _ = self.engine.end_stale_group(&container, group).await;
            }
            if !wanted.contains_key(&module) {
                continue;
            }
            let now = self.mark(&module);
            if known.runs.is_some() || (known.mark.is_some() && known.mark != now) {
                let at = self.begin.elapsed();
                self.take(WatchEvent::Missed(at, module));
            }
        }
        let marks: Vec<(PartName, Option<String>)> =
            wanted.keys().map(|module| (module.clone(), self.mark(module))).collect();
        self.journal.update(|state| {
            state.watcher_ended();
            for (module, mark) in marks {
                state.modules.entry(module).or_default().mark = mark;
            }
        });
    }

    /// Works until something happens that others must see to.
    pub async fn run(&mut self) -> Result<Stop> {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let due = self.loops.due();
            let begin = self.begin;
            let tick = async {
                match due {
                    Some(due) => tokio::time::sleep_until((begin + due).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(message) = self.inbox.recv() => self.on_message(message),
                changed = self.changes.next() => self.changed(changed),
                () = tick => self.take(WatchEvent::Tick(begin.elapsed())),
                _ = look.tick() => if let Some(stop) = self.look()? { return Ok(stop) },
            }
            if std::mem::take(&mut self.settings_changed) {
                return Ok(Stop::Settings);
            }
            self.show();
        }
    }

    /// Remembers how each module's loop stands.
    fn show(&mut self) {
        let modules: Vec<PartName> = self.setting.environment.parts.keys().cloned().collect();
        for module in modules {
            let doing = Doing {
                runs: self.loops.runs(&module),
                waits: self.loops.waits(&module),
                restarts: self.loops.will_restart(&module),
            };
            self.journal.show(&module, doing);
        }
    }

    /// Starts a module's container again that has failed.
    fn revive(&mut self, module: &PartName) {
        let Some(container) = self.failed.remove(module) else { return };
        self.journal.say(&format!("starting {module} again: it had failed, and a file was saved"));
        self.running.revive(&self.setting, module.clone(), container);
    }

    /// Ends all that runs, and leaves a state that says so.
    pub async fn end(&mut self) {
        self.running.end().await;
        self.batches.end();
        if !self.held.is_there() {
            return;
        }
        self.journal.update(|state| {
            state.watcher_ended();
            state.modules.values_mut().for_each(|known| known.mark = None);
        });
    }

    /// Takes in what changed: at once where source is mounted, and after the mirror where it is copied, since a loop
    /// must not run on stale source.
    fn changed(&mut self, changed: Changed) {
        self.settings_changed |= changed.keys().any(|path| self.setting.files.contains(path));
        let folders: Vec<PathBuf> = self.setting.mirrored().collect();
        let is_copied = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
        let (copied, own): (Changed, Changed) = changed.into_iter().partition(|(path, _)| is_copied(path));
        self.in_place(&own);
        if !copied.is_empty() {
            self.mirror(copied);
        }
    }

    /// What changed has reached the containers.
    fn in_place(&mut self, changed: &Changed) {
        let paths = self.setting.files_among(changed);
        if !paths.is_empty() {
            self.take(WatchEvent::Changed(self.begin.elapsed(), paths));
        }
    }

    /// Brings changes into the copies of the modules that run on one.
    fn mirror(&mut self, changed: Changed) {
        if self.setting.mirrored().next().is_none() {
            // What ran on a copy runs on its source now.
            let unsent = self.batches.next().unwrap_or_default();
            self.in_place(&unsent);
            self.in_place(&changed);
            return;
        }
        self.take(WatchEvent::Coming(self.setting.files_among(&changed)));
        let Self { engine, setting, containers, outbox, batches, .. } = self;
        batches.send(&Road { engine, setting, containers, outbox }, changed);
    }

    fn mirrored(&mut self, number: u64, told: &[Told]) {
        let is_broken = told.iter().any(|one| matches!(one.status, MirrorStatus::Broken { .. }));
        let Some(changed) = self.batches.arrived(number, is_broken) else { return };
        let now = clock::seconds();
        for one in told {
            self.journal.mirrored(one, now);
            let in_sync = one.status == MirrorStatus::InSync;
            self.take(WatchEvent::Held(one.part.clone(), (!in_sync).then_some(Hold::Mirror)));
        }
        self.in_place(&changed);
        if let Some(next) = self.batches.next() {
            self.mirror(next);
        }
    }

    fn look(&mut self) -> Result<Option<Stop>> {
        if !self.held.is_there() {
            return Ok(Some(Stop::Gone));
        }
        let before = std::mem::replace(&mut self.looked, Moment::now());
        if self.looked.has_slept_since(&before) {
            self.journal.say("the machine was asleep: checking everything again");
            self.changes.rescan();
        }
        self.changes.check();
        self.journal.trouble(self.changes.trouble());
        files::rotate(&self.setting.checkout.root)?;
        // A part that was restarted between two lists of containers is none that has come or gone.
        self.follow_errors();
        for (module, step, ran) in self.running.silent(SILENCE) {
            self.journal.say(&format!("{module} {step} still runs ({})", amounts::took(ran)));
        }
        let has_outputs = self.setting.copied().any(|part| part.mirror.iter().any(|copy| !copy.outputs.is_empty()));
        if !self.containers.is_empty() && self.batches.are_due(has_outputs) {
            self.mirror(BTreeMap::new());
        }
        if self.setting.renew_at.is_some_and(|at| at <= self.looked.wall) {
            return Ok(Some(Stop::Certificates));
        }
        if self.setting.times() != self.times {
            self.times = self.setting.times();
            return Ok(Some(Stop::Settings));
        }
        Ok(None)
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Containers(None) => {
                self.journal.say("the engine is unreachable");
                self.containers.clear();
                self.journal.engine_is_away();
                self.batches.interrupt();
                self.take(WatchEvent::Away);
            }
            Message::Containers(Some(now)) => {
                self.take(WatchEvent::Back);
                let Containers { running: now, failed } = now;
                self.failed = failed;
                let before = std::mem::replace(&mut self.containers, now.clone());
                let is_other = |part: &PartName| before.get(part) != now.get(part);
                let copied: Vec<PartName> = self.setting.copied().map(|part| part.name.clone()).collect();
                for part in copied.into_iter().filter(is_other) {
                    self.journal.forget_mirror(&part);
                    self.take(WatchEvent::Held(part, Some(Hold::Mirror)));
                }
                self.mirror(BTreeMap::new());
                for part in before.keys().filter(|part| is_other(part)) {
                    self.take(WatchEvent::Down(part.clone()));
                }
                self.have_run(&before);
                for part in now.into_keys() {
                    self.take(WatchEvent::Up(part));
                }
                self.take(WatchEvent::FailedContainers(self.failed.keys().cloned().collect()));
            }
            Message::Mishap(part, mishap, lines) => self.mishap(&part, &mishap, lines),
            Message::Mirrored(number, told) => self.mirrored(number, &told),
            Message::Began(module, run, group) => {
                let Some(container) = self.running.began(&module, run, group) else { return };
                self.journal.update(|state| {
                    state.modules.entry(module).or_default().group = Some((container, group));
                });
            }
            Message::Died(module, record) => {
                record.lines.iter().for_each(|line| self.journal.say(&format!("{module} | {line}")));
                self.ended(&module, LoopStep::Restart, End::Failed, &record);
            }
            Message::Line(module, line) => {
                self.running.heard(&module);
                self.journal.say(&format!("{module} | {line}"));
            }
            Message::Ended { module, run, step, end, record } => {
                let end = self.running.ended(&module, run, step, end);
                self.ended(&module, step, end, &record);
                self.take(WatchEvent::Ended(module, run, end));
            }
        }
    }

    fn ended(&mut self, module: &PartName, step: LoopStep, end: End, record: &Run) {
        let Some(before) = self.journal.ended(module, step, end, record) else { return };
        let project = &self.setting.checkout.project.file;
        let Some(notify) = &project.notify else { return };
        if let Some(news) = decision::decide(notify, project.project.as_str(), (module, step), before, record) {
            self.tell(news);
        }
    }

    fn take(&mut self, event: WatchEvent) {
        for action in self.loops.take(event) {
            match action {
                LoopAction::Run { module, run, step, cause } => {
                    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                    self.journal.say(&format!("{module} {step}{cause}"));
                    let container = self.containers.get(&module).cloned().unwrap_or_default();
                    self.running.start(&self.setting, module, container, run, step);
                }
                LoopAction::Cancel { module, run } => self.running.cancel(&module, run),
                LoopAction::Revive(module) => self.revive(&module),
                LoopAction::Done(module) => {
                    let mark = self.mark(&module);
                    self.journal.update(|state| state.modules.entry(module).or_default().mark = mark);
                }
                LoopAction::Say(module, text) => self.journal.say(&format!("{module}: {text}")),
            }
        }
    }
}
