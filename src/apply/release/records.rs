//! What is recorded of release sets: each record is an object of its own, so writers at the same time lose nothing.

use crate::apply::release::push::{Sets, together};
use crate::error::Result;
use crate::host::{clock, random};
use crate::plan::release::artefact::Artefact;
use crate::plan::release::names::SETS;
use crate::plan::release::record::{self, Happened, Record};
use crate::plan::release::signers::{Proof, Records};

/// As many records are looked through where those of all sets are.
const MOST_RECORDS: usize = 1000;

impl Sets {
    /// Records what happened to a set; refused where that would not count.
    pub async fn happened(&self, set: &str, happened: Happened, by: &str) -> Result<()> {
        self.trust.can_record()?;
        let time = u64::try_from(clock::now().as_millis()).unwrap_or_default();
        self.keep(&Record { set: set.to_owned(), happened, time, by: by.to_owned() }).await
    }

    /// Keeps a record, under a name of its own; its signature is there first.
    async fn keep(&self, record: &Record) -> Result<()> {
        let artefact = Artefact::new(record::TYPE, serde_json::to_vec(record).unwrap_or_default());
        self.sign(&artefact.digest).await?;
        self.put(&record.tag(&random::text(3)?), artefact).await
    }

    /// All records of a set, the oldest first. One that cannot be read is reported and left out.
    pub async fn records(&self, set: &str) -> Result<Records> {
        let prefix = record::prefix(set);
        let mut tags = self.registry.tags(SETS).await?;
        tags.retain(|tag| tag.starts_with(&prefix));
        tags.sort();
        self.read(&tags, |record| record.set == set).await
    }

    /// The newest records of all sets, the oldest first.
    pub async fn all_records(&self) -> Result<Records> {
        let mut tags = self.registry.tags(SETS).await?;
        tags.retain(|tag| tag.starts_with(record::PREFIX));
        tags.sort_by_key(|tag| record::time_of(tag));
        let tags = tags.split_off(tags.len().saturating_sub(MOST_RECORDS));
        self.read(&tags, |_| true).await
    }

    async fn read(&self, tags: &[String], is_wanted: impl Fn(&Record) -> bool) -> Result<Records> {
        let read = together(tags.iter().map(async |tag| self.readable(tag, self.record(tag).await))).await?;
        let mut records = Records::default();
        for (record, proof) in read.into_iter().flatten().filter(|(record, _)| is_wanted(record)) {
            records.add(record, &proof);
        }
        Ok(records)
    }

    async fn record(&self, tag: &str) -> Result<Option<(Record, Proof)>> {
        let Some((content, digest)) = self.content(tag, record::TYPE).await? else { return Ok(None) };
        let record = serde_json::from_slice(&content).map_err(|error| self.unreadable(tag, &error))?;
        Ok(Some((record, self.proof(&digest).await?)))
    }
}
