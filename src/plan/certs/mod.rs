//! Certificates: the profile, the names that a leaf is for, and when a new one is due. Pure:
//! the time is a value, and keys are made elsewhere.

pub mod cert_profile;
pub mod custom_cert;
pub mod domains;
pub mod errors;
pub mod trust;
pub mod x509;
pub mod zones;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::error::{Error, Kind};
use crate::names::is_host_label;
use crate::plan::certs::cert_profile::{KeyKind, LeafProfile, Profile};
use crate::plan::certs::domains::is_below;
use crate::plan::certs::domains::is_machines;
use crate::plan::certs::errors::CertsError;
use crate::plan::certs::x509::{CertFacts, DAY, is_signed_by, public_key};
/// The team's own certificate, among the files in force.
pub const OWN: &str = "certs/gateway.pem";
/// Its key.
pub const OWN_KEY: &str = "certs/gateway.key";

impl From<CertsError> for Error {
    fn from(error: CertsError) -> Self {
        match &error {
            CertsError::Profile(_) => Self::new(Kind::Usage, error).hint("`devenv eject certs` writes a valid one"),
            CertsError::Unreadable(problems) => {
                Self::from(problems.clone()).hint("`devenv eject certs` writes a valid one")
            }
            CertsError::Zone { .. } => Self::new(Kind::Usage, error),
            CertsError::Authority { zone, .. } => {
                let hint = format!(
                    "restore the file from a backup, or create a new authority with `{}`: browsers must then trust it again",
                    reset(zone.as_deref())
                );
                Self::new(Kind::Failed, error).hint(hint)
            }
            CertsError::Exposed { zone, path, .. } => {
                let hint = format!(
                    "`chmod 400 '{path}'`; if somebody may have read it, create a new authority with `{}`",
                    reset(zone.as_deref())
                );
                Self::new(Kind::Failed, error).hint(hint)
            }
            CertsError::Own { .. } => Self::new(Kind::Usage, error)
                .hint("put a certificate and its key there that belong together, or take both away: devenv then issues its own"),
        }
    }
}

/// The call that deletes an authority, so that a new one is made.
#[must_use]
pub fn reset(zone: Option<&str>) -> String {
    for_zone("devenv certs reset", zone)
}

/// The call that makes this machine trust an authority.
#[must_use]
pub fn trusting(zone: Option<&str>) -> String {
    for_zone("devenv certs trust", zone)
}

fn for_zone(call: &str, zone: Option<&str>) -> String {
    zone.map_or_else(|| call.to_owned(), |zone| format!("{call} --zone {zone}"))
}

/// The names that an environment's leaf is for. Outside, the product is `host`; a wildcard directly below `localhost`
/// never matches, one below `host` does. Inside a container `*.localhost` is the container itself, so each part is
/// `NAME.PROJECT.test` there. No bare name: the authority's constraint would refuse the whole leaf.
#[must_use]
pub fn names<'a>(host: &str, project: &str, parts: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let fixed = [host.to_owned(), format!("*.{host}"), inner(project)];
    let addresses = ["127.0.0.1", "::1"].map(str::to_owned);
    fixed.into_iter().chain(addresses).chain(parts.map(|part| format!("{part}.{}", inner(project)))).collect()
}

/// Whether an authority may be made for `zone`: a domain below a top-level one, and none that the machine's authority
/// has already.
pub fn check_zone(zone: &str) -> Result<(), CertsError> {
    let problem = if is_machines(zone) {
        "this machine's authority signs for it already"
    } else if zone.len() > 253 || !zone.split('.').all(is_host_label) {
        "it is not a domain in lower case, such as `shop.internal`"
    } else if zone.parse::<IpAddr>().is_ok() {
        "it is an address: a zone is a domain, such as `shop.internal`"
    } else if !zone.contains('.') {
        "it is a whole top-level domain: name one below it, such as `shop.internal`"
    } else {
        return Ok(());
    };
    Err(CertsError::Zone { zone: zone.to_owned(), problem })
}

/// One of the certificates of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafOf<'a> {
    /// That of the environment, for its host and for the names inside containers.
    Environment,
    /// That of the gateway's names in a zone.
    Zone(&'a str),
    /// The team's own, for what it covers.
    Own,
}

impl LeafOf<'_> {
    /// The names of its file and its key's, below `.devenv/certs`. A zone has a dot in its name.
    #[must_use]
    pub fn files(self) -> [String; 2] {
        match self {
            Self::Environment => ["cert.pem".to_owned(), "key.pem".to_owned()],
            Self::Zone(zone) => [format!("{zone}.pem"), format!("{zone}.key")],
            Self::Own => ["gateway.pem".to_owned(), "gateway.key".to_owned()],
        }
    }
}

/// The product's name inside containers.
#[must_use]
pub fn inner(project: &str) -> String {
    format!("{project}.test")
}

/// What is said of an authority whose bytes are not those that it signed.
pub const UNSIGNED: &str = "it is damaged: its signature does not match";

/// Which of an authority's two files is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorityFile {
    /// The certificate.
    Certificate,
    /// The key.
    Key,
}

/// What is wrong with an authority, given its certificate and what was read of its key. It is never replaced for that:
/// whoever trusts it would have to trust another one.
#[must_use]
pub fn authority_problem(certificate: &str, key: Result<Vec<u8>, String>, now: i64) -> Option<(AuthorityFile, String)> {
    let certificate_is = |problem: String| Some((AuthorityFile::Certificate, problem));
    let facts = match CertFacts::of(certificate) {
        Ok(facts) => facts,
        Err(problem) => return certificate_is(problem),
    };
    if is_signed_by(certificate, certificate) != Ok(true) {
        return certificate_is(UNSIGNED.to_owned());
    }
    match key {
        Err(problem) => return Some((AuthorityFile::Key, problem)),
        Ok(key) if public_key(certificate).as_ref() != Ok(&key) => {
            return Some((AuthorityFile::Key, "it does not match the certificate next to it".to_owned()));
        }
        Ok(_) => {}
    }
    if facts.not_after <= now {
        return certificate_is("it has expired".to_owned());
    }
    (facts.not_before > now).then(|| (AuthorityFile::Certificate, "it is not valid yet: check the clock".to_owned()))
}

/// A name that an authority may not sign for.
#[must_use]
pub fn beyond<'a>(authority: &CertFacts, names: &'a BTreeSet<String>) -> Option<&'a str> {
    let domains = names.iter().filter(|name| name.parse::<IpAddr>().is_err());
    let may_sign =
        |name: &&String| authority.domains.iter().any(|domain| is_below(name.trim_start_matches("*."), domain));
    domains.filter(|name| !may_sign(name)).map(String::as_str).next()
}

/// An authority with fewer days is about to expire.
const LAST_DAYS_OF_AUTHORITY: i64 = 90;

/// The days that an authority is good for, where it is time to talk of it.
#[must_use]
pub fn authority_ends_in(facts: &CertFacts, now: i64) -> Option<i64> {
    Some(facts.days_left(now)).filter(|left| *left < LAST_DAYS_OF_AUTHORITY)
}

/// A leaf as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept<'a> {
    /// The certificate.
    pub certificate: &'a str,
    /// Kind of the key beside it; none where that is not its own.
    pub key: Option<KeyKind>,
}

/// A new leaf that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Why.
    pub cause: String,
    /// What becomes of the key.
    pub key: KeyFate,
}

/// What becomes of a leaf's key when the leaf is recreated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFate {
    /// It stays, so that certificate and key fit together at every moment: whoever serves with them reads two files.
    Kept,
    /// Another one takes its place.
    New,
}

/// Whether a new leaf is due; `None` where the kept one is right.
#[must_use]
pub fn renewal(
    kept: Option<Kept<'_>>,
    authority: &str,
    names: &BTreeSet<String>,
    profile: &Profile,
    now: i64,
) -> Option<Due> {
    let with_new_key = |cause: &str| Some(Due { cause: cause.to_owned(), key: KeyFate::New });
    let Some(kept) = kept else { return with_new_key("not there yet") };
    let facts = match CertFacts::of(kept.certificate) {
        Ok(facts) => facts,
        Err(problem) => return with_new_key(&problem),
    };
    match kept.key {
        None => return with_new_key("its key does not belong to it"),
        Some(key) if key != profile.key => return with_new_key("its key type is not the profile's"),
        Some(_) => {}
    }
    if is_signed_by(kept.certificate, authority) != Ok(true) {
        return with_new_key("it is signed by another authority");
    }
    let left = facts.not_after - now;
    let cause = if facts.names != *names {
        "its names changed".to_owned()
    } else if facts.not_before > now {
        "it is not valid yet: the clock was moved".to_owned()
    } else if left <= 0 {
        "it has expired".to_owned()
    } else if now >= renew_at(&facts, &profile.leaf) {
        format!("{} days are left", left / DAY)
    } else if facts.not_after - facts.not_before != profile.leaf.life() {
        "the profile's lifetime changed".to_owned()
    } else {
        return None;
    };
    Some(Due { cause, key: KeyFate::Kept })
}

/// When less than a third of its life is left, in seconds since 1970.
#[must_use]
pub fn renew_at(facts: &CertFacts, profile: &LeafProfile) -> i64 {
    facts.not_after - i64::from(profile.days) * DAY / 3 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_a_domain_of_its_own() {
        let problem = |zone: &str| check_zone(zone).map_err(|error| error.to_string());
        assert_eq!(problem("shop.internal"), Ok(()));
        for (zone, about) in [
            ("10.0.0.1", "an address"),
            ("com", "top-level"),
            ("a.test", "already"),
            ("Shop.x", "lower case"),
            ("../x.y", "lower"),
        ] {
            assert!(problem(zone).unwrap_err().contains(about), "{zone}");
        }
    }

    #[test]
    fn a_leaf_is_for_the_host_and_for_each_part_inside() {
        let names = names("shop.localhost", "shop", ["api", "db"].into_iter());
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        let expected =
            ["*.shop.localhost", "127.0.0.1", "::1", "api.shop.test", "db.shop.test", "shop.localhost", "shop.test"];
        assert_eq!(all, expected);
    }
}
