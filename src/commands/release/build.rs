//! `devenv release build`

use std::collections::BTreeSet;

use serde::Serialize;

use crate::apply::release::recipes::{self, Recipes};
use crate::apply::release::sources::{Changes, ReleaseSources, SHALLOW, sources};
use crate::apply::release::verify;
use crate::apply::session::{Intent, Options, Session};
use crate::commands::carry_out::carry_out;
use crate::commands::context::Context;
use crate::commands::preflight;
use crate::config::project::Project;
use crate::error::{Error, Kind, Result};
use crate::names::{ImageName, PartName};
use crate::nearest;
use crate::plan::Plan;
use crate::plan::images::builds;
use crate::plan::parts::GATEWAY;
use crate::plan::release::local;
use crate::plan::release::recipe::Recipe;
use crate::ui::screen::visible;

#[derive(clap::Args, Debug)]
pub(super) struct BuildArgs {
    /// Modules to release [default: all, and the gateway]
    names: Vec<String>,
    /// Include uncommitted changes; the tag and labels say so
    #[arg(long)]
    dirty: bool,
    /// Print the plan and stop
    #[arg(long)]
    dry_run: bool,
    /// Build again, and fail if the result differs from the image that is there
    #[arg(long, conflicts_with = "dry_run")]
    verify: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A released image as `--json` prints it.
#[derive(Debug, Serialize)]
struct ReleasedJson<'a> {
    name: &'a PartName,
    image: &'a str,
    fingerprint: &'a str,
    commit: &'a str,
    source: String,
    parent: &'a ImageName,
}

pub(super) async fn run(cx: &Context, args: &BuildArgs) -> Result<()> {
    if args.dry_run {
        let mut session = cx.session(Intent::Look).await?;
        let recipes = wanted(cx, &session, args).await?;
        session.look_for_releases(&recipes).await?.into_iter().for_each(|line| cx.screen.say(line));
        let plan = building(&session, &recipes);
        if plan.is_empty() {
            cx.screen.say(NOTHING_TO_DO);
        } else if args.json {
            cx.screen.json(&plan.json());
        } else {
            cx.screen.data(plan.to_string());
        }
        return Ok(());
    }
    let recipes = make(cx, args).await?;
    show(cx, &recipes, args.json);
    Ok(())
}

const NOTHING_TO_DO: &str = "nothing to do: all released images exist";

/// Makes the images, and builds them again where that is asked.
async fn make(cx: &Context, args: &BuildArgs) -> Result<Recipes> {
    let mut nothing = Some(NOTHING_TO_DO);
    loop {
        let (mut session, _lock) = cx.locked_session(Intent::Act).await?;
        session.write()?;
        session.news.iter().for_each(|line| cx.screen.say(line));
        let recipes = wanted(cx, &session, args).await?;
        session.look_for_releases(&recipes).await?.into_iter().for_each(|line| cx.screen.say(line));
        session.environment.releases.extend(recipes.clone());
        let plan = building(&session, &recipes);
        if plan.is_empty() {
            nothing.filter(|_| !args.verify).into_iter().for_each(|text| cx.screen.say(text));
        } else {
            preflight::check_tools(&plan, &session.lock).await?;
            if let Err(failure) = carry_out(cx.screen, &session, &plan, Options::default()).await {
                drop(failure.decide_again(false)?);
                nothing = None;
                continue;
            }
        }
        if args.verify {
            verify_all(cx, &session, &recipes).await?;
        }
        return Ok(recipes);
    }
}

/// How the parts that were named are released.
async fn wanted(cx: &Context, session: &Session, args: &BuildArgs) -> Result<Recipes> {
    let team = session.checkout.team()?;
    local::same_images(&team.file, &session.checkout.project.file)?;
    let modules = recipes::modules(&team.file);
    let names = known(&team, session, args)?;
    let is_wanted = |name: &str| names.is_empty() || names.contains(name);
    let modules: Vec<_> = modules.into_iter().filter(|(name, _)| is_wanted(name.as_str())).collect();
    let changes = if args.dirty { Changes::Marked } else { Changes::Refused };
    let configuration = recipes::configuration(session.checkout.name(), &team);
    let found = sources(&session.checkout.root, &modules, &configuration, changes).await?;
    warn(cx, &found);
    let mut all = recipes::of_modules(&team, &session.images, &found)?;
    if is_wanted(GATEWAY) {
        let assets = &session.checkout.assets;
        let gateway = recipes::of_gateway(&team, &session.images, assets, &found.configuration)?;
        all.extend(gateway.map(|recipe| (recipe.part.clone(), recipe)));
    }
    Ok(all)
}

fn warn(cx: &Context, found: &ReleaseSources) {
    if found.shallow {
        cx.screen.say(SHALLOW);
    }
}

/// The parts that were named, which must be there.
fn known<'a>(team: &Project, session: &Session, args: &'a BuildArgs) -> Result<BTreeSet<&'a str>> {
    let modules = recipes::modules(&team.file);
    let has_gateway = modules.iter().any(|(_, module)| module.route.is_some());
    let known = modules.iter().map(|(name, _)| name.as_str()).chain(has_gateway.then_some(GATEWAY));
    let known: BTreeSet<&str> = known.collect();
    match args.names.iter().find(|name| !known.contains(name.as_str())) {
        Some(name) if session.checkout.project.file.services.contains_key(name.as_str()) => {
            let message = format!("`{name}` is a service, and only modules are released");
            Err(Error::message(Kind::Usage, message).hint("its image is the one of the hierarchy: `devenv images`"))
        }
        Some(name) => Err(Error::message(Kind::Usage, format!("`{}` is not a module", visible(name)))
            .hint(nearest::hint(name, known))),
        None => Ok(args.names.iter().map(String::as_str).collect()),
    }
}

/// The steps that make the released images that are not there.
fn building(session: &Session, recipes: &Recipes) -> Plan {
    let missing: Vec<&Recipe> =
        recipes.values().filter(|recipe| !session.observed.tags.contains(&recipe.reference)).collect();
    let mut plan = Plan::default();
    let needed = session.images.needed(&builds::wanted_by_releases(&missing, &session.observed));
    let made = builds::images(&mut plan, &needed, &session.lock, &session.observed, None);
    let _steps = builds::releases(&mut plan, &missing, &made, &session.observed);
    plan
}

/// Builds everything again and compares it with the images that are there.
async fn verify_all(cx: &Context, session: &Session, recipes: &Recipes) -> Result<()> {
    let releaser = session.releaser();
    let mut differing = None;
    for recipe in recipes.values() {
        cx.screen.say(format!("building `{}` again", recipe.part));
        match verify::difference(&releaser, recipe).await? {
            None => cx.screen.say(format!("✓ {} is the same", recipe.reference)),
            Some(difference) => {
                cx.screen.say(format!("✗ {}: {difference}", recipe.reference));
                differing.get_or_insert(&recipe.part);
            }
        }
    }
    match differing {
        None => Ok(()),
        Some(part) => Err(Error::message(Kind::Failed, format!("`{part}` is not the same when it is built again"))
            .hint("a date, a random number or an order of files is in it; SOURCE_DATE_EPOCH is the time to use")),
    }
}

fn show(cx: &Context, recipes: &Recipes, json: bool) {
    if json {
        let all = recipes.values().map(|recipe| ReleasedJson {
            name: &recipe.part,
            image: &recipe.reference,
            fingerprint: recipe.fingerprint.as_str(),
            commit: &recipe.source.commit.id,
            source: recipe.source.state.to_string(),
            parent: &recipe.parent,
        });
        cx.screen.json(&all.collect::<Vec<_>>());
        return;
    }
    let short = |id: &str| id.chars().take(12).collect::<String>();
    let row = |recipe: &Recipe| {
        let commit = short(&recipe.source.commit.id);
        let commit = if recipe.is_clean() { commit } else { format!("{commit}, dirty") };
        vec![recipe.part.to_string(), recipe.reference.clone(), commit, recipe.parent.to_string()]
    };
    let rows: Vec<Vec<String>> = recipes.values().map(row).collect();
    cx.screen.table(&["NAME", "IMAGE", "COMMIT", "ON"], &rows);
}
