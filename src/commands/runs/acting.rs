//! What a person does with a run: again, to an end, into a container of it.

use crate::commands::context::Context;
use crate::commands::in_container::{self, Call, RunningContainer};
use crate::commands::runs::looking::Named;
use crate::commands::task::prepare::{Request, RunOptions};
use crate::commands::task::run;
use crate::error::{Error, Kind, Result};
use crate::host::checkout;
use crate::host::engine::task_networks::TaskNetwork;
use crate::host::engine::tasks::SeenTask;
use crate::host::process::{self, Cmd};
use crate::ui::screen;

pub(super) async fn rerun(cx: &Context, id: &str, force: bool) -> Result<()> {
    let named = Named::find(cx, id)?;
    let request = Request {
        names: named.run.asked,
        options: RunOptions { force, ..RunOptions::default() },
        ..Request::default()
    };
    run::run(cx, &request).await
}

pub(super) async fn cancel(cx: &Context, id: &str) -> Result<()> {
    let named = Named::find(cx, id)?;
    named.check_heir("cancel", "ends")?;
    if named.is_alive() {
        named.ask_to_end()?;
        cx.screen.say(format!("run {} ends", named.run.id));
        return Ok(());
    }
    let left = containers(cx, &named).await?;
    let networks = networks(cx, &named).await?;
    if left.is_empty() && networks.is_empty() {
        cx.screen.say(format!("run {} has ended already", named.run.id));
        return Ok(());
    }
    let engine = cx.engine()?;
    for seen in left {
        engine.remove(&seen.id).await?;
        let beside = if seen.beside.is_empty() { String::new() } else { format!(" beside {}", seen.task) };
        let what = if beside.is_empty() { format!("the container of {}", seen.task) } else { seen.beside + &beside };
        cx.screen.say(format!("removed {what}"));
    }
    for network in networks {
        engine.remove_network(&network.id).await?;
    }
    Ok(())
}

/// The containers of a run that are there.
async fn containers(cx: &Context, named: &Named) -> Result<Vec<SeenTask>> {
    let Some(id) = checkout::own_id(&named.root) else { return Ok(Vec::new()) };
    let seen = cx.engine()?.tasks(&id).await?;
    Ok(seen.into_iter().filter(|seen| seen.run == named.run.id).collect())
}

/// The networks of a run that are there.
async fn networks(cx: &Context, named: &Named) -> Result<Vec<TaskNetwork>> {
    let Some(id) = checkout::own_id(&named.root) else { return Ok(Vec::new()) };
    let seen = cx.engine()?.task_networks(&id).await?;
    Ok(seen.into_iter().filter(|seen| seen.run == named.run.id).collect())
}

pub(super) async fn shell(cx: &Context, id: &str, task: &str, command: &[String]) -> Result<()> {
    let named = Named::find(cx, id)?;
    let (name, _) = named.task(task)?;
    let found =
        containers(cx, &named).await?.into_iter().find(|seen| seen.task == name.as_str() && seen.beside.is_empty());
    let Some(seen) = found else {
        let error = Error::message(Kind::Failed, format!("`{name}` of run {} has no container", named.run.id));
        return Err(error.hint(format!("`devenv task run {name} --force --keep` keeps that of a task that fails")));
    };
    let shell = "if command -v bash >/dev/null; then exec bash; else exec sh; fi";
    let argv = if command.is_empty() { ["sh", "-c", shell].map(str::to_owned).to_vec() } else { command.to_vec() };
    let engine = cx.engine()?;
    if seen.is_running {
        return in_container::run(cx, &RunningContainer::new(engine, seen.id), &Call::new(argv)).await;
    }
    let (image, copy) = engine.create_as_it_was(&seen.id, argv, screen::has_terminal()).await?;
    let call = Cmd::new("docker", ["start", "--attach", "--interactive", &copy]).env("DOCKER_HOST", &engine.endpoint);
    let ended = tokio::select! {
        ended = process::interactive(&call) => ended,
        _ = tokio::signal::ctrl_c() => Err(Error::message(Kind::Signal(2), "interrupted")),
    };
    engine.remove_as_it_was(&image, &copy).await?;
    in_container::pass_on(ended?)
}
