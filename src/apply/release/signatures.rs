//! Signatures of sets and records, beside them in the registry: each is signed with the key that is at hand, and counts where
//! the key is one that the configuration names.

use crate::apply::release::push::Sets;
use crate::error::Result;
use crate::plan::release::names::SETS;
use crate::plan::release::signature::{self, Signature};
use crate::plan::release::signers::{Doubt, Proof, Untrusted};

impl Sets {
    /// Signs a digest, where a key is at hand that has not signed it yet.
    pub(super) async fn sign(&self, digest: &str) -> Result<()> {
        let Some(key) = self.trust.signing_key()? else { return Ok(()) };
        let tag = signature::tag(digest);
        let earlier = self.registry.manifest(SETS, &tag).await?.map(|manifest| manifest.bytes).unwrap_or_default();
        let public = key.public();
        for (payload, one) in self.payloads(&earlier).await? {
            if public.has_signed(&payload, &one.bytes) && signature::speaks_of(&payload, digest) {
                return Ok(());
            }
        }
        let repository = format!("{}/{}", self.place.host, self.place.repository(SETS));
        let payload = signature::payload(&repository, digest);
        let signed = key.sign(&payload)?;
        self.put(&tag, signature::artefact(&earlier, payload, &signed)).await
    }

    /// Signatures with what each has signed.
    async fn payloads(&self, manifest: &[u8]) -> Result<Vec<(Vec<u8>, Signature)>> {
        let mut all = Vec::new();
        for one in signature::signatures(manifest) {
            if let Some(payload) = self.registry.blob(SETS, &one.payload).await? {
                all.push((payload, one));
            }
        }
        Ok(all)
    }

    /// Who vouches for a digest.
    pub async fn proof(&self, digest: &str) -> Result<Proof> {
        let signers = &self.trust.signers;
        if !signers.are_asked() {
            return Ok(Proof::Unasked);
        }
        let Some(manifest) = self.registry.manifest(SETS, &signature::tag(digest)).await? else {
            return Ok(Proof::Doubted(Doubt::Unsigned));
        };
        for (payload, one) in self.payloads(&manifest.bytes).await? {
            let signer = signers.signer_of(&payload, &one.bytes).filter(|_| signature::speaks_of(&payload, digest));
            if let Some(signer) = signer {
                return Ok(Proof::SignedBy(signer.clone()));
            }
        }
        Ok(Proof::Doubted(Doubt::Foreign))
    }

    /// Refuses a set that nobody vouches for; it was asked for by `name`.
    pub async fn must_be_trusted(&self, name: &str, digest: &str) -> Result<()> {
        match self.proof(digest).await? {
            Proof::Unasked | Proof::SignedBy(_) => Ok(()),
            Proof::Doubted(why) => {
                Err(Untrusted::Set { name: name.to_owned(), why, signers: self.trust.signers.names() }.into())
            }
        }
    }
}
