//! The steps that run for the watcher, one of a module at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::apply::mirror::Guard;
use crate::apply::mirror::stand_in::Equal;
use crate::apply::watch::step_task::StepTask;
use crate::apply::watch::watch_events::Message;
use crate::apply::watch::watch_settings::WatchSettings;
use crate::error::Result;
use crate::host::engine::Engine;
use crate::host::locks;
use crate::names::PartName;
use crate::plan::observed::ContainerState;
use crate::plan::watch::events::End;
use crate::plan::watch::loop_step::LoopStep;
use crate::plan::watch::state::Run;

/// What runs, by module.
pub(crate) struct RunningSteps {
    engine: Engine,
    outbox: UnboundedSender<Message>,
    steps: BTreeMap<PartName, Begun>,
}

struct Begun {
    run: u64,
    step: LoopStep,
    container: String,
    /// Its processes in the container, as soon as there are any.
    group: Option<i64>,
    task: JoinHandle<()>,
    cancelled: Arc<AtomicBool>,
    began: Instant,
    /// When it last printed a line, or was said to run still.
    heard: Instant,
}

impl RunningSteps {
    pub(crate) fn new(engine: Engine, outbox: UnboundedSender<Message>) -> Self {
        Self { engine, outbox, steps: BTreeMap::new() }
    }

    /// Begins a step; what becomes of it arrives as messages.
    pub(crate) fn start(
        &mut self,
        setting: &Arc<WatchSettings>,
        module: PartName,
        container: String,
        run: u64,
        step: LoopStep,
    ) {
        let cancelled = Arc::new(AtomicBool::new(false));
        let work = StepTask {
            engine: self.engine.clone(),
            setting: Arc::clone(setting),
            outbox: self.outbox.clone(),
            module: module.clone(),
            container: container.clone(),
            run,
            step,
            cancelled: Arc::clone(&cancelled),
        };
        let (task, now) = (tokio::spawn(work.carry_out()), Instant::now());
        self.steps.insert(module, Begun { run, step, container, group: None, task, cancelled, began: now, heard: now });
    }

    /// Starts a container that has failed, on a copy that is equal where it runs on one.
    pub(crate) fn revive(&self, setting: &Arc<WatchSettings>, module: PartName, container: String) {
        let (engine, outbox, setting) = (self.engine.clone(), self.outbox.clone(), Arc::clone(setting));
        tokio::spawn(async move {
            if let Err(error) = revive(&engine, &setting, &module, &container).await {
                for line in format!("it cannot be started: {error}").lines() {
                    // The channel is closed once the watcher has stopped.
                    let _ = outbox.send(Message::Line(module.clone(), line.to_owned()));
                }
            }
        });
    }

    /// Notes the processes of a step. Returns the container that they are in, or nothing where it is another step that
    /// runs now.
    pub(crate) fn began(&mut self, module: &PartName, run: u64, group: i64) -> Option<String> {
        let running = self.steps.get_mut(module).filter(|running| running.run == run)?;
        running.group = Some(group);
        let container = running.container.clone();
        if running.cancelled.load(Ordering::Relaxed) {
            self.cancel(module, run);
        }
        Some(container)
    }

    /// A module's step has printed a line.
    pub(crate) fn heard(&mut self, module: &PartName) {
        if let Some(running) = self.steps.get_mut(module) {
            running.heard = Instant::now();
        }
    }

    /// The steps that have been silent for that long, and how long they have run; each is named again after as long.
    pub(crate) fn silent(&mut self, for_that_long: Duration) -> Vec<(PartName, LoopStep, Duration)> {
        let silent = self.steps.iter_mut().filter(|(_, running)| running.heard.elapsed() >= for_that_long);
        silent
            .map(|(module, running)| {
                running.heard = Instant::now();
                (module.clone(), running.step, running.began.elapsed())
            })
            .collect()
    }

    /// Ends a step before it ends by itself.
    pub(crate) fn cancel(&mut self, module: &PartName, run: u64) {
        let Some(running) = self.steps.get_mut(module).filter(|running| running.run == run) else { return };
        running.cancelled.store(true, Ordering::Relaxed);
        if let Some(group) = running.group {
            let (engine, container) = (self.engine.clone(), running.container.clone());
            tokio::spawn(async move {
                // A container that is gone has no process left.
                let _ = engine.end_group(&container, group).await;
            });
        } else if running.step == LoopStep::Restart {
            // Only the wait for it ends. A half installation is not worth the name: it goes on to its end.
            running.task.abort();
            let (module, step) = (module.clone(), running.step);
            let record = Run::new(&running.container, -1, (0, Duration::ZERO), Vec::new());
            // The channel is closed once the watcher has stopped.
            let _ = self.outbox.send(Message::Ended { module, run, step, end: End::Cancelled, record });
        }
    }

    /// Forgets a step that has ended. Returns how, in the eyes of its loop.
    pub(crate) fn ended(&mut self, module: &PartName, run: u64, step: LoopStep, end: End) -> End {
        let is_this = self.steps.get(module).is_some_and(|running| running.run == run);
        let cancelled =
            is_this && self.steps.remove(module).is_some_and(|running| running.cancelled.load(Ordering::Relaxed));
        if cancelled && step != LoopStep::Deps { End::Cancelled } else { end }
    }

    /// Ends all that runs.
    pub(crate) async fn end(&mut self) {
        for running in std::mem::take(&mut self.steps).into_values() {
            if let Some(group) = running.group {
                // A container that is gone has no process left.
                let _ = self.engine.end_group(&running.container, group).await;
            }
            running.task.abort();
        }
    }
}

/// Starts a failed container as `devenv up` would: alone, and on a copy that is equal.
async fn revive(engine: &Engine, setting: &WatchSettings, module: &PartName, container: &str) -> Result<()> {
    let _alone = locks::take(&setting.checkout.root, &engine.endpoint, "watcher", |_| {}).await?;
    // A command that had the lock may have started it, or put another in its place.
    let state = engine.detail(container).await.map(|detail| detail.state);
    if !matches!(state, Ok(ContainerState::Exited(_))) {
        return Ok(());
    }
    let copied = setting.environment.parts.get(module).and_then(|part| Some((part, part.mirror.as_ref()?)));
    if let Some((part, copy)) = copied {
        let project = &setting.environment.project;
        let equal = Equal { engine, root: &setting.checkout.root, project, guard: Guard::On };
        equal.before_start(part, copy, container).await?;
    }
    engine.start(container).await
}
