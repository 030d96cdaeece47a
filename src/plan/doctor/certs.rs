//! What certificates mean for a machine: whether each authority can be used and who trusts it, and whether the leaf of
//! the checkout is good. Most of it is advice: a machine without any browser is ready all the same.

use crate::plan::certs::custom_cert;
use crate::plan::certs::trust::{StoreTrust, Trust};
use crate::plan::certs::x509::CertFacts;
use crate::plan::certs::zones::zone_for;
use crate::plan::certs::{authority_ends_in, reset, trusting};
use crate::plan::doctor::Finding;

/// What was found of certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificates {
    /// The machine's authority first, then those of zones.
    pub authorities: Vec<Authority>,
    /// Those of the checkout, for its own names or for those in a zone; none outside of one.
    pub leaves: Vec<(Option<String>, Leaf)>,
    /// Names of the gateway that no authority of this machine signs for.
    pub unsigned: Vec<String>,
    /// Seconds since 1970.
    pub now: i64,
}

/// What is wrong, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub says: String,
    /// What to do next.
    pub next: String,
}

/// An authority as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The zone that it is for; `None` for the machine's.
    pub zone: Option<String>,
    /// How it is.
    pub state: AuthorityState,
}

/// How an authority is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorityState {
    /// There is none yet.
    Absent,
    /// It cannot be used.
    Unusable(Problem),
    /// It can be used.
    Good {
        /// What its certificate says.
        facts: CertFacts,
        /// What each store thinks of it.
        stores: Vec<StoreTrust>,
    },
}

/// The certificate of a checkout as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// There is none yet.
    Absent,
    /// It cannot be used.
    Unusable(Problem),
    /// devenv has made it.
    Made {
        /// What it says.
        facts: CertFacts,
        /// Why a new one is due.
        due: Option<String>,
    },
    /// It is the team's own.
    Own {
        /// What it says.
        facts: CertFacts,
        /// Who signed it, where nobody here knows them.
        missing_issuer: Option<String>,
    },
}

/// Judges the certificates.
#[must_use]
pub fn findings(seen: &Certificates) -> Vec<Finding> {
    let mut all: Vec<Finding> = seen.authorities.iter().map(|one| authority(one, seen.now)).collect();
    all.extend(seen.leaves.iter().map(|(zone, one)| leaf(zone.as_deref(), one, seen.now)));
    all.extend(seen.unsigned.iter().map(|name| {
        let hint = format!("`devenv certs add-zone {}` creates an authority for it", zone_for(name));
        Finding::warning("certificate", format!("no authority of this machine signs for {name}"), hint).recommended()
    }));
    all
}

fn authority(authority: &Authority, now: i64) -> Finding {
    let zone = authority.zone.as_deref();
    let of = zone.map(|zone| format!("zone {zone}: ")).unwrap_or_default();
    match &authority.state {
        AuthorityState::Absent => {
            Finding::ok("authority", format!("{of}none yet: `devenv up` creates it")).recommended()
        }
        // Nothing that has a gateway starts without that of the machine.
        AuthorityState::Unusable(problem) => {
            let finding = Finding::missing("authority", &problem.says, &problem.next);
            if zone.is_some() {
                Finding::warning("authority", &problem.says, &problem.next).recommended()
            } else {
                finding
            }
        }
        AuthorityState::Good { facts, .. } if authority_ends_in(facts, now).is_some() => {
            let detail = format!("{of}{} expires in {} days", facts.name, facts.days_left(now));
            let next = format!(
                "create a new one in time: `{}`, `{}`, then `devenv up`",
                untrusting_first(zone),
                trusting(zone)
            );
            Finding::warning("authority", detail, next).recommended()
        }
        AuthorityState::Good { facts, stores } => trust(&format!("{of}{}", facts.name), zone, stores),
    }
}

/// An authority that is trusted somewhere is not deleted before that is undone.
fn untrusting_first(zone: Option<&str>) -> String {
    format!("{}`, `{}", trusting(zone).replace("certs trust", "certs untrust"), reset(zone))
}

fn trust(what: &str, zone: Option<&str>, stores: &[StoreTrust]) -> Finding {
    let with = |is: fn(Trust) -> bool| -> Vec<String> {
        stores.iter().filter(|seen| is(seen.trust)).map(|seen| seen.store.to_string()).collect()
    };
    let mut lacks = Vec::new();
    let absent = with(Trust::is_not_given);
    let unknown = with(|trust| trust == Trust::Unknown);
    let unreadable = with(|trust| trust == Trust::Unreadable);
    if !absent.is_empty() {
        lacks.push(format!("not trusted by {}", absent.join(", ")));
    }
    if !unknown.is_empty() {
        lacks.push(format!("`certutil` is missing to ask {}", unknown.join(", ")));
    }
    if !unreadable.is_empty() {
        lacks.push(format!("{} cannot be read", unreadable.join(", ")));
    }
    let trusted = with(|trust| trust == Trust::Trusted);
    match (lacks.is_empty(), trusted.is_empty()) {
        (true, true) => Finding::ok("authority", format!("{what}, no store here to trust it")),
        (true, false) => Finding::ok("authority", format!("{what}, trusted by {}", trusted.join(", "))),
        _ => {
            let hint = format!("`{}`, where a browser or a program of this machine is to accept it", trusting(zone));
            Finding::warning("authority", format!("{what}: {}", lacks.join("; ")), hint)
        }
    }
    .recommended()
}

fn leaf(zone: Option<&str>, leaf: &Leaf, now: i64) -> Finding {
    let of = zone.map(|zone| format!("zone {zone}: ")).unwrap_or_default();
    let days = |facts: &CertFacts| format!("{of}{}, {} days left", facts.name, facts.days_left(now));
    match leaf {
        Leaf::Absent => Finding::ok("certificate", format!("{of}none yet: `devenv up` creates it")),
        Leaf::Unusable(problem) => Finding::warning("certificate", &problem.says, &problem.next),
        Leaf::Made { facts, due: None } => Finding::ok("certificate", days(facts)),
        Leaf::Made { facts, due: Some(cause) } => {
            Finding::warning("certificate", format!("{of}{}: {cause}", facts.name), "`devenv up` creates a new one")
        }
        Leaf::Own { missing_issuer: Some(issuer), .. } => Finding::warning(
            "certificate",
            format!("the team's own {}", custom_cert::without_issuer(issuer)),
            custom_cert::ADD_ISSUER,
        ),
        Leaf::Own { facts, .. } if custom_cert::ends_in(facts, now).is_some() => {
            let hint = "put a newer one and its key in its place, then `devenv up`";
            Finding::warning("certificate", format!("the team's own, {}", days(facts)), hint)
        }
        Leaf::Own { facts, .. } => Finding::ok("certificate", format!("the team's own, {}", days(facts))),
    }
    .recommended()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::plan::certs::trust::Store;
    use crate::plan::certs::x509::DAY;
    use crate::plan::doctor::{missing, table};

    fn facts(name: &str, days: i64) -> CertFacts {
        let names = [name.to_owned()].into();
        let (name, domains, fingerprint) = (name.to_owned(), Vec::new(), "AB".to_owned());
        CertFacts { name, not_before: 0, not_after: days * DAY, names, domains, is_for_servers: true, fingerprint }
    }

    fn good(days: i64, system: Trust, browser: Trust) -> AuthorityState {
        let browser = StoreTrust { store: Store::Nss(PathBuf::from("/home/ann/.pki/nssdb")), trust: browser };
        let stores = vec![StoreTrust { store: Store::Debian, trust: system }, browser];
        AuthorityState::Good { facts: facts("devenv on box", days), stores }
    }

    fn machine(state: AuthorityState) -> Certificates {
        Certificates { authorities: vec![Authority { zone: None, state }], ..Certificates::default() }
    }

    fn zone(state: AuthorityState) -> Certificates {
        let zone = Some("acme.internal".to_owned());
        Certificates { authorities: vec![Authority { zone, state }], ..Certificates::default() }
    }

    fn of_leaf(leaf: Leaf) -> Certificates {
        Certificates { leaves: vec![(None, leaf)], ..Certificates::default() }
    }

    fn problem() -> Problem {
        Problem { says: "/data/ca.key: it is damaged".to_owned(), next: "restore it".to_owned() }
    }

    #[test]
    fn each_state_of_certificates_is_told_with_its_next_step() {
        use Trust::{Absent, Trusted, Unknown};
        let made = |days, due: Option<&str>| {
            of_leaf(Leaf::Made { facts: facts("shop.localhost", days), due: due.map(str::to_owned) })
        };
        for (seen, expected) in [
            (machine(AuthorityState::Absent), "ok       authority  none yet: `devenv up` creates it\n"),
            (
                machine(good(3650, Trusted, Trusted)),
                "ok       authority  devenv on box, trusted by system, browser /home/ann/.pki/nssdb\n",
            ),
            (
                machine(AuthorityState::Good { facts: facts("devenv on box", 3650), stores: vec![] }),
                "ok       authority  devenv on box, no store here to trust it\n",
            ),
            (
                machine(good(3650, Absent, Unknown)),
                "\
warning  authority  devenv on box: not trusted by system; `certutil` is missing to ask browser /home/ann/.pki/nssdb
                    hint: `devenv certs trust`, where a browser or a program of this machine is to accept it
",
            ),
            (
                zone(good(3650, Trusted, Absent)),
                "\
warning  authority  zone acme.internal: devenv on box: not trusted by browser /home/ann/.pki/nssdb
                    hint: `devenv certs trust --zone acme.internal`, where a browser or a program of this machine is to accept it
",
            ),
            (
                machine(good(89, Trusted, Trusted)),
                "\
warning  authority  devenv on box expires in 89 days
                    hint: create a new one in time: `devenv certs untrust`, `devenv certs reset`, `devenv certs trust`, then `devenv up`
",
            ),
            (
                zone(AuthorityState::Unusable(problem())),
                "warning  authority  /data/ca.key: it is damaged\n                    hint: restore it\n",
            ),
            (
                Certificates {
                    leaves: vec![(Some("acme.internal".to_owned()), Leaf::Absent)],
                    unsigned: vec!["dev.other.internal".to_owned()],
                    ..Certificates::default()
                },
                "\
ok       certificate  zone acme.internal: none yet: `devenv up` creates it
warning  certificate  no authority of this machine signs for dev.other.internal
                      hint: `devenv certs add-zone other.internal` creates an authority for it
",
            ),
            (of_leaf(Leaf::Absent), "ok       certificate  none yet: `devenv up` creates it\n"),
            (made(80, None), "ok       certificate  shop.localhost, 80 days left\n"),
            (
                made(29, Some("29 days are left")),
                "\
warning  certificate  shop.localhost: 29 days are left
                      hint: `devenv up` creates a new one
",
            ),
            (
                of_leaf(Leaf::Unusable(problem())),
                "warning  certificate  /data/ca.key: it is damaged\n                      hint: restore it\n",
            ),
            (
                of_leaf(Leaf::Own { facts: facts("shop.localhost", 30), missing_issuer: None }),
                "ok       certificate  the team's own, shop.localhost, 30 days left\n",
            ),
            (
                of_leaf(Leaf::Own { facts: facts("shop.localhost", 29), missing_issuer: None }),
                "\
warning  certificate  the team's own, shop.localhost, 29 days left
                      hint: put a newer one and its key in its place, then `devenv up`
",
            ),
        ] {
            let findings = findings(&seen);
            assert_eq!(table(&findings), expected);
            assert!(missing(&findings).is_none(), "it is advice, no fault: {expected}");
        }
        assert_eq!(table(&findings(&machine(good(90, Trusted, Trusted)))).get(..2), Some("ok"));
    }

    #[test]
    fn an_authority_that_stops_every_start_is_a_fault() {
        let findings = findings(&machine(AuthorityState::Unusable(problem())));
        let error = missing(&findings).unwrap();
        assert_eq!(
            (error.to_string(), error.hints),
            ("authority: /data/ca.key: it is damaged".to_owned(), vec!["restore it".to_owned()])
        );
    }
}
