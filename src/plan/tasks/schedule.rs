//! The scheduler: events in, actions out. It knows neither clock nor engine; times are since the beginning of the run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::model::task::{Priority, Requires};
use crate::names::{PartName, TaskName};
use crate::plan::tasks::graph::{TaskGraph, TaskNode};
use crate::plan::tasks::state::{Failure, Reason, State};

/// Waiting so long makes a task as urgent as the next priority.
pub const AGEING: Duration = Duration::from_secs(300);
/// The container itself ends what runs too long; this much later, we do.
const GRACE: Duration = Duration::from_secs(15);
/// What a task is expected to take of which nothing is known.
const UNKNOWN: Duration = Duration::from_secs(1);

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A task that was to be started runs now.
    Ready(TaskName),
    /// A task is what an earlier run has completed: nothing was started.
    Reused(TaskName),
    /// The command of a task has ended, with this code, and with something that is wrong with what it wrote.
    Ended(TaskName, i64, Option<Failure>),
    /// A task has ended that has not failed by itself.
    Lost(TaskName, Reason),
    /// The whole run is to end.
    Cancelled,
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start the command of a task; the number counts its attempts from 0.
    Start(TaskName, u32),
    /// End a task that runs or is being started.
    Cancel(TaskName, Reason),
    /// Write down what a task is now.
    Record(TaskName, u32, State),
}

/// How a run goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How many run at once.
    pub jobs: usize,
    /// Whether the first failure ends the run.
    pub failfast: bool,
}

/// The state of a run.
#[derive(Debug, Clone)]
pub struct Scheduler {
    tasks: BTreeMap<TaskName, Entry>,
    rules: Rules,
    /// Whether nothing more is started.
    closing: bool,
    /// Tasks that may start.
    pending: BTreeSet<TaskName>,
    /// Tasks that were started and have not ended.
    active: BTreeSet<TaskName>,
    /// What only one of them may have.
    held: BTreeSet<PartName>,
}

#[derive(Debug, Clone)]
struct Entry {
    node: TaskNode,
    users: Vec<TaskName>,
    /// Needs that have not ended.
    waits: usize,
    /// The need for whose sake it is never started.
    blocked: Option<TaskName>,
    state: State,
    attempt: u32,
    /// Since when it may start.
    since: Duration,
    /// When it began to run.
    began: Duration,
    /// Why it was told to end.
    ending: Option<Reason>,
    /// From its start to the end of the run, at best.
    path: Duration,
}

impl Scheduler {
    /// A run of these tasks that begins now, and what is to be done first. `durations` are those of earlier runs.
    #[must_use]
    pub fn new(graph: &TaskGraph, rules: Rules, durations: &BTreeMap<TaskName, Duration>) -> (Self, Vec<Action>) {
        let mut tasks: BTreeMap<TaskName, Entry> = BTreeMap::new();
        for node in graph.in_order() {
            let needs: BTreeSet<&TaskName> = node.needs.iter().filter(|need| graph.0.contains_key(*need)).collect();
            let entry = Entry {
                users: Vec::new(),
                waits: needs.len(),
                blocked: None,
                state: State::Unscheduled,
                attempt: 0,
                since: Duration::ZERO,
                began: Duration::ZERO,
                ending: None,
                path: Duration::ZERO,
                node: node.clone(),
            };
            for need in needs {
                if let Some(need) = tasks.get_mut(need) {
                    need.users.push(node.name.clone());
                }
            }
            tasks.insert(node.name.clone(), entry);
        }
        for node in graph.in_order().into_iter().rev() {
            let after = tasks[&node.name].users.iter().filter_map(|user| tasks.get(user)).map(|user| user.path).max();
            let own = match node.is_group() {
                false => durations.get(&node.name).copied().unwrap_or(UNKNOWN),
                true => Duration::ZERO,
            };
            if let Some(entry) = tasks.get_mut(&node.name) {
                entry.path = own + after.unwrap_or_default();
            }
        }
        let mut all = Self {
            tasks,
            rules,
            closing: false,
            pending: BTreeSet::new(),
            active: BTreeSet::new(),
            held: BTreeSet::new(),
        };
        let mut actions = Vec::new();
        for node in graph.in_order() {
            all.settle(&node.name, Duration::ZERO, &mut actions);
        }
        all.start(Duration::ZERO, &mut actions);
        (all, actions)
    }

    /// Takes an event, and says what is to be done.
    pub fn step(&mut self, now: Duration, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Ready(name) => self.ready(&name, now, &mut actions),
            Event::Reused(name) => self.ended(&name, State::Completed, now, &mut actions),
            Event::Ended(name, code, wrong) => {
                let state = self.verdict(&name, code, wrong);
                self.ended(&name, state, now, &mut actions);
            }
            Event::Lost(name, reason) => self.ended(&name, State::Exception { reason }, now, &mut actions),
            Event::Cancelled => self.close(&Reason::Cancelled, now, &mut actions),
            Event::Tick => self.limits(now, &mut actions),
        }
        self.start(now, &mut actions);
        actions
    }

    /// Whether nothing runs and nothing more will.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.active.is_empty() && self.pending.is_empty()
    }

    /// What each task is.
    pub fn states(&self) -> impl Iterator<Item = (&TaskName, &State)> {
        self.tasks.iter().map(|(name, entry)| (name, &entry.state))
    }

    /// What a task is; a name of another graph is not scheduled.
    #[must_use]
    pub fn state(&self, name: &TaskName) -> &State {
        self.tasks.get(name).map_or(&State::Unscheduled, |entry| &entry.state)
    }

    /// The need for whose sake a task was never started.
    #[must_use]
    pub fn blocked_by(&self, name: &TaskName) -> Option<&TaskName> {
        self.tasks.get(name)?.blocked.as_ref()
    }

    /// What the end of a command means.
    fn verdict(&self, name: &TaskName, code: i64, wrong: Option<Failure>) -> State {
        let intermittent = self.tasks.get(name).is_some_and(|entry| entry.node.retry_on.contains(&code));
        match (code, wrong) {
            (0, None) => State::Completed,
            (0, Some(failure)) => State::Failed { failure },
            (code, _) if intermittent => State::Exception { reason: Reason::Intermittent(code) },
            (code, _) => State::Failed { failure: Failure::Code(code) },
        }
    }

    fn ready(&mut self, name: &TaskName, now: Duration, actions: &mut Vec<Action>) {
        let Some(entry) = self.tasks.get_mut(name).filter(|entry| entry.state == State::Pending) else { return };
        if self.active.contains(name) {
            entry.began = now;
            entry.state = State::Running;
            actions.push(Action::Record(name.clone(), entry.attempt, State::Running));
        }
    }

    /// A task that was started has ended. What comes twice, or of a task that does not run, means nothing.
    fn ended(&mut self, name: &TaskName, state: State, now: Duration, actions: &mut Vec<Action>) {
        if !self.active.remove(name) {
            return;
        }
        let Some(entry) = self.tasks.get_mut(name) else { return };
        if let Some(mutex) = &entry.node.mutex {
            self.held.remove(mutex);
        }
        // A command that has ended well before it could be told to end has ended well.
        let state = match entry.ending.take() {
            Some(reason) if state != State::Completed => State::Exception { reason },
            _ => state,
        };
        let again = matches!(&state, State::Exception { reason } if reason.is_worth_a_retry())
            && entry.attempt < entry.node.retries
            && !self.closing;
        entry.state = state.clone();
        actions.push(Action::Record(name.clone(), entry.attempt, state.clone()));
        if again {
            entry.attempt += 1;
            entry.since = now;
            entry.state = State::Pending;
            actions.push(Action::Record(name.clone(), entry.attempt, State::Pending));
            self.pending.insert(name.clone());
            return;
        }
        if self.rules.failfast && state != State::Completed {
            self.close(&Reason::Cancelled, now, actions);
        }
        self.resolved(name, now, actions);
    }

    /// What a task that is resolved, or never will be started, means for those that need it.
    fn resolved(&mut self, name: &TaskName, now: Duration, actions: &mut Vec<Action>) {
        let Some(entry) = self.tasks.get(name) else { return };
        let (users, completed) = (entry.users.clone(), entry.state == State::Completed);
        for user in users {
            if let Some(entry) = self.tasks.get_mut(&user) {
                entry.waits -= 1;
                if !completed && entry.node.requires == Requires::Completed && entry.blocked.is_none() {
                    entry.blocked = Some(name.clone());
                }
            }
            self.settle(&user, now, actions);
        }
    }

    /// Schedules a task whose needs have all ended as they must.
    fn settle(&mut self, name: &TaskName, now: Duration, actions: &mut Vec<Action>) {
        let Some(entry) = self.tasks.get_mut(name) else { return };
        if entry.waits > 0 || entry.state != State::Unscheduled {
            return;
        }
        if entry.blocked.is_some() {
            self.resolved(name, now, actions);
        } else if self.closing {
            self.give_up(name, Reason::Cancelled, now, actions);
        } else if entry.node.is_group() {
            entry.state = State::Completed;
            actions.push(Action::Record(name.clone(), 0, State::Completed));
            self.resolved(name, now, actions);
        } else {
            entry.state = State::Pending;
            entry.since = now;
            self.pending.insert(name.clone());
            actions.push(Action::Record(name.clone(), 0, State::Pending));
        }
    }

    /// Starts what comes first of what may start.
    fn start(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while self.active.len() < self.rules.jobs.max(1) {
            let free = |entry: &Entry| entry.node.mutex.as_ref().is_none_or(|mutex| !self.held.contains(mutex));
            let waiting = self.pending.iter().filter_map(|name| self.tasks.get(name)).filter(|entry| free(entry));
            let Some(first) = waiting.min_by_key(|entry| entry.turn(now)) else { return };
            let (name, attempt, mutex) = (first.node.name.clone(), first.attempt, first.node.mutex.clone());
            self.held.extend(mutex);
            self.pending.remove(&name);
            self.active.insert(name.clone());
            actions.push(Action::Start(name, attempt));
        }
    }

    /// Ends what runs, and gives up what has not begun.
    fn close(&mut self, reason: &Reason, now: Duration, actions: &mut Vec<Action>) {
        self.closing = true;
        for name in self.active.clone() {
            self.end(&name, reason.clone(), actions);
        }
        for name in std::mem::take(&mut self.pending) {
            self.give_up(&name, reason.clone(), now, actions);
        }
    }

    fn end(&mut self, name: &TaskName, reason: Reason, actions: &mut Vec<Action>) {
        if let Some(entry) = self.tasks.get_mut(name).filter(|entry| entry.ending.is_none()) {
            entry.ending = Some(reason.clone());
            actions.push(Action::Cancel(name.clone(), reason));
        }
    }

    fn give_up(&mut self, name: &TaskName, reason: Reason, now: Duration, actions: &mut Vec<Action>) {
        self.pending.remove(name);
        let Some(entry) = self.tasks.get_mut(name) else { return };
        entry.state = State::Exception { reason };
        actions.push(Action::Record(name.clone(), entry.attempt, entry.state.clone()));
        self.resolved(name, now, actions);
    }

    /// Ends what is past its limits.
    fn limits(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let late = |limit: Option<Duration>, since: Duration| limit.is_some_and(|limit| now >= since + limit);
        let unresolved: Vec<TaskName> = self.active.iter().chain(&self.pending).cloned().collect();
        for name in unresolved {
            let Some(entry) = self.tasks.get(&name) else { continue };
            let runs = entry.state == State::Running;
            let is_late = late(entry.node.deadline, Duration::ZERO);
            let too_long = runs && late(entry.node.max_run.map(|limit| limit + GRACE), entry.began);
            match (self.active.contains(&name), is_late, too_long) {
                (true, true, _) => self.end(&name, Reason::Deadline, actions),
                (true, _, true) => self.end(&name, Reason::TimedOut, actions),
                (false, true, _) => self.give_up(&name, Reason::Deadline, now, actions),
                _ => {}
            }
        }
    }
}

impl Entry {
    /// What is least comes first: the most urgent, then the longest way to the end, then the longest wait.
    fn turn(&self, now: Duration) -> (Reverse<u64>, Reverse<Duration>, Duration, TaskName) {
        let own: u64 = match self.node.priority {
            Priority::Low => 0,
            Priority::Normal => 1,
            Priority::High => 2,
        };
        let aged = now.saturating_sub(self.since).as_secs() / AGEING.as_secs();
        (Reverse(own + aged), Reverse(self.path), self.since, self.node.name.clone())
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
