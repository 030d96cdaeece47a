//! `devenv runs attach`: what a run that another process carries out does, as its record and its logs tell it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::commands::context::Context;
use crate::commands::runs::looking::Named;
use crate::commands::task::run::change;
use crate::commands::task::signals::{INTERRUPT, Signals};
use crate::error::{Error, Kind, Result};
use crate::host::files::failed;
use crate::host::tasks::records;
use crate::host::tasks::tail::Tail;
use crate::names::TaskName;
use crate::paths;
use crate::plan::tasks::record::{About, Line};
use crate::plan::tasks::state::State;

/// Between two looks at what is new.
const PAUSE: Duration = Duration::from_millis(50);
/// How much of what a task has printed before is shown.
const BEFORE: u64 = 4 << 10;

/// Follows a run to its end.
pub(super) async fn attach(cx: &Context, id: &str) -> Result<()> {
    let named = Named::find(cx, id)?;
    if !named.is_alive() {
        named.check_heir("attach", "joins")?;
        let (id, word) = (&named.run.id, named.run.word(false));
        let error = Error::message(Kind::Usage, format!("run {id} is not running: it is {word}"));
        return Err(error.hint(format!("`devenv runs show {id}` and `devenv runs logs {id}` show what happened to it")));
    }
    let mut followed = Followed::new(&named);
    let mut signals = Signals::listen()?;
    cx.screen.say(format!("run {}", named.run.id));
    loop {
        // Looked at before the lines are: what was written until the end is reported.
        let is_over = followed.is_over || !records::is_alive(&named.root, &named.run.id);
        followed.look(cx)?;
        if is_over {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            number = signals.next() => interrupted(cx, &named, (&mut signals, number)).await?,
        }
    }
    ended(cx, &named.run.id)
}

/// After Ctrl-C asks once whether the run is to end; else it goes on without this command.
async fn interrupted(cx: &Context, named: &Named, (signals, number): (&mut Signals, i32)) -> Result<()> {
    let (screen, id) = (cx.screen, &named.run.id);
    if number == INTERRUPT && screen.can_ask() && signals.asks_to_cancel(screen).await == Ok(true) {
        return named.ask_to_end();
    }
    let error = Error::message(Kind::Signal(number), format!("run {id} continues"));
    Err(error.hint(format!("`devenv runs attach {id}` joins it again, `devenv runs cancel {id}` ends it")))
}

/// A run that is followed.
struct Followed {
    record: Tail,
    logs: BTreeMap<TaskName, Tail>,
    about: BTreeMap<TaskName, About>,
    is_over: bool,
}

impl Followed {
    fn new(named: &Named) -> Self {
        let folder = named.folder();
        let logs = named
            .run
            .tasks
            .keys()
            .map(|task| (task.clone(), Tail::last(records::log(&folder, task), BEFORE)))
            .collect();
        let record = Tail::whole(folder.join(paths::RUN_EVENTS));
        Self { record, logs, about: BTreeMap::new(), is_over: false }
    }

    /// Shows what is new. What a task has printed comes before its end.
    fn look(&mut self, cx: &Context) -> Result<()> {
        let read = |error| failed("read", std::path::Path::new(paths::RUN_EVENTS))(error);
        let changes = self.record.lines().map_err(read)?;
        for (task, log) in &mut self.logs {
            for line in log.lines().map_err(read)? {
                // Whoever reads it has gone away; the run goes on.
                let _ = cx.screen.line(&format!("{task} | {line}"));
            }
        }
        for line in changes.iter().filter_map(|line| serde_json::from_str(line).ok()) {
            match line {
                Line::Task { task, is, about, .. } => {
                    let known = self.about.entry(task.clone()).or_default();
                    if is == State::Pending {
                        *known = About::default();
                    }
                    known.add(about);
                    change(&task, &is, known).iter().for_each(|line| cx.screen.say(line));
                }
                Line::Ended { .. } => self.is_over = true,
                Line::Begun { .. } => {}
            }
        }
        Ok(())
    }
}

/// How the run has ended is how the command ends.
fn ended(cx: &Context, id: &str) -> Result<()> {
    let run = Named::find(cx, id)?.run;
    let failed: Vec<String> = run
        .tasks
        .iter()
        .filter(|(_, task)| matches!(task.is, State::Failed { .. } | State::Exception { .. }))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if !failed.is_empty() {
        let error = Error::message(Kind::Failed, format!("run {id}: not completed: {}", failed.join(", ")));
        return Err(error.hint(format!("`devenv runs show {id}` shows all of it")));
    }
    if run.ended.is_none() {
        let error = Error::message(Kind::Failed, format!("run {id} is interrupted: its devenv was killed"));
        return Err(error.hint("the next `devenv task run` continues with what it has left"));
    }
    cx.screen.say(format!("run {id} has completed"));
    Ok(())
}
