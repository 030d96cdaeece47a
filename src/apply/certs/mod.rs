//! The certificates of a checkout: the machine's authority, made on first need, and the environment's leaf, recreated
//! when the decision says so; or the team's own.

pub mod renewal;
pub mod trust;
pub mod zones;

use std::collections::BTreeSet;
use std::path::Path;

use crate::assets::{Asset, AssetOrigin, Assets};
use crate::error::Result;
use crate::host::certs::ca_store::CaFolder;
use crate::host::certs::trust as stores;
use crate::host::certs::{self, Pair};
use crate::host::files;
use crate::paths;
use crate::plan::certs::cert_profile::Profile;
use crate::plan::certs::custom_cert::{CertVerdict, ends_in, serves, verdict, without_issuer};
use crate::plan::certs::errors::CertsError;
use crate::plan::certs::trust::common_name;
use crate::plan::certs::x509::{self, CertFacts};
use crate::plan::certs::{self as decision, Due, Kept, KeyFate, LeafOf};
use crate::plan::identity::FolderOf;

/// Whether certificates may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// What is missing or due is made.
    Yes,
    /// What is there is read.
    No,
}

impl Make {
    /// What was found; commands that only read, or stop what runs, tolerate an unusable certificate: that is a note.
    pub(in crate::apply) fn tolerate<T>(self, found: Result<Noted<Option<T>>>) -> Result<Noted<Option<T>>> {
        match (found, self) {
            (Err(error), Self::No) => Ok(Noted { value: None, note: Some(error.to_string()) }),
            (found, _) => found,
        }
    }
}

/// Something, and what is worth a line about how it came.
#[derive(Debug)]
pub struct Noted<T> {
    /// It.
    pub value: T,
    /// The line.
    pub note: Option<String>,
}

impl<T> Noted<T> {
    const fn silent(value: T) -> Self {
        Self { value, note: None }
    }

    /// It; the note goes to the other `notes`.
    pub(in crate::apply) fn noting(self, notes: &mut impl Extend<String>) -> T {
        notes.extend(self.note);
        self.value
    }
}

/// What an environment's certificates are for.
#[derive(Debug, Clone, Copy)]
pub struct CertificateWish<'a> {
    /// The checkout's folder.
    pub root: &'a Path,
    /// The files in force: profile, and the team's own certificate.
    pub assets: &'a Assets,
    /// Host name of the gateway.
    pub host: &'a str,
    /// Whose what is kept there is.
    pub folder: FolderOf,
    /// Further names of the gateway.
    pub aliases: &'a [String],
    /// All names of the leaf.
    pub names: &'a BTreeSet<String>,
    /// Seconds since 1970.
    pub now: i64,
}

impl CertificateWish<'_> {
    /// A leaf as the last `up` of this checkout has left it.
    pub(in crate::apply) fn kept(&self, leaf: LeafOf<'_>) -> Result<Option<Pair>> {
        match self.folder {
            FolderOf::Own => kept(self.root, leaf),
            FolderOf::Other => Ok(None),
        }
    }
}

/// The certificates of a checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certs {
    /// Certificate of the machine's authority.
    pub authority: Option<String>,
    /// Certificate and key of the environment.
    pub leaf: Option<Pair>,
    /// The team's own, which wins for all names that it covers.
    pub own: Option<Pair>,
    /// What is worth a line.
    pub news: Vec<String>,
}

impl Certs {
    /// Whether the team's own certificate is good for `name`, so that nobody else need sign for it.
    #[must_use]
    pub fn covers(&self, name: &str, now: i64) -> bool {
        let facts = self.own.as_ref().and_then(|own| CertFacts::of(&own.certificate).ok());
        facts.is_some_and(|facts| serves(&facts, name, now))
    }
}

/// Gets the certificates of a checkout. Nothing below the checkout is written here.
pub fn load(wish: CertificateWish<'_>, make: Make) -> Result<Certs> {
    let profile = profile(wish.assets)?;
    let mut certs = Certs::default();
    let place = CaFolder::of(None)?;
    let authority = make.tolerate(authority(&place, &profile, wish.now, make))?.noting(&mut certs.news);
    certs.authority = certificate(&place, authority.as_ref())?;
    certs.own = make.tolerate(own(wish))?.noting(&mut certs.news);
    let own = certs.own.as_ref().and_then(|own| CertFacts::of(&own.certificate).ok());
    if let Some(left) = own.and_then(|facts| ends_in(&facts, wish.now)) {
        certs.news.push(format!("the certificate {} expires in {left} days", wish.assets.place(decision::OWN)));
    }
    if let Some(issuer) = certs.own.as_ref().map(missing_issuer).transpose()?.flatten() {
        let own = wish.assets.place(decision::OWN);
        certs.news.push(format!("the certificate {own} {}", without_issuer(&issuer)));
    }
    let kept = wish.kept(LeafOf::Environment)?;
    let Some(authority) = authority.filter(|_| make == Make::Yes) else {
        certs.leaf = kept;
        return Ok(certs);
    };
    let facts =
        CertFacts::of(&authority.certificate).map_err(|problem| place.problem(&place.certificate(), problem))?;
    if let Some(left) = decision::authority_ends_in(&facts, wish.now) {
        certs.news.push(format!(
            "this machine's certificate authority expires in {left} days: `devenv doctor` says how to create another one"
        ));
    }
    if let Some(name) = decision::beyond(&facts, wish.names) {
        let domains = facts.domains.join(", ");
        let problem = format!("it signs for {domains} and not for {name}: it was made with another profile");
        return Err(place.problem(&place.certificate(), problem).into());
    }
    certs.leaf = Some(leaf(kept, &authority, wish, &profile, "the certificate")?.noting(&mut certs.news));
    Ok(certs)
}

/// The kept leaf, or another one where that is due; `what` it is called in the note.
pub fn leaf(
    kept: Option<Pair>,
    authority: &Pair,
    wish: CertificateWish<'_>,
    profile: &Profile,
    what: &str,
) -> Result<Noted<Pair>> {
    let (key, note) = match (due(kept.as_ref(), &authority.certificate, wish, profile), kept) {
        (None, Some(kept)) => return Ok(Noted::silent(kept)),
        (Some(due), Some(kept)) => {
            ((due.key == KeyFate::Kept).then_some(kept.key), Some(format!("{what} is recreated: {}", due.cause)))
        }
        (_, None) => (None, None),
    };
    let value = certs::leaf(profile, authority, wish.host, wish.names.iter(), wish.now, key.as_deref())?;
    Ok(Noted { value, note })
}

/// A leaf as the last `up` has left it to the gateway.
pub fn kept(root: &Path, leaf: LeafOf<'_>) -> Result<Option<Pair>> {
    let read = |name: &str| files::read_text(&paths::devenv(root).join(paths::CERTS).join(name));
    let [certificate, key] = leaf.files();
    Ok(match (read(&certificate)?, read(&key)?) {
        (Some(certificate), Some(key)) => Some(Pair { certificate, key }),
        _ => None,
    })
}

/// When the first of the leaves that devenv has made for a checkout is to be renewed, in seconds since 1970. The team's
/// own is not ours to renew.
pub fn renew_at(root: &Path, assets: &Assets, zones: impl Iterator<Item = String>) -> Result<Option<i64>> {
    let profile = profile(assets)?;
    let mut times = Vec::new();
    let zones: Vec<String> = zones.collect();
    for leaf in [LeafOf::Environment].into_iter().chain(zones.iter().map(|zone| LeafOf::Zone(zone))) {
        let facts = kept(root, leaf)?.and_then(|pair| CertFacts::of(&pair.certificate).ok());
        times.extend(facts.map(|facts| decision::renew_at(&facts, &profile.leaf)));
    }
    Ok(times.into_iter().min())
}

/// Whether a new leaf is due.
#[must_use]
pub fn due(kept: Option<&Pair>, authority: &str, wish: CertificateWish<'_>, profile: &Profile) -> Option<Due> {
    let known = kept.map(|pair| Kept { certificate: &pair.certificate, key: certs::kind_of_key(pair) });
    decision::renewal(known, authority, wish.names, profile, wish.now)
}

/// The profile in force.
pub fn profile(assets: &Assets) -> Result<Profile> {
    Ok(Profile::parse(assets.get(crate::plan::certs::errors::PROFILE).map(Asset::text).unwrap_or_default())?)
}

/// The machine's authority at `place`, checked; made where there is none and that is allowed.
pub fn authority(place: &CaFolder, profile: &Profile, now: i64, make: Make) -> Result<Noted<Option<Pair>>> {
    let held = match make {
        Make::Yes => Some(place.hold()?),
        Make::No => None,
    };
    if let Some(pair) = place.read()? {
        let problem = decision::authority_problem(&pair.certificate, certs::public_key(&pair.key), now);
        return match problem {
            None => Ok(Noted::silent(Some(pair))),
            Some((file, problem)) => {
                let path = match file {
                    decision::AuthorityFile::Certificate => place.certificate(),
                    decision::AuthorityFile::Key => place.key(),
                };
                Err(place.problem(&path, problem).into())
            }
        };
    }
    if held.is_none() {
        return Ok(Noted::silent(None));
    }
    let name = common_name(&certs::machine_name(), place.zone());
    let pair = certs::authority(profile, &name, now)?;
    place.keep(&pair)?;
    let note = "created this machine's certificate authority: `devenv certs trust` makes browsers accept it";
    Ok(Noted { value: Some(pair), note: Some(note.to_owned()) })
}

/// The certificate of an authority, also of one that cannot be used: it is trusted all the same.
pub(in crate::apply) fn certificate(place: &CaFolder, authority: Option<&Pair>) -> Result<Option<String>> {
    match authority {
        Some(pair) => Ok(Some(pair.certificate.clone())),
        None => files::read_text(&place.certificate()),
    }
}

/// Who signed the team's own certificate, where neither its file nor this machine has that certificate.
pub fn missing_issuer(own: &Pair) -> Result<Option<String>> {
    let known = stores::system_bundle()?;
    Ok(known.and_then(|known| x509::missing_issuer(&own.certificate, &known)))
}

/// The certificate that the team or a developer has put into the folder of their files; it must be good, and for the
/// gateway's host or one of its further names.
pub fn own(wish: CertificateWish<'_>) -> Result<Noted<Option<Pair>>> {
    let file = |name: &str| wish.assets.get(name).filter(|asset| asset.origin != AssetOrigin::Embedded);
    let problem = |name: &str, problem: String| CertsError::Own { path: wish.assets.place(name), problem };
    let pair = match (file(decision::OWN), file(decision::OWN_KEY)) {
        (None, None) => return Ok(Noted::silent(None)),
        (Some(_), None) => {
            return Err(problem(decision::OWN, format!("its key {} is missing", decision::OWN_KEY)).into());
        }
        (None, Some(_)) => return Err(problem(decision::OWN_KEY, format!("{} is missing", decision::OWN)).into()),
        (Some(certificate), Some(key)) => {
            let text = |asset: &Asset| asset.text().trim_start_matches('\u{feff}').to_owned();
            Pair { certificate: text(certificate), key: text(key) }
        }
    };
    let facts = CertFacts::of(&pair.certificate).map_err(|text| problem(decision::OWN, text))?;
    certs::matches(&pair).map_err(|text| problem(decision::OWN_KEY, text))?;
    match verdict(&facts, wish.host, wish.aliases, wish.now) {
        CertVerdict::Served => Ok(Noted::silent(Some(pair))),
        CertVerdict::Refused(text) => Err(problem(decision::OWN, text).into()),
        CertVerdict::Elsewhere(text) => {
            let note = format!("{}: {text}: devenv's own is shown here", wish.assets.place(decision::OWN));
            Ok(Noted { value: None, note: Some(note) })
        }
    }
}
