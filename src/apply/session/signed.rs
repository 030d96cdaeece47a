//! Which released images may come from the registry. With `signers:`, those that a signed release set of the commit names, by
//! digest; all others are built here.

use crate::apply::release::push::Sets;
use crate::apply::release::trust::Trust;
use crate::apply::session::checkout::Checkout;
use crate::apply::session::observe::Missing;
use crate::error::Result;
use crate::host::docker::endpoint;
use crate::host::docker::registries;
use crate::host::registry::{Registry, credentials};
use crate::host::release::source;
use crate::plan::registry::place::RegistryPath;
use crate::plan::registry::retry::Patience;

/// The released images that may be fetched, and a line about why others are built here.
pub(super) async fn signed(checkout: &Checkout, missing: Vec<Missing>) -> Result<(Vec<Missing>, Option<String>)> {
    let trust = Trust::of(checkout)?;
    let Some(text) = checkout.project.file.registry.clone() else { return Ok((missing, None)) };
    if missing.is_empty() || !trust.signers.are_asked() || registries::is_silent(&text) {
        return Ok((missing, None));
    }
    let place = RegistryPath::new(&text);
    let login = credentials::find(&endpoint::config_dir(), &place).await?;
    let registry = Registry::patient(place.clone(), login.clone(), Patience::BRIEF);
    let sets = Sets { place, text, registry, login, trust };
    match named(checkout, &sets, missing).await {
        Ok(found) => Ok((found, None)),
        Err(error) => Ok((Vec::new(), Some(format!("released images are built here, not fetched: {error}")))),
    }
}

/// Those that the signed set of the commit names, each with the digest that it names.
async fn named(checkout: &Checkout, sets: &Sets, missing: Vec<Missing>) -> Result<Vec<Missing>> {
    let Some(head) = source::head(&checkout.root).await? else { return Ok(Vec::new()) };
    let Some((set, digest)) = sets.set(&head.id).await? else { return Ok(Vec::new()) };
    sets.must_be_trusted(&head.id, &digest).await?;
    let digests = set.digests(sets.text.trim_end_matches('/'));
    let with_digest = |one: Missing| Some(Missing { digest: Some(digests.get(&one.shared)?.clone()), ..one });
    Ok(missing.into_iter().filter_map(with_digest).collect())
}
