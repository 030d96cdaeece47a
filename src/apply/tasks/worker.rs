//! One attempt of one task: its container from its creation, or from where another run has left it, to its end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::apply::tasks::log::Log;
use crate::apply::tasks::results;
use crate::apply::tasks::run_context::{RunContext, now};
use crate::error::{Error, Kind, Result};
use crate::host::archive::pipe::Pipe;
use crate::host::engine::Engine;
use crate::host::engine::archive::Found;
use crate::host::engine::containers::Detail;
use crate::host::engine::tasks::{SeenTask, TaskContainer};
use crate::host::files;
use crate::host::tasks::artifacts::{self, Taken};
use crate::host::tasks::records;
use crate::names::TaskName;
use crate::paths;
use crate::plan::observed::ContainerState;
use crate::plan::tasks::graph::TaskNode;
use crate::plan::tasks::history::{Earlier, Why};
use crate::plan::tasks::junit::TestCount;
use crate::plan::tasks::record::About;
use crate::plan::tasks::schedule::Event;
use crate::plan::tasks::spec::{NEEDS, TaskSpec};
use crate::plan::tasks::state::{Failure, Reason};
use crate::redact::hide;

/// What a worker tells the coordinator.
pub(super) enum Message {
    /// Something that the scheduler is to know, and what is known of the task with it.
    Event(Event, Box<About>),
    /// A line that the task has printed.
    Line(TaskName, String),
}

/// What belongs to one attempt.
pub(super) struct Attempt {
    /// The task.
    pub(super) node: TaskNode,
    /// Its number, from 0.
    pub(super) number: u32,
    /// The run.
    pub(super) run: String,
    /// The folder of the run.
    pub(super) folder: PathBuf,
    /// All results that are known.
    pub(super) known: BTreeMap<TaskName, Earlier>,
    /// Containers that runs have left which nobody carries out any more.
    pub(super) left: Vec<SeenTask>,
    /// Whether the container stays when the task has not completed.
    pub(super) keep: bool,
    /// Where it is reported.
    pub(super) send: UnboundedSender<Message>,
    /// Becomes true when the task is to end.
    pub(super) ending: watch::Receiver<bool>,
}

/// The exit code of what was killed.
const KILLED: i64 = 137;
/// How often, and at which distance, an engine is asked again that has gone away.
const TRIES: usize = 60;
const PAUSE: Duration = Duration::from_secs(1);

/// Carries out an attempt. What it returns is its end.
pub(super) async fn carry_out(context: &RunContext, attempt: Attempt) -> Message {
    let name = attempt.node.name.clone();
    let cleanup = attempt.cleanup(context);
    let ended = attempt.end(context).await;
    if let Some(cleanup) = cleanup {
        let completed = matches!(&ended, Ok((Event::Ended(_, 0, None) | Event::Reused(_), _)));
        cleanup.carry_out(context, completed).await;
    }
    match ended {
        Ok((event, about)) => Message::Event(event, Box::new(about)),
        Err(error) => {
            let reason = match error.kind {
                Kind::Missing => Reason::Lost(format!("{error}")),
                _ => Reason::NotStarted(format!("{error}")),
            };
            Message::Event(Event::Lost(name, reason), Box::default())
        }
    }
}

impl Attempt {
    async fn end(self, context: &RunContext) -> Result<(Event, About)> {
        for kind in [paths::RUN_ARTIFACTS, paths::RUN_RESULTS] {
            // What an earlier attempt has left is no result of this one.
            files::remove(&self.kept(kind))?;
        }
        let name = self.node.name.clone();
        let inputs = context.inputs(&name, &self.known);
        let why = match (context.forced.get(&name), context.known.history.find(&name, &inputs, now())) {
            (Some(why), _) => why.clone(),
            (None, Err(why)) => why,
            (None, Ok(Earlier { run, result })) => {
                let about = About { inputs: Some(inputs), result: Some(result), reused: Some(run), ..About::default() };
                return Ok((Event::Reused(name), about));
            }
        };
        if let Some(recipe) = context.recipes.get(&name) {
            let about = About { inputs: Some(inputs), why: Some(why.to_string()), ..About::default() };
            self.tell(Message::Event(Event::Ready(name), Box::new(about)));
            return self.release(context, recipe).await;
        }
        let Some(spec) = context.specs.get(&name) else {
            return Err(Error::message(Kind::Bug, format!("`{name}` has no container")));
        };
        if let Some(split) = &spec.work.split {
            let about = About { inputs: Some(inputs), why: Some(why.to_string()), ..About::default() };
            return self.splits(context, (spec, split), about).await;
        }
        let fingerprint = inputs.fingerprint();
        let is_wanted = |seen: &&SeenTask| seen.has_begun && seen.is_of(&name, fingerprint.as_str());
        let left = self.left.iter().find(is_wanted).cloned().filter(|_| why != Why::Forced);
        let (id, adopted) = match left {
            Some(seen) => (seen.id, Some(seen.run)),
            None => {
                let container = self.container(context, spec, fingerprint.as_str())?;
                let mut ending = self.ending.clone();
                let started = tokio::select! {
                    started = self.start(context, container, None) => Some(started?),
                    () = ended(&mut ending) => None,
                };
                let Some(id) = started else {
                    self.sweep(context, fingerprint.as_str()).await;
                    return Ok((Event::Lost(name, Reason::Cancelled), About::default()));
                };
                (id, None)
            }
        };
        let about = About { inputs: Some(inputs), adopted, why: Some(why.to_string()), ..About::default() };
        self.tell(Message::Event(Event::Ready(name), Box::new(about)));
        let (name, keep) = (self.node.name.clone(), self.keep);
        match self.watch(context, spec, &id).await {
            Ok(ended) => Ok(ended),
            // Whatever becomes of its container, it has been started.
            Err(error) => {
                let engine = &context.session.engine;
                // The next run removes what cannot be removed now.
                let _ = if keep { engine.stop(&id).await } else { engine.remove(&id).await };
                Ok((Event::Lost(name, Reason::Lost(error.to_string())), About::default()))
            }
        }
    }

    pub(super) fn tell(&self, message: Message) {
        // Who has gone away needs to know nothing.
        let _ = self.send.send(message);
    }

    pub(super) fn container(&self, context: &RunContext, spec: &TaskSpec, fingerprint: &str) -> Result<TaskContainer> {
        let mut container = context.container(spec)?;
        container.name = self.container_name(context, None, "");
        container.task = self.node.name.to_string();
        container.run.clone_from(&self.run);
        fingerprint.clone_into(&mut container.fingerprint);
        container.limit = self.node.max_run.map(|limit| limit.as_secs()).unwrap_or_default();
        container.argv = spec.argv(&self.node);
        let own = [("DEVENV_TASK", self.node.name.as_str()), ("DEVENV_RUN", &self.run)];
        container.env.extend(own.map(|(name, value)| format!("{name}={value}")));
        Ok(container)
    }

    /// Starts a container with its source and the artifacts of what it needs.
    pub(super) async fn start(
        &self,
        context: &RunContext,
        mut container: TaskContainer,
        split: Option<u32>,
    ) -> Result<String> {
        let engine = &context.session.engine;
        let own = self.start_sidecars(context, split).await?;
        let further = own.clone().filter(|_| container.network.is_some());
        container.network = container.network.or(own);
        let id = engine.create_task(container).await?;
        let filled = async {
            if let Some(network) = further {
                engine.join(&network, &id).await?;
            }
            if let Some(source) = context.sources.get(&self.node.name) {
                engine.unpack(&id, source.open()?).await?;
            }
            let folders = self.artifacts(context);
            if !folders.is_empty() {
                engine.unpack(&id, artifacts::pack(&folders)?).await?;
            }
            engine.start(&id).await
        };
        if let Err(error) = filled.await {
            engine.remove(&id).await?;
            return Err(error);
        }
        Ok(id)
    }

    /// Removes what an attempt has made that was told to end while it began.
    async fn sweep(&self, context: &RunContext, fingerprint: &str) {
        let engine = &context.session.engine;
        let seen = engine.tasks(&context.session.identity.held.id).await.unwrap_or_default();
        let is_own = |one: &SeenTask| one.run == self.run && one.is_of(&self.node.name, fingerprint);
        for one in seen.into_iter().filter(is_own) {
            // The next run removes what cannot be removed now.
            let _ = engine.remove(&one.id).await;
        }
    }

    /// Where the artifacts of the needs are on this machine, and in the container.
    fn artifacts(&self, context: &RunContext) -> Vec<(PathBuf, String)> {
        let needs = context.needs.get(&self.node.name).into_iter().flatten();
        let runs = self.folder.parent().unwrap_or(Path::new("/"));
        needs
            .filter_map(|need| {
                let run = &self.known.get(need).filter(|earlier| !earlier.run.is_empty())?.run;
                Some((runs.join(run).join(paths::RUN_ARTIFACTS).join(need.file()), format!("{NEEDS}/{need}")))
            })
            .collect()
    }

    /// Follows a container to its end.
    async fn watch(mut self, context: &RunContext, spec: &TaskSpec, id: &str) -> Result<(Event, About)> {
        let engine = &context.session.engine;
        let name = self.node.name.clone();
        let mut log = Log::open(&records::log(&self.folder, &name))?;
        let send = self.send.clone();
        let mut each = |line: &str| {
            let line = hide(line);
            log.add(&line);
            // Who has gone away needs no output.
            let _ = send.send(Message::Line(name.clone(), line));
        };
        let mut told = 0;
        let ended = tokio::select! {
            ended = until_end(context, id, &mut told, &mut each) => ended?,
            () = ended(&mut self.ending) => {
                engine.stop(id).await?;
                until_end(context, id, &mut told, &mut each).await?
            }
        };
        let detail = engine.detail(id).await?;
        if ended.code == KILLED && !detail.out_of_memory && is_taken_away(engine, id).await {
            let reason = Reason::Lost("its container was removed".to_owned());
            return Ok((Event::Lost(name.clone(), reason), About::default()));
        }
        let artifacts = (self.kept(paths::RUN_ARTIFACTS), spec.work.artifacts.as_slice());
        let (taken, missing) = self.collect(context, &spec.dir, id, artifacts).await?;
        let (tests, failure) = self.results(context, spec, id).await?;
        let wrong = missing.map(Failure::Artifact).or(failure.map(Failure::Results));
        let event = self.verdict(&ended, &detail, wrong);
        if !self.keep || matches!(event, Event::Ended(_, 0, None)) {
            engine.remove(id).await?;
        }
        let word = if matches!(event, Event::Ended(_, 0, None)) { "" } else { "not completed " };
        let result = format!("{word}{}", taken.digest());
        Ok((event, About { result: Some(result), took: took(&detail), tests, ..About::default() }))
    }

    /// Where the run keeps what the task leaves.
    pub(super) fn kept(&self, kind: &str) -> PathBuf {
        self.folder.join(kind).join(self.node.name.file())
    }

    /// Takes the results, counts their tests, and says what is wrong with them.
    async fn results(
        &self,
        context: &RunContext,
        spec: &TaskSpec,
        id: &str,
    ) -> Result<(Option<TestCount>, Option<String>)> {
        if spec.work.results.is_empty() {
            return Ok((None, None));
        }
        let results = (self.kept(paths::RUN_RESULTS), spec.work.results.as_slice());
        let (_, missing) = self.collect(context, &spec.dir, id, results).await?;
        Ok(match results::read(&self.kept(paths::RUN_RESULTS)) {
            Ok(cases) => {
                let count = TestCount::of(&cases);
                (Some(count), missing.or(count.failure(&cases)))
            }
            Err(error) => (None, Some(error.to_string())),
        })
    }

    /// What the end of a container means.
    fn verdict(&self, ended: &Ended, detail: &Detail, wrong: Option<Failure>) -> Event {
        let name = self.node.name.clone();
        let was_killed = matches!(ended.code, 124 | 137 | 143);
        let took = took(detail).map(Duration::from_millis).unwrap_or_default();
        let reason = match self.node.max_run {
            _ if ended.code == 0 => None,
            _ if detail.out_of_memory => Some(Reason::OutOfMemory),
            Some(limit) if was_killed && took >= limit => Some(Reason::TimedOut),
            _ if was_killed && ended.was_lost => Some(Reason::Lost("the engine has stopped meanwhile".to_owned())),
            _ => None,
        };
        match reason {
            Some(reason) => Event::Lost(name, reason),
            None => Event::Ended(name, ended.code, wrong),
        }
    }

    /// Takes what patterns name out of a container that has ended, and a sentence about the first that is missing or
    /// refused.
    pub(super) async fn collect(
        &self,
        context: &RunContext,
        dir: &str,
        id: &str,
        (into, patterns): (PathBuf, &[String]),
    ) -> Result<(Taken, Option<String>)> {
        let (mut taken, mut wrong) = (Taken::new(into), None);
        for pattern in patterns {
            let place = match artifacts::beginning(pattern) {
                "." => dir.to_owned(),
                begin => format!("{dir}/{begin}"),
            };
            let of = pattern.clone();
            let read = move |pipe: &mut Pipe| {
                let found = taken.take(pipe, &of)?;
                Ok((taken, found))
            };
            let ((filled, has_any), found) = context.session.engine.read_archive(id, &place, read).await?;
            taken = filled;
            if (found == Found::No || !has_any) && wrong.is_none() {
                wrong = Some(format!("{pattern} is missing"));
            }
        }
        let refused = taken.refused.take();
        Ok((taken, refused.or(wrong)))
    }
}

/// How a container has ended.
struct Ended {
    code: i64,
    /// Whether the engine went away while it ran.
    was_lost: bool,
}

/// Waits for the end of a container and hands on each line that it prints, but those that were `told`. An engine that goes
/// away is asked again.
async fn until_end(context: &RunContext, id: &str, told: &mut usize, each: &mut impl FnMut(&str)) -> Result<Ended> {
    let engine = &context.session.engine;
    let mut was_lost = false;
    for tries in 1.. {
        let mut seen = 0;
        let followed = engine.follow(id, |line| {
            seen += 1;
            if seen > *told {
                *told = seen;
                each(line);
            }
        });
        let ended = match followed.await {
            Ok(()) => engine.ended(id).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(code) => return Ok(Ended { code, was_lost }),
            Err(error) if error.kind == Kind::Missing && tries < TRIES => {
                was_lost = true;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::message(Kind::Bug, "an endless loop has ended"))
}

/// Whether somebody else removes a container that was killed: the engine tells of its end before it is gone.
async fn is_taken_away(engine: &Engine, id: &str) -> bool {
    let is_removed = |detail: &Detail| detail.state == ContainerState::Removing;
    engine.detail_at_end(id, is_removed).await.map_or(true, |detail| is_removed(&detail))
}

/// Waits until a task is to end.
pub(super) async fn ended(ending: &mut watch::Receiver<bool>) {
    while !*ending.borrow() {
        if ending.changed().await.is_err() {
            // Nobody is left who could say so.
            std::future::pending::<()>().await;
        }
    }
}

/// For how many milliseconds a container ran.
fn took(detail: &Detail) -> Option<u64> {
    let began = detail.started_at()?;
    let ended = detail.ended_at()?;
    u64::try_from(ended.saturating_sub(began).as_millis()).ok()
}
