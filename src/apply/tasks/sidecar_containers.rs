//! Containers beside a task, on a network of their own with it: ready before it begins, gone after it.

use std::path::PathBuf;

use futures_util::future::try_join_all;
use tokio::sync::mpsc::UnboundedSender;

use crate::apply::executor::ready;
use crate::apply::tasks::log::Log;
use crate::apply::tasks::run_context::RunContext;
use crate::apply::tasks::worker::{Attempt, Message};
use crate::error::{Error, Result};
use crate::host::engine::task_networks::TaskNetwork;
use crate::host::engine::tasks::{SeenTask, TaskContainer};
use crate::host::tasks::records;
use crate::names::TaskName;
use crate::plan::tasks::sidecar::SidecarSpec;
use crate::redact::hide;

/// How many of its last lines are shown of each, where its task has not completed.
const LINES: usize = 20;

impl Attempt {
    /// Makes what runs beside the task, or beside its split `split`, waits until all of it is ready, and names the network;
    /// none where nothing does.
    pub(super) async fn start_sidecars(&self, context: &RunContext, split: Option<u32>) -> Result<Option<String>> {
        let all = context.sidecars.of_task(&self.node.name);
        if all.is_empty() {
            return Ok(None);
        }
        let network = self.container_name(context, split, "");
        let (engine, checkout) = (&context.session.engine, &context.session.identity.held.id);
        engine.make_task_network(&network, checkout, (self.node.name.as_str(), &self.run)).await?;
        try_join_all(all.iter().map(|one| self.start_sidecar(context, one, (split, &network)))).await?;
        Ok(Some(network))
    }

    async fn start_sidecar(
        &self,
        context: &RunContext,
        one: &SidecarSpec,
        (split, network): (Option<u32>, &str),
    ) -> Result<()> {
        let engine = &context.session.engine;
        let container = TaskContainer {
            name: self.container_name(context, split, one.part.name.as_str()),
            task: self.node.name.to_string(),
            run: self.run.clone(),
            beside: one.part.name.to_string(),
            argv: one.argv(),
            network: Some(network.to_owned()),
            ..context.container(&one.spec)?
        };
        let id = engine.create_task(container).await?;
        if let Some(source) = context.sidecars.source.as_ref().filter(|_| one.has_command()) {
            engine.unpack(&id, source.open()?).await?;
        }
        engine.start(&id).await?;
        // What to do about a part of the environment is no advice for this.
        let plain = |error: Error| Error::message(error.kind, format!("beside it, {error}"));
        ready::wait(engine, &one.part, &id, None).await.map_err(plain)
    }

    /// The name of a container beside this attempt or one of its splits, or of their own.
    pub(super) fn container_name(&self, context: &RunContext, split: Option<u32>, beside: &str) -> String {
        let project = &context.session.environment.project;
        let split = split.map(|split| format!("-{split}")).unwrap_or_default();
        let end = if beside.is_empty() { String::new() } else { format!("-{beside}") };
        format!("{project}-{}-{}-{}{split}{end}", self.node.name.file(), self.run, self.number)
    }

    /// What removes those beside the task after its end.
    pub(super) fn cleanup(&self, context: &RunContext) -> Option<Cleanup> {
        if context.sidecars.of_task(&self.node.name).is_empty() {
            return None;
        }
        let is_of_task = |seen: &&SeenTask| seen.task == self.node.name.as_str() && !seen.beside.is_empty();
        let left = self.left.iter().filter(is_of_task).cloned().collect();
        let log = records::log(&self.folder, &self.node.name);
        let (task, run, send) = (self.node.name.clone(), self.run.clone(), self.send.clone());
        Some(Cleanup { task, run, keep: self.keep, left, log, send })
    }
}

/// What is left to do beside a task that has ended.
pub(super) struct Cleanup {
    task: TaskName,
    run: String,
    keep: bool,
    left: Vec<SeenTask>,
    log: PathBuf,
    send: UnboundedSender<Message>,
}

impl Cleanup {
    /// Tells what those beside a task that has not completed have printed last, and removes them; where it is kept, so are
    /// they. What cannot be removed now, the next run removes.
    pub(super) async fn carry_out(self, context: &RunContext, completed: bool) {
        let mut log = Log::open(&self.log).ok();
        let engine = &context.session.engine;
        let checkout = &context.session.identity.held.id;
        let seen = engine.tasks(checkout).await.unwrap_or_default();
        let is_own = |one: &SeenTask| one.run == self.run && one.task == self.task.as_str() && !one.beside.is_empty();
        for one in seen.into_iter().filter(is_own).chain(self.left) {
            if !completed {
                for line in engine.last_lines(&one.id, LINES).await {
                    let line = format!("{} | {}", one.beside, hide(&line));
                    log.iter_mut().for_each(|log| log.add(&line));
                    // Who has gone away needs no output.
                    let _ = self.send.send(Message::Line(self.task.clone(), line));
                }
            }
            if completed || !self.keep {
                let _ = engine.remove(&one.id).await;
            }
        }
        let networks = engine.task_networks(checkout).await.unwrap_or_default();
        let is_own = |one: &&TaskNetwork| one.run == self.run && one.task == self.task.as_str();
        for one in networks.iter().filter(is_own).filter(|_| completed || !self.keep) {
            let _ = engine.remove_network(&one.id).await;
        }
    }
}
