//! `devenv build`, `devenv lint`, `devenv test`: a step of a module by hand, in the same container as in its loop.

use std::cell::Cell;
use std::pin::pin;
use std::time::{Duration, Instant};

use crate::amounts;
use crate::apply::SILENCE;
use crate::apply::executor::module_steps;
use crate::apply::mirror;
use crate::apply::mirror::outputs;
use crate::apply::session::Intent;
use crate::apply::session::Session;
use crate::commands::context::Context;
use crate::commands::copies;
use crate::config::model::module::Module;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Begun;
use crate::host::{clock, locks, watcher_process};
use crate::names::PartName;
use crate::plan::missing_program;
use crate::plan::observed::ContainerState;
use crate::plan::parts::Part;
use crate::plan::watch::loop_step::LoopStep;
use crate::plan::watch::state::Run;
use crate::redact::hide;

/// Compile a module in its container
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv build api")]
pub struct BuildArgs {
    /// Modules [default: all that have such a command]
    pub names: Vec<String>,
}

/// Check the style of a module in its container
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv lint api")]
pub struct LintArgs {
    /// Modules [default: all that have such a command]
    pub names: Vec<String>,
}

/// Test a module in its container
///
/// What follows `--` is appended to the module's command. Such a run is not recorded, because it covers only a part.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv test\n  devenv test api -- -k orders")]
pub struct TestArgs {
    /// Modules [default: all that have such a command]
    pub names: Vec<String>,
    /// Arguments for the command
    #[arg(last = true)]
    pub args: Vec<String>,
}

/// Runs `build`.
pub async fn build(cx: &Context, args: &BuildArgs) -> Result<()> {
    by_hand(cx, LoopStep::Build, &args.names, &[]).await
}

/// Runs `lint`.
pub async fn lint(cx: &Context, args: &LintArgs) -> Result<()> {
    by_hand(cx, LoopStep::Lint, &args.names, &[]).await
}

/// Runs `test`.
pub async fn test(cx: &Context, args: &TestArgs) -> Result<()> {
    by_hand(cx, LoopStep::Test, &args.names, &args.args).await
}

async fn by_hand(cx: &Context, step: LoopStep, names: &[String], args: &[String]) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let modules = &session.checkout.project.file.modules;
    let chosen: Vec<PartName> = if names.is_empty() {
        let has_source = |name: &&PartName| !session.environment.releases.contains_key(*name);
        let enabled = session.environment.parts.keys().filter(|name| modules.contains_key(*name)).filter(has_source);
        enabled.filter(|name| step.command(&modules[*name]).is_some()).cloned().collect()
    } else {
        session.names(names)?
    };
    if chosen.is_empty() {
        return Err(Error::message(Kind::Usage, format!("no module has a `{step}`")));
    }
    let mut failed = 0;
    for name in &chosen {
        if session.environment.releases.contains_key(name) {
            let message = format!("`{name}` runs in its released image here, which has no source");
            return Err(Error::message(Kind::Usage, message)
                .hint(format!("`mode: release` of {name} is set in devenv.local.yaml")));
        }
        let script = modules.get(name).and_then(|module| step.command(module)).ok_or_else(|| {
            let error = Error::message(Kind::Usage, format!("`{name}` has no `{step}`"));
            error.hint(format!("add `{step}: COMMAND` to the module in {}", cx.main()))
        })?;
        if chosen.len() > 1 {
            cx.screen.say(format!("{name} {step}"));
        }
        let code = one(cx, &session, name, step, script, args).await?;
        failed = if failed == 0 { code } else { failed };
    }
    match i32::try_from(failed).unwrap_or(1) {
        0 => Ok(()),
        code => Err(Error::message(Kind::Child(code), "")),
    }
}

/// Runs a step of one module, and remembers how it ended.
async fn one(
    cx: &Context,
    session: &Session,
    name: &PartName,
    step: LoopStep,
    script: &str,
    args: &[String],
) -> Result<i64> {
    let part = session.part(name.as_str())?;
    let container = session.observed.created(name)?;
    copies::settle(cx, session, part, container).await?;
    let script = if args.is_empty() { script.to_owned() } else { format!("{script} \"$@\"") };
    let begin = Instant::now();
    let began = clock::seconds();
    let mut lines: Vec<String> = Vec::new();
    let (heard, what) = (Cell::new(begin), format!("{name} {step}"));
    let mut each = |line: &str| {
        heard.set(Instant::now());
        cx.screen.line(line);
        lines.push(hide(line));
    };
    let still = |said| cx.screen.say(said);
    let code = if container.state == ContainerState::Running {
        let cleanup = module_of(session, name).and_then(|module| module.cleanup.clone());
        let cleanup = cleanup.map(|script| Begun::Cleanup(container.id.clone(), script));
        if let Some(cleanup) = &cleanup {
            session.engine.keep(cleanup.clone());
        }
        let work = session.engine.step(&container.id, &script, args, |_| {}, &mut each);
        let code = attended(work, &what, &heard, SILENCE, still).await?;
        if let Some(cleanup) = &cleanup {
            session.engine.forget(cleanup);
        }
        code
    } else {
        let project = &session.environment.project;
        let work = (step.as_str(), script.as_str(), args);
        let work = module_steps::alone(&session.engine, project, part, &container.id, work, &mut each);
        attended(work, &what, &heard, SILENCE, still).await?
    };
    let hint = missing_program::hint(lines.iter().map(String::as_str), part, &session.images).filter(|_| code == 127);
    if let Some(hint) = hint {
        cx.screen.say(format!("hint: {hint}"));
    }
    bring_back(cx, session, part, &container.id).await?;
    if args.is_empty() {
        let run = Run::new(&container.id, code, (began, begin.elapsed()), lines);
        watcher_process::update(&session.checkout.root, |state| {
            state.modules.entry(name.clone()).or_default().steps.insert(step, run);
        })?;
    }
    Ok(code)
}

fn module_of<'a>(session: &'a Session, name: &PartName) -> Option<&'a Module> {
    session.checkout.project.file.modules.get(name)
}

/// Brings back what the step has changed of the module's outputs; where a watcher runs, it does that.
async fn bring_back(cx: &Context, session: &Session, part: &Part, container: &str) -> Result<()> {
    let root = &session.checkout.root;
    let Some(copy) = part.mirror.as_ref().filter(|copy| !copy.outputs.is_empty()) else { return Ok(()) };
    if watcher_process::holder(root).is_some() && part.is_copied() {
        return Ok(());
    }
    let ends = mirror::ends(root, copy, container.to_owned())?;
    let _alone = locks::take_mirror(container, &copy.dir).await?;
    let mut agreed = watcher_process::state(root).modules.remove(&part.name).unwrap_or_default().outputs;
    let brought = outputs::bring(&session.engine, &ends, &mut agreed).await?;
    for back in brought {
        cx.screen.say(format!("{} {back}", part.name));
    }
    watcher_process::update(root, |state| state.modules.entry(part.name.clone()).or_default().outputs = agreed)
}

/// Waits for `work`, and says so whenever nothing was `heard` of it for `silence`.
async fn attended<T>(
    work: impl Future<Output = T>,
    what: &str,
    heard: &Cell<Instant>,
    silence: Duration,
    mut say: impl FnMut(String),
) -> T {
    let begin = Instant::now();
    let mut work = pin!(work);
    loop {
        let left = silence.saturating_sub(heard.get().elapsed());
        if let Ok(done) = tokio::time::timeout(left, &mut work).await {
            return done;
        }
        if heard.get().elapsed() >= silence {
            heard.set(Instant::now());
            say(format!("… {what} still runs ({})", amounts::took(begin.elapsed())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn silence_is_told_again_and_again_and_a_line_puts_it_off() {
        let (heard, silence) = (Cell::new(Instant::now()), Duration::from_millis(40));
        let mut said = Vec::new();
        let talks = async {
            for _ in 0..20 {
                tokio::time::sleep(silence / 20).await;
                heard.set(Instant::now());
            }
            7
        };
        assert_eq!(attended(talks, "api test", &heard, silence * 100, |line| said.push(line)).await, 7);
        assert_eq!(said, Vec::<String>::new());
        let silent = tokio::time::sleep(silence * 5);
        attended(silent, "api test", &heard, silence, |line| said.push(line)).await;
        assert!(said.len() >= 2 && said[0].starts_with("… api test still runs ("), "{said:?}");
    }
}
