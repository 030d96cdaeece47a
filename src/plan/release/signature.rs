//! Signatures in the form of cosign's simple signing: a payload that names the digest of a manifest, and the signature of that
//! payload as an annotation of its layer. All signatures of a digest are one artefact beside it, under a tag of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::{Value, json};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::digest;
use crate::plan::release::artefact::{Artefact, MANIFEST};

/// The media type of a payload.
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The media type of the configuration that such an artefact has.
const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";
/// The annotation with the signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// What a payload says that it is.
const KIND: &str = "cosign container image signature";
/// The curve P-256, as an object identifier.
const P256: &str = "1.2.840.10045.3.1.7";
/// The algorithm of keys on curves.
const ECDSA: &str = "1.2.840.10045.2.1";
/// Signatures of one digest that are looked at.
const MOST: usize = 32;
/// The largest payload that is read.
const MOST_BYTES: u64 = 64 << 10;

/// Why a text is not a public key that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It holds no key.
    #[error("it is not a public key in PEM: `-----BEGIN PUBLIC KEY-----` is missing")]
    NotPem,
    /// It is something else.
    #[error("it is a {}, not a public key", .0.to_lowercase())]
    Other(String),
    /// It is a key of another kind.
    #[error("it is a key of another kind: signatures are ECDSA on the curve P-256")]
    Kind,
    /// It cannot be read.
    #[error("it is damaged")]
    Damaged,
}

/// A public key: a point on the curve P-256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// The key that is this point, uncompressed.
    #[must_use]
    pub fn of_point(point: &[u8]) -> Self {
        Self(point.to_vec())
    }

    /// Reads a key in PEM.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let block = Pem::iter_from_buffer(text.as_bytes()).next().ok_or(KeyError::NotPem)?;
        let block =
            block.map_err(|_| if text.contains("-----BEGIN ") { KeyError::Damaged } else { KeyError::NotPem })?;
        if block.label != "PUBLIC KEY" {
            return Err(KeyError::Other(block.label));
        }
        let (_, info) = SubjectPublicKeyInfo::from_der(&block.contents).map_err(|_| KeyError::Damaged)?;
        let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
        if info.algorithm.algorithm.to_id_string() != ECDSA
            || curve.map(|curve| curve.to_id_string()).as_deref() != Some(P256)
        {
            return Err(KeyError::Kind);
        }
        let point = info.subject_public_key.data.as_ref();
        if point.len() == 65 && point.first() == Some(&4) { Ok(Self::of_point(point)) } else { Err(KeyError::Damaged) }
    }

    /// Whether the key has signed this text.
    #[must_use]
    pub fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0).verify(text, signature).is_ok()
    }
}

/// A signature of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Digest of its payload.
    pub payload: String,
    /// Its bytes; empty where they cannot be read.
    pub bytes: Vec<u8>,
}

/// The tag of the signatures of a digest.
#[must_use]
pub fn tag(digest: &str) -> String {
    format!("{}.sig", digest.replacen(':', "-", 1))
}

/// Whether signatures have this tag.
#[must_use]
pub fn is_of_signatures(tag: &str) -> bool {
    tag.starts_with("sha256-") && tag.ends_with(".sig")
}

/// What is signed: that a manifest in `repository` has this digest.
#[must_use]
pub fn payload(repository: &str, digest: &str) -> Vec<u8> {
    let critical = json!({
        "identity": {"docker-reference": repository},
        "image": {"docker-manifest-digest": digest},
        "type": KIND,
    });
    json!({"critical": critical, "optional": null}).to_string().into_bytes()
}

/// Whether a payload says of this digest that it was signed.
#[must_use]
pub fn speaks_of(payload: &[u8], digest: &str) -> bool {
    let payload: Value = serde_json::from_slice(payload).unwrap_or_default();
    let text = |path: &str| payload.pointer(path).and_then(Value::as_str);
    text("/critical/type") == Some(KIND) && text("/critical/image/docker-manifest-digest") == Some(digest)
}

/// The signatures that a manifest names.
#[must_use]
pub fn signatures(manifest: &[u8]) -> Vec<Signature> {
    let read = |layer: &Value| {
        let is_small = layer.get("size")?.as_u64()? <= MOST_BYTES;
        let is_payload = layer.get("mediaType")?.as_str()? == PAYLOAD;
        let text = layer.get("annotations")?.get(SIGNATURE)?.as_str()?;
        let (payload, bytes) = (layer.get("digest")?.as_str()?.to_owned(), BASE64.decode(text).unwrap_or_default());
        (is_small && is_payload).then_some(Signature { payload, bytes })
    };
    layers(manifest).iter().filter_map(read).take(MOST).collect()
}

fn layers(manifest: &[u8]) -> Vec<Value> {
    let mut manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let layers = manifest.get_mut("layers").and_then(Value::as_array_mut);
    layers.map(std::mem::take).unwrap_or_default()
}

/// The artefact of a signature, beside those that `earlier` names.
#[must_use]
pub fn artefact(earlier: &[u8], payload: Vec<u8>, signature: &[u8]) -> Artefact {
    let digest_of = |bytes: &[u8]| format!("sha256:{}", digest::hex(bytes));
    let mut layers = layers(earlier);
    layers.push(json!({
        "mediaType": PAYLOAD,
        "size": payload.len(),
        "digest": digest_of(&payload),
        "annotations": {SIGNATURE: BASE64.encode(signature)},
    }));
    let all: Vec<&Value> = layers.iter().filter_map(|layer| layer.get("digest")).collect();
    let configuration = json!({
        "architecture": "",
        "created": "0001-01-01T00:00:00Z",
        "os": "",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": all},
    });
    let configuration = configuration.to_string().into_bytes();
    let config = json!({
        "mediaType": CONFIGURATION,
        "size": configuration.len(),
        "digest": digest_of(&configuration),
    });
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
    let manifest = manifest.to_string().into_bytes();
    let blobs = vec![(digest_of(&configuration), configuration), (digest_of(&payload), payload)];
    Artefact { blobs, digest: digest_of(&manifest), manifest }
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, SigningKey};

    use super::*;

    #[test]
    fn a_key_has_signed_what_it_signed_and_nothing_else() {
        let (pair, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let key = PublicKey::parse(&pair.public_key_pem()).unwrap();
        assert_eq!(key, PublicKey::of_point(pair.public_key_raw()));
        let payload = payload("registry.example.com/shop/release", "sha256:f00");
        let signature = pair.sign(&payload).unwrap();
        assert!(key.has_signed(&payload, &signature));
        assert!(!PublicKey::of_point(other.public_key_raw()).has_signed(&payload, &signature));
        assert!(!key.has_signed(&payload[1..], &signature) && !key.has_signed(&payload, &signature[1..]));
        assert!(speaks_of(&payload, "sha256:f00") && !speaks_of(&payload, "sha256:bad") && !speaks_of(b"{", ""));
    }

    #[test]
    fn a_text_that_is_not_such_a_key_says_what_it_is() {
        let said = |text: &str| PublicKey::parse(text).unwrap_err().to_string();
        assert_eq!(said("ssh-rsa AAAA"), "it is not a public key in PEM: `-----BEGIN PUBLIC KEY-----` is missing");
        assert_eq!(said("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n"), "it is damaged");
        assert_eq!(said("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "it is damaged");
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let kind = "it is a key of another kind: signatures are ECDSA on the curve P-256";
        assert_eq!(said(&pair.public_key_pem()), kind);
        assert_eq!(said(&pair.serialize_pem()), "it is a private key, not a public key");
    }

    #[test]
    fn signatures_of_several_keys_stand_beside_each_other() {
        let payload = payload("shop/release", "sha256:f00");
        let first = artefact(b"", payload.clone(), b"one");
        let both = artefact(&first.manifest, payload.clone(), b"two");
        let all = signatures(&both.manifest);
        assert_eq!(all.iter().map(|one| one.bytes.as_slice()).collect::<Vec<_>>(), [b"one", b"two"]);
        assert!(both.blobs.iter().any(|(digest, bytes)| *digest == all[0].payload && *bytes == payload));
        let manifest = String::from_utf8(first.manifest).unwrap();
        assert!(manifest.contains(r#""annotations":{"dev.cosignproject.cosign/signature":"b25l"}"#), "{manifest}");
        assert_eq!(signatures(b"[]"), []);
        assert_eq!((tag("sha256:f00").as_str(), is_of_signatures("prod")), ("sha256-f00.sig", false));
        assert!(is_of_signatures(&tag("sha256:f00")));
    }
}
