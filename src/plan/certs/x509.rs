//! What a certificate says. Pure: text in, facts out.

use std::collections::BTreeSet;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertFacts {
    /// Its subject's common name.
    pub name: String,
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
    /// Host names and addresses that it is for.
    pub names: BTreeSet<String>,
    /// Domains that it may sign for, with all below them; empty where it is not an authority, or one without limits.
    pub domains: Vec<String>,
    /// Whether a server may show it.
    pub is_for_servers: bool,
    /// Digest of its bytes, as browsers show it: `AB:CD:…`.
    pub fingerprint: String,
}

impl CertFacts {
    /// Reads the first certificate of a PEM text.
    pub fn of(pem: &str) -> Result<Self, String> {
        with_certificate(pem, Self::read)
    }

    /// Reads a certificate as it comes over the wire, and says who has signed it.
    pub fn of_der(der: &[u8]) -> Result<(Self, String), String> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|error| format!("it is damaged: {error}"))?;
        let issuer = certificate.issuer().iter_common_name().next().and_then(|name| name.as_str().ok());
        let issuer = issuer.map_or_else(|| certificate.issuer().to_string(), str::to_owned);
        Ok((Self::read(&certificate), issuer))
    }

    fn read(certificate: &X509Certificate<'_>) -> Self {
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|names| &names.value.general_names).filter_map(general_name).collect();
        let common = certificate.subject().iter_common_name().next();
        let der = certificate.as_raw();
        Self {
            name: common.and_then(|name| name.as_str().ok()).unwrap_or_default().to_owned(),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            names,
            domains: domains(certificate),
            is_for_servers: {
                let usage = certificate.extended_key_usage().ok().flatten();
                usage.is_none_or(|usage| usage.value.server_auth || usage.value.any)
            },
            fingerprint: fingerprint(der),
        }
    }

    /// Whole days that are left at `now`; negative when it is over.
    #[must_use]
    pub fn days_left(&self, now: i64) -> i64 {
        (self.not_after - now).div_euclid(DAY)
    }
}

/// SHA-256 of a certificate in the form that browsers and openssl show.
fn fingerprint(der: &[u8]) -> String {
    let hex = crate::digest::hex(der).to_uppercase();
    let pairs: Vec<&str> = (0..hex.len()).step_by(2).filter_map(|at| hex.get(at..at + 2)).collect();
    pairs.join(":")
}

fn domains(certificate: &X509Certificate<'_>) -> Vec<String> {
    let constraints = certificate.name_constraints().ok().flatten();
    let permitted = constraints.iter().filter_map(|found| found.value.permitted_subtrees.as_ref()).flatten();
    let domain = |base: &GeneralName<'_>| match base {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    permitted.filter_map(|subtree| domain(&subtree.base)).collect()
}

fn general_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(four), _) => Some(std::net::Ipv4Addr::from(four).to_string()),
            (_, Ok(sixteen)) => Some(std::net::Ipv6Addr::from(sixteen).to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn with_certificate<T>(pem: &str, read: impl FnOnce(&X509Certificate<'_>) -> T) -> Result<T, String> {
    // The parser takes any end for the end; others do not.
    let lines = |wanted: &str| pem.lines().filter(|line| line.trim_end() == wanted).count();
    if lines("-----BEGIN CERTIFICATE-----") != lines("-----END CERTIFICATE-----") {
        return Err("it is damaged: a certificate has no end".to_owned());
    }
    let mut blocks = Pem::iter_from_buffer(pem.as_bytes());
    let block = match blocks.find(|block| block.as_ref().map_or(true, |block| block.label == "CERTIFICATE")) {
        Some(Ok(block)) => block,
        Some(Err(error)) => return Err(format!("it is damaged: {error}")),
        None => return Err("there is no certificate in it".to_owned()),
    };
    let certificate = block.parse_x509().map_err(|error| format!("it is damaged: {error}"))?;
    if certificate.as_raw().len() != block.contents.len() {
        return Err("it is damaged: something follows the certificate".to_owned());
    }
    Ok(read(&certificate))
}

/// Whether `pem` is signed by the holder of `issuer`'s key; itself, where both are the same.
pub fn is_signed_by(pem: &str, issuer: &str) -> Result<bool, String> {
    with_certificate(issuer, |issuer| {
        with_certificate(pem, |certificate| {
            // What is around the signed bytes is read more freely by this parser than by others.
            let der = CertificateDer::from(certificate.as_raw());
            RootCertStore::empty().add(der.into_owned()).is_ok()
                && certificate.signature_algorithm == certificate.tbs_certificate.signature
                && certificate.verify_signature(Some(issuer.public_key())).is_ok()
        })
    })?
}

/// Who signed the last certificate of the chain that begins a PEM text, where that is nobody of the text and of `known`:
/// clients cannot follow the chain any further. A certificate that has signed itself has no more to it.
#[must_use]
pub fn missing_issuer(chain: &str, known: &str) -> Option<String> {
    let blocks = |pem: &str| Pem::iter_from_buffer(pem.as_bytes()).filter_map(Result::ok).collect::<Vec<_>>();
    let (chain, known) = (blocks(chain), blocks(known));
    let parsed = |blocks| -> Vec<X509Certificate<'_>> {
        Iterator::filter_map(blocks, |block: &Pem| block.parse_x509().ok()).collect()
    };
    let mut rest = parsed(chain.iter());
    let mut last = (!rest.is_empty()).then(|| rest.remove(0))?;
    let is_by =
        |other: &X509Certificate<'_>, last: &X509Certificate<'_>| other.subject().as_raw() == last.issuer().as_raw();
    while !is_by(&last, &last) {
        let Some(next) = rest.iter().position(|other| is_by(other, &last)) else {
            let is_known = parsed(known.iter()).iter().any(|other| is_by(other, &last));
            return (!is_known).then(|| last.issuer().to_string());
        };
        last = rest.remove(next);
    }
    None
}

/// The public key of a certificate, as its bytes stand in it.
pub fn public_key(pem: &str) -> Result<Vec<u8>, String> {
    with_certificate(pem, |certificate| certificate.public_key().subject_public_key.data.to_vec())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    #[test]
    fn a_chain_without_its_intermediate_is_told() {
        let params = |name: &str| {
            let mut params = CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let key = || KeyPair::generate().unwrap();
        let (root_key, middle_key) = (key(), key());
        let root = params("Root").self_signed(&root_key).unwrap().pem();
        let root_signs = Issuer::new(params("Root"), root_key);
        let middle = params("Middle").signed_by(&middle_key, &root_signs).unwrap().pem();
        let leaf = params("Leaf").signed_by(&key(), &Issuer::new(params("Middle"), middle_key)).unwrap().pem();
        let missing = |chain: &[&str], known: &str| missing_issuer(&chain.concat(), known);
        assert_eq!(missing(&[&leaf], &root), Some("CN=Middle".to_owned()));
        assert_eq!(missing(&[&leaf, &middle], ""), Some("CN=Root".to_owned()));
        for whole in [vec![&leaf, &middle], vec![&leaf, &root, &middle]] {
            assert_eq!(missing_issuer(&whole.into_iter().cloned().collect::<String>(), &root), None);
        }
        assert_eq!(missing(&[&leaf], &[root.as_str(), &middle].concat()), None);
        assert_eq!(missing(&[&root], ""), None);
        assert_eq!(missing(&[], ""), None);
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        assert_eq!(CertFacts::of("nothing"), Err("there is no certificate in it".to_owned()));
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(CertFacts::of(damaged).unwrap_err().starts_with("it is damaged"));
        let end = damaged.replace("END CERTIFICATE", "END CERTIFICATF");
        assert_eq!(CertFacts::of(&end), Err("it is damaged: a certificate has no end".to_owned()));
    }
}
