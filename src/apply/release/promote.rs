//! A release set gets another name, here or in another registry: the very bytes of its manifest are put under it and
//! read back. The registry has no compare-and-swap, so the source is asked right before and right after.

use crate::apply::release::push::Sets;
use crate::error::{Error, Kind, Result};
use crate::host::registry::Manifest;
use crate::plan::release::names::SETS;
use crate::plan::release::record::{self, Happened, Refusal};
use crate::plan::release::set::ReleaseSet;
use crate::plan::release::signers::{Records, uncounted};

/// Whether a set is promoted although nobody has said that its tests passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untested {
    /// It is not.
    Refused,
    /// It is, and the record says so.
    Forced,
}

/// What has a name now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The set.
    pub set: ReleaseSet,
    /// The digest of its manifest.
    pub digest: String,
    /// Whether it had the name before.
    pub was_there: bool,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let (kind, hint) = match &refusal {
            Refusal::Incomplete(_) => (Kind::Failed, "`devenv push` of that commit completes it"),
            Refusal::NotPassed(_) => (
                Kind::Failed,
                "`devenv ci` or `devenv release passed` records one; `--force` promotes without one, and the record says so",
            ),
            Refusal::Moved(_) => (Kind::Failed, "check `devenv release list`, then run the command again"),
            Refusal::Name(_) => (Kind::Usage, "such as `staging` or `prod`"),
        };
        Self::new(kind, refusal).hint(hint)
    }
}

impl Sets {
    async fn manifest(&self, tag: &str) -> Result<Manifest> {
        self.registry.manifest(SETS, tag).await?.ok_or_else(|| {
            Error::message(Kind::Failed, format!("the registry has no release set `{tag}`"))
                .hint("`devenv release list` shows those that it has")
        })
    }

    async fn complete(&self, tag: &str) -> Result<ReleaseSet> {
        let Some((set, _)) = self.set(tag).await? else {
            return Err(Error::message(Kind::Failed, format!("`{tag}` is not a release set")));
        };
        let missing = self.missing(&set).await?;
        if missing.is_empty() {
            return Ok(set);
        }
        Err(Refusal::Incomplete(missing.iter().map(ToString::to_string).collect()).into())
    }

    /// Gives the set called `from` in the registry `source`, which may be this one, the name `to` here.
    pub async fn promote(&self, source: &Self, from: &str, to: &str, untested: Untested, by: &str) -> Result<Named> {
        record::check_name(to)?;
        self.trust.can_record()?;
        let manifest = source.manifest(from).await?;
        let set = source.complete(from).await?;
        let before = self.registry.digest(SETS, to).await?;
        source.must_be_trusted(from, &manifest.digest).await?;
        let Records { all: records, doubted } = self.records(&manifest.digest).await?;
        let is_elsewhere = source.place != self.place;
        let there = if is_elsewhere { source.records(&manifest.digest).await? } else { Records::default() };
        let passed = records.iter().chain(&there.all).any(|record| record.happened == Happened::Passed);
        let named = if is_elsewhere { format!("{}:{from}", source.text) } else { from.to_owned() };
        if before.as_ref() == Some(&manifest.digest) {
            let begun = record::unfinished(&records, to);
            if begun.is_some() || !records.iter().any(|record| record.gives(to)) {
                // Whoever put it there was killed before it was recorded.
                let before = begun.and_then(Happened::before);
                let happened = Happened::Promoted { from: named, to: to.to_owned(), before, forced: !passed };
                self.happened(&manifest.digest, happened, by).await?;
            }
            return Ok(Named { set, digest: manifest.digest, was_there: true });
        }
        if !passed && untested == Untested::Refused {
            let refused = Error::from(Refusal::NotPassed(set.commit));
            let doubted = doubted.iter().chain(&there.doubted).filter(|one| one.record.happened == Happened::Passed);
            return Err(doubted.map(uncounted).fold(refused, Error::hint));
        }
        if is_elsewhere {
            self.bring(&set, &manifest, source).await?;
        }
        let begun = Happened::Promoting { to: to.to_owned(), before: before.clone() };
        self.happened(&manifest.digest, begun, by).await?;
        source.must_be(from, &manifest.digest).await?;
        self.registry.put_manifest(SETS, to, &manifest).await?;
        let happened = Happened::Promoted { from: named, to: to.to_owned(), before: before.clone(), forced: !passed };
        self.happened(&manifest.digest, happened, by).await?;
        if is_elsewhere {
            let (from, to) = (from.to_owned(), format!("{}:{to}", self.text));
            let happened = Happened::Promoted { from, to, before, forced: !passed };
            source.happened(&manifest.digest, happened, by).await?;
        }
        source.must_be(from, &manifest.digest).await?;
        Ok(Named { set, digest: manifest.digest, was_there: false })
    }

    /// Gives the name `to` back to the set that had it before.
    pub async fn roll_back(&self, to: &str, by: &str) -> Result<Named> {
        self.trust.can_record()?;
        let now = self.manifest(to).await?.digest;
        let records = self.records(&now).await?.all;
        if let Some(Happened::RollingBack { before, .. }) = record::unfinished(&records, to) {
            // Whoever gave the name back was killed before it was recorded; going further back was not asked for.
            let happened = Happened::RolledBack { to: to.to_owned(), before: before.clone() };
            self.happened(&now, happened, by).await?;
            return Ok(Named { set: self.complete(&now).await?, digest: now, was_there: true });
        }
        let Some(earlier) = record::before(&records, to, &now) else {
            return Err(Error::message(Kind::Failed, format!("no record says which set was `{to}` before"))
                .hint("`devenv promote COMMIT NAME` names it"));
        };
        let manifest = self.manifest(&earlier).await?;
        self.must_be_trusted(&earlier, &earlier).await?;
        let set = self.complete(&earlier).await?;
        let begun = Happened::RollingBack { to: to.to_owned(), before: Some(now.clone()) };
        self.happened(&earlier, begun, by).await?;
        self.must_be(to, &now).await?;
        self.registry.put_manifest(SETS, to, &manifest).await?;
        let happened = Happened::RolledBack { to: to.to_owned(), before: Some(now) };
        self.happened(&earlier, happened, by).await?;
        Ok(Named { set, digest: manifest.digest, was_there: false })
    }

    /// Refuses to go on where a name stands for another set by now.
    async fn must_be(&self, tag: &str, digest: &str) -> Result<()> {
        if self.registry.digest(SETS, tag).await?.as_deref() == Some(digest) {
            return Ok(());
        }
        Err(Refusal::Moved(tag.to_owned()).into())
    }
}
