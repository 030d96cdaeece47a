//! `devenv images`

mod diff;
mod named;
mod sbom;
mod verify;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::amounts::bytes;
use crate::apply::session::Intent;
use crate::apply::session::{Options, Session};
use crate::commands::carry_out::carry_out;
use crate::commands::context::{Context, InEnvironment};
use crate::commands::preflight;
use crate::error::{Error, Kind, Result};
use crate::names::ImageName;
use crate::nearest;
use crate::plan::Plan;
use crate::plan::images::Node;
use crate::plan::images::builds;

/// Show the image hierarchy: fingerprints, sizes, what is stale and why
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  devenv images\n  devenv images build\n  devenv images verify --env prod\n  \
                  devenv images sbom api > api.spdx.json\n  devenv images diff python api")]
#[command(args_conflicts_with_subcommands = true)]
pub struct ImagesArgs {
    /// Show all images, including those that nothing here runs in
    #[arg(short, long)]
    pub all: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What to do in place of showing them
    #[command(subcommand)]
    pub what: Option<ImagesCommand>,
    /// Which environment.
    #[command(flatten)]
    pub environment: InEnvironment,
}

/// What can be done with images.
#[derive(clap::Subcommand, Debug)]
pub enum ImagesCommand {
    /// Build or pull the images that this project needs
    Build {
        /// Images to build, with what they are built from and what stands on them [default: those that are needed]
        names: Vec<String>,
        /// Print the plan and stop
        #[arg(long)]
        dry_run: bool,
        /// Build even if they exist, without the cache
        #[arg(long)]
        no_cache: bool,
    },
    /// Prove by layer digests that every container descends from the same base, and compare packages with the registry
    Verify {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the packages of an image as SPDX 2.3 (JSON): those of the system, and those that lock files pin
    #[command(after_help = "Example:\n  devenv images sbom api > api.spdx.json")]
    Sbom {
        /// An image of the hierarchy, a module that is released, or any image on this machine
        name: String,
    },
    /// Show how two images differ: packages, user, command, locale, environment and files
    #[command(
        after_help = "Examples:\n  devenv images diff base python\n  devenv images diff api shop/api:8411eb1e92b081f13f56bcf5"
    )]
    Diff {
        /// An image of the hierarchy, a module that is released, or any image on this machine
        from: String,
        /// The other one
        to: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// An image as `--json` prints it.
#[derive(Debug, Serialize)]
struct ImageJson {
    name: ImageName,
    parent: Option<ImageName>,
    about: String,
    fingerprint: String,
    tag: String,
    present: bool,
    bytes: Option<i64>,
    stale: Option<String>,
    /// Instructions that use external content without a digest.
    unpinned: Vec<String>,
}

/// Runs the command.
pub async fn run(cx: &Context, args: &ImagesArgs) -> Result<()> {
    match &args.what {
        Some(ImagesCommand::Build { names, dry_run, no_cache }) => {
            let forced = no_cache.then_some("--no-cache");
            if *dry_run { show_plan(cx, names, forced).await } else { build(cx, names, forced).await }
        }
        Some(ImagesCommand::Verify { json }) => verify::run(cx, *json).await,
        Some(ImagesCommand::Sbom { name }) => sbom::run(cx, name).await,
        Some(ImagesCommand::Diff { from, to, json }) => diff::run(cx, (from, to), *json).await,
        None => show(cx, args).await,
    }
}

async fn show(cx: &Context, args: &ImagesArgs) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let wanted = builds::wanted_images(session.environment.parts.values());
    let nodes: Vec<&Node> =
        if args.all { session.images.nodes().iter().collect() } else { session.images.needed(&wanted) };
    let images: Vec<ImageJson> = nodes.iter().map(|node| image(&session, node)).collect();
    if args.json {
        cx.screen.json(&images);
        return Ok(());
    }
    let by_name: BTreeMap<&ImageName, &ImageJson> = images.iter().map(|image| (&image.name, image)).collect();
    let mut rows = Vec::new();
    for root in images.iter().filter(|image| image.parent.is_none()) {
        branch(root, &by_name, "", "", &mut rows);
    }
    cx.screen.table(&["IMAGE", "FINGERPRINT", "SIZE", "STATE", "FOR"], &rows);
    cx.screen.say(format!("root: {}", session.lock.root));
    for image in images.iter().filter(|image| !image.unpinned.is_empty()) {
        let all: String = image.unpinned.iter().map(|line| format!("\n  {line}")).collect();
        cx.screen.say(format!("{} uses external content without a digest:{all}", image.name));
    }
    Ok(())
}

fn image(session: &Session, node: &Node) -> ImageJson {
    let observed = &session.observed;
    let present = observed.tags.contains(&node.tag);
    let seen = observed.images.iter().find(|image| image.tags.contains(&node.tag));
    ImageJson {
        name: node.name.clone(),
        parent: node.parent.clone(),
        about: node.about.clone(),
        fingerprint: node.fingerprint.to_string(),
        tag: node.tag.clone(),
        present,
        bytes: seen.map(|image| image.size),
        stale: (!present).then(|| builds::why_image(node, observed).to_string()),
        unpinned: node.outside.clone(),
    }
}

/// One line of the tree, and below it the lines of its children.
fn branch(
    image: &ImageJson,
    all: &BTreeMap<&ImageName, &ImageJson>,
    before: &str,
    below: &str,
    rows: &mut Vec<Vec<String>>,
) {
    let size = image.bytes.map(|size| bytes(size.unsigned_abs())).unwrap_or_default();
    let state = image.stale.clone().map_or("present".to_owned(), |why| format!("missing: {why}"));
    rows.push(vec![
        format!("{before}{}", image.name),
        image.fingerprint.chars().take(12).collect(),
        size,
        state,
        image.about.clone(),
    ]);
    let children: Vec<&&ImageJson> = all.values().filter(|child| child.parent.as_ref() == Some(&image.name)).collect();
    for (at, child) in children.iter().enumerate() {
        let last = at + 1 == children.len();
        let (own, next) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        branch(child, all, &format!("{below}{own}"), &format!("{below}{next}"), rows);
    }
}

const NOTHING_TO_DO: &str = "nothing to do: all images are there";

/// Shows what `build` would do.
async fn show_plan(cx: &Context, names: &[String], forced: Option<&str>) -> Result<()> {
    let plan = building(&cx.session(Intent::Look).await?, names, forced)?;
    if plan.is_empty() {
        cx.screen.say(NOTHING_TO_DO);
    } else {
        cx.screen.data(plan.to_string());
    }
    Ok(())
}

/// Makes images present. `forced` names the option that builds them even if they are there, without earlier results.
pub(super) async fn build(cx: &Context, names: &[String], forced: Option<&str>) -> Result<()> {
    let options = Options { cache: forced.is_none(), ..Options::default() };
    let mut forced = forced;
    let mut nothing = Some(NOTHING_TO_DO);
    loop {
        let (mut session, _lock) = cx.locked_session(Intent::Act).await?;
        session.write()?;
        session.news.iter().for_each(|line| cx.screen.say(line));
        let plan = building(&session, names, forced)?;
        if plan.is_empty() {
            nothing.into_iter().for_each(|text| cx.screen.say(text));
            return Ok(());
        }
        preflight::check_tools(&plan, &session.lock).await?;
        match carry_out(cx.screen, &session, &plan, options).await {
            Ok(_) => return Ok(()),
            Err(failure) => drop(failure.decide_again(forced.is_some())?),
        }
        // All that was forced is done, or is missing now.
        (forced, nothing) = (None, None);
    }
}

/// The steps that make images present, and rebuild what stands on those that are made.
fn building(session: &Session, names: &[String], forced: Option<&str>) -> Result<Plan> {
    let wanted: BTreeSet<ImageName> = if names.is_empty() {
        builds::wanted_images(session.environment.parts.values())
    } else {
        names.iter().map(|name| known(session, name)).collect::<Result<_>>()?
    };
    let mut plan = Plan::default();
    let needed = session.images.needed(&wanted);
    let mut made = builds::images(&mut plan, &needed, &session.lock, &session.observed, forced);
    builds::standing(&mut plan, &mut made, &session.images, &session.observed, forced);
    Ok(plan)
}

fn known(session: &Session, name: &str) -> Result<ImageName> {
    let found = session.images.nodes().iter().find(|node| node.name.as_str() == name);
    found.map(|node| node.name.clone()).ok_or_else(|| {
        Error::message(Kind::Usage, format!("there is no image `{}`", crate::ui::screen::visible(name)))
            .hint(nearest::hint(name, session.images.nodes().iter().map(|node| node.name.as_str())))
    })
}
