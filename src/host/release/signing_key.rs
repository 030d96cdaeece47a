//! The private key that records and release sets are signed with.

use std::path::Path;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, SigningKey as _};

use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::plan::release::signature::PublicKey;
use crate::plan::release::signers::KEY;

/// What a key in PEM begins with.
const BEGIN: &str = "-----BEGIN ";

/// A key that can sign.
#[derive(Debug)]
pub struct SigningKey(KeyPair);

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign with {place}: {why}")]
pub struct Unusable {
    place: String,
    why: String,
}

impl From<Unusable> for Error {
    fn from(unusable: Unusable) -> Self {
        Self::new(Kind::Usage, unusable)
            .hint(format!("{KEY} is a private key (ECDSA P-256, PKCS #8, PEM) or the path of its file"))
    }
}

impl SigningKey {
    /// A new key.
    pub fn generate() -> Result<Self> {
        let made = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256);
        made.map(Self).map_err(|error| Error::message(Kind::Failed, format!("cannot make a key: {error}")))
    }

    /// The key that a text is, or whose file it names.
    pub fn of(text: &str) -> Result<Self> {
        if text.trim_start().starts_with(BEGIN) {
            return Self::parse(text.trim_start(), format!("the key in {KEY}"));
        }
        let place = format!("{text} ({KEY})");
        match files::read_text(Path::new(text)) {
            Ok(Some(pem)) => Self::parse(&pem, place),
            Ok(None) => Err(Unusable { place, why: "there is no such file".to_owned() }.into()),
            Err(error) => Err(Unusable { place, why: error.to_string() }.into()),
        }
    }

    fn parse(pem: &str, place: String) -> Result<Self> {
        let label = pem.split_once(BEGIN).and_then(|(_, rest)| rest.split_once("-----")).map(|(label, _)| label);
        let why = match label {
            None => "it is not a key in PEM",
            Some("EC PRIVATE KEY") => "it is not in PKCS #8: `openssl pkcs8 -topk8 -nodes -in KEY` converts it",
            Some(label) if label.contains("ENCRYPTED") => "it is encrypted, and devenv cannot ask for its password",
            Some("PRIVATE KEY") => match KeyPair::from_pem(pem) {
                Ok(pair) if pair.is_compatible(&PKCS_ECDSA_P256_SHA256) => return Ok(Self(pair)),
                Ok(_) => "it is a key of another kind: signatures are ECDSA on the curve P-256",
                Err(_) => "it is damaged, or a key of another kind than ECDSA on the curve P-256",
            },
            Some(_) => "it is not a private key",
        };
        Err(Unusable { place, why: why.to_owned() }.into())
    }

    /// The key in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// The public key that belongs to it, in PEM.
    #[must_use]
    pub fn public_pem(&self) -> String {
        self.0.public_key_pem()
    }

    /// The public key that belongs to it.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::of_point(self.0.public_key_raw())
    }

    /// Its signature of a text.
    pub fn sign(&self, text: &[u8]) -> Result<Vec<u8>> {
        self.0.sign(text).map_err(|error| Error::message(Kind::Failed, format!("cannot sign: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_for_the_public_key_that_belongs_to_it() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(PublicKey::parse(&key.public_pem()), Ok(key.public()));
        let again = SigningKey::of(&format!("\n{}", key.pem())).unwrap();
        assert!(key.public().has_signed(b"text", &again.sign(b"text").unwrap()));
    }

    #[test]
    fn what_is_not_such_a_key_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let said = |text: &str| SigningKey::of(text).unwrap_err().to_string();
        let path = file.display().to_string();
        let place = format!("cannot sign with {path} (DEVENV_SIGNING_KEY): ");
        assert_eq!(said(&path), format!("{place}there is no such file"));
        std::fs::write(&file, "secret").unwrap();
        assert_eq!(said(&path), format!("{place}it is not a key in PEM"));
        let block = |label: &str| said(&format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n"));
        assert!(block("EC PRIVATE KEY").contains("openssl pkcs8 -topk8 -nodes"));
        assert!(
            block("ENCRYPTED SIGSTORE PRIVATE KEY")
                .ends_with("it is encrypted, and devenv cannot ask for its password")
        );
        assert!(block("PUBLIC KEY").ends_with("it is not a private key"));
        assert!(block("PRIVATE KEY").starts_with("cannot sign with the key in DEVENV_SIGNING_KEY: it is damaged"));
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
        assert!(said(&other).ends_with("it is a key of another kind: signatures are ECDSA on the curve P-256"));
    }
}
