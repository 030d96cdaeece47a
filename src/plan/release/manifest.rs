//! What a manifest names: the blobs of an image, or the images of an index.

use serde_json::Value;

/// What a manifest names, by digest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Configuration and layers.
    pub blobs: Vec<String>,
    /// Manifests of an index, one for each platform.
    pub manifests: Vec<String>,
}

/// Reads a manifest; one that cannot be read names nothing, and a registry refuses it.
#[must_use]
pub fn named(manifest: &[u8]) -> Named {
    let manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let digest = |one: &Value| one.get("digest").and_then(Value::as_str).map(str::to_owned);
    let all = |key: &str| manifest.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(digest);
    let mut blobs: Vec<String> = manifest.get("config").and_then(digest).into_iter().chain(all("layers")).collect();
    blobs.sort();
    blobs.dedup();
    Named { blobs, manifests: all("manifests").collect() }
}

/// The digest of the configuration of an image; none where a manifest is not that of an image.
#[must_use]
pub fn configuration(manifest: &[u8]) -> Option<String> {
    let manifest: Value = serde_json::from_slice(manifest).ok()?;
    Some(manifest.get("config")?.get("digest")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_names_each_blob_once_and_an_index_its_images() {
        let image =
            br#"{"config": {"digest": "sha256:c"}, "layers": [{"digest": "sha256:a"}, {"digest": "sha256:a"}]}"#;
        assert_eq!(
            named(image),
            Named { blobs: ["sha256:a", "sha256:c"].map(str::to_owned).into(), manifests: vec![] }
        );
        assert_eq!(configuration(image).as_deref(), Some("sha256:c"));
        let index = br#"{"manifests": [{"digest": "sha256:m"}]}"#;
        assert_eq!(named(index), Named { blobs: vec![], manifests: vec!["sha256:m".to_owned()] });
        assert_eq!((named(b"no"), configuration(index)), (Named::default(), None));
    }
}
