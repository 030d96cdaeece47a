//! One step of a module's loop, carried out by a task of its own that tells the watcher how it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use crate::apply::executor::module_steps;
use crate::apply::watch::watch_events::Message;
use crate::apply::watch::watch_settings::WatchSettings;
use crate::error::{Error, Result};
use crate::host::clock;
use crate::host::engine::Engine;
use crate::host::engine::containers::Detail;
use crate::names::PartName;
use crate::plan::missing_program;
use crate::plan::observed::ContainerState;
use crate::plan::watch::events::End;
use crate::plan::watch::loop_step::LoopStep;
use crate::plan::watch::state::Run;
use crate::redact::hide;

/// Lines of a step that are held while it runs.
const LINES: usize = 160;

/// One step, carried out.
pub(crate) struct StepTask {
    pub(crate) engine: Engine,
    pub(crate) setting: Arc<WatchSettings>,
    pub(crate) outbox: UnboundedSender<Message>,
    pub(crate) module: PartName,
    pub(crate) container: String,
    pub(crate) run: u64,
    pub(crate) step: LoopStep,
    /// Whether something newer has cut it short.
    pub(crate) cancelled: Arc<AtomicBool>,
}

impl StepTask {
    pub(crate) async fn carry_out(self) {
        let (begin, began) = (Instant::now(), clock::now());
        let mut lines: Vec<String> = Vec::new();
        let ended = self.step(&mut lines).await;
        let code = ended.unwrap_or_else(|error| {
            for line in error.to_string().lines() {
                self.line(&mut lines, line);
            }
            -1
        });
        let part = self.setting.environment.parts.get(&self.module).filter(|_| code == 127);
        let hint =
            part.and_then(|part| missing_program::hint(lines.iter().map(String::as_str), part, &self.setting.images));
        if let Some(hint) = hint {
            self.line(&mut lines, &format!("hint: {hint}"));
        }
        let took = begin.elapsed();
        self.clean_up(&mut lines).await;
        let end = match code {
            0 => End::Good,
            code if self.is_lost(code, began).await => End::Lost,
            _ => End::Failed,
        };
        let record = Run::new(&self.container, code, (began.as_secs(), took), lines);
        let Self { module, run, step, .. } = self;
        // The channel is closed once the watcher has stopped.
        let _ = self.outbox.send(Message::Ended { module, run, step, end, record });
    }

    async fn step(&self, lines: &mut Vec<String>) -> Result<i64> {
        let Some(part) = self.setting.environment.parts.get(&self.module) else { return Ok(0) };
        let project = &self.setting.environment.project;
        let each = |line: &str| self.line(lines, line);
        match self.step {
            LoopStep::Deps => module_steps::install(&self.engine, project, part, &self.container, each).await,
            LoopStep::Restart => {
                let (outbox, module, began) = (self.outbox.clone(), self.module.clone(), clock::seconds());
                let container = self.container.clone();
                let died = move |error: Error| {
                    let lines = error.to_string().lines().map(hide).collect();
                    let record = Run::new(&container, -1, (began, Duration::ZERO), lines);
                    // The channel is closed once the watcher has stopped.
                    let _ = outbox.send(Message::Died(module, record));
                };
                module_steps::restart(&self.engine, part, &self.container, died).await?.map(|()| 0)
            }
            step => {
                let module = self.setting.checkout.project.file.modules.get(&self.module);
                let Some(script) = module.and_then(|module| step.command(module)) else { return Ok(0) };
                let began = |group| drop(self.outbox.send(Message::Began(self.module.clone(), self.run, group)));
                self.engine.step(&self.container, script, &[], began, each).await
            }
        }
    }

    /// Runs what the module wants done after a step that was cut short.
    async fn clean_up(&self, lines: &mut Vec<String>) {
        let module = self.setting.checkout.project.file.modules.get(&self.module);
        let cleanup = module.and_then(|module| module.cleanup.as_deref());
        let Some(script) = cleanup.filter(|_| self.cancelled.load(Ordering::Relaxed)) else { return };
        let each = |line: &str| self.line(lines, line);
        match self.engine.step(&self.container, script, &[], |_| {}, each).await {
            Ok(0) => {}
            Ok(code) => self.line(lines, &format!("the cleanup ended with code {code}")),
            Err(error) => self.line(lines, &error.to_string()),
        }
    }

    fn line(&self, lines: &mut Vec<String>, line: &str) {
        // They are kept in a file and sent to whoever is notified.
        let line = hide(line);
        lines.push(line.clone());
        if lines.len() > LINES {
            lines.drain(..LINES / 2);
        }
        let _ = self.outbox.send(Message::Line(self.module.clone(), line));
    }

    /// Whether a step that began then failed because its container or the engine went away, or was started again: that
    /// says nothing about the module.
    async fn is_lost(&self, code: i64, began: Duration) -> bool {
        // 126 is also what the engine answers for a command in a container that is ending.
        if (0..128).contains(&code) && code != 126 || self.step == LoopStep::Deps {
            return false;
        }
        let is_another = |detail: &Detail| {
            detail.state != ContainerState::Running || detail.started_at().is_some_and(|started| started > began)
        };
        let looks = self.engine.detail_at_end(&self.container, is_another);
        let detail = tokio::time::timeout(Duration::from_secs(5), looks).await;
        !matches!(detail, Ok(Ok(detail)) if !is_another(&detail))
    }
}
