//! `devenv up`

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::amounts;
use crate::apply::executor::failure::PortTaken;
use crate::apply::executor::failure::StepFailure;
use crate::apply::session::Intent;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::observe::Description;
use crate::apply::session::{Options, Session};
use crate::apply::watch::background;
use crate::commands::carry_out::carry_out;
use crate::commands::context::{Context, InEnvironment};
use crate::commands::{doctor, preflight, status, watch};
use crate::config::model::local::{Containers, Start};
use crate::config::model::values;
use crate::error::{Error, Kind, Result};
use crate::host::clock;
use crate::host::engine::Engine;
use crate::names::PartName;
use crate::plan::Plan;
use crate::plan::doctor::purpose::Purpose;
use crate::plan::doctor::repairs::Effect;
use crate::plan::parts::{GATEWAY, GATEWAY_HTTP};
use crate::plan::steps::up::UpRequest;
use crate::ui::errors;
use crate::ui::screen::in_ci;

/// Build what changed, start modules and services, and wait until they are healthy
///
/// Everything is compared by content: what is up to date is left alone, and each step says why it is needed.
#[derive(clap::Args, Debug, Default)]
#[command(after_help = "Examples:\n  devenv up\n  devenv up api --dry-run\n  devenv up --fresh --yes")]
pub struct UpArgs {
    /// Modules and services to start, with what they need [default: all that are enabled]
    pub names: Vec<String>,
    /// Build the images even if they exist
    #[arg(long)]
    pub build: bool,
    /// Recreate the containers even if they are up to date
    #[arg(long, visible_alias = "force-recreate")]
    pub recreate: bool,
    /// Delete and recreate the data volumes
    #[arg(long)]
    pub fresh: bool,
    /// Run this task again even if the data that it works on is not new
    #[arg(long, value_name = "TASK")]
    pub again: Vec<String>,
    /// Print the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Longest time for each part to become healthy, such as 90s
    #[arg(long, value_parser = values::Duration::parse)]
    pub wait_timeout: Option<values::Duration>,
    /// Print the plan, or the result, as JSON
    #[arg(long)]
    pub json: bool,
    /// Accepted for compatibility: the environment always runs in the background
    #[arg(short, long, hide = true)]
    pub detach: bool,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// What earlier attempts of the same command have done, before a build moved the lock; it is not forced again.
#[derive(Debug, Default)]
struct Earlier {
    attempts: usize,
    took: Duration,
    started: BTreeSet<PartName>,
}

/// How an attempt ended.
enum Ended {
    /// All is done.
    Done,
    /// A build moved the lock: everything is decided again, with what was started.
    LockMoved(BTreeSet<PartName>),
    /// A port that devenv chose was in use at the last moment: another one is chosen.
    PortTaken(PortTaken),
}

/// How often another port is tried where one was taken at the last moment.
const TRIES: usize = 3;

/// Runs the command.
pub async fn run(cx: &Context, args: &UpArgs) -> Result<()> {
    preflight::prepare(cx, args.dry_run)?;
    let asked = cx.ask();
    let checkout = cx.checkout()?;
    let mut asked = Some(asked);
    let mut tries = 0;
    let mut fixed = args.dry_run;
    let mut earlier = Earlier::default();
    loop {
        let begin = Instant::now();
        let asked = asked.take().unwrap_or_else(|| cx.ask());
        match attempt(cx, &checkout, asked, args, &earlier).await {
            Ok(Ended::Done) => return Ok(()),
            Ok(Ended::LockMoved(started)) => {
                earlier.started.extend(started);
                earlier.took += begin.elapsed();
                earlier.attempts += 1;
            }
            Ok(Ended::PortTaken(taken)) if tries < TRIES => {
                tries += 1;
                cx.screen.say(format!("{taken}; choosing another one"));
            }
            Ok(Ended::PortTaken(taken)) => return Err(Error::new(Kind::Failed, taken)),
            Err(error) if error.kind == Kind::Missing && !fixed => {
                fixed = true;
                cx.screen.say(errors::text(&error, false));
                if doctor::repair(cx, Purpose::MakeRoot).await? == Effect::NextLogin {
                    return Err(doctor::go_on(cx).await);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether devenv chose the port, so that it may choose another one: neither the user did, nor a compose file.
fn is_ours(session: &Session, taken: &PortTaken) -> bool {
    let fixed = session.checkout.project.local.ports.values().any(|port| port.get() == taken.port);
    let is_of = |part: &str| part == taken.part.as_str() || (taken.part.as_str() == GATEWAY && part == GATEWAY_HTTP);
    !fixed && session.identity.held.ports.iter().any(|(part, port)| is_of(part.as_str()) && *port == taken.port)
}

async fn attempt(
    cx: &Context,
    checkout: &Arc<Checkout>,
    asked: Result<(Engine, Description)>,
    args: &UpArgs,
    earlier: &Earlier,
) -> Result<Ended> {
    if args.dry_run {
        let session = cx.session_of(checkout, asked?, Intent::Look).await?;
        session.news.iter().for_each(|line| cx.screen.say(line));
        return print(cx, args, &decide(cx, args, &session, earlier)?).map(|()| Ended::Done);
    }
    let (mut session, lock) = cx.locked_session_of(checkout, asked?, Intent::Act).await?;
    if preflight::ask_for_secrets(cx, &session, &[])? {
        drop(session);
        drop(lock);
        return Box::pin(attempt(cx, checkout, cx.ask(), args, earlier)).await;
    }
    session.write()?;
    session.news.iter().for_each(|line| cx.screen.say(line));
    let plan = decide(cx, args, &session, earlier)?;
    preflight::check_tools(&plan, &session.lock).await?;
    preflight::confirm(cx, &plan)?;
    let options = Options {
        wait_timeout: args.wait_timeout.map(values::Duration::get),
        cache: !args.build,
        ..Options::default()
    };
    let began = clock::seconds();
    let took = match carry_out(cx.screen, &session, &plan, options).await {
        Ok(took) => took,
        Err(failure @ StepFailure::LockMoved { .. }) => {
            let forced = earlier.attempts == 0 && (args.build || args.fresh);
            return failure.decide_again(forced).map(Ended::LockMoved);
        }
        Err(StepFailure::PortTaken { taken, .. }) if is_ours(&session, &taken) => return Ok(Ended::PortTaken(taken)),
        Err(failure) => {
            let error = Error::from(failure);
            if error.kind == Kind::Failed && !in_ci() {
                drop(lock);
                // What was begun is watched: a saved file may be what fixes it.
                watch::ensure(cx, &session).await?;
            }
            return Err(error);
        }
    };
    // The watcher would inherit the lock.
    drop(lock);
    let settled = if in_ci() {
        Ok(())
    } else {
        watch::ensure(cx, &session).await?;
        background::settle(&session, began, |line| cx.screen.say(line)).await
    };
    for module in background::not_built(&session) {
        cx.screen.say(format!("{module}: the last build failed, so the program that runs is older than the source"));
    }
    if plan.is_empty() {
        cx.screen.say("nothing to do");
    } else {
        if settled.is_ok() {
            cx.screen.say(format!("up in {}", amounts::took(earlier.took + took)));
        }
        session.look_again().await?;
    }
    status::print(cx, &session, args.json)?;
    settled.map(|()| Ended::Done)
}

fn decide(cx: &Context, args: &UpArgs, session: &Session, earlier: &Earlier) -> Result<Plan> {
    let local = &session.checkout.project.local;
    let is_first = earlier.attempts == 0;
    let from_nothing = !session.observed.runs();
    let fresh = match local.start {
        _ if !is_first => false,
        _ if args.fresh => true,
        Start::Fresh => from_nothing,
        Start::Ask => {
            from_nothing
                && !session.observed.volumes.is_empty()
                && cx.screen.can_ask()
                && cx.screen.ask("recreate the data volumes?")
        }
        Start::Resume => false,
    };
    let mut request = UpRequest {
        names: session.names(&args.names)?,
        build: args.build && is_first,
        recreate: is_first && (args.recreate || (from_nothing && local.containers == Containers::Recreate)),
        fresh,
        again: session.names(&args.again)?,
    };
    request.again.retain(|task| !earlier.started.contains(task));
    let doubtful = session.up(&request).doubtful();
    for (task, cause) in doubtful {
        // A yes to everything is none to this: what was changed in the data since would be overwritten.
        let question = format!("{task}: {cause}, but the data that it works on is not new; run it again?");
        if !args.dry_run && !cx.screen.yes && cx.screen.ask(&question) {
            request.again.push(task);
        } else {
            cx.screen.say(format!(
                "{task} is not run again: {cause}, but the data that it works on is not new; `--again {task}` runs it, and \
                 `inputs` or `once: {{per: data}}` in devenv.yaml decide for good"
            ));
        }
    }
    let up = session.up(&request);
    up.check_majors()?;
    Ok(up.plan())
}

fn print(cx: &Context, args: &UpArgs, plan: &Plan) -> Result<()> {
    if args.json {
        cx.screen.json(&plan.json());
    } else if plan.is_empty() {
        cx.screen.say("nothing to do");
    } else {
        cx.screen.data(plan.to_string());
    }
    Ok(())
}
