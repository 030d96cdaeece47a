//! What Java trusts: it reads no PEM, so the bundle is written as a Java key store too.
//!
//! JKS and not PKCS #12: every JDK reads both, and this one has no salt, so the same bundle makes the same bytes.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha1::{Digest, Sha1};

/// The password, which hides nothing: it guards a store against damage, and Java's own has the same.
pub const PASSWORD: &str = "changeit";

/// A key store of the certificates in a PEM text; what cannot be read of it is left out.
#[must_use]
pub fn jks(bundle: &str) -> Vec<u8> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(bundle.as_bytes()).filter_map(Result::ok).collect();
    let mut store = Vec::new();
    store.extend(0xFEED_FEED_u32.to_be_bytes());
    store.extend(2_u32.to_be_bytes());
    store.extend(length(certificates.len()));
    for (at, certificate) in certificates.iter().enumerate() {
        // A trusted certificate: its alias, when it came (a constant), its type, its bytes.
        store.extend(2_u32.to_be_bytes());
        text(&mut store, &format!("ca{at}"));
        store.extend(0_u64.to_be_bytes());
        text(&mut store, "X.509");
        store.extend(length(certificate.len()));
        store.extend_from_slice(certificate);
    }
    let mut digest = Sha1::new();
    for unit in PASSWORD.encode_utf16() {
        digest.update(unit.to_be_bytes());
    }
    digest.update(b"Mighty Aphrodite");
    digest.update(&store);
    store.extend_from_slice(&digest.finalize());
    store
}

fn length(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

/// A short ASCII text with its length in front.
fn text(store: &mut Vec<u8>, text: &str) {
    store.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    store.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_store_is_the_one_that_keytool_makes() {
        let store = jks("");
        let hex = hex::encode(&store);
        assert_eq!(hex, "feedfeed0000000200000000e2686e45fb43dfa4d992dd41ceb6b21c6330d792");
    }

    #[test]
    fn the_same_bundle_makes_the_same_bytes() {
        let one = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
        let store = jks(&format!("# a comment\n{one}{one}"));
        assert_eq!(store, jks(&format!("{one}{one}")));
        assert_eq!(store.len(), 12 + 2 * (4 + 5 + 8 + 7 + 4 + 3) + 20);
    }
}
