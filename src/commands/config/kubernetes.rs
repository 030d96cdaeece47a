//! `devenv config --format kubernetes`

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::apply::session::checkout::Checkout;
use crate::apply::unplaced::Unplaced;
use crate::commands::config::digests::Digests;
use crate::commands::context::Context;
use crate::error::Result;
use crate::host::files;
use crate::host::files::generated;
use crate::plan::environment::target::{self, Base, Target};
use crate::plan::environment::unplaced::Files;
use crate::plan::parts::Environment;
use crate::render::kubernetes::{self, Manifests, kustomize};

/// Prints the manifests of one environment.
pub(super) async fn print(
    cx: &Context,
    checkout: &Checkout,
    unplaced: &Unplaced<'_>,
    name: &str,
    json: bool,
) -> Result<()> {
    let files = unplaced.files();
    let target = Target::of(files.project, name)?;
    let mut environment = files.environment(&target)?;
    // What cannot be printed is refused before a registry is asked.
    manifests(&files, &target, &environment).objects()?;
    Digests::of_commit(cx, checkout, &target).await.pin(&target, &mut environment).await;
    let manifests = manifests(&files, &target, &environment);
    let objects = manifests.objects()?;
    left_out(cx, &manifests.left_out().into_iter().collect());
    if json {
        cx.screen.json(&objects);
    } else {
        cx.screen.data(kubernetes::text(&objects));
    }
    Ok(())
}

/// Writes those of all environments that are made for a platform, for kustomize.
pub(super) async fn write(cx: &Context, checkout: &Checkout, unplaced: &Unplaced<'_>, folder: &Path) -> Result<()> {
    let files = unplaced.files();
    let mut of_registries: BTreeMap<Option<String>, Digests<'_>> = BTreeMap::new();
    let (mut all, mut missing) = (Vec::new(), BTreeSet::new());
    for name in target::names(files.project) {
        let target = Target::of(files.project, &name)?;
        if target.base == Base::Prod {
            let mut environment = files.environment(&target)?;
            let registry = target.registry(files.project).map(str::to_owned);
            let mut digests = match of_registries.remove(&registry) {
                Some(known) => known,
                None => Digests::of_commit(cx, checkout, &target).await,
            };
            digests.pin(&target, &mut environment).await;
            of_registries.insert(registry, digests);
            let manifests = manifests(&files, &target, &environment);
            missing.extend(manifests.left_out());
            all.push((name, manifests.objects()?));
        }
    }
    let folder = cx.folder.join(folder);
    let written = kustomize::files(&all);
    for file in &written {
        generated::check(&folder, file)?;
    }
    for file in &written {
        files::write(&folder.join(&file.path), file.text.as_bytes(), file.access)?;
    }
    left_out(cx, &missing);
    cx.screen.say(format!("wrote {} files to {}", written.len(), folder.display()));
    for (name, _) in &all {
        cx.screen.say(format!("  kubectl apply -k {}", folder.join("overlays").join(name).display()));
    }
    Ok(())
}

fn left_out(cx: &Context, what: &BTreeSet<String>) {
    if !what.is_empty() {
        let what: Vec<&str> = what.iter().map(String::as_str).collect();
        cx.screen.say(format!("not in the manifests: {}", what.join(", ")));
    }
}

fn manifests<'a>(files: &Files<'a>, target: &'a Target, environment: &'a Environment) -> Manifests<'a> {
    Manifests { project: files.project, target, environment }
}
