//! The certificate that a team or a developer has put into the folder of their files: whether the gateway serves with
//! it, and what is said of it. Pure.

use crate::plan::certs::x509::CertFacts;

/// What becomes of it, given what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertVerdict {
    /// The gateway serves with it, for the names that it covers.
    Served,
    /// It is for another checkout of the product: what the team has committed for the first keeps no further one from its
    /// start.
    Elsewhere(String),
    /// It cannot be used.
    Refused(String),
}

/// Judges it for a gateway with this host and these further names.
#[must_use]
pub fn verdict(facts: &CertFacts, host: &str, aliases: &[String], now: i64) -> CertVerdict {
    if let Some(problem) = problem(facts, now) {
        return CertVerdict::Refused(problem);
    }
    if std::iter::once(host).chain(aliases.iter().map(String::as_str)).any(|name| covers(facts, name)) {
        return CertVerdict::Served;
    }
    let names: Vec<&str> = facts.names.iter().map(String::as_str).collect();
    let text = format!("the certificate is for {}, not for {host}", names.join(", "));
    if is_further(host) { CertVerdict::Elsewhere(text) } else { CertVerdict::Refused(text) }
}

/// Whether it is good for a name now.
#[must_use]
pub fn serves(facts: &CertFacts, name: &str, now: i64) -> bool {
    problem(facts, now).is_none() && covers(facts, name)
}

/// What is wrong with it, whatever it is for, apart from its key.
fn problem(facts: &CertFacts, now: i64) -> Option<String> {
    if facts.not_after <= now {
        return Some(format!("the certificate expired {} days ago", -facts.days_left(now)));
    }
    if facts.not_before > now {
        return Some("the certificate is not valid yet".to_owned());
    }
    if !facts.is_for_servers {
        return Some("the certificate is for clients, not for servers".to_owned());
    }
    let names_nobody = facts.names.is_empty();
    names_nobody.then(|| "the certificate names no host: it has no subject alternative name".to_owned())
}

/// Whether it is for a host.
fn covers(facts: &CertFacts, host: &str) -> bool {
    let wildcard = host.split_once('.').map(|(_, domain)| format!("*.{domain}"));
    let covers = |name: &String| name.eq_ignore_ascii_case(host) || Some(name) == wildcard.as_ref();
    // A wildcard directly below a top-level name matches nowhere.
    let is_bare = wildcard.as_ref().is_some_and(|wildcard| wildcard.matches('.').count() < 2);
    facts.names.iter().any(|name| covers(name) && !(is_bare && name.starts_with("*.")))
}

/// Whether a host is that of a further checkout of its product, such as `review.shop.localhost`.
fn is_further(host: &str) -> bool {
    host.matches('.').count() > 1
}

/// From how many days before its end on it is talked of: nobody renews it for them.
const LAST_DAYS: i64 = 30;

/// The days that it is good for, where it is time to talk of it.
#[must_use]
pub fn ends_in(facts: &CertFacts, now: i64) -> Option<i64> {
    Some(facts.days_left(now)).filter(|left| *left < LAST_DAYS)
}

/// What is said of it when nobody here knows who signed it.
#[must_use]
pub fn without_issuer(issuer: &str) -> String {
    format!("is by `{issuer}`, which is neither in the file nor known to this machine: clients will reject it")
}

/// What to do then.
pub const ADD_ISSUER: &str = "put the intermediate certificates below it in the same file";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::certs::x509::DAY;

    fn facts(names: &[&str]) -> CertFacts {
        CertFacts {
            name: String::new(),
            not_before: 0,
            not_after: 90 * DAY,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            domains: Vec::new(),
            is_for_servers: true,
            fingerprint: String::new(),
        }
    }

    #[test]
    fn it_must_be_good_and_for_a_name_of_the_gateway() {
        let of = |names: &[&str], host: &str, days: i64| {
            verdict(&facts(names), host, &["dev.acme.internal".to_owned()], days * DAY + 1)
        };
        let refused = |text: &str| CertVerdict::Refused(text.to_owned());
        for names in [["shop.localhost"], ["*.shop.localhost"], ["dev.acme.internal"]] {
            assert_eq!(
                of(&names, if names[0].starts_with('*') { "a.shop.localhost" } else { "shop.localhost" }, 0),
                CertVerdict::Served
            );
        }
        assert_eq!(of(&["shop.localhost"], "shop.localhost", 100), refused("the certificate expired 11 days ago"));
        assert_eq!(of(&["shop.localhost"], "shop.localhost", -1), refused("the certificate is not valid yet"));
        assert_eq!(
            of(&[], "x.localhost", 0),
            refused("the certificate names no host: it has no subject alternative name")
        );
        let text = "the certificate is for shop.localhost, not for cart.localhost";
        assert_eq!(of(&["shop.localhost"], "cart.localhost", 0), refused(text));
        // A wildcard directly below a top-level name matches nowhere.
        assert!(matches!(of(&["*.localhost"], "shop.localhost", 0), CertVerdict::Refused(_)));
        let text = "the certificate is for shop.localhost, not for review.shop.localhost";
        assert_eq!(of(&["shop.localhost"], "review.shop.localhost", 0), CertVerdict::Elsewhere(text.to_owned()));
        let clients = CertFacts { is_for_servers: false, ..facts(&["shop.localhost"]) };
        assert!(matches!(verdict(&clients, "shop.localhost", &[], 1), CertVerdict::Refused(_)));
    }

    #[test]
    fn it_serves_what_it_covers_while_it_is_good() {
        let facts = facts(&["shop.localhost"]);
        assert!(serves(&facts, "shop.localhost", DAY) && !serves(&facts, "shop.localhost", 91 * DAY));
        assert!(!serves(&facts, "cart.localhost", DAY));
        assert_eq!((ends_in(&facts, 60 * DAY), ends_in(&facts, 61 * DAY)), (None, Some(29)));
    }
}
