//! `devenv push`, `devenv release list`, `devenv release show`: release sets in the team's registry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::apply::release::push::{Other, Published, Sent, Sets, Wanted};
use crate::apply::release::recipes;
use crate::apply::release::sources::{Changes, sources};
use crate::apply::release::trust::Trust;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::{Intent, Session};
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::docker::endpoint;
use crate::host::engine::images::name_and_tag;
use crate::host::registry::{Registry, credentials};
use crate::host::release::source;
use crate::names::PartName;
use crate::plan::deploy::history;
use crate::plan::environment::target::Target;
use crate::plan::parts::{ImageRef, PartKind};
use crate::plan::registry::place::RegistryPath;
use crate::plan::registry::retry::Patience;
use crate::plan::registry::tag::{is_digest, is_tag};
use crate::plan::release::local;
use crate::plan::release::names;
use crate::plan::release::record::{Happened, Record};
use crate::plan::release::set::ReleaseSet;
use crate::plan::release::signers::{Doubted, Proof};
use crate::plan::release::source::{Commit, SourceError};
use crate::ui::dates;
use crate::ui::screen::visible;

/// Push the released images of the commit that is checked out, and the set that names them
///
/// Images that the registry has are not sent again. The set, `REGISTRY/release:COMMIT`, comes last: whoever finds it finds
/// every image that it names. Run an interrupted push again to resume it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv release build && devenv push")]
pub struct PushArgs {
    /// Push the set even if the registry has one of other images for this commit
    #[arg(long)]
    pub replace: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Debug)]
pub(super) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args, Debug)]
pub(super) struct ShowArgs {
    /// The commit, or another tag of the set [default: the commit that is checked out]
    commit: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A set as `--json` prints it.
#[derive(Debug, Serialize)]
struct SetJson<'a> {
    tag: &'a str,
    digest: &'a str,
    #[serde(flatten)]
    set: &'a ReleaseSet,
    /// Images that the registry does not have any more; only where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'a [PartName]>,
    /// What happened to it; only where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<&'a [Record]>,
    /// What was recorded and does not count; only where that was asked.
    #[serde(skip_serializing_if = "is_nothing")]
    doubted: Option<&'a [Doubted]>,
    /// Who has signed it; only where that was asked, and signatures are.
    #[serde(skip_serializing_if = "is_unasked")]
    signed: Option<&'a Proof>,
}

fn is_nothing(doubted: &Option<&[Doubted]>) -> bool {
    doubted.is_none_or(<[Doubted]>::is_empty)
}

fn is_unasked(signed: &Option<&Proof>) -> bool {
    signed.is_none_or(|proof| *proof == Proof::Unasked)
}

/// A set as the list prints it.
#[derive(Debug, Serialize)]
struct ListedJson<'a> {
    #[serde(flatten)]
    set: SetJson<'a>,
    /// Whether a passed run is recorded.
    tested: bool,
    /// The environments that it was deployed to last.
    runs_in: BTreeSet<&'a str>,
}

/// Where the sets of a checkout are.
pub(in crate::commands) async fn sets(cx: &Context, checkout: &Checkout) -> Result<Sets> {
    let Some(text) = checkout.project.file.registry.clone() else {
        let message = format!("{} has no `registry:` to keep releases in", checkout.name());
        return Err(Error::message(Kind::Usage, message).hint("such as `registry: registry.example.com/shop`"));
    };
    sets_at(cx, checkout, text, Patience::default()).await
}

/// Where the sets of an environment are.
pub(in crate::commands) async fn sets_of(cx: &Context, checkout: &Checkout, target: &Target) -> Result<Sets> {
    match &target.settings.registry {
        Some(own) => sets_at(cx, checkout, own.clone(), Patience::default()).await,
        None => sets(cx, checkout).await,
    }
}

/// The sets of a place in a registry; the checkout says whose signatures count.
pub(in crate::commands) async fn sets_at(
    cx: &Context,
    checkout: &Checkout,
    text: String,
    patience: Patience,
) -> Result<Sets> {
    let trust = Trust::of(checkout)?;
    let place = RegistryPath::new(&text);
    let login = credentials::find(&endpoint::config_dir(), &place).await?;
    let screen = cx.screen;
    let registry = Registry::patient(place.clone(), login.clone(), patience);
    let registry = registry.telling(Arc::new(move |text| screen.say(text)));
    Ok(Sets { place, text, registry, login, trust })
}

/// Runs `push`.
pub async fn push(cx: &Context, args: &PushArgs) -> Result<()> {
    // Another push would remove the tags that this one gives images for the registry.
    let (session, _lock) = cx.locked_session(Intent::Look).await?;
    let sets = sets(cx, &session.checkout).await?;
    let (head, wanted) = wanted(&session).await?;
    let tell = |name: &PartName, sent| {
        if sent == Sent::Pushed {
            cx.screen.say(format!("✓ pushed {name}"));
        }
    };
    let images = sets.images(&session.engine, &wanted, tell).await?;
    let project = session.checkout.project.file.project.to_string();
    let set = ReleaseSet { project, commit: head.id, time: head.time, images };
    let published = sets.publish(&set, if args.replace { Other::Replaced } else { Other::Kept }).await?;
    if let Err(error) = sets.trust.can_record() {
        let hints: String = error.hints.iter().map(|hint| format!("; {hint}")).collect();
        cx.screen.say(format!("warning: the set cannot be promoted or deployed yet: {error}{hints}"));
    }
    if args.json {
        let digest = set.artefact().digest;
        cx.screen.json(&SetJson {
            tag: &set.commit,
            digest: &digest,
            set: &set,
            missing: None,
            records: None,
            doubted: None,
            signed: None,
        });
        return Ok(());
    }
    match published {
        Published::WasThere => cx.screen.say("nothing to do: the registry has the set of this commit"),
        Published::Pushed => cx.screen.say(format!("✓ {}", names::set(&sets.text, &set.commit))),
        Published::Completed(gone) => {
            let gone: Vec<String> = gone.iter().map(ToString::to_string).collect();
            let name = names::set(&sets.text, &set.commit);
            cx.screen.say(format!("✓ {name}: replaced the set that had lost {}", gone.join(", ")));
        }
    }
    Ok(())
}

/// The commit, and the images of its set: those of modules and of the gateway, and those that services run in.
async fn wanted(session: &Session) -> Result<(Commit, BTreeMap<PartName, Wanted>)> {
    let checkout = &session.checkout;
    let team = checkout.team()?;
    local::same_images(&team.file, &checkout.project.file)?;
    local::same_services(&team.file, &checkout.project.file)?;
    let modules = recipes::modules(&team.file);
    let configuration = recipes::configuration(checkout.name(), &team);
    let found = sources(&checkout.root, &modules, &configuration, Changes::Refused).await?;
    let mut all = recipes::of_modules(&team, &session.images, &found)?;
    let gateway = recipes::of_gateway(&team, &session.images, &checkout.assets, &found.configuration)?;
    all.extend(gateway.map(|recipe| (recipe.part.clone(), recipe)));
    let mut wanted: BTreeMap<PartName, Wanted> = BTreeMap::new();
    for (name, recipe) in all {
        let (_, tag) = name_and_tag(&recipe.reference);
        let (repository, tag) = (name.to_string(), tag.to_owned());
        wanted.insert(name, Wanted { reference: recipe.reference, repository, tag });
    }
    let missing: Vec<String> = wanted
        .iter()
        .filter(|(_, one)| !session.observed.tags.contains(&one.reference))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if !missing.is_empty() {
        let verb = if missing.len() == 1 { "has" } else { "have" };
        let message = format!("{} {verb} no released image for this commit", missing.join(", "));
        return Err(Error::message(Kind::Failed, message).hint("`devenv release build` creates them"));
    }
    for part in session.environment.parts.values().filter(|part| part.kind == PartKind::Service) {
        if let ImageRef::Ours(image, reference) = &part.image {
            let (_, tag) = name_and_tag(reference);
            let one = Wanted { reference: reference.clone(), repository: image.to_string(), tag: tag.to_owned() };
            if !session.observed.tags.contains(reference) {
                let message = format!("the image {image} of `{}` does not exist", part.name);
                return Err(Error::message(Kind::Failed, message).hint("`devenv images build` creates it"));
            }
            wanted.insert(part.name.clone(), one);
        }
    }
    Ok((found.head, wanted))
}

pub(super) async fn list(cx: &Context, args: &ListArgs) -> Result<()> {
    let checkout = cx.checkout()?;
    let sets = sets(cx, &checkout).await?;
    let (all, records) = tokio::try_join!(sets.all(), sets.all_records())?;
    let tested: BTreeSet<&str> =
        records.all.iter().filter(|one| one.happened == Happened::Passed).map(|one| one.set.as_str()).collect();
    let running = history::running(&records.all);
    if args.json {
        let all = all.iter().map(|(tag, set, digest)| ListedJson {
            set: SetJson { tag, digest, set, missing: None, records: None, doubted: None, signed: None },
            tested: tested.contains(digest.as_str()),
            runs_in: running.get(digest.as_str()).cloned().unwrap_or_default(),
        });
        cx.screen.json(&all.collect::<Vec<_>>());
        return Ok(());
    }
    let row = |(tag, set, digest): &(String, ReleaseSet, String)| {
        let short = |text: &str| text.trim_start_matches("sha256:").chars().take(12).collect::<String>();
        let tag = if *tag == set.commit { short(tag) } else { tag.clone() };
        let tested = if tested.contains(digest.as_str()) { "yes" } else { "-" };
        let runs_in = running.get(digest.as_str()).map(|all| all.iter().copied().collect::<Vec<_>>().join(", "));
        let count = set.images.len().to_string();
        let runs_in = visible(&runs_in.unwrap_or_else(|| "-".to_owned()));
        vec![tag, short(&set.commit), dates::day(set.time), short(digest), count, tested.to_owned(), runs_in]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    cx.screen.table(&["TAG", "COMMIT", "DATE", "DIGEST", "IMAGES", "TESTED", "RUNS IN"], &rows);
    Ok(())
}

pub(super) async fn show(cx: &Context, args: &ShowArgs) -> Result<()> {
    let checkout = cx.checkout()?;
    let sets = sets(cx, &checkout).await?;
    let tag = match &args.commit {
        Some(tag) => tag_of(&sets, tag).await?,
        None => head(&checkout).await?,
    };
    let Some((set, digest)) = sets.set(&tag).await? else {
        let message = format!("the registry has no release set `{}`", visible(&tag));
        return Err(Error::message(Kind::Failed, message).hint("`devenv release list` shows those that it has"));
    };
    let (missing, records, signed) = tokio::try_join!(sets.missing(&set), sets.records(&digest), sets.proof(&digest))?;
    if args.json {
        let (missing, doubted) = (Some(missing.as_slice()), Some(records.doubted.as_slice()));
        let (records, signed) = (Some(records.all.as_slice()), Some(&signed));
        cx.screen.json(&SetJson { tag: &tag, digest: &digest, set: &set, missing, records, doubted, signed });
        return Ok(());
    }
    cx.screen.say(format!("{} of {}, {digest}", set.commit, dates::day(set.time)));
    match &signed {
        Proof::Unasked => {}
        Proof::SignedBy(signer) => cx.screen.say(format!("signed by {signer}")),
        Proof::Doubted(why) => cx.screen.say(format!("warning: it cannot be promoted or deployed: {why}")),
    }
    let rows = set.images.iter().map(|(name, member)| {
        let state = if missing.contains(name) { "missing" } else { "" };
        vec![
            name.to_string(),
            format!("{}/{}", sets.place.host, sets.place.repository(member.name())),
            member.digest.clone(),
            state.to_owned(),
        ]
    });
    cx.screen.table(&["NAME", "REPOSITORY", "DIGEST", ""], &rows.collect::<Vec<_>>());
    let counted = records.all.iter().map(|record| (record, String::new()));
    let doubted = records.doubted.iter().map(|one| (&one.record, format!(" (does not count: {})", one.why)));
    let mut all: Vec<(&Record, String)> = counted.chain(doubted).collect();
    all.sort_by_key(|(record, _)| record.time);
    for (record, note) in all {
        let day = dates::day(i64::try_from(record.time / 1000).unwrap_or_default());
        cx.screen.data(format!("{day} {} by {}{note}\n", sentence(&record.happened), visible(&record.by)));
    }
    Ok(())
}

/// What happened, for people.
fn sentence(happened: &Happened) -> String {
    match happened {
        Happened::Passed => "tests passed, recorded".to_owned(),
        Happened::Promoted { from, to, forced: false, .. } => {
            format!("promoted from {} to {}", visible(from), visible(to))
        }
        Happened::Promoted { from, to, forced: true, .. } => {
            format!("promoted from {} to {} without a passed run", visible(from), visible(to))
        }
        Happened::Promoting { to, .. } => format!("promotion to {} was started", visible(to)),
        Happened::RollingBack { to, .. } => format!("rolling `{}` back to this set was started", visible(to)),
        Happened::RolledBack { to, .. } => format!("`{}` was rolled back to this set", visible(to)),
        Happened::Approved { environment } => format!("deployment to {} approved", visible(environment)),
        Happened::Confirmed { environment, item } => {
            format!("confirmed for {}: {}", visible(environment), visible(item))
        }
        Happened::Deployed { environment, rollback: false, .. } => format!("deployed to {}", visible(environment)),
        Happened::Deployed { environment, rollback: true, .. } => {
            format!("{} was rolled back to it", visible(environment))
        }
        Happened::DeploymentFailed { environment, why } => {
            format!("deployment to {} failed: {}", visible(environment), visible(why))
        }
    }
}

/// The commit that is checked out.
pub(in crate::commands) async fn head(checkout: &Checkout) -> Result<String> {
    let head = source::head(&checkout.root).await?;
    Ok(head.ok_or(SourceError::NoCommit)?.id)
}

/// A tag or digest from the command line.
pub(super) fn reference(text: &str) -> Result<&str> {
    if is_tag(text) || is_digest(text) {
        return Ok(text);
    }
    let message = format!("`{}` is not a valid tag of a release set", visible(text));
    Err(Error::message(Kind::Usage, message)
        .hint("a commit, or a name such as `prod`: `devenv release list` shows them"))
}

/// The tag that begins so, where one alone does: commits are written short.
pub(in crate::commands) async fn tag_of(sets: &Sets, tag: &str) -> Result<String> {
    let tag = reference(tag)?;
    let is_short = tag.len() >= 7 && tag.len() < 40 && tag.chars().all(|c| c.is_ascii_hexdigit());
    if !is_short {
        return Ok(tag.to_owned());
    }
    let tags = sets.registry.tags(names::SETS).await?;
    let mut begin = tags.into_iter().filter(|one| one.starts_with(tag));
    Ok(match (begin.next(), begin.next()) {
        (Some(one), None) => one,
        _ => tag.to_owned(),
    })
}
