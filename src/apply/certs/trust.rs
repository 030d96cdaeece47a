//! Looks at all certificates of a machine and a checkout, for the doctor. Makes and writes nothing.

use crate::apply::certs::{self, CertificateWish, Make};
use crate::assets::Assets;
use crate::error::{Error, Result};
use crate::host::certs::ca_store::{CaFolder, zones};
use crate::host::certs::trust;
use crate::host::files;
use crate::plan::certs::LeafOf;
use crate::plan::certs::trust as decision;
use crate::plan::certs::x509::CertFacts;
use crate::plan::certs::zones::Signers;
use crate::plan::doctor::certs::{Authority, AuthorityState, Certificates, Leaf, Problem};

/// Looks; `wish` is what the checkout's certificate should be, where there is a checkout, and `aliases` are further names
/// of its gateway.
pub async fn look(assets: &Assets, wish: Option<CertificateWish<'_>>, aliases: &[String], now: i64) -> Certificates {
    let known = zones().unwrap_or_default();
    let mut authorities = Vec::new();
    for zone in [None].into_iter().chain(known.iter().cloned().map(Some)) {
        let state = authority(zone.as_deref(), assets, now).await.unwrap_or_else(|error| unusable(&error));
        authorities.push(Authority { zone, state });
    }
    let own = wish.and_then(|wish| certs::own(wish).ok()?.value);
    let own = certs::Certs { own, ..certs::Certs::default() };
    let aliases: Vec<String> = aliases.iter().filter(|name| !own.covers(name, now)).cloned().collect();
    let signers = Signers::of(&aliases, &known);
    let mut leaves = Vec::new();
    if let Some(wish) = wish {
        let or_problem = |leaf: Result<Leaf>| leaf.unwrap_or_else(|error| Leaf::Unusable(problem(&error)));
        leaves.extend(own_leaf(wish).transpose().map(|own| (None, or_problem(own))));
        leaves.push((None, or_problem(made(None, wish))));
        for (zone, names) in &signers.zones {
            leaves.push((Some(zone.clone()), or_problem(made(Some(zone), CertificateWish { names, ..wish }))));
        }
    }
    Certificates { authorities, leaves, unsigned: signers.nobody, now }
}

async fn authority(zone: Option<&str>, assets: &Assets, now: i64) -> Result<AuthorityState> {
    let (place, profile) = (CaFolder::of(zone)?, certs::profile(assets)?);
    let Some(pair) = certs::authority(&place, &profile, now, Make::No)?.value else {
        return Ok(AuthorityState::Absent);
    };
    let facts = CertFacts::of(&pair.certificate).map_err(|problem| place.problem(&place.certificate(), problem))?;
    let known = decision::Authority::new(place.certificate(), &facts.name, &facts.fingerprint);
    let stores = trust::stores(&known).await?;
    Ok(AuthorityState::Good { facts, stores })
}

fn own_leaf(wish: CertificateWish<'_>) -> Result<Option<Leaf>> {
    let Some(pair) = certs::own(wish)?.value else { return Ok(None) };
    let missing_issuer = certs::missing_issuer(&pair)?;
    Ok(CertFacts::of(&pair.certificate).ok().map(|facts| Leaf::Own { facts, missing_issuer }))
}

fn made(zone: Option<&str>, wish: CertificateWish<'_>) -> Result<Leaf> {
    let profile = certs::profile(wish.assets)?;
    let Some(pair) = certs::kept(wish.root, zone.map_or(LeafOf::Environment, LeafOf::Zone))? else {
        return Ok(Leaf::Absent);
    };
    let authority = files::read_text(&CaFolder::of(zone)?.certificate())?;
    let due = match authority {
        Some(authority) => certs::due(Some(&pair), &authority, wish, &profile).map(|due| due.cause),
        None => Some("the authority that signed it is gone".to_owned()),
    };
    match CertFacts::of(&pair.certificate) {
        Ok(facts) => Ok(Leaf::Made { facts, due }),
        Err(says) => Ok(Leaf::Unusable(Problem { says, next: "`devenv up` creates a new one".to_owned() })),
    }
}

fn unusable(error: &Error) -> AuthorityState {
    AuthorityState::Unusable(problem(error))
}

fn problem(error: &Error) -> Problem {
    Problem { says: error.to_string(), next: error.hints.join("; ") }
}
