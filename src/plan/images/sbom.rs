//! The packages of an image as a document of SPDX 2.3 (<https://spdx.github.io/spdx-spec/v2.3/>). The same image gives the
//! same bytes. Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::plan::images::package_list::PackageList;
use crate::plan::lock_files::{Digest, Ecosystem, LockedPackage};

/// The document's id of itself.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
/// Its id of the image.
const IMAGE: &str = "SPDXRef-Image";

/// An image whose packages are known.
#[derive(Debug, Clone, Copy)]
pub struct Described<'a> {
    /// Its repository, such as `shop/api`.
    pub name: &'a str,
    /// Its fingerprint; its id where it has none.
    pub version: &'a str,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// The code name of its Debian, where devenv has made the image.
    pub suite: Option<&'a str>,
    /// Packages of the operating system.
    pub system: &'a PackageList,
    /// Packages of the application, each with the file that pins it.
    pub application: &'a BTreeMap<LockedPackage, String>,
}

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Package>,
    relationships: Vec<Relationship>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct CreationInfo {
    created: String,
    creators: [String; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    version_info: String,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_package_purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: &'static str,
    relationship_type: &'static str,
    related_spdx_element: String,
}

/// The document of an image.
#[must_use]
pub fn document(image: Described<'_>) -> Document {
    let mut contained: Vec<Package> = image
        .system
        .packages()
        .map(|(name, version, sum)| {
            let distro = image.suite.map(|suite| format!("?distro={}", encoded(suite))).unwrap_or_default();
            let purl = format!("pkg:deb/debian/{}@{}{distro}", encoded(name), encoded(version));
            let sum = sum.map(|sum| Checksum { algorithm: "SHA256", checksum_value: sum.to_owned() });
            package((name, version), purl, sum, "installed by dpkg".to_owned())
        })
        .collect();
    contained.extend(image.application.iter().map(|(locked, file)| {
        let sum = locked.digest.as_ref().and_then(checksum);
        package((&locked.name, &locked.version), purl(locked), sum, format!("pinned by {file}"))
    }));
    for (number, package) in contained.iter_mut().enumerate() {
        package.id = format!("SPDXRef-Package-{}", number + 1);
    }
    let contains = contained.iter().map(|package| relationship(IMAGE, "CONTAINS", &package.id));
    let relationships = [relationship(DOCUMENT, "DESCRIBES", IMAGE)].into_iter().chain(contains).collect();
    let own = Package {
        id: IMAGE.to_owned(),
        name: image.name.to_owned(),
        version_info: image.version.to_owned(),
        download_location: "NOASSERTION",
        files_analyzed: false,
        primary_package_purpose: Some("CONTAINER"),
        source_info: None,
        checksums: Vec::new(),
        external_refs: Vec::new(),
    };
    let created = OffsetDateTime::from_unix_timestamp(image.created).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: format!("{}:{}", image.name, image.version),
        document_namespace: format!(
            "https://spdx.org/spdxdocs/{}-{}",
            encoded(&image.name.replace('/', "-")),
            encoded(image.version)
        ),
        creation_info: CreationInfo {
            created: created.format(&Rfc3339).unwrap_or_default(),
            creators: [format!("Tool: devenv-{}", env!("CARGO_PKG_VERSION"))],
        },
        packages: [own].into_iter().chain(contained).collect(),
        relationships,
    }
}

fn relationship(element: &'static str, kind: &'static str, related: &str) -> Relationship {
    Relationship { spdx_element_id: element, relationship_type: kind, related_spdx_element: related.to_owned() }
}

/// A package that the image contains; its id depends on its place in the document.
fn package((name, version): (&str, &str), purl: String, sum: Option<Checksum>, source: String) -> Package {
    Package {
        id: String::new(),
        name: name.to_owned(),
        version_info: version.to_owned(),
        download_location: "NOASSERTION",
        files_analyzed: false,
        primary_package_purpose: None,
        source_info: Some(source),
        checksums: sum.into_iter().collect(),
        external_refs: vec![ExternalRef {
            reference_category: "PACKAGE-MANAGER",
            reference_type: "purl",
            reference_locator: purl,
        }],
    }
}

/// A digest as SPDX has it; none where it is not one.
fn checksum(digest: &Digest) -> Option<Checksum> {
    let (algorithm, checksum_value, length) = match digest {
        Digest::Sha256(text) => ("SHA256", text.to_lowercase(), 64),
        Digest::Sha512(text) => ("SHA512", hex::encode(STANDARD.decode(text).ok()?), 128),
    };
    let is_whole = checksum_value.len() == length && checksum_value.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole.then_some(Checksum { algorithm, checksum_value })
}

/// The URL of a package (<https://github.com/package-url/purl-spec>).
fn purl(package: &LockedPackage) -> String {
    let parts = |name: &str| name.split('/').map(encoded).collect::<Vec<_>>().join("/");
    let version = encoded(&package.version);
    match package.ecosystem {
        Ecosystem::Pypi => format!("pkg:pypi/{}@{version}", encoded(&package.name.to_lowercase().replace('_', "-"))),
        Ecosystem::Npm => format!("pkg:npm/{}@{version}", parts(&package.name)),
        Ecosystem::Cargo => format!("pkg:cargo/{}@{version}", encoded(&package.name)),
        Ecosystem::Golang => format!("pkg:golang/{}@{version}", parts(&package.name.to_lowercase())),
    }
}

/// A text as a part of a URL.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(ecosystem: Ecosystem, name: &str, version: &str, digest: Option<Digest>) -> LockedPackage {
        LockedPackage { ecosystem, name: name.to_owned(), version: version.to_owned(), digest }
    }

    #[test]
    fn a_document_names_the_image_what_it_contains_and_where_each_package_comes_from() {
        let sum = "ab".repeat(32);
        let system = PackageList::of_record(&format!("libstdc++6 1:14.2-19 {sum}"));
        let package = locked(Ecosystem::Pypi, "Flask_Login", "3.0.0", None);
        let application = BTreeMap::from([(package, "api/requirements.txt".to_owned())]);
        let image = Described {
            name: "shop/api",
            version: "f00",
            created: 1_795_219_200,
            suite: Some("trixie"),
            system: &system,
            application: &application,
        };
        let text = serde_json::to_string_pretty(&document(image)).unwrap();
        let expected = r#"{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "shop/api:f00",
  "documentNamespace": "https://spdx.org/spdxdocs/shop-api-f00",
  "creationInfo": {
    "created": "2026-11-21T00:00:00Z",
    "creators": [
      "Tool: devenv-VERSION"
    ]
  },
  "packages": [
    {
      "SPDXID": "SPDXRef-Image",
      "name": "shop/api",
      "versionInfo": "f00",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "primaryPackagePurpose": "CONTAINER"
    },
    {
      "SPDXID": "SPDXRef-Package-1",
      "name": "libstdc++6",
      "versionInfo": "1:14.2-19",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "sourceInfo": "installed by dpkg",
      "checksums": [
        {
          "algorithm": "SHA256",
          "checksumValue": "SUM"
        }
      ],
      "externalRefs": [
        {
          "referenceCategory": "PACKAGE-MANAGER",
          "referenceType": "purl",
          "referenceLocator": "pkg:deb/debian/libstdc%2B%2B6@1:14.2-19?distro=trixie"
        }
      ]
    },
    {
      "SPDXID": "SPDXRef-Package-2",
      "name": "Flask_Login",
      "versionInfo": "3.0.0",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "sourceInfo": "pinned by api/requirements.txt",
      "externalRefs": [
        {
          "referenceCategory": "PACKAGE-MANAGER",
          "referenceType": "purl",
          "referenceLocator": "pkg:pypi/flask-login@3.0.0"
        }
      ]
    }
  ],
  "relationships": [
    {
      "spdxElementId": "SPDXRef-DOCUMENT",
      "relationshipType": "DESCRIBES",
      "relatedSpdxElement": "SPDXRef-Image"
    },
    {
      "spdxElementId": "SPDXRef-Image",
      "relationshipType": "CONTAINS",
      "relatedSpdxElement": "SPDXRef-Package-1"
    },
    {
      "spdxElementId": "SPDXRef-Image",
      "relationshipType": "CONTAINS",
      "relatedSpdxElement": "SPDXRef-Package-2"
    }
  ]
}"#;
        assert_eq!(text, expected.replace("SUM", &sum).replace("VERSION", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn packages_of_each_ecosystem_have_their_url_and_whole_digests_only() {
        assert_eq!(purl(&locked(Ecosystem::Npm, "@s/b", "2.0.0", None)), "pkg:npm/%40s/b@2.0.0");
        assert_eq!(purl(&locked(Ecosystem::Cargo, "serde", "1.0.0+x", None)), "pkg:cargo/serde@1.0.0%2Bx");
        let go = locked(Ecosystem::Golang, "github.com/A/b", "v1.2.3", None);
        assert_eq!(purl(&go), "pkg:golang/github.com/a/b@v1.2.3");
        let npm = Digest::Sha512(STANDARD.encode([0xab; 64]));
        assert_eq!(checksum(&npm).unwrap().checksum_value, "ab".repeat(64));
        assert_eq!(checksum(&Digest::Sha512("no".to_owned())), None);
        assert_eq!(checksum(&Digest::Sha256("ab".to_owned())), None);
    }
}
