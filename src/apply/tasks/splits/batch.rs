//! A batch of tests in the container of a split: the command, and what it has left.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::apply::tasks::log::Log;
use crate::apply::tasks::results;
use crate::apply::tasks::run_context::RunContext;
use crate::apply::tasks::splits::databases::Databases;
use crate::apply::tasks::worker::{Attempt, Message};
use crate::error::Result;
use crate::host::engine::containers::Detail;
use crate::host::engine::piped::{Command, Printed};
use crate::host::files;
use crate::host::tasks::artifacts::Taken;
use crate::host::tasks::records;
use crate::paths;
use crate::plan::observed::ContainerState;
use crate::plan::tasks::junit::TestCase;
use crate::plan::tasks::spec::TaskSpec;
use crate::plan::tasks::state::Reason;
use crate::redact::hide;

/// Codes of a command that was killed, and perhaps with all of its container.
const KILLED: [i64; 4] = [-1, 124, 137, 143];

/// The container of a split.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Which split, from 1.
    pub(super) split: u32,
    /// The engine's id.
    pub(super) id: String,
}

/// What became of a batch.
pub(super) enum Ran {
    /// The command ended, with this code, these tests, and a sentence about what is wrong with its results.
    Ended(i64, Vec<TestCase>, Option<String>),
    /// The container died: nothing of the batch counts.
    Died(Reason),
}

impl Attempt {
    /// Starts the container of a split.
    pub(super) async fn start_split(
        &self,
        context: &RunContext,
        spec: &TaskSpec,
        (split, into): (u32, u32),
        databases: &Databases,
    ) -> Result<Place> {
        let env = databases.clone_for(context, split).await?;
        let spec = TaskSpec { env: env.into_iter().fold(spec.env.clone(), with), ..spec.clone() };
        // Nobody goes on with it: it is of no use without who deals.
        let mut container = self.container(context, &spec, "")?;
        container.name = self.container_name(context, Some(split), "");
        container.env.extend([format!("DEVENV_SPLIT_INDEX={split}"), format!("DEVENV_SPLIT_TOTAL={into}")]);
        Ok(Place { split, id: self.start(context, container, Some(split)).await? })
    }

    /// What a command prints on standard output in the container of a split, with its code; none where the container died.
    pub(super) async fn listed(
        &self,
        context: &RunContext,
        place: &Place,
        command: &str,
    ) -> Result<Result<(i64, String), Reason>> {
        let argv = ["sh", "-e", "-c", command].map(str::to_owned).to_vec();
        let (mut output, mut wrong) = (Vec::new(), Vec::new());
        let (_, nothing) = mpsc::channel(1);
        let ran = context.session.engine.run_command(
            &place.id,
            Command { argv, ..Command::default() },
            nothing,
            |on, bytes| {
                if matches!(on, Printed::Output) { &mut output } else { &mut wrong }.extend_from_slice(bytes);
                true
            },
        );
        let code = ran.await.ok().flatten().unwrap_or(-1);
        let mut say = self.printer(Some(place.split))?;
        String::from_utf8_lossy(&wrong).lines().for_each(&mut say);
        if KILLED.contains(&code)
            && let Some(reason) = self.death(context, place).await
        {
            return Ok(Err(reason));
        }
        Ok(Ok((code, String::from_utf8_lossy(&output).into_owned())))
    }

    /// Runs a batch of tests.
    pub(super) async fn run_batch(
        &self,
        context: &RunContext,
        spec: &TaskSpec,
        place: &Place,
        tests: &[String],
    ) -> Result<(Ran, Duration)> {
        let begin = Instant::now();
        let say = self.printer(Some(place.split))?;
        let ran = context.session.engine.step(&place.id, &script(spec), tests, |_| (), say).await;
        let took = begin.elapsed();
        let into = self.folder.join(paths::RUN_SPLITS).join(format!("{}.{}", self.node.name.file(), place.split));
        files::remove(&into)?;
        let collected = match &ran {
            Ok(_) => self.collect(context, &spec.dir, &place.id, (into.clone(), spec.work.results.as_slice())).await,
            Err(error) => Ok((Taken::new(into.clone()), Some(error.to_string()))),
        };
        let (code, has_results) = (ran.unwrap_or(-1), matches!(&collected, Ok((_, None))));
        // What is there of the results of a command that was killed need not be all of it.
        if (KILLED.contains(&code) || !has_results)
            && let Some(reason) = self.death(context, place).await
        {
            return Ok((Ran::Died(reason), took));
        }
        let (_, missing) = collected?;
        let (cases, wrong) = match results::read(&into) {
            Ok(cases) => (cases, missing),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        files::remove(&into)?;
        Ok((Ran::Ended(code, cases, wrong), took))
    }

    /// Why the container of a split is dead; none where it is not. The engine knows a while later than who waits for what
    /// ran in it.
    async fn death(&self, context: &RunContext, place: &Place) -> Option<Reason> {
        let is_dead = |detail: &Detail| !matches!(detail.state, ContainerState::Running | ContainerState::Paused);
        let engine = &context.session.engine;
        let Ok(detail) = engine.detail_at_end(&place.id, is_dead).await else {
            return Some(Reason::Lost(format!("the container of split {} was removed", place.split)));
        };
        let ran = || Some(detail.ended_at()?.saturating_sub(detail.started_at()?));
        match self.node.max_run {
            _ if !is_dead(&detail) => None,
            _ if detail.out_of_memory => Some(Reason::OutOfMemory),
            Some(limit) if ran().is_some_and(|ran| ran >= limit) => Some(Reason::TimedOut),
            _ => Some(Reason::Lost(format!("the container of split {} was ended", place.split))),
        }
    }

    /// Tells and keeps what is printed in a split, or is said about all of them.
    pub(super) fn printer(&self, split: Option<u32>) -> Result<impl FnMut(&str) + use<>> {
        let mut log = Log::open(&records::log(&self.folder, &self.node.name))?;
        let (send, name) = (self.send.clone(), self.node.name.clone());
        let begin = split.map(|split| format!("{split} | ")).unwrap_or_default();
        Ok(move |line: &str| {
            let line = format!("{begin}{}", hide(line));
            log.add(&line);
            // Who has gone away needs no output.
            let _ = send.send(Message::Line(name.clone(), line));
        })
    }
}

fn with(
    mut env: std::collections::BTreeMap<String, String>,
    (name, value): (String, String),
) -> std::collections::BTreeMap<String, String> {
    env.insert(name, value);
    env
}

/// The command of a batch: its arguments are the tests. What an earlier batch has left is no result of this one.
fn script(spec: &TaskSpec) -> String {
    let results = shlex::try_join(spec.work.results.iter().map(String::as_str)).unwrap_or_default();
    format!("export DEVENV_SPLIT=\"$*\"; rm -f -- {results}\n{}", spec.work.run)
}
