//! How default certificates look: the profile, and what a project's may not ask for. Pure.

use std::net::IpAddr;

use serde::Deserialize;

use crate::config::text::typed;
use crate::names::is_host_label;
use crate::plan::certs::domains::{MACHINES, is_machines};
use crate::plan::certs::errors::{CertsError, PROFILE};
use crate::plan::certs::x509::DAY;

/// Longest life of a leaf, in days.
const LONGEST_LEAF: u32 = 90;
/// Longest life of an authority, in days.
const LONGEST_AUTHORITY: u32 = 10_000;

/// `certs/profile.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Kind of every key.
    pub key: KeyKind,
    /// Who the subject says that it is.
    pub organization: String,
    /// The authority.
    pub authority: AuthorityProfile,
    /// The certificates that it signs.
    pub leaf: LeafProfile,
}

/// How an authority looks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityProfile {
    /// Its life.
    pub days: u32,
    /// Domains that it may sign for, with all below them.
    pub domains: Vec<String>,
    /// Networks that it may sign for, such as `127.0.0.0/8`.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// How a leaf looks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafProfile {
    /// Its life; at most 90 days.
    pub days: u32,
    /// How long before now it is valid already.
    pub backdate_days: u32,
}

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum KeyKind {
    /// NIST P-256.
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    /// NIST P-384.
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    /// Edwards curve; few browsers know it.
    #[serde(rename = "ed25519")]
    Ed25519,
}

impl AuthorityProfile {
    /// What is missing of what every environment's certificate is for.
    fn too_narrow(&self) -> Option<String> {
        let has = |domain: &&str| self.domains.iter().any(|own| own == domain);
        if let Some(domain) = MACHINES.iter().find(|domain| !has(domain)) {
            return Some(format!("authority.domains lacks `{domain}`: every environment has names below it"));
        }
        // A smaller network of the first may leave 127.0.0.1 out.
        let network =
            ["127.0.0.0/8", "::1/128"].into_iter().find(|network| !self.addresses.iter().any(|own| own == network))?;
        Some(format!("authority.addresses lacks `{network}`: every environment is reached by such an address"))
    }

    /// What of it reaches beyond this machine. All projects share the authority, so no project's profile may widen it.
    fn too_wide(&self) -> Option<String> {
        let is_ours = |domain: &&String| is_machines(domain) && domain.split('.').all(is_host_label);
        if let Some(domain) = self.domains.iter().find(|domain| !is_ours(domain)) {
            return Some(format!(
                "authority.domains: `{domain}` is neither `localhost` nor `test` nor below them; \
                 `devenv certs add-zone` creates an authority for another domain"
            ));
        }
        let address = self.addresses.iter().find(|address| !is_loopback(address))?;
        Some(format!("authority.addresses: `{address}` is not a network of loopback addresses such as 127.0.0.0/8"))
    }
}

/// Whether a network such as `127.0.0.0/8` has loopback addresses alone.
fn is_loopback(network: &str) -> bool {
    let Some((address, bits)) = network.split_once('/') else { return false };
    match (address.parse(), bits.parse()) {
        (Ok(IpAddr::V4(address)), Ok(8..=32u8)) => address.is_loopback(),
        (Ok(IpAddr::V6(address)), Ok(128u8)) => address.is_loopback(),
        _ => false,
    }
}

impl LeafProfile {
    /// Days from now on: its life but for what lies behind it when it is made, and one at least.
    #[must_use]
    pub fn days_ahead(&self) -> i64 {
        i64::from(self.days - self.backdate_days.min(self.days - 1))
    }

    /// Seconds from its first to its last.
    pub(in crate::plan) fn life(&self) -> i64 {
        (self.days_ahead() + i64::from(self.backdate_days)) * DAY
    }
}

impl Profile {
    /// Reads the profile.
    pub fn parse(text: &str) -> Result<Self, CertsError> {
        let profile: Self = typed::read(PROFILE, text).map_err(CertsError::Unreadable)?;
        let wrong = |problem: &str| Err(CertsError::Profile(problem.to_owned()));
        match &profile {
            Self { leaf: LeafProfile { days: 0, .. }, .. } => wrong("leaf.days is at least 1"),
            Self { leaf, .. } if leaf.days > LONGEST_LEAF => wrong("leaf.days is at most 90"),
            Self { leaf, .. } if leaf.backdate_days > 30 => wrong("leaf.backdate_days is at most 30"),
            Self { authority, .. } if authority.days < 2 * LONGEST_LEAF => wrong("authority.days is at least 180"),
            Self { authority, .. } if authority.days > LONGEST_AUTHORITY => wrong("authority.days is at most 10000"),
            Self { authority, .. } if authority.domains.is_empty() => wrong("authority.domains names nothing"),
            Self { leaf, .. } if 3 * leaf.days_ahead() <= i64::from(leaf.days) => {
                wrong("leaf.backdate_days is too much: less than a third of its life would be left from the beginning")
            }
            Self { authority, .. } => match authority.too_wide().or_else(|| authority.too_narrow()) {
                Some(problem) => wrong(&problem),
                None => Ok(profile),
            },
        }
    }

    /// The profile of an authority for one zone alone.
    #[must_use]
    pub fn of_zone(&self, zone: &str) -> Self {
        let authority =
            AuthorityProfile { domains: vec![zone.to_owned()], addresses: Vec::new(), days: self.authority.days };
        Self { authority, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMBEDDED: &str = include_str!("../../../certs/profile.yaml");

    #[test]
    fn the_embedded_profile_is_right() {
        let profile = Profile::parse(EMBEDDED).unwrap();
        assert_eq!((profile.key, profile.leaf.days), (KeyKind::EcdsaP256, 90));
        assert_eq!(profile.authority.domains, ["localhost", "test"]);
    }

    #[test]
    fn a_profile_that_asks_for_too_much_is_refused() {
        let with = |from: &str, to: &str| Profile::parse(&EMBEDDED.replacen(from, to, 1)).unwrap_err().to_string();
        assert_eq!(with("days: 90", "days: 400"), "certs/profile.yaml: leaf.days is at most 90");
        assert_eq!(with("days: 3650", "days: 30"), "certs/profile.yaml: authority.days is at least 180");
        assert_eq!(with("[localhost, test]", "[]"), "certs/profile.yaml: authority.domains names nothing");
        assert_eq!(with("days: 3650", "days: 4294967295"), "certs/profile.yaml: authority.days is at most 10000");
        for domain in ["com", "\"\"", ".", "bücher.test", "corp.internal", "nottest", ".test"] {
            let problem = with("[localhost, test]", &format!("[localhost, {domain}]"));
            assert!(problem.contains("is neither `localhost` nor `test`"), "{domain}: {problem}");
        }
        for network in ["0.0.0.0/0", "127.0.0.0/7", "127.0.0.0/99", "127.0.0.1", "10.0.0.0/8", "\"::/0\""] {
            let problem = with("127.0.0.0/8", network);
            assert!(problem.contains("is not a network of loopback addresses"), "{network}: {problem}");
        }
        for (from, to, problem) in [
            (
                "[localhost, test]",
                "[localhost]",
                "authority.domains lacks `test`: every environment has names below it",
            ),
            ("[localhost, test]", "[a.test, test]", "authority.domains lacks `localhost`"),
            ("127.0.0.0/8, ", "", "authority.addresses lacks `127.0.0.0/8`"),
            (", \"::1/128\"", "", "authority.addresses lacks `::1/128`"),
            ("  addresses: [127.0.0.0/8, \"::1/128\"]\n", "", "authority.addresses lacks `127.0.0.0/8`"),
            (
                "days: 90               # renewed when less than a third is left\n  backdate_days: 1",
                "days: 45\n  backdate_days: 30",
                "leaf.backdate_days is too much",
            ),
        ] {
            assert!(with(from, to).contains(problem), "{}", with(from, to));
        }
        assert!(with("ecdsa-p256  ", "rsa").contains("unknown variant `rsa"), "{}", with("ecdsa-p256  ", "rsa"));
    }
}
