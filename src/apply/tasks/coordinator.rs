//! The coordinator of a run: carries out what the scheduler decides, and writes down every change before it is
//! reported.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use crate::apply::tasks::run_context::{RunContext, now};
use crate::apply::tasks::splits::databases;
use crate::apply::tasks::worker::{self, Attempt, Message};
use crate::error::Result;
use crate::host::engine::task_networks::TaskNetwork;
use crate::host::engine::tasks::SeenTask;
use crate::host::files;
use crate::host::tasks::records::Writer;
use crate::names::TaskName;
use crate::plan::tasks::decision::result_of_group;
use crate::plan::tasks::history::Earlier;
use crate::plan::tasks::record::{About, Line, VERSION};
use crate::plan::tasks::schedule::{Action, Event, Rules, Scheduler};
use crate::plan::tasks::state::State;

/// The file in the folder of a run by which another process asks it to end.
pub const CANCEL: &str = "cancel";
/// Between two looks at limits.
const TICK: Duration = Duration::from_secs(1);

/// What a run tells whoever watches it.
#[derive(Clone, Copy)]
pub enum Told<'a> {
    /// The run has begun, under this id.
    Begun(&'a str),
    /// A task is something else now.
    Task(&'a TaskName, &'a State, &'a About),
    /// A line that a task has printed.
    Line(&'a TaskName, &'a str),
}

/// How a run has ended.
pub struct Outcome {
    /// Its id.
    pub run: String,
    /// The scheduler at its end.
    pub scheduler: Scheduler,
    /// Tasks that have not completed, in the order of their ends.
    pub failed: Vec<TaskName>,
    /// What is known of each task.
    pub about: BTreeMap<TaskName, About>,
    /// The number of the signal that has cancelled it.
    pub signal: Option<i32>,
}

/// What a person wants of a run.
pub struct Wishes {
    /// Names that were asked for.
    pub asked: Vec<String>,
    /// The branch that is checked out.
    pub branch: Option<String>,
    /// How many run at once, and whether the first failure ends all.
    pub rules: Rules,
    /// Whether containers of tasks that have not completed stay.
    pub keep: bool,
    /// Containers that runs have left which nobody carries out any more; whoever calls holds the records of those runs.
    pub left: Vec<SeenTask>,
    /// Their networks.
    pub networks: Vec<TaskNetwork>,
}

struct Coordinator<'a> {
    context: &'a RunContext,
    wishes: Wishes,
    writer: Writer,
    began: Instant,
    known: BTreeMap<TaskName, Earlier>,
    about: BTreeMap<TaskName, About>,
    failed: Vec<TaskName>,
    endings: BTreeMap<TaskName, watch::Sender<bool>>,
    send: UnboundedSender<Message>,
}

/// Carries out a run. What `cancel` receives ends it in order; `told` receives what happens.
pub async fn run(
    context: &RunContext,
    wishes: Wishes,
    cancel: &mut UnboundedReceiver<()>,
    mut told: impl FnMut(Told<'_>),
) -> Result<Outcome> {
    let (send, mut receive) = mpsc::unbounded_channel();
    let rules = wishes.rules;
    let mut coordinator = Coordinator {
        context,
        wishes,
        writer: Writer::begin(&context.session.checkout.root)?,
        began: Instant::now(),
        known: context.given.clone(),
        about: BTreeMap::new(),
        failed: Vec::new(),
        endings: BTreeMap::new(),
        send,
    };
    coordinator.begin(&mut told)?;
    if context.known.history.runs().iter().any(|run| run.ended.is_none()) {
        databases::sweep(context, &coordinator.wishes.left).await;
    }
    coordinator.sweep(|seen| !context.graph.0.contains_key(seen.task.as_str()) || !seen.has_begun).await?;
    let (mut scheduler, mut actions) = Scheduler::new(&context.graph, rules, &context.known.history.durations());
    let mut workers: FuturesUnordered<BoxFuture<'_, Message>> = FuturesUnordered::new();
    let mut tick = tokio::time::interval(TICK);
    loop {
        for attempt in coordinator.act(actions, &mut told)? {
            workers.push(Box::pin(worker::carry_out(context, attempt)));
        }
        if scheduler.is_over() {
            break;
        }
        let message = tokio::select! {
            // What a worker has told before its end comes before its end.
            biased;
            Some(message) = receive.recv() => message,
            Some(message) = workers.next() => message,
            Some(()) = cancel.recv() => Message::Event(Event::Cancelled, Box::default()),
            _ = tick.tick() => Message::Event(coordinator.ticked(), Box::default()),
        };
        actions = match message {
            Message::Line(task, line) => {
                told(Told::Line(&task, &line));
                Vec::new()
            }
            Message::Event(event, about) => {
                coordinator.learn(&event, *about);
                scheduler.step(coordinator.began.elapsed(), event)
            }
        };
    }
    coordinator.end().await?;
    let Coordinator { writer, failed, about, .. } = coordinator;
    Ok(Outcome { run: writer.id, scheduler, failed, about, signal: None })
}

impl Coordinator<'_> {
    fn begin(&mut self, told: &mut impl FnMut(Told<'_>)) -> Result<()> {
        let tasks = self.context.graph.0.values().map(|node| (node.name.clone(), node.expires)).collect();
        let (asked, branch) = (self.wishes.asked.clone(), self.wishes.branch.clone());
        self.writer.add(&text(&Line::Begun { version: VERSION, at: now(), asked, branch, tasks }))?;
        told(Told::Begun(&self.writer.id));
        Ok(())
    }

    /// Writes down all changes at once, then tells them, and returns what is to be started.
    fn act(&mut self, actions: Vec<Action>, told: &mut impl FnMut(Told<'_>)) -> Result<Vec<Attempt>> {
        let mut lines = String::new();
        let mut changes = Vec::new();
        let mut attempts = Vec::new();
        for action in actions {
            match action {
                Action::Record(task, attempt, is) => {
                    let about = self.changed(&task, &is);
                    let at = now();
                    let line = Line::Task { at, task: task.clone(), attempt, is: is.clone(), about: about.clone() };
                    lines.push_str(&text(&line));
                    changes.push((task, is, about));
                }
                Action::Start(task, number) => attempts.extend(self.attempt(&task, number)),
                Action::Cancel(task, _) => {
                    // One that has ended already is notified by its worker.
                    let _ = self.endings.get(&task).map(|ending| ending.send(true));
                }
            }
        }
        if !lines.is_empty() {
            self.writer.add(&lines)?;
        }
        for (task, is, about) in &changes {
            told(Told::Task(task, is, about));
        }
        Ok(attempts)
    }

    /// What is known of a task at a change of its state.
    fn changed(&mut self, task: &TaskName, is: &State) -> About {
        if *is == State::Pending {
            self.about.remove(task);
            return About::default();
        }
        if is.is_resolved() && *is != State::Completed && !self.failed.contains(task) {
            self.failed.push(task.clone());
        }
        if *is == State::Completed {
            self.failed.retain(|failed| failed != task);
        }
        let group = self.context.graph.0.get(task).filter(|node| node.is_group());
        if let Some(group) = group {
            let result = result_of_group(group, &self.known);
            self.known.insert(task.clone(), Earlier { run: String::new(), result: result.clone() });
            return About { result: Some(result), ..About::default() };
        }
        self.about.get(task).cloned().unwrap_or_default()
    }

    /// Keeps what a worker knows of its task.
    fn learn(&mut self, event: &Event, about: About) {
        let task = match event {
            Event::Ready(task) | Event::Reused(task) | Event::Ended(task, ..) | Event::Lost(task, _) => task,
            Event::Cancelled | Event::Tick => return,
        };
        let known = self.about.entry(task.clone()).or_default();
        known.add(about);
        if let Some(result) = known.result.clone().filter(|_| !matches!(event, Event::Ready(_))) {
            let run = known.reused.clone().unwrap_or_else(|| self.writer.id.clone());
            self.known.insert(task.clone(), Earlier { run, result });
        }
    }

    fn attempt(&mut self, task: &TaskName, number: u32) -> Option<Attempt> {
        let (ending, receive) = watch::channel(false);
        self.endings.insert(task.clone(), ending);
        Some(Attempt {
            node: self.context.graph.0.get(task)?.clone(),
            number,
            run: self.writer.id.clone(),
            folder: self.writer.folder.clone(),
            known: self.known.clone(),
            left: if number == 0 { self.wishes.left.clone() } else { Vec::new() },
            keep: self.wishes.keep,
            send: self.send.clone(),
            ending: receive,
        })
    }

    /// Time has passed; somebody else may want the run to end.
    fn ticked(&self) -> Event {
        if self.writer.folder.join(CANCEL).exists() { Event::Cancelled } else { Event::Tick }
    }

    /// Removes containers that runs have left.
    async fn sweep(&self, is_left: impl Fn(&SeenTask) -> bool) -> Result<()> {
        for seen in self.wishes.left.iter().filter(|seen| is_left(seen)) {
            self.context.session.engine.remove(&seen.id).await?;
        }
        Ok(())
    }

    /// Whether a container that was adopted stays for a person to look into.
    fn is_kept(&self, seen: &SeenTask) -> bool {
        let Some((task, about)) = self.about.get_key_value(seen.task.as_str()) else { return false };
        self.wishes.keep && self.failed.contains(task) && about.adopted.as_ref() == Some(&seen.run)
    }

    async fn end(&mut self) -> Result<()> {
        self.sweep(|seen| !self.is_kept(seen)).await?;
        let kept = |network: &TaskNetwork| {
            let mut left = self.wishes.left.iter();
            left.any(|seen| seen.run == network.run && seen.task == network.task && self.is_kept(seen))
        };
        for network in self.wishes.networks.iter().filter(|network| !kept(network)) {
            self.context.session.engine.remove_network(&network.id).await?;
        }
        files::remove(&self.writer.folder.join(CANCEL))?;
        self.writer.add(&text(&Line::Ended { at: now() }))
    }
}

fn text(line: &Line) -> String {
    serde_json::to_string(line).unwrap_or_default() + "\n"
}
