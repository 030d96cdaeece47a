//! The client of a registry: the calls of the distribution API that releases need. A request that fails for a moment is made
//! again, and every answer that has a digest is compared with it.

pub mod credentials;
mod exchange;
pub mod failure;
mod wire;

use std::collections::BTreeSet;

use tempfile::NamedTempFile;

use crate::digest;
use crate::error::{Error, Kind, Result};
use crate::host::registry::credentials::RegistryLogin;
use crate::host::registry::exchange::Exchange;
pub use crate::host::registry::exchange::Tell;
use crate::host::registry::failure::RegistryError;
use crate::host::registry::wire::{Answer, Request};
use crate::plan::registry::origin::location;
use crate::plan::registry::place::RegistryPath;
use crate::plan::registry::retry::Patience;
use crate::plan::registry::tag::is_tag;

/// The media types of manifests that we can read.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                         application/vnd.docker.distribution.manifest.v2+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json";

/// A registry.
pub struct Registry {
    place: RegistryPath,
    exchange: Exchange,
}

/// A manifest, in the very bytes that the registry has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its media type.
    pub kind: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: String,
}

impl Registry {
    /// The registry of a place; nothing is asked yet.
    #[must_use]
    pub fn new(place: RegistryPath, login: Option<RegistryLogin>) -> Self {
        Self::patient(place, login, Patience::default())
    }

    /// The same, waited for as long as is said.
    #[must_use]
    pub fn patient(place: RegistryPath, login: Option<RegistryLogin>, patience: Patience) -> Self {
        let exchange = Exchange::new(&place, login, patience);
        Self { place, exchange }
    }

    /// The same registry, with a listener for lines about what happens.
    #[must_use]
    pub fn telling(mut self, tell: Tell) -> Self {
        self.exchange.tell = tell;
        self
    }

    /// Tells a line about what happens.
    pub fn tell(&self, text: &str) {
        (self.exchange.tell)(text);
    }

    async fn make(&self, repository: &str, request: Request) -> Result<Answer> {
        self.exchange.make(&self.place.repository(repository), request).await
    }

    fn url(&self, repository: &str, rest: &str) -> String {
        format!("{}{}/{rest}", self.place.api(), self.place.repository(repository))
    }

    /// The digest of what a tag or a digest stands for; none where there is no such manifest.
    pub async fn digest(&self, repository: &str, reference: &str) -> Result<Option<String>> {
        let url = self.url(repository, &format!("manifests/{reference}"));
        let answer = self.make(repository, Request::new("HEAD", url).header("Accept", MANIFESTS)).await?;
        match answer.status {
            200 => match answer.header("docker-content-digest") {
                Some(digest) => Ok(Some(digest)),
                // Not every registry says it; the manifest itself always does.
                None => Ok(self.manifest(repository, reference).await?.map(|manifest| manifest.digest)),
            },
            404 => Ok(None),
            _ => Err(self.refused(repository, &answer)),
        }
    }

    /// A manifest by tag or digest; none where there is none.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Option<Manifest>> {
        let url = self.url(repository, &format!("manifests/{reference}"));
        let answer = self.make(repository, Request::new("GET", url).header("Accept", MANIFESTS)).await?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(self.refused(repository, &answer)),
        }
        let digest = format!("sha256:{}", digest::hex(&answer.body));
        let claimed = answer.header("docker-content-digest");
        let wanted = reference.starts_with("sha256:").then(|| reference.to_owned());
        if claimed.into_iter().chain(wanted).any(|other| other != digest) {
            return Err(self.other_bytes(repository, reference));
        }
        let kind = answer.header("content-type").unwrap_or_default();
        Ok(Some(Manifest { kind, bytes: answer.body, digest }))
    }

    /// Puts a manifest under a tag, and returns when the registry has that very manifest there.
    pub async fn put_manifest(&self, repository: &str, tag: &str, manifest: &Manifest) -> Result<()> {
        let url = self.url(repository, &format!("manifests/{tag}"));
        let request = Request::new("PUT", url).header("Content-Type", &manifest.kind).body(manifest.bytes.clone());
        let answer = self.make(repository, request).await?;
        if answer.status != 201 {
            return Err(self.refused(repository, &answer));
        }
        if self.digest(repository, tag).await?.as_ref() == Some(&manifest.digest) {
            return Ok(());
        }
        Err(self.other_bytes(repository, tag))
    }

    /// A small blob by its digest; none where there is none.
    pub async fn blob(&self, repository: &str, digest: &str) -> Result<Option<Vec<u8>>> {
        let answer =
            self.make(repository, Request::new("GET", self.url(repository, &format!("blobs/{digest}")))).await?;
        match answer.status {
            200 if digest == format!("sha256:{}", digest::hex(&answer.body)) => Ok(Some(answer.body)),
            200 => Err(self.other_bytes(repository, digest)),
            404 => Ok(None),
            _ => Err(self.refused(repository, &answer)),
        }
    }

    /// Puts a small blob, unless it is there.
    pub async fn put_blob(&self, repository: &str, digest: &str, bytes: &[u8]) -> Result<()> {
        if self.has_blob(repository, digest).await? {
            return Ok(());
        }
        self.upload(repository, digest, |request| request.body(bytes.to_vec())).await
    }

    /// Brings a blob of any size from another registry, unless it is there.
    pub async fn bring_blob(&self, repository: &str, digest: &str, from: &Self) -> Result<()> {
        if self.has_blob(repository, digest).await? {
            return Ok(());
        }
        let kept = NamedTempFile::new()
            .map_err(|error| Error::message(Kind::Failed, format!("cannot keep {digest} for a moment: {error}")))?;
        let url = from.url(repository, &format!("blobs/{digest}"));
        let answer = from.make(repository, Request::new("GET", url).into(kept.path())).await?;
        if answer.status != 200 {
            return Err(from.refused(repository, &answer));
        }
        // It is compared with its digest by the registry that gets it.
        self.upload(repository, digest, |request| request.file(kept.path())).await
    }

    async fn has_blob(&self, repository: &str, digest: &str) -> Result<bool> {
        let asked = Request::new("HEAD", self.url(repository, &format!("blobs/{digest}")));
        Ok(self.make(repository, asked).await?.status == 200)
    }

    async fn upload(&self, repository: &str, digest: &str, with: impl FnOnce(Request) -> Request) -> Result<()> {
        let asked = self.url(repository, "blobs/uploads/");
        let begun = self.make(repository, Request::new("POST", asked.clone())).await?;
        let to = begun.header("location").and_then(|answered| location(&asked, &answered));
        let (202, Some(to)) = (begun.status, to) else { return Err(self.refused(repository, &begun)) };
        let sign = if to.contains('?') { '&' } else { '?' };
        let request = Request::new("PUT", format!("{to}{sign}digest={digest}"));
        let request = request.header("Content-Type", "application/octet-stream");
        let answer = self.make(repository, with(request)).await?;
        if answer.status == 201 { Ok(()) } else { Err(self.refused(repository, &answer)) }
    }

    /// All tags of a repository; none where there is no such repository. Texts that are not tags are left out.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>> {
        let asked = self.url(repository, "tags/list");
        let mut seen = BTreeSet::from([asked.clone()]);
        let mut next = asked.clone();
        let (mut all, mut bytes) = (Vec::new(), 0);
        let endless = |why: String| -> Error { RegistryError::Tags { name: self.name(repository), why }.into() };
        loop {
            let answer = self.make(repository, Request::new("GET", next)).await?;
            match answer.status {
                200 => {}
                404 => return Ok(Vec::new()),
                _ => return Err(self.refused(repository, &answer)),
            }
            bytes += answer.body.len();
            let list: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let tags: Vec<&str> = list
                .get("tags")
                .and_then(serde_json::Value::as_array)
                .map(|tags| tags.iter().filter_map(serde_json::Value::as_str).collect())
                .unwrap_or_default();
            all.extend(tags.iter().filter(|tag| is_tag(tag)).map(|tag| (*tag).to_owned()));
            let Some(link) = answer.header("link").filter(|link| link.contains("rel=\"next\"")) else { return Ok(all) };
            let to = link.split_once('<').and_then(|(_, rest)| Some(rest.split_once('>')?.0));
            next = to
                .and_then(|to| location(&asked, to))
                .ok_or_else(|| endless("the link to the next page leads away from the registry".to_owned()))?;
            if tags.is_empty() {
                return Err(endless(format!("page {} is empty but links to another page", seen.len())));
            }
            if bytes > MOST_TAG_BYTES || seen.len() >= MOST_PAGES {
                return Err(endless(format!(
                    "there are more than {MOST_PAGES} pages or {MOST_TAG_BYTES} bytes of them"
                )));
            }
            if !seen.insert(next.clone()) {
                return Err(endless(format!("page {} links to a page that was read before", seen.len())));
            }
        }
    }

    fn name(&self, repository: &str) -> String {
        format!("{}/{}", self.place.host, self.place.repository(repository))
    }

    fn refused(&self, repository: &str, answer: &Answer) -> Error {
        let name = self.name(repository);
        let error = match answer.status {
            401 | 403 => RegistryError::Denied { host: self.place.host.clone(), name },
            404 => RegistryError::NoRepository { name },
            status => {
                let said = answer.said().map(|said| format!(": {said}")).unwrap_or_default();
                RegistryError::Refused { name, status, said }
            }
        };
        error.into()
    }

    fn other_bytes(&self, repository: &str, reference: &str) -> Error {
        RegistryError::OtherContent { name: self.name(repository), reference: reference.to_owned() }.into()
    }
}

/// Pages of tags that are read at most.
const MOST_PAGES: usize = 1000;
/// Bytes of all pages of tags that are read at most.
const MOST_TAG_BYTES: usize = 32 << 20;

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
