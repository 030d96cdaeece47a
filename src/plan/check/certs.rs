//! Certificates of the team's own: valid, and for long enough. Pure.

use crate::plan::certs::custom_cert;
use crate::plan::certs::x509::CertFacts;
use crate::plan::check::finding::{Finding, Spot};
use crate::plan::check::rules::Rule;

/// A certificate of the team's.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Its file, below the checkout's folder.
    pub path: String,
    /// What it says, or why it cannot be read.
    pub facts: Result<CertFacts, String>,
}

/// Certificates that end soon, have ended, or cannot be read.
#[must_use]
pub fn findings(all: &[Certificate], now: i64) -> Vec<Finding> {
    let finding = |certificate: &Certificate| {
        let spot = Spot::new(certificate.path.as_str(), 1);
        let fix = "put the renewed certificate in its place";
        let (is_over, says) = match &certificate.facts {
            Err(why) => (true, format!("the certificate cannot be read: {why}")),
            Ok(facts) if facts.not_after <= now => (true, "the certificate has expired".to_owned()),
            Ok(facts) => (false, format!("the certificate expires in {} days", custom_cert::ends_in(facts, now)?)),
        };
        Some(match is_over {
            true => Finding::error(Rule::Certificate, spot, says, fix),
            false => Finding::warning(Rule::Certificate, spot, says, fix),
        })
    };
    all.iter().filter_map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::certs::x509::DAY;

    #[test]
    fn a_certificate_is_told_thirty_days_before_its_end() {
        let one = |days: i64| {
            let facts = CertFacts {
                name: String::new(),
                not_before: 0,
                not_after: days * DAY,
                names: std::collections::BTreeSet::new(),
                domains: Vec::new(),
                is_for_servers: true,
                fingerprint: String::new(),
            };
            let one = Certificate { path: "devenv/certs/cert.pem".to_owned(), facts: Ok(facts) };
            findings(&[one], 100 * DAY).first().map(ToString::to_string)
        };
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(one(200), None);
        assert_eq!(one(120), said("warning certificate devenv/certs/cert.pem:1: the certificate expires in 20 days"));
        assert_eq!(one(99), said("error certificate devenv/certs/cert.pem:1: the certificate has expired"));
        let damaged = Certificate { path: "x".to_owned(), facts: Err("it is damaged".to_owned()) };
        let said = findings(&[damaged], 0).remove(0).to_string();
        assert_eq!(said, "error certificate x:1: the certificate cannot be read: it is damaged");
    }
}
