//! A release set comes to another registry: the very bytes of its images, of what is recorded of it, and of its manifest. Every
//! blob first, then manifests by digest, then tags; the set is not visible there before all of that is.

use crate::apply::release::push::{Sets, together};
use crate::error::{Error, Kind, Result};
use crate::host::registry::Manifest;
use crate::plan::release::manifest;
use crate::plan::release::names::SETS;
use crate::plan::release::record;
use crate::plan::release::set::ReleaseSet;
use crate::plan::release::signature;

impl Sets {
    /// Brings the images of a set, its records and its manifest here from another registry. Its tags are those that it has
    /// there, where nothing has them here.
    pub(super) async fn bring(&self, set: &ReleaseSet, own: &Manifest, from: &Self) -> Result<()> {
        for member in set.images.values() {
            let image = from.manifest_of(member.name(), &member.digest).await?;
            self.bring_manifest(member.name(), &image, from).await?;
            self.tag(member.name(), &member.tag, &image).await?;
        }
        let prefix = record::prefix(&own.digest);
        let records = from.registry.tags(SETS).await?.into_iter().filter(|tag| tag.starts_with(&prefix));
        for tag in records {
            let kept = from.manifest_of(SETS, &tag).await?;
            self.bring_manifest(SETS, &kept, from).await?;
            self.bring_signatures(&kept.digest, from).await?;
            self.tag(SETS, &tag, &kept).await?;
        }
        self.bring_manifest(SETS, own, from).await?;
        self.bring_signatures(&own.digest, from).await?;
        self.tag(SETS, &set.commit, own).await
    }

    /// A manifest with all that it names; it has no tag yet.
    async fn bring_manifest(&self, repository: &str, manifest: &Manifest, from: &Self) -> Result<()> {
        if self.registry.digest(repository, &manifest.digest).await?.is_some() {
            return Ok(());
        }
        let named = manifest::named(&manifest.bytes);
        for digest in &named.manifests {
            let image = from.manifest_of(repository, digest).await?;
            Box::pin(self.bring_manifest(repository, &image, from)).await?;
        }
        let blobs = named.blobs.iter();
        together(blobs.map(async |digest| self.registry.bring_blob(repository, digest, &from.registry).await)).await?;
        self.registry.put_manifest(repository, &manifest.digest, manifest).await
    }

    /// The signatures of a digest, where there are any.
    async fn bring_signatures(&self, digest: &str, from: &Self) -> Result<()> {
        let tag = signature::tag(digest);
        let Some(signatures) = from.registry.manifest(SETS, &tag).await? else { return Ok(()) };
        self.bring_manifest(SETS, &signatures, from).await?;
        self.tag(SETS, &tag, &signatures).await
    }

    async fn tag(&self, repository: &str, tag: &str, manifest: &Manifest) -> Result<()> {
        match self.registry.digest(repository, tag).await? {
            Some(_) => Ok(()),
            None => self.registry.put_manifest(repository, tag, manifest).await,
        }
    }

    async fn manifest_of(&self, repository: &str, reference: &str) -> Result<Manifest> {
        self.registry.manifest(repository, reference).await?.ok_or_else(|| {
            let message = format!("{}/{repository} does not have {reference} any more", self.text);
            Error::message(Kind::Failed, message).hint("run the command again: it does not resend what has arrived")
        })
    }
}
