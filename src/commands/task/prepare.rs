//! What a run of tasks is decided from, and what must be there before the first container starts: images, the parts that
//! modules need, and dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::apply::session::{Intent, Options, Session, credentials};
use crate::apply::tasks::install;
use crate::apply::tasks::recipes;
use crate::apply::tasks::run_context::{RunContext, SplitAgain, now};
use crate::apply::tasks::sidecars::Sidecars;
use crate::apply::tasks::sources::{self, Known};
use crate::apply::tasks::splits::manifests;
use crate::commands::carry_out::carry_out;
use crate::commands::context::Context;
use crate::commands::preflight;
use crate::error::{Error, Kind, Result};
use crate::names::{ImageName, PartName, TaskName};
use crate::plan::Plan;
use crate::plan::images::builds;
use crate::plan::release::recipe::Recipe;
use crate::plan::steps::up::UpRequest;
use crate::plan::tasks::graph::{Place, TaskGraph};
use crate::plan::tasks::history::{Earlier, Why};
use crate::plan::tasks::spec::TaskSpec;
use crate::plan::tasks::splits::manifest::OneSplit;

/// How tasks run.
#[derive(clap::Args, Debug, Clone, Default)]
pub(in crate::commands) struct RunOptions {
    /// End the run with the first failure
    #[arg(long)]
    pub(in crate::commands) failfast: bool,
    /// Also run what has completed with the same inputs
    #[arg(long)]
    pub(in crate::commands) force: bool,
    /// How many tasks run at once [default: the processors of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in crate::commands) jobs: Option<u16>,
    /// Keep the containers of tasks that do not complete, for `devenv runs shell`, until the next run
    #[arg(long)]
    pub(in crate::commands) keep: bool,
}

/// What a person wants.
#[derive(Debug, Clone, Default)]
pub(in crate::commands) struct Request {
    /// Names of tasks.
    pub(in crate::commands) names: Vec<String>,
    /// Where it begins.
    pub(in crate::commands) from: Vec<String>,
    /// The split that is run again alone.
    pub(in crate::commands) split: Option<SplitRequest>,
    /// How they run.
    pub(in crate::commands) options: RunOptions,
}

/// A split of the only task that is asked for, and the file that says what it ran, where that is not of a run here.
#[derive(Debug, Clone)]
pub(in crate::commands) struct SplitRequest {
    pub(in crate::commands) one: OneSplit,
    pub(in crate::commands) manifest: Option<PathBuf>,
}

/// Looks at all that decides.
pub(in crate::commands) async fn run_context(session: Session, request: &Request) -> Result<RunContext> {
    let all = TaskGraph::of(&session.checkout.project.file);
    let graph = all.closure(&request.names, &request.from)?;
    graph.check_from(&request.from)?;
    let needs: BTreeMap<TaskName, Vec<TaskName>> =
        graph.0.keys().filter_map(|name| Some((name.clone(), all.0.get(name)?.needs.clone()))).collect();
    let known = sources::known(&session.checkout.root)?;
    let given = given(&graph, &needs, &known)?;
    let specs = sources::specs(&session, &graph)?;
    let sources = sources::sources(&session, &specs).await?;
    let sidecars = Sidecars::of(&session, &graph, &specs, &sources).await?;
    let is_forced = |name: &&TaskName| request.options.force || request.from.iter().any(|from| from == name.as_str());
    let again = request.split.as_ref().map(|split| split_again(&session, &known, request, split)).transpose()?;
    let forced = graph.0.keys().filter(is_forced).chain(again.as_ref().map(|again| &again.task));
    let forced = forced.map(|name| (name.clone(), Why::Forced));
    let recipes = recipes::recipes(&session, &graph).await?;
    let missing = recipes.iter().filter(|(_, recipe)| !session.observed.tags.contains(&recipe.reference));
    let missing = missing.map(|(name, recipe)| (name.clone(), Why::Missing(recipe.reference.clone())));
    let forced = missing.chain(forced).collect();
    let key = credentials::key(&session.checkout.root, session.identity.folder)?;
    Ok(RunContext { session, known, graph, needs, given, specs, sources, sidecars, recipes, again, forced, key })
}

/// What a split ran before.
fn split_again(session: &Session, known: &Known, request: &Request, split: &SplitRequest) -> Result<SplitAgain> {
    let SplitRequest { one, manifest } = split;
    let [name] = request.names.as_slice() else {
        return Err(Error::message(Kind::Usage, "`--split` is of one task, and several are named"));
    };
    let task = TaskName::new(name).map_err(|error| Error::new(Kind::Usage, error))?;
    let batches = match manifest {
        Some(file) => manifests::read(file)?.batches_of(*one),
        None => {
            let all = manifests::all(&session.checkout.root, &known.history, &task);
            all.iter()
                .filter(|(_, manifest)| manifest.only.is_none())
                .find_map(|(_, manifest)| manifest.batches_of(*one))
        }
    };
    let batches = batches.ok_or_else(|| {
        let error = Error::message(Kind::Usage, format!("no run of `{name}` here has a split {one}"));
        error.hint("`devenv runs show ID` lists the splits of a run; `--manifest FILE` takes those of a bundle")
    })?;
    Ok(SplitAgain { task, one: *one, batches })
}

/// The last results of what is needed and not run.
fn given(
    graph: &TaskGraph,
    needs: &BTreeMap<TaskName, Vec<TaskName>>,
    known: &Known,
) -> Result<BTreeMap<TaskName, Earlier>> {
    let outside = needs.values().flatten().filter(|need| !graph.0.contains_key(*need));
    let result = |need: &TaskName| {
        let last = known.history.last(need, now());
        let last = last.ok_or_else(|| {
            let message = format!("`{need}` has no completed run whose result could be taken");
            Error::message(Kind::Failed, message).hint(format!("`devenv task run {need}` runs it"))
        });
        Ok((need.clone(), last?))
    };
    outside.map(result).collect()
}

/// Makes everything that the tasks need that run.
pub(in crate::commands) async fn prepare(cx: &Context, request: &Request) -> Result<RunContext> {
    loop {
        let (mut session, _lock) = cx.locked_session(Intent::Act).await?;
        session.write()?;
        session.news.iter().for_each(|line| cx.screen.say(line));
        let mut context = run_context(session, request).await?;
        let wanted = context.to_run();
        let specs: Vec<TaskSpec> = wanted.iter().filter_map(|task| context.specs.get(task)).cloned().collect();
        let parts = parts(&specs);
        if !parts.is_empty() && preflight::ask_for_secrets(cx, &context.session, &parts)? {
            continue;
        }
        let recipes = wanted.iter().filter_map(|task| context.recipes.get(task));
        let sidecars = wanted.iter().flat_map(|task| context.sidecars.of_task(task)).map(|one| &one.spec);
        let all: Vec<&TaskSpec> = specs.iter().chain(sidecars).collect();
        let plan = images(&context.session, &all, &recipes.collect::<Vec<_>>());
        if !has(cx, &mut context.session, &plan).await? {
            continue;
        }
        let names: BTreeSet<PartName> = specs.iter().flat_map(|spec| spec.parts.iter().cloned()).collect();
        if !names.is_empty() {
            let up = UpRequest { names: names.into_iter().collect(), ..UpRequest::default() };
            let up = context.session.up(&up);
            up.check_majors()?;
            let plan = up.plan();
            preflight::confirm(cx, &plan)?;
            if !has(cx, &mut context.session, &plan).await? {
                continue;
            }
        }
        let each = |task: &TaskName, line: &str| cx.screen.say(format!("{task} deps | {line}"));
        install::install(&context, &wanted, each).await?;
        return Ok(context);
    }
}

/// The modules of tasks and the parts that they need.
fn parts(specs: &[TaskSpec]) -> Vec<PartName> {
    let module = |spec: &TaskSpec| match &spec.work.place {
        Place::Module(name) => Some(name.clone()),
        Place::Image(_) => None,
    };
    specs.iter().flat_map(|spec| module(spec).into_iter().chain(spec.parts.iter().cloned())).collect()
}

/// Carries out a plan; false where it has moved the lock, so that everything is decided again.
async fn has(cx: &Context, session: &mut Session, plan: &Plan) -> Result<bool> {
    if plan.is_empty() {
        return Ok(true);
    }
    preflight::check_tools(plan, &session.lock).await?;
    if let Err(failure) = carry_out(cx.screen, session, plan, Options::default()).await {
        drop(failure.decide_again(false)?);
        return Ok(false);
    }
    session.look_again().await?;
    Ok(true)
}

/// The steps that make the images of tasks.
fn images(session: &Session, specs: &[&TaskSpec], recipes: &[&Recipe]) -> Plan {
    let modules = &session.checkout.project.file.modules;
    let image = |spec: &&TaskSpec| match &spec.work.place {
        Place::Module(name) => modules.get(name).map(|module| module.image.clone()),
        Place::Image(name) => Some(name.clone()),
    };
    let mut wanted: BTreeSet<ImageName> = specs.iter().filter_map(image).collect();
    wanted.extend(builds::wanted_by_releases(recipes, &session.observed));
    let mut plan = Plan::default();
    let needed = session.images.needed(&wanted);
    let _made = builds::images(&mut plan, &needed, &session.lock, &session.observed, None);
    plan
}
