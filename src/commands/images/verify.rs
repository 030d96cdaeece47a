//! `devenv images verify`

use std::collections::BTreeMap;

use serde::Serialize;

use crate::apply::session::Intent;
use crate::apply::session::observe;
use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::names::PartName;
use crate::plan::images::builds;
use crate::plan::images::provenance::{self, Descent, ImageOrigin, OtherPackages};

/// What `verify --json` prints.
#[derive(Debug, Serialize)]
struct ProofJson {
    parts: Vec<PartJson>,
    other_packages: Vec<OtherPackages>,
}

/// A part in it.
#[derive(Debug, Serialize)]
struct PartJson {
    name: PartName,
    image: String,
    descends: bool,
    third_party: bool,
    detail: String,
}

impl PartJson {
    fn of(part: &Descent) -> Self {
        let Descent { name, image, third_party, verdict } = part.clone();
        Self { name, image, descends: part.descends(), third_party, detail: verdict.to_string() }
    }
}

pub(super) async fn run(cx: &Context, json: bool) -> Result<()> {
    let session = cx.session(Intent::Look).await?;
    let base = session.images.nodes().iter().find(|node| node.is_on_root());
    let Some(base) = base else { return Err(Error::message(Kind::Failed, "no image is built on the root")) };
    let Some(root) = session.engine.layers(&base.tag).await? else {
        return Err(
            Error::message(Kind::Failed, format!("{} is missing", base.tag)).hint("`devenv images build` creates it")
        );
    };
    let mut parts = Vec::new();
    for part in session.environment.parts.values() {
        let layers = session.engine.layers(part.image.reference()).await?;
        let standing = ImageOrigin::of(part.image.node().and_then(|node| session.images.get(node)));
        let running = session.observed.container(&part.name).map(|container| container.image.as_str());
        parts.push(provenance::descent(part, &root, layers.as_deref(), running, standing));
    }
    let needed = session.images.needed(&builds::wanted_images(session.environment.parts.values()));
    let shared = match &session.checkout.project.file.registry {
        Some(registry) => observe::registry_packages(&session.engine, registry, &needed, &session.observed).await?,
        None => BTreeMap::new(),
    };
    let other_packages = provenance::other_packages(&needed, &session.observed.images, &shared);
    if json {
        cx.screen.json(&ProofJson {
            parts: parts.iter().map(PartJson::of).collect(),
            other_packages: other_packages.clone(),
        });
    } else {
        print(cx, &parts, &other_packages);
    }
    if !parts.iter().all(Descent::is_right) {
        let error = Error::message(Kind::Failed, "not everything descends from base");
        return Err(error.hint(provenance::remedy(&parts)));
    }
    if other_packages.iter().any(|other| shared.values().any(|(name, _)| *name == other.there)) {
        let error = Error::message(Kind::Failed, "the registry has different bytes under the same fingerprint");
        return Err(error.hint("`docker rmi` of the image here, then `devenv up`, takes the registry's"));
    }
    Ok(())
}

fn print(cx: &Context, parts: &[Descent], other_packages: &[OtherPackages]) {
    let mark = |part: &Descent| match (part.descends(), part.is_right()) {
        (true, _) => "✓".to_owned(),
        (false, true) => "-".to_owned(),
        (false, false) => "✗".to_owned(),
    };
    let row = |part: &Descent| vec![mark(part), part.name.to_string(), part.image.clone(), part.verdict.to_string()];
    let rows: Vec<Vec<String>> = parts.iter().map(row).collect();
    cx.screen.table(&["", "NAME", "IMAGE", "PROOF"], &rows);
    for other in other_packages {
        let differences: String = other.differences.iter().map(|line| format!("\n  {line}")).collect();
        cx.screen.data(format!("{}: same inputs, other packages in {}{differences}\n", other.image, other.there));
    }
}
