//! Digests of inputs: a [`Fingerprint`] names what a thing is made from, never the bytes it became.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// SHA-256 of `bytes`, in hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// HMAC-SHA-256 of a secret under a checkout's key, in hex: says whether it changed and nothing else.
#[must_use]
pub fn keyed(key: &[u8], secret: &[u8]) -> String {
    // HMAC takes keys of any length, so the error cannot come.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mut mac| {
            mac.update(secret);
            hex::encode(mac.finalize().into_bytes())
        })
        .unwrap_or_default()
}

/// Digest of every input of a thing, 24 hex digits: short enough for a tag, long enough to be unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Digest of `text`, which must hold every input in a form that no other inputs can have.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut digest = hex(text.as_bytes());
        digest.truncate(24);
        Self(digest)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sha_256() {
        assert_eq!(hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_keyed_digest_depends_on_key_and_secret() {
        assert_ne!(keyed(b"a", b"x"), keyed(b"b", b"x"));
        assert_ne!(keyed(b"a", b"x"), keyed(b"a", b"y"));
        assert_eq!(keyed(b"a", b"x").len(), 64);
    }
}
