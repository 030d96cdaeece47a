//! JSON as an artefact of the OCI image specification: a manifest with one layer, which is the text.

use serde_json::{Value, json};

use crate::digest;

/// The media type of its manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The configuration that an artefact does not have.
const EMPTY: &[u8] = b"{}";
/// Its media type.
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// A text in the words of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// What its manifest refers to, each under its digest.
    pub blobs: Vec<(String, Vec<u8>)>,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The digest of that.
    pub digest: String,
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", digest::hex(bytes))
}

impl Artefact {
    /// A text of a media type; the same text gives the same bytes.
    #[must_use]
    pub fn new(kind: &str, content: Vec<u8>) -> Self {
        let descriptor =
            |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": digest_of(bytes), "size": bytes.len()});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": kind,
            "config": descriptor(EMPTY_TYPE, EMPTY),
            "layers": [descriptor(kind, &content)],
        });
        let manifest = manifest.to_string().into_bytes();
        let blobs = vec![(digest_of(EMPTY), EMPTY.to_vec()), (digest_of(&content), content)];
        Self { blobs, digest: digest_of(&manifest), manifest }
    }
}

/// Digest and size of the text that a manifest names; none where it is not of an artefact of this media type.
#[must_use]
pub fn content(kind: &str, manifest: &[u8]) -> Option<(String, u64)> {
    let manifest: Value = serde_json::from_slice(manifest).ok()?;
    let layer = manifest.get("layers")?.as_array()?.first()?;
    if layer.get("mediaType")?.as_str()? != kind {
        return None;
    }
    Some((layer.get("digest")?.as_str()?.to_owned(), layer.get("size")?.as_u64()?))
}
