//! Deals the tests of a task to its splits: what happens in any of them comes in one after the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use crate::apply::tasks::run_context::RunContext;
use crate::apply::tasks::splits::batch::{Place, Ran};
use crate::apply::tasks::splits::databases::Databases;
use crate::apply::tasks::splits::manifests;
use crate::apply::tasks::worker::{Attempt, Message};
use crate::error::{Error, Result};
use crate::plan::tasks::junit::TestCase;
use crate::plan::tasks::record::About;
use crate::plan::tasks::schedule::Event;
use crate::plan::tasks::spec::TaskSpec;
use crate::plan::tasks::splits::attribution;
use crate::plan::tasks::splits::deal::Deal;
use crate::plan::tasks::splits::manifest::{Batch, Manifest, Outcome};
use crate::plan::tasks::splits::names::{self, NamesError};
use crate::plan::tasks::splits::times::Times;
use crate::plan::tasks::splits::{Split, Tests};
use crate::plan::tasks::state::Reason;

/// What has happened in a split.
enum Happened {
    /// Its container is ready, or could not be made.
    Started(Result<Place>),
    /// It has listed the tests.
    Listed(Place, Result<Result<(i64, String), Reason>>),
    /// It has run a batch.
    Ran(Place, Vec<String>, Result<(Ran, Duration)>),
}

/// What all splits have come to.
pub(super) struct Dealt {
    /// What each has run.
    pub(super) manifest: Manifest,
    /// All tests.
    pub(super) cases: Vec<TestCase>,
    /// The first code that was not 0.
    pub(super) failed: Option<i64>,
    /// What is wrong with the list of tests, or with results.
    pub(super) wrong: Option<String>,
    /// Why not all tests could be run.
    pub(super) died: Option<Reason>,
    /// From the beginning of the first split to the end of the last.
    pub(super) took: Duration,
}

/// The splits of an attempt.
pub(super) struct Dealer<'a> {
    context: &'a RunContext,
    attempt: &'a Attempt,
    spec: &'a TaskSpec,
    split: &'a Split,
    databases: &'a Databases,
    times: Times,
    /// None until it is known what the tests are.
    deal: Option<Deal>,
    is_listing: bool,
    idle: Vec<Place>,
    /// What is reported of the task when its first split begins.
    about: Option<About>,
    begin: Instant,
    not_started: Option<Error>,
    dealt: Dealt,
}

type Futures<'a> = FuturesUnordered<BoxFuture<'a, Happened>>;

impl<'a> Dealer<'a> {
    pub(super) fn new(
        context: &'a RunContext,
        attempt: &'a Attempt,
        (spec, split): (&'a TaskSpec, &'a Split),
        (about, databases): (About, &'a Databases),
    ) -> Result<Self> {
        let root = &context.session.checkout.root;
        let dealt = Dealt {
            manifest: Manifest::new(split.into),
            cases: Vec::new(),
            failed: None,
            wrong: None,
            died: None,
            took: Duration::ZERO,
        };
        Ok(Self {
            times: manifests::times(root, &context.known.history, &attempt.node.name),
            context,
            attempt,
            spec,
            split,
            databases,
            deal: None,
            is_listing: false,
            idle: Vec::new(),
            about: Some(about),
            begin: Instant::now(),
            not_started: None,
            dealt,
        })
    }

    /// Runs all tests, as far as that is possible.
    pub(super) async fn deal(mut self) -> Result<Dealt> {
        let mut splits = 1..=self.split.into;
        let again = self.context.again.as_ref().filter(|again| again.task == self.attempt.node.name);
        if let Some(again) = again {
            self.deal = Some(Deal::again(again.batches.clone()));
            self.dealt.manifest.only = Some(again.one.split);
            splits = again.one.split..=again.one.split;
        } else if let Tests::Files(pattern) = &self.split.tests {
            let files = self.context.sources.get(&self.attempt.node.name).map(|source| source.files.as_slice());
            let listed = names::of_files(pattern, files.unwrap_or_default().iter().map(String::as_str));
            splits = 1..=self.split.into.min(self.take(listed)).max(1);
        }
        let mut futures: Futures<'a> = FuturesUnordered::new();
        if self.dealt.wrong.is_none() {
            for split in splits {
                let (attempt, context, spec, databases) = (self.attempt, self.context, self.spec, self.databases);
                let into = self.split.into;
                futures.push(Box::pin(async move {
                    Happened::Started(attempt.start_split(context, spec, (split, into), databases).await)
                }));
            }
        } else {
            self.begun();
        }
        while let Some(happened) = futures.next().await {
            self.happened(happened);
            self.give(&futures);
            if self.dealt.wrong.is_some() && self.deal.is_none()
                || self.deal.as_ref().is_some_and(Deal::is_over)
                || matches!(self.dealt.died, Some(Reason::TimedOut))
            {
                break;
            }
        }
        drop(futures);
        self.ended()
    }

    fn ended(mut self) -> Result<Dealt> {
        self.dealt.took = self.begin.elapsed();
        let is_over = self.deal.as_ref().map_or(self.dealt.wrong.is_some(), Deal::is_over);
        match (is_over, self.dealt.died.take(), self.not_started) {
            (true, ..) => self.dealt.died = None,
            (false, Some(reason), _) => self.dealt.died = Some(reason),
            (false, None, Some(error)) => return Err(error),
            (false, None, None) => self.dealt.died = Some(Reason::Lost("no split was left".to_owned())),
        }
        Ok(self.dealt)
    }

    /// Takes the list of tests, and says how many there are.
    fn take(&mut self, listed: Result<Vec<String>, NamesError>) -> u32 {
        match listed {
            Ok(tests) => {
                let many = u32::try_from(tests.len()).unwrap_or(u32::MAX);
                self.deal = Some(Deal::new(tests, &self.times, self.split.into));
                many
            }
            Err(error) => {
                self.dealt.wrong = Some(error.to_string());
                0
            }
        }
    }

    /// The task runs now.
    fn begun(&mut self) {
        if let Some(about) = self.about.take() {
            self.begin = Instant::now();
            self.attempt.tell(Message::Event(Event::Ready(self.attempt.node.name.clone()), Box::new(about)));
        }
    }

    fn happened(&mut self, happened: Happened) {
        match happened {
            Happened::Started(Ok(place)) => {
                self.begun();
                self.idle.push(place);
            }
            Happened::Started(Err(error)) => {
                self.tell(&format!("a split could not be started: {error}"));
                self.not_started = Some(error);
            }
            Happened::Listed(place, listed) => {
                self.is_listing = false;
                match listed {
                    Ok(Ok((code, output))) => {
                        self.take(names::of_output(code, &output));
                        self.idle.push(place);
                    }
                    Ok(Err(reason)) => self.died(&place, reason),
                    Err(error) => self.died(&place, Reason::Lost(error.to_string())),
                }
            }
            Happened::Ran(place, tests, Ok((ran, took))) => self.ran(place, tests, ran, took),
            Happened::Ran(place, tests, Err(error)) => {
                self.ran(place, tests, Ran::Died(Reason::Lost(error.to_string())), Duration::ZERO);
            }
        }
    }

    fn ran(&mut self, place: Place, tests: Vec<String>, ran: Ran, took: Duration) {
        let mut batch = Batch { tests, seconds: took.as_secs_f64(), times: BTreeMap::new(), outcome: Outcome::Lost };
        match ran {
            Ran::Died(reason) => {
                self.dealt.manifest.add(place.split, batch);
                self.died(&place, reason);
            }
            Ran::Ended(code, cases, wrong) => {
                batch.times = attribution::times(&batch.tests, &cases);
                batch.outcome = Outcome::Ended(code);
                self.dealt.manifest.add(place.split, batch);
                self.dealt.cases.extend(cases);
                self.dealt.failed = self.dealt.failed.or(Some(code).filter(|code| *code != 0));
                // A command that fails has said itself what is wrong.
                self.dealt.wrong = self.dealt.wrong.take().or(wrong);
                self.deal.iter_mut().for_each(|deal| deal.finished(place.split));
                self.idle.push(place);
            }
        }
    }

    fn died(&mut self, place: &Place, reason: Reason) {
        self.tell(&format!("{reason}: what it ran is run by the other splits"));
        self.deal.iter_mut().for_each(|deal| deal.died(place.split));
        self.dealt.died = Some(reason);
    }

    fn tell(&self, line: &str) {
        if let Ok(mut say) = self.attempt.printer(None) {
            say(line);
        }
    }

    /// Gives each split that waits something to do.
    fn give(&mut self, futures: &Futures<'a>) {
        let (attempt, context, spec) = (self.attempt, self.context, self.spec);
        let mut waiting = Vec::new();
        for place in std::mem::take(&mut self.idle) {
            match (&mut self.deal, &self.split.tests) {
                (Some(deal), _) => match deal.draw(place.split) {
                    Some(tests) => futures.push(Box::pin(async move {
                        let ran = attempt.run_batch(context, spec, &place, &tests).await;
                        Happened::Ran(place, tests, ran)
                    })),
                    None => waiting.push(place),
                },
                (None, Tests::Printed(command)) if !self.is_listing && self.dealt.wrong.is_none() => {
                    self.is_listing = true;
                    futures.push(Box::pin(async move {
                        let listed = attempt.listed(context, &place, command).await;
                        Happened::Listed(place, listed)
                    }));
                }
                (None, _) => waiting.push(place),
            }
        }
        self.idle = waiting;
    }
}
