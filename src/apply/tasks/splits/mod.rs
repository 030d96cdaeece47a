//! An attempt of a task that is split: several containers of it at once, each with its own databases, to which batches of
//! tests are dealt until all are run.

mod batch;
pub mod databases;
mod dealer;
pub mod manifests;

use std::time::Duration;

use crate::apply::tasks::run_context::RunContext;
use crate::apply::tasks::splits::databases::Databases;
use crate::apply::tasks::splits::dealer::{Dealer, Dealt};
use crate::apply::tasks::worker::{Attempt, ended};
use crate::error::Result;
use crate::host::engine::tasks::SeenTask;
use crate::host::files;
use crate::host::tasks::artifacts::Taken;
use crate::paths;
use crate::plan::tasks::junit::{self, TestCount};
use crate::plan::tasks::record::About;
use crate::plan::tasks::schedule::Event;
use crate::plan::tasks::spec::TaskSpec;
use crate::plan::tasks::splits::Split;
use crate::plan::tasks::state::{Failure, Reason};
use crate::render::Access;

impl Attempt {
    /// Runs all splits, and puts their results together.
    pub(super) async fn splits(
        mut self,
        context: &RunContext,
        (spec, split): (&TaskSpec, &Split),
        about: About,
    ) -> Result<(Event, About)> {
        // A killed run may have left some at work, and nobody can go on with them.
        for seen in self.left.iter().filter(|seen| seen.task == self.node.name.as_str()) {
            context.session.engine.remove(&seen.id).await?;
        }
        let databases = Databases::of(context, spec, (&self.node.name, &self.run));
        let mut ending = std::mem::replace(&mut self.ending, tokio::sync::watch::channel(false).1);
        let dealt = tokio::select! {
            dealt = self.dealt(context, (spec, split), (about, &databases)) => dealt,
            () = ended(&mut ending) => Ok((Event::Lost(self.node.name.clone(), Reason::Cancelled), About::default())),
        };
        let completed = matches!(dealt, Ok((Event::Ended(_, 0, None), _)));
        if completed || !self.keep {
            self.sweep_splits(context).await;
            databases.remove(context).await;
        }
        dealt
    }

    async fn dealt(
        &self,
        context: &RunContext,
        (spec, split): (&TaskSpec, &Split),
        (about, databases): (About, &Databases),
    ) -> Result<(Event, About)> {
        databases.make_templates(context, &self.left).await?;
        let dealer = Dealer::new(context, self, (spec, split), (about, databases))?;
        let dealt = dealer.deal().await;
        let Dealt { manifest, cases, failed, wrong, died, took } = dealt?;
        manifests::write(&self.folder, &self.node.name, &manifest)?;
        let name = self.node.name.clone();
        let mut about = About { splits: manifest.counts(), took: millis(took), ..About::default() };
        if let Some(reason) = died {
            return Ok((Event::Lost(name, reason), about));
        }
        if let Some(result) = spec.work.results.first() {
            let merged = junit::write([(self.node.name.as_str(), cases.as_slice())]);
            let path = self.kept(paths::RUN_RESULTS).join(result);
            files::make_folder(path.parent().unwrap_or(&self.folder), Access::Private)?;
            files::write(&path, merged.as_bytes(), Access::Private)?;
        }
        let count = TestCount::of(&cases);
        let wrong = wrong.or(count.failure(&cases)).map(Failure::Results);
        let event = Event::Ended(name, failed.unwrap_or_default(), wrong);
        let word = if matches!(event, Event::Ended(_, 0, None)) { "" } else { "not completed " };
        about.result = Some(format!("{word}{}", Taken::new(self.kept(paths::RUN_ARTIFACTS)).digest()));
        about.tests = Some(count);
        Ok((event, about))
    }

    /// Removes the containers of the splits. What cannot be removed now, the next run removes.
    async fn sweep_splits(&self, context: &RunContext) {
        let engine = &context.session.engine;
        let seen = engine.tasks(&context.session.identity.held.id).await.unwrap_or_default();
        let is_own =
            |one: &SeenTask| one.run == self.run && one.task == self.node.name.as_str() && one.beside.is_empty();
        let own = seen.into_iter().filter(is_own);
        let removed = own.map(|one| async move { engine.remove(&one.id).await.map(drop) });
        let _ = futures_util::future::join_all(removed).await;
    }
}

fn millis(took: Duration) -> Option<u64> {
    u64::try_from(took.as_millis()).ok()
}
