//! A release set becomes visible in the team's registry: every image first, the set that names them last. A push that ends
//! early leaves images that no set names, and the next one goes on from there.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::apply::release::trust::Trust;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::engine::images::name_and_tag;
use crate::host::registry::credentials::RegistryLogin;
use crate::host::registry::failure::RegistryError;
use crate::host::registry::{Manifest, Registry};
use crate::names::PartName;
use crate::plan::registry::place::{RegistryPath, is_same_image};
use crate::plan::release::artefact::{self, Artefact};
use crate::plan::release::manifest;
use crate::plan::release::names::SETS;
use crate::plan::release::record;
use crate::plan::release::set::{self, Member, ReleaseSet};
use crate::plan::release::signature;

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
    /// Whose signatures count.
    pub trust: Trust,
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
                Some(digest) if self.is_ours(engine, image, &digest).await? => (digest, Sent::WasThere),
                _ => (self.push(engine, image).await?, Sent::Pushed),
            };
            tell(name, sent);
            let (repository, tag) = (self.place.repository(&image.repository), image.tag.clone());
            members.insert(name.clone(), Member { repository, tag, digest });
        }
        Ok(members)
    }

    /// Whether what the registry has is what is here. Without signers, its tag says enough; with them, a set that is signed
    /// must not name what anybody has pushed under that tag.
    async fn is_ours(&self, engine: &Engine, image: &Wanted, digest: &str) -> Result<bool> {
        if !self.trust.signers.are_asked() {
            return Ok(true);
        }
        let there = self.registry.manifest(&image.repository, digest).await?;
        let config = there.and_then(|manifest| manifest::configuration(&manifest.bytes));
        let id = engine.image_id(&image.reference).await?;
        // An engine that keeps manifests calls the image by that digest.
        Ok(id.is_some() && (id == config || id.as_deref() == Some(digest)))
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
    /// unless some of its images are gone. It is signed before it is there, where a key is at hand.
    pub async fn publish(&self, set: &ReleaseSet, other: Other) -> Result<Published> {
        let artefact = set.artefact();
        if self.registry.digest(SETS, &set.commit).await?.as_ref() == Some(&artefact.digest) {
            self.sign(&artefact.digest).await?;
            return Ok(Published::WasThere);
        }
        let mut gone = Vec::new();
        if other == Other::Kept
            && let Some((found, digest)) = self.set(&set.commit).await?
        {
            let differ: Vec<String> = set.other_images(&found).iter().map(ToString::to_string).collect();
            if differ.is_empty() {
                self.sign(&digest).await?;
                return Ok(Published::WasThere);
            }
            gone = self.missing(&found).await?;
            if gone.is_empty() {
                return Err(OtherSet { commit: set.commit.clone(), differ }.into());
            }
        }
        self.sign(&artefact.digest).await?;
        self.put(&set.commit, artefact).await?;
        Ok(if gone.is_empty() { Published::Pushed } else { Published::Completed(gone) })
    }

    pub(super) async fn put(&self, tag: &str, artefact: Artefact) -> Result<()> {
        for (digest, bytes) in &artefact.blobs {
            self.registry.put_blob(SETS, digest, bytes).await?;
        }
        let manifest =
            Manifest { kind: artefact::MANIFEST.to_owned(), bytes: artefact.manifest, digest: artefact.digest };
        self.registry.put_manifest(SETS, tag, &manifest).await
    }

    pub(super) fn unreadable(&self, tag: &str, why: &dyn std::fmt::Display) -> Error {
        let error = Unreadable { name: format!("{}/{SETS}:{tag}", self.text), why: why.to_string() };
        Error::new(Kind::Failed, error).hint("a newer devenv may have written it")
    }

    /// One of many: where it alone cannot be read, that is reported, and the others count.
    pub(super) fn readable<T>(&self, tag: &str, read: Result<Option<T>>) -> Result<Option<T>> {
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
    pub(super) async fn content(&self, tag: &str, kind: &str) -> Result<Option<(Vec<u8>, String)>> {
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
        tags.retain(|tag| !tag.starts_with(record::PREFIX) && !signature::is_of_signatures(tag));
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
