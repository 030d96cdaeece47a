//! `devenv up`

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::apply::executor::builds::Moved;
use crate::apply::executor::port_in_use::PortTaken;
use crate::commands::context::{Context, Intent};
use crate::commands::session::{Options, Session};
use crate::commands::{doctor, preflight, status, watch};
use crate::config::model::local::{Containers, Start};
use crate::config::model::values;
use crate::error::{Kind, Result};
use crate::host::clock;
use crate::host::user::checkout_table;
use crate::names::PartName;
use crate::plan::Plan;
use crate::plan::doctor::purpose::Purpose;
use crate::plan::doctor::repairs::Effect;
use crate::plan::parts::{GATEWAY, GATEWAY_HTTP};
use crate::plan::steps::up::Request;
use crate::ui::errors;
use crate::ui::progress::seconds;
use crate::ui::screen::in_ci;

/// Build what changed, start modules and services, and wait until they are healthy
///
/// Everything is compared by content: what is right is left alone, and each step says why it is done.
#[derive(clap::Args, Debug)]
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
    /// Accepted for habit: the environment always runs in the background
    #[arg(short, long, hide = true)]
    pub detach: bool,
}

/// What earlier attempts of the same command have done, before a build moved the lock; it is not forced again.
#[derive(Debug, Default)]
struct Earlier {
    attempts: usize,
    took: Duration,
    started: BTreeSet<PartName>,
}

/// How often another port is tried where one was taken at the last moment.
const TRIES: usize = 3;

/// Runs the command.
pub async fn run(cx: &Context, args: &UpArgs) -> Result<()> {
    preflight::prepare(cx, args.dry_run)?;
    let mut tries = 0;
    let mut fixed = args.dry_run;
    let mut earlier = Earlier::default();
    loop {
        let begin = Instant::now();
        match once(cx, args, &earlier).await {
            Err(error) if error.source.is::<Moved>() => {
                let forced = earlier.attempts == 0 && (args.build || args.fresh);
                earlier.started.extend(preflight::decide_again(error, forced)?);
                earlier.took += begin.elapsed();
                earlier.attempts += 1;
            }
            Err(error) if error.kind == Kind::Missing && !fixed => {
                fixed = true;
                cx.screen.say(errors::text(&error, false));
                if doctor::repair(cx, Purpose::MakeRoot).await? == Effect::NextLogin {
                    return Err(doctor::go_on(cx).await);
                }
            }
            Err(error)
                if tries < TRIES
                    && error.source.downcast_ref::<PortTaken>().is_some_and(|taken| is_ours(cx, taken)) =>
            {
                tries += 1;
                cx.screen.say(format!("{error}; another one is chosen"));
            }
            ended => return ended,
        }
    }
}

/// Whether devenv chose the port, so that it may choose another one: neither the user did, nor a compose file.
fn is_ours(cx: &Context, taken: &PortTaken) -> bool {
    let (Ok(checkout), Ok(known)) = (cx.checkout(), checkout_table::look()) else { return false };
    let fixed = checkout.project.local.ports.values().any(|port| port.get() == taken.port);
    let root = checkout.root.to_string_lossy();
    let mut ours = known.table.checkouts.iter().filter(|held| held.path == root).flat_map(|held| &held.ports);
    let is_of = |part: &str| part == taken.part.as_str() || (taken.part.as_str() == GATEWAY && part == GATEWAY_HTTP);
    !fixed && ours.any(|(part, port)| is_of(part.as_str()) && *port == taken.port)
}

async fn once(cx: &Context, args: &UpArgs, earlier: &Earlier) -> Result<()> {
    if args.dry_run {
        let session = cx.session(Intent::Look).await?;
        session.news.iter().for_each(|line| cx.screen.say(line));
        return print(cx, args, &decide(cx, args, &session, earlier)?);
    }
    let (mut session, lock) = cx.locked_session(Intent::Act).await?;
    session.write()?;
    for line in &session.news {
        cx.screen.say(line);
    }
    let plan = decide(cx, args, &session, earlier)?;
    preflight::check_tools(&plan, &session.lock).await?;
    preflight::confirm(cx, &plan)?;
    let options = Options {
        wait_timeout: args.wait_timeout.map(values::Duration::get),
        cache: !args.build,
        ..Options::default()
    };
    let began = clock::seconds();
    let ended = session.carry_out(cx.screen, &plan, options).await;
    if ended.as_ref().is_err_and(|error| error.source.is::<Moved>()) {
        return ended.map(drop);
    }
    if ended.as_ref().is_err_and(|error| error.kind == Kind::Failed) && !in_ci() {
        drop(lock);
        // What was begun is watched: a saved file may be what fixes it.
        watch::ensure(cx, &session).await?;
        return ended.map(drop);
    }
    let took = ended?;
    // The watcher would inherit the lock.
    drop(lock);
    let settled = if in_ci() {
        Ok(())
    } else {
        watch::ensure(cx, &session).await?;
        watch::settle(cx, &session, began).await
    };
    for module in watch::not_built(&session) {
        cx.screen.say(format!("{module}: the last build failed, so the program that runs is older than the source"));
    }
    if plan.is_empty() {
        cx.screen.say("nothing to do");
    } else if settled.is_ok() {
        cx.screen.say(format!("up in {}", seconds(earlier.took + took)));
    }
    let session = if plan.is_empty() { session } else { cx.session(Intent::Look).await? };
    status::print(cx, &session, args.json)?;
    settled
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
    let mut request = Request {
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
