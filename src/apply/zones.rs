//! The gateway's certificates for names of other zones: each signed by the zone's own authority, which is never made here.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::certs::{self, Make, Wish};
use crate::error::Result;
use crate::host::authorities::Place;
use crate::host::certs::{self as making, Pair};
use crate::plan::x509::Facts;

/// What a zone adds to a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its domain.
    pub name: String,
    /// The gateway's names below it.
    pub names: BTreeSet<String>,
    /// Certificate of its authority.
    pub authority: String,
    /// Certificate and key for these names; none where they may not be made.
    pub leaf: Option<Pair>,
}

impl Zone {
    /// Digest of what the gateway reads.
    #[must_use]
    pub fn digest(&self) -> String {
        let facts = self.leaf.as_ref().and_then(|leaf| Facts::of(&leaf.certificate).ok());
        facts.map(|facts| facts.fingerprint).unwrap_or_default()
    }
}

/// Gets the certificates of `zones`, whose authorities are there. Nothing below the checkout is written here.
pub fn load(
    wish: Wish<'_>,
    zones: &BTreeMap<String, BTreeSet<String>>,
    make: Make,
    news: &mut Vec<String>,
) -> Result<Vec<Zone>> {
    let profile = certs::profile(wish.assets)?;
    let mut all = Vec::new();
    for (name, names) in zones {
        let place = Place::of(Some(name))?;
        let Some(authority) = certs::authority(&place, &profile, wish.now, Make::No, news)? else { continue };
        let host = names.first().map(String::as_str).unwrap_or_default();
        let wish = Wish { host, names, ..wish };
        let kept = certs::kept(wish.root, Some(name))?;
        let due = certs::due(kept.as_ref(), &authority.certificate, wish, &profile).filter(|_| make == Make::Yes);
        let leaf = match (due, kept) {
            (None, kept) => kept,
            (Some(cause), kept) => {
                if kept.is_some() {
                    news.push(format!("the certificate for {name} is made anew: {cause}"));
                }
                Some(making::leaf(&profile, &authority, host, names.iter(), wish.now)?)
            }
        };
        all.push(Zone { name: name.clone(), names: names.clone(), authority: authority.certificate, leaf });
    }
    Ok(all)
}
