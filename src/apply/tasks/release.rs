//! An attempt of a task that makes the released image of a module.

use std::time::Instant;

use crate::apply::tasks::log::Log;
use crate::apply::tasks::run_context::RunContext;
use crate::apply::tasks::worker::{Attempt, Message, ended};
use crate::error::{Kind, Result};
use crate::host::engine::builds::Progress;
use crate::host::tasks::records;
use crate::plan::release::recipe::Recipe;
use crate::plan::tasks::record::About;
use crate::plan::tasks::schedule::Event;
use crate::plan::tasks::state::{Failure, Reason};
use crate::redact::hide;

impl Attempt {
    /// Makes a released image.
    pub(super) async fn release(mut self, context: &RunContext, recipe: &Recipe) -> Result<(Event, About)> {
        let (session, name) = (&context.session, self.node.name.clone());
        let releaser = session.releaser();
        let mut log = Log::open(&records::log(&self.folder, &name))?;
        let send = self.send.clone();
        let tell = |progress| {
            let (Progress::Step(line) | Progress::Log(line)) = progress;
            let line = hide(&line);
            log.add(&line);
            // Who has gone away needs no output.
            let _ = send.send(Message::Line(name.clone(), line));
        };
        let begin = Instant::now();
        let made = tokio::select! {
            made = releaser.release(recipe, tell) => made,
            () = ended(&mut self.ending) => {
                return Ok((Event::Lost(self.node.name, Reason::Cancelled), About::default()));
            }
        };
        let took = u64::try_from(begin.elapsed().as_millis()).ok();
        let name = self.node.name;
        match made {
            Ok(()) => {
                let result = Some(recipe.reference.clone());
                Ok((Event::Ended(name, 0, None), About { result, took, ..About::default() }))
            }
            Err(error) if error.kind == Kind::Failed => {
                let failure = Failure::Release(error.to_string());
                Ok((Event::Ended(name, 0, Some(failure)), About { took, ..About::default() }))
            }
            Err(error) => Err(error),
        }
    }
}
