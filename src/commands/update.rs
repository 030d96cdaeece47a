//! `devenv update` and `devenv outdated`

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde::Serialize;

use crate::apply::session::lock;
use crate::apply::session::lock::today;
use crate::commands::context::Context;
use crate::commands::images;
use crate::error::{Error, Kind, Result};
use crate::host::{checkout, files};
use crate::plan::images::lock::{Lock, LockChange, Root, changes};
use crate::render::Access;

/// Update devenv.lock to the newest packages, build the images, and show what changes
///
/// This is how security fixes arrive: commit the file, and everybody gets the same packages. Containers stay as they are
/// until `devenv up`. If a build fails, devenv.lock stays as it was.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv update && git commit -m 'update images' devenv.lock")]
pub struct UpdateArgs {
    /// Take the root from a registry, such as debian:trixie-slim, or `packages` for Debian's packages
    #[arg(long, value_name = "IMAGE|packages")]
    pub root: Option<String>,
}

/// Show which images `update` would move: the root, and third-party ones
///
/// Which packages would move is known only when it builds.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  devenv outdated --json")]
pub struct OutdatedArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A change as `--json` prints it.
#[derive(Debug, Serialize)]
struct ChangeJson<'a> {
    what: &'a str,
    from: &'a str,
    to: &'a str,
}

/// Runs `update`.
pub async fn update(cx: &Context, args: &UpdateArgs) -> Result<()> {
    if cx.locked {
        return Err(Error::message(Kind::Usage, "--locked forbids updating devenv.lock"));
    }
    let (root, before, after) = newest(cx, args.root.as_deref()).await?;
    let path = root.join(checkout::LOCK);
    let earlier = files::read(&path)?;
    files::write(&path, after.text().as_bytes(), Access::Public)?;
    // Only a build tells which packages an archive has for an image.
    if let Err(error) = images::build(cx, &[], Some("update")).await {
        match earlier {
            Some(text) => files::write(&path, &text, Access::Public).map(drop)?,
            None => files::remove(&path)?,
        }
        return Err(error.hint("devenv.lock is as it was"));
    }
    let after = lock::read(&root, cx.moving())?.unwrap_or(after);
    let changes = changes(before.as_ref(), &after);
    if changes.is_empty() {
        cx.screen.say("devenv.lock is up to date");
    }
    for LockChange { what, from, to } in changes {
        cx.screen.say(format!("{what}: {from} → {to}"));
    }
    Ok(())
}

/// Runs `outdated`.
pub async fn outdated(cx: &Context, args: &OutdatedArgs) -> Result<()> {
    let (_, before, after) = newest(cx, None).await?;
    let changes = changes(before.as_ref(), &after);
    if args.json {
        let json: Vec<ChangeJson<'_>> = changes
            .iter()
            .map(|change| ChangeJson { what: &change.what, from: &change.from, to: &change.to })
            .collect();
        cx.screen.json(&json);
    } else if changes.is_empty() {
        cx.screen.say("devenv.lock is up to date");
    } else {
        let rows: Vec<Vec<String>> =
            changes.into_iter().map(|change| vec![change.what, change.from, change.to]).collect();
        cx.screen.table(&["WHAT", "LOCKED", "NEWEST"], &rows);
    }
    Ok(())
}

/// The checkout's folder, its lock as it is, and as it would be if it were made now.
async fn newest(cx: &Context, root: Option<&str>) -> Result<(std::path::PathBuf, Option<Lock>, Lock)> {
    let checkout = cx.checkout()?;
    let before = files::read_text(&checkout.root.join(checkout::LOCK))?.map(|text| Lock::parse(&text)).transpose()?;
    let engine = cx.engine()?;
    let from = match (root, before.as_ref().map(|lock| &lock.root)) {
        (Some("packages"), _) => None,
        (Some(image), _) => Some(image.to_owned()),
        (None, Some(Root::Registry { from, .. })) => Some(from.clone()),
        (None, _) => None,
    };
    let root = match from {
        Some(from) => {
            let digest = engine.registry_digest(&from).await.ok_or_else(|| {
                let error = Error::message(Kind::Failed, format!("no registry answers for {from}"));
                error.hint("`devenv update --root packages` builds the root from Debian's packages instead")
            })?;
            Root::Registry { from, digest, archive: Some(today()) }
        }
        None => {
            let suite = match before.as_ref().map(|lock| &lock.root) {
                Some(Root::Packages { suite, .. }) => suite.clone(),
                _ => crate::plan::images::lock::SUITE.to_owned(),
            };
            Root::Packages { suite, archive: today() }
        }
    };
    let named = checkout.project.file.images_of_others().map(|(_, image)| image);
    let named: BTreeSet<&String> = named.filter(|image| !image.contains('@')).collect();
    let engine = &engine;
    let asked = named.into_iter().map(|image| async move { (image, engine.registry_digest(image).await) });
    let mut images = BTreeMap::new();
    for (image, digest) in join_all(asked).await {
        let kept = before.as_ref().and_then(|lock| lock.images.get(image).cloned());
        match digest.or(kept) {
            Some(digest) => {
                images.insert(image.clone(), digest);
            }
            None => cx.screen.say(format!("{image}: no registry answers, so it is not pinned")),
        }
    }
    Ok((checkout.root.clone(), before, Lock { root, images, packages: BTreeMap::new() }))
}
