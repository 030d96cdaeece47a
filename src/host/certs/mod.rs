//! Keys and certificates are made and compared here.

pub mod ca_store;
pub mod trust;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SerialNumber, SignatureAlgorithm,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use crate::error::{Error, Kind, Result};
use crate::host::random;
use crate::plan::certs::cert_profile::{KeyKind, Profile};
use crate::plan::certs::errors::CertsError;
use crate::plan::certs::trust::LONGEST_NAME;
use crate::plan::certs::x509::{self, DAY};

/// A certificate and its key, both as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key, PKCS#8.
    pub key: String,
}

/// Makes an authority, `name` of which people see in their browser's list.
pub fn authority(profile: &Profile, name: &str, now: i64) -> Result<Pair> {
    let mut params = params(profile, name, now, i64::from(profile.authority.days))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let mut subtrees = NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: Vec::new() };
    let domains = profile.authority.domains.iter().cloned().map(GeneralSubtree::DnsName);
    subtrees.permitted_subtrees.extend(domains);
    for address in &profile.authority.addresses {
        subtrees.permitted_subtrees.push(GeneralSubtree::IpAddress(subnet(address)?));
    }
    if profile.authority.addresses.is_empty() {
        // A kind of name without an entry is free to sign for, so every address is taken out.
        for all in ["0.0.0.0/0", "::/0"] {
            subtrees.excluded_subtrees.push(GeneralSubtree::IpAddress(subnet(all)?));
        }
    }
    params.name_constraints = Some(subtrees);
    let key = new_key(profile.key)?;
    let certificate = params.self_signed(&key).map_err(|error| unmade(&error))?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

fn subnet(text: &str) -> Result<CidrSubnet> {
    let wrong = |()| CertsError::Profile(format!("`{text}` is not a network such as 127.0.0.0/8"));
    Ok(text.parse::<CidrSubnet>().map_err(wrong)?)
}

/// Makes a leaf for `names`, signed by an authority; for `key`, where it had one that stays.
pub fn leaf<'a>(
    profile: &Profile,
    authority: &Pair,
    host: &str,
    names: impl Iterator<Item = &'a String>,
    now: i64,
    key: Option<&str>,
) -> Result<Pair> {
    let mut params = params(profile, host, now, profile.leaf.days_ahead())?;
    for name in names {
        params.subject_alt_names.push(match name.parse() {
            Ok(address) => rcgen::SanType::IpAddress(address),
            Err(_) => rcgen::SanType::DnsName(name.as_str().try_into().map_err(|error| unmade(&error))?),
        });
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = match key {
        Some(key) => KeyPair::from_pem(key).map_err(|error| unmade(&error))?,
        None => new_key(profile.key)?,
    };
    let signer = KeyPair::from_pem(&authority.key).map_err(|error| unmade(&error))?;
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, signer).map_err(|error| unmade(&error))?;
    let certificate = params.signed_by(&key, &issuer).map_err(|error| unmade(&error))?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// The public key of a key that devenv made, as it stands in its certificate.
pub fn public_key(key: &str) -> Result<Vec<u8>, String> {
    let pair = KeyPair::from_pem(key).map_err(|error| format!("it is not a key: {error}"))?;
    Ok(pair.public_key_raw().to_vec())
}

/// The kind of a pair's key; none where it is not the certificate's own.
#[must_use]
pub fn kind_of_key(pair: &Pair) -> Option<KeyKind> {
    let key = KeyPair::from_pem(&pair.key).ok()?;
    let is_its_own = x509::public_key(&pair.certificate).is_ok_and(|public| public == key.public_key_raw());
    let kinds = [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519];
    kinds.into_iter().find(|kind| is_its_own && key.is_compatible(algorithm(*kind)))
}

/// Whether the key of a pair that others have made is that of its certificate; any kind of key.
pub fn matches(pair: &Pair) -> Result<(), String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).collect();
    let chain = chain.map_err(|error| format!("the certificate is damaged: {error}"))?;
    if pair.key.contains("ENCRYPTED") {
        return Err("it is encrypted, and devenv cannot ask for its password".to_owned());
    }
    let key =
        || PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).map_err(|error| format!("it is not a key: {error}"));
    let provider = rustls::crypto::ring::default_provider();
    let others = chain.get(1..).unwrap_or_default().to_vec();
    match CertifiedKey::from_der(chain, key()?, &provider) {
        Ok(_) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => {
            for other in others {
                if CertifiedKey::from_der(vec![other], key()?, &provider).is_ok() {
                    return Err("its certificate must come first in the file next to it".to_owned());
                }
            }
            Err("it does not match the certificate next to it".to_owned())
        }
        Err(rustls::Error::General(_)) => {
            let known = "RSA of up to 4096 bits, ECDSA with P-256 or P-384, Ed25519";
            Err(format!("its kind or size is not supported; these are: {known}"))
        }
        Err(error) => Err(format!("it cannot be used: {error}")),
    }
}

/// What people call this machine.
#[must_use]
pub fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn params(profile: &Profile, name: &str, now: i64, days: i64) -> Result<CertificateParams> {
    let at = |seconds: i64| {
        OffsetDateTime::from_unix_timestamp(seconds).map_err(|error| Error::message(Kind::Failed, error))
    };
    let mut params = CertificateParams::default();
    params.not_before = at(now - i64::from(profile.leaf.backdate_days) * DAY)?;
    params.not_after = at(now + days * DAY)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, profile.organization.as_str());
    // Nobody looks for a host there any more.
    if name.chars().count() <= LONGEST_NAME {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    // 16 bytes: the first bit is 0, for the number is positive, the second 1, for no number is shorter; the rest is random.
    let mut serial = random::bytes(16)?;
    serial[0] &= 0x7f;
    serial[0] |= 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn new_key(kind: KeyKind) -> Result<KeyPair> {
    KeyPair::generate_for(algorithm(kind)).map_err(|error| unmade(&error))
}

fn algorithm(kind: KeyKind) -> &'static SignatureAlgorithm {
    match kind {
        KeyKind::EcdsaP256 => &PKCS_ECDSA_P256_SHA256,
        KeyKind::EcdsaP384 => &PKCS_ECDSA_P384_SHA384,
        KeyKind::Ed25519 => &PKCS_ED25519,
    }
}

fn unmade(error: &rcgen::Error) -> Error {
    Error::message(Kind::Failed, format!("cannot create a certificate: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;
    use crate::plan::certs::{Kept, KeyFate, authority_problem, names, renewal};

    const NOW: i64 = 1_795_219_200;

    fn profile() -> Profile {
        Profile::parse(include_str!("../../../certs/profile.yaml")).unwrap()
    }

    fn shop() -> BTreeSet<String> {
        names("shop.localhost", "shop", ["api", "db"].into_iter())
    }

    fn made() -> (Pair, Pair) {
        let authority = authority(&profile(), "devenv on box", NOW).unwrap();
        let leaf = leaf(&profile(), &authority, "shop.localhost", shop().iter(), NOW, None).unwrap();
        (authority, leaf)
    }

    /// What a TLS client that trusts `authority` alone says of a server at `host` with `leaf`, some days after now.
    fn verified(authority: &Pair, leaf: &Pair, host: &str, days: i64) -> Result<(), String> {
        let der = |pair: &Pair| CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(der(authority)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let time = std::time::Duration::from_secs(u64::try_from(NOW + days * DAY).unwrap());
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let answer = verifier.verify_server_cert(&der(leaf), &[], &name, &[], UnixTime::since_unix_epoch(time));
        answer.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_leaf_is_good_for_its_names_and_its_time_and_nothing_else() {
        let (authority, leaf) = made();
        for host in ["shop.localhost", "x.shop.localhost", "api.shop.test", "shop.test", "127.0.0.1", "::1"] {
            assert_eq!(verified(&authority, &leaf, host, 0), Ok(()), "{host}");
        }
        let says = |host: &str, days: i64, word: &str| {
            let said = verified(&authority, &leaf, host, days).unwrap_err();
            assert!(said.contains(word), "{host} after {days} days: {said}");
        };
        says("other.localhost", 0, "not valid for name");
        says("web.shop.test", 0, "not valid for name");
        says("shop.localhost", 90, "expired");
        says("shop.localhost", 400, "expired");
        says("shop.localhost", -2, "not valid yet");
        let (another, _) = made();
        assert!(verified(&another, &leaf, "shop.localhost", 0).is_err());
    }

    #[test]
    fn what_an_authority_may_not_sign_for_is_refused() {
        let (authority, _) = made();
        let outside = |authority: &Pair, name: &str| {
            let leaf = leaf(&profile(), authority, name, [name.to_owned()].iter(), NOW, None).unwrap();
            verified(authority, &leaf, name, 0)
        };
        for name in ["google.com", "localhost.example.org", "10.1.2.3", "nottest"] {
            assert!(outside(&authority, name).unwrap_err().contains("NameConstraint"), "{name}");
        }
        let zone = super::authority(&profile().of_zone("shop.internal"), "zone", NOW).unwrap();
        assert_eq!(outside(&zone, "api.shop.internal"), Ok(()));
        for name in ["shop.localhost", "evil-shop.internal", "127.0.0.1", "::1"] {
            assert!(outside(&zone, name).unwrap_err().contains("NameConstraint"), "{name}");
        }
    }

    #[test]
    fn a_new_leaf_is_due_when_less_than_a_third_is_left_or_something_is_wrong() {
        let (authority, leaf) = made();
        let renewed = |kept: &Pair, names: &BTreeSet<String>, days: i64, profile: &Profile| {
            let kept = Kept { certificate: &kept.certificate, key: kind_of_key(kept) };
            renewal(Some(kept), &authority.certificate, names, profile, NOW + days * DAY)
        };
        let due = |kept: &Pair, names: &BTreeSet<String>, days: i64| {
            renewed(kept, names, days, &profile()).map(|due| due.cause).unwrap_or_default()
        };
        assert_eq!(due(&leaf, &shop(), 0), "");
        assert_eq!(due(&leaf, &shop(), 59), "");
        assert_eq!(due(&leaf, &shop(), 60), "29 days are left");
        assert_eq!(due(&leaf, &shop(), 89), "it has expired");
        assert_eq!(due(&leaf, &shop(), 400), "it has expired");
        assert_eq!(due(&leaf, &shop(), -2), "it is not valid yet: the clock was moved");
        let mixed = Pair { key: authority.key.clone(), ..leaf.clone() };
        assert_eq!(due(&mixed, &shop(), 0), "its key does not belong to it");
        // A renewal keeps the key; what looks like theft, damage or another wish does not.
        let later = renewed(&leaf, &shop(), 60, &profile()).unwrap();
        assert_eq!(later.key, KeyFate::Kept);
        let again =
            super::leaf(&profile(), &authority, "shop.localhost", shop().iter(), NOW + 60 * DAY, Some(&leaf.key))
                .unwrap();
        assert_eq!((matches(&again), &again.key), (Ok(()), &leaf.key));
        assert_eq!(renewed(&mixed, &shop(), 0, &profile()).unwrap().key, KeyFate::New);
        let other_kind = renewed(&leaf, &shop(), 0, &Profile { key: KeyKind::Ed25519, ..profile() }).unwrap();
        assert_eq!((other_kind.cause.as_str(), other_kind.key), ("its key type is not the profile's", KeyFate::New));
        let mut shorter = profile();
        shorter.leaf.days = 30;
        let shorter = renewed(&leaf, &shop(), 0, &shorter).unwrap();
        assert_eq!((shorter.cause.as_str(), shorter.key), ("the profile's lifetime changed", KeyFate::Kept));
        assert_eq!(due(&leaf, &names("shop.localhost", "shop", std::iter::empty()), 0), "its names changed");
        let (_, other) = made();
        assert_eq!(due(&other, &shop(), 0), "it is signed by another authority");
        let damaged = Pair { certificate: leaf.certificate.replacen("MII", "NII", 1), ..leaf };
        assert!(due(&damaged, &shop(), 0).starts_with("it is damaged"));
    }

    #[test]
    fn a_certificate_of_the_teams_own_must_fit() {
        let (authority, mine) = made();
        assert_eq!(matches(&mine), Ok(()));
        let mixed = Pair { key: authority.key.clone(), ..mine.clone() };
        assert_eq!(matches(&mixed), Err("it does not match the certificate next to it".to_owned()));
    }

    #[test]
    fn one_damaged_byte_of_an_authority_is_seen_wherever_it_is() {
        let (authority, _) = made();
        let problem = |certificate: &str| authority_problem(certificate, public_key(&authority.key), NOW);
        assert_eq!(problem(&authority.certificate), None);
        for at in 0..authority.certificate.len() {
            let mut bytes = authority.certificate.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(bytes).unwrap();
            assert!(problem(&damaged).is_some(), "byte {at}:\n{damaged}");
        }
    }

    #[test]
    fn every_kind_of_key_makes_a_pair_that_fits() {
        for key in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519] {
            let profile = Profile { key, ..profile() };
            let authority = authority(&profile, "devenv", NOW).unwrap();
            let leaf = leaf(&profile, &authority, "shop.localhost", shop().iter(), NOW, None).unwrap();
            assert_eq!(verified(&authority, &leaf, "shop.localhost", 0), Ok(()), "{key:?}");
            assert_eq!(crate::plan::certs::x509::public_key(&leaf.certificate), public_key(&leaf.key));
        }
    }
}
