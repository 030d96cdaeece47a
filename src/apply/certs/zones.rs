//! The gateway's certificates for names of other zones: each signed by the zone's own authority, which is never made here.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::certs::{self, CertificateWish, Make};
use crate::error::Result;
use crate::host::certs::Pair;
use crate::host::certs::ca_store::CaFolder;
use crate::plan::certs::LeafOf;

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

/// Gets the certificates of `zones`, whose authorities are there. Nothing below the checkout is written here.
pub fn load(
    wish: CertificateWish<'_>,
    zones: &BTreeMap<String, BTreeSet<String>>,
    make: Make,
) -> Result<(Vec<Zone>, Vec<String>)> {
    let profile = certs::profile(wish.assets)?;
    let (mut all, mut news) = (Vec::new(), Vec::new());
    for (name, names) in zones {
        let place = CaFolder::of(Some(name))?;
        let authority = certs::authority(&place, &profile, wish.now, Make::No);
        let authority = make.tolerate(authority)?.noting(&mut news);
        let Some(certificate) = certs::certificate(&place, authority.as_ref())? else { continue };
        let host = names.first().map(String::as_str).unwrap_or_default();
        let wish = CertificateWish { host, names, ..wish };
        let kept = wish.kept(LeafOf::Zone(name))?;
        let leaf = match authority.filter(|_| make == Make::Yes) {
            None => kept,
            Some(authority) => {
                let what = format!("the certificate for {name}");
                Some(certs::leaf(kept, &authority, wish, &profile, &what)?.noting(&mut news))
            }
        };
        all.push(Zone { name: name.clone(), names: names.clone(), authority: certificate, leaf });
    }
    Ok((all, news))
}
