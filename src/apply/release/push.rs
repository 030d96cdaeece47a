//! A release set becomes visible in the team's registry: every image first, the set that names them last. A push that ends
//! early leaves images that no set names, and the next one goes on from there.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::engine::images::name_and_tag;
use crate::host::random;
use crate::host::registry::credentials::RegistryLogin;
use crate::host::registry::failure::RegistryError;
use crate::host::registry::{Manifest, Registry};
use crate::names::PartName;
use crate::plan::registry::place::{RegistryPath, is_same_image};
use crate::plan::release::artefact::{self, Artefact};
use crate::plan::release::names::SETS;
use crate::plan::release::record::{self, Record};
use crate::plan::release::set::{self, Member, ReleaseSet};

/// An image that is to be in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What the engine calls it.
    pub reference: String,
    /// Its repository below the place of the registry.
    pub repository: String,
    /// Its tag there.
    pub tag: String,
}

/// As many records are looked through where those of all sets are.
const MOST_RECORDS: usize = 1000;
/// Requests that are made at once.
const AT_ONCE: usize = 8;

/// A set or record that is not what devenv writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} cannot be read: {why}")]
struct Unreadable {
    /// Its reference.
    name: String,
    /// What is wrong with it.
    why: String,
}

/// What became of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It was pushed.
    Pushed,
    /// The registry had it.
    WasThere,
}

/// What becomes of another set of the same commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// It stays.
    Kept,
    /// It loses its tag; names that it has stay with it.
    Replaced,
}

/// What became of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It was pushed.
    Pushed,
    /// It was pushed in place of one whose images are gone.
    Completed(Vec<PartName>),
    /// The registry had it.
    WasThere,
}

/// A commit that has a set of other images already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the registry has another release set of {commit}, with other images of {}", .differ.join(", "))]
struct OtherSet {
    /// The commit.
    commit: String,
    /// Parts whose images differ.
    differ: Vec<String>,
}

impl From<OtherSet> for Error {
    fn from(error: OtherSet) -> Self {
        Self::new(Kind::Failed, error).hint(
            "`devenv release show` shows that set; `devenv push --replace` replaces it with this one, and records of the old set do not count for the new \
             one",
        )
    }
}

/// Where sets are.
pub struct Sets {
    /// The place.
    pub place: RegistryPath,
    /// Its text.
    pub text: String,
    /// The client.
    pub registry: Registry,
    /// Who asks.
    pub login: Option<RegistryLogin>,
}

impl Sets {
    /// Pushes images that are not there, and returns the digest of each. Events are reported as they come.
    pub async fn images(
        &self,
        engine: &Engine,
        wanted: &BTreeMap<PartName, Wanted>,
        tell: impl Fn(&PartName, Sent),
    ) -> Result<BTreeMap<PartName, Member>> {
        let asked = wanted.iter().map(async |(name, image)| {
            let digest = self.registry.digest(&image.repository, &image.tag).await?;
            Ok::<_, Error>((name, image, digest))
        });
        let mut members = BTreeMap::new();
        for (name, image, digest) in together(asked).await? {
            let (digest, sent) = match digest {
                Some(digest) => (digest, Sent::WasThere),
                None => (self.push(engine, image).await?, Sent::Pushed),
            };
            tell(name, sent);
            let (repository, tag) = (self.place.repository(&image.repository), image.tag.clone());
            members.insert(name.clone(), Member { repository, tag, digest });
        }
        Ok(members)
    }

    async fn push(&self, engine: &Engine, image: &Wanted) -> Result<String> {
        let shared = format!("{}/{}", self.text.trim_end_matches('/'), image.repository);
        let reference = format!("{shared}:{}", image.tag);
        // The engine keeps the image under the name that it has here, which may be the same.
        if is_same_image(&reference, &image.reference) {
            engine.push(&shared, &image.tag, self.login.as_ref()).await?;
        } else {
            engine.tag(&image.reference, &shared, &image.tag).await?;
            let pushed = engine.push(&shared, &image.tag, self.login.as_ref()).await;
            let removed = engine.remove_image(&reference).await;
            pushed?;
            if let Err(error) = removed {
                self.registry.tell(&format!("{reference} stays in the engine: {error}"));
            }
        }
        self.registry.digest(&image.repository, &image.tag).await?.ok_or_else(|| {
            Error::message(
                Kind::Failed,
                format!("{shared}:{} was pushed, and the registry does not have it", image.tag),
            )
        })
    }

    /// Digests of images, by their references below this place; those that are not there are left out.
    pub async fn digests(&self, references: &[String]) -> Result<BTreeMap<String, String>> {
        let asked = references.iter().map(async |reference| {
            let below = reference.strip_prefix(&self.text).unwrap_or(reference).trim_start_matches('/');
            let (name, tag) = name_and_tag(below);
            Ok::<_, Error>(self.registry.digest(name, tag).await?.map(|digest| (reference.clone(), digest)))
        });
        Ok(together(asked).await?.into_iter().flatten().collect())
    }

    /// Puts the set under its commit, when all that it names is there. Another set of this commit stays, and that is an error,
    /// unless some of its images are gone.
    pub async fn publish(&self, set: &ReleaseSet, other: Other) -> Result<Published> {
        let artefact = set.artefact();
        if self.registry.digest(SETS, &set.commit).await?.as_ref() == Some(&artefact.digest) {
            return Ok(Published::WasThere);
        }
        let mut gone = Vec::new();
        if other == Other::Kept
            && let Some((found, _)) = self.set(&set.commit).await?
        {
            let differ: Vec<String> = set.other_images(&found).iter().map(ToString::to_string).collect();
            if differ.is_empty() {
                return Ok(Published::WasThere);
            }
            gone = self.missing(&found).await?;
            if gone.is_empty() {
                return Err(OtherSet { commit: set.commit.clone(), differ }.into());
            }
        }
        self.put(&set.commit, artefact).await?;
        Ok(if gone.is_empty() { Published::Pushed } else { Published::Completed(gone) })
    }

    async fn put(&self, tag: &str, artefact: Artefact) -> Result<()> {
        for (digest, bytes) in &artefact.blobs {
            self.registry.put_blob(SETS, digest, bytes).await?;
        }
        let manifest =
            Manifest { kind: artefact::MANIFEST.to_owned(), bytes: artefact.manifest, digest: artefact.digest };
        self.registry.put_manifest(SETS, tag, &manifest).await
    }

    /// Keeps a record, under a name of its own.
    pub async fn keep(&self, record: &Record) -> Result<()> {
        let content = serde_json::to_vec(record).unwrap_or_default();
        self.put(&record.tag(&random::text(3)?), Artefact::new(record::TYPE, content)).await
    }

    /// All records of a set, the oldest first. One that cannot be read is reported and left out.
    pub async fn records(&self, set: &str) -> Result<Vec<Record>> {
        let prefix = record::prefix(set);
        let mut tags = self.registry.tags(SETS).await?;
        tags.retain(|tag| tag.starts_with(&prefix));
        tags.sort();
        let read = together(tags.iter().map(async |tag| self.readable(tag, self.record(tag).await))).await?;
        Ok(read.into_iter().flatten().filter(|record| record.set == set).collect())
    }

    /// The newest records of all sets, the oldest first.
    pub async fn all_records(&self) -> Result<Vec<Record>> {
        let mut tags = self.registry.tags(SETS).await?;
        tags.retain(|tag| tag.starts_with(record::PREFIX));
        tags.sort_by_key(|tag| record::time_of(tag));
        let tags = tags.split_off(tags.len().saturating_sub(MOST_RECORDS));
        let read = together(tags.iter().map(async |tag| self.readable(tag, self.record(tag).await))).await?;
        Ok(read.into_iter().flatten().collect())
    }

    async fn record(&self, tag: &str) -> Result<Option<Record>> {
        let Some((content, _)) = self.content(tag, record::TYPE).await? else { return Ok(None) };
        serde_json::from_slice(&content).map(Some).map_err(|error| self.unreadable(tag, &error))
    }

    fn unreadable(&self, tag: &str, why: &dyn std::fmt::Display) -> Error {
        let error = Unreadable { name: format!("{}/{SETS}:{tag}", self.text), why: why.to_string() };
        Error::new(Kind::Failed, error).hint("a newer devenv may have written it")
    }

    /// One of many: where it alone cannot be read, that is reported, and the others count.
    fn readable<T>(&self, tag: &str, read: Result<Option<T>>) -> Result<Option<T>> {
        let is_alone = |error: &Error| {
            error.source.downcast_ref::<RegistryError>().is_some_and(RegistryError::is_of_one_object)
                || error.source.is::<Unreadable>()
        };
        match read {
            Err(error) if is_alone(&error) => {
                self.registry.tell(&format!("skipped `{tag}`: {error}"));
                Ok(None)
            }
            read => read,
        }
    }

    /// The text of an artefact of this media type, and the digest of its manifest; none where the tag stands for nothing, or
    /// for something else.
    async fn content(&self, tag: &str, kind: &str) -> Result<Option<(Vec<u8>, String)>> {
        let Some(manifest) = self.registry.manifest(SETS, tag).await? else { return Ok(None) };
        let Some((digest, _)) = artefact::content(kind, &manifest.bytes) else { return Ok(None) };
        Ok(self.registry.blob(SETS, &digest).await?.map(|bytes| (bytes, manifest.digest)))
    }

    /// The set that a tag stands for, with the digest of its manifest; none where there is none.
    pub async fn set(&self, tag: &str) -> Result<Option<(ReleaseSet, String)>> {
        let Some((content, digest)) = self.content(tag, set::TYPE).await? else { return Ok(None) };
        let set = ReleaseSet::parse(&content).map_err(|error| self.unreadable(tag, &error))?;
        Ok(Some((set, digest)))
    }

    /// All sets, by tag, with the digest of each; tags that stand for something else are left out, and those that
    /// cannot be read are reported.
    pub async fn all(&self) -> Result<Vec<(String, ReleaseSet, String)>> {
        let mut tags = self.registry.tags(SETS).await?;
        tags.retain(|tag| !tag.starts_with(record::PREFIX));
        let read = together(tags.iter().map(async |tag| self.readable(tag, self.set(tag).await))).await?;
        let read =
            tags.iter().zip(read).filter_map(|(tag, found)| found.map(|(set, digest)| (tag.clone(), set, digest)));
        let mut all: Vec<_> = read.collect();
        all.sort_by(|one, other| (other.1.time, &one.0).cmp(&(one.1.time, &other.0)));
        Ok(all)
    }

    /// The images of a set that the registry does not have any more.
    pub async fn missing(&self, set: &ReleaseSet) -> Result<Vec<PartName>> {
        let asked = set.images.iter().map(async |(name, member)| {
            let there = self.registry.digest(member.name(), &member.digest).await?;
            Ok::<_, Error>(there.is_none().then(|| name.clone()))
        });
        Ok(together(asked).await?.into_iter().flatten().collect())
    }
}

/// The results of all, in their order, a few at once.
pub(super) async fn together<T>(all: impl Iterator<Item = impl Future<Output = Result<T>>>) -> Result<Vec<T>> {
    stream::iter(all).buffered(AT_ONCE).try_collect().await
}

#[cfg(test)]
#[path = "push_tests.rs"]
mod tests;
