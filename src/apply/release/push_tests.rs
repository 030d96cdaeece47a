//! Lists of sets and records in which one object cannot be read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::apply::release::fake_registry::FakeRegistry;
use crate::apply::release::push::{Other, Sets};
use crate::apply::release::trust::Trust;
use crate::host::registry::Registry;
use crate::plan::registry::place::RegistryPath;
use crate::plan::release::artefact::Artefact;
use crate::plan::release::names::SETS;
use crate::plan::release::record::{self, Happened};
use crate::plan::release::set::{self, ReleaseSet};

#[tokio::test]
async fn one_set_or_record_that_cannot_be_read_is_told_and_does_not_end_the_list() {
    let registry = FakeRegistry::start();
    let text = format!("{}/shop", registry.host);
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = told.clone();
    let tell = Arc::new(move |line: &str| into.lock().unwrap().push(line.to_owned()));
    let place = RegistryPath::new(&text);
    let sets = Sets {
        registry: Registry::new(place.clone(), None).telling(tell),
        place,
        text,
        login: None,
        trust: Trust::default(),
    };
    let commits: Vec<String> = (10..40).map(|number| format!("commit-{number}")).collect();
    for (time, commit) in (0..).zip(&commits) {
        let (project, images) = ("shop".to_owned(), BTreeMap::new());
        let set = ReleaseSet { project, commit: commit.clone(), time, images };
        sets.publish(&set, Other::Kept).await.unwrap();
    }
    sets.put("broken", Artefact::new(set::TYPE, b"{".to_vec())).await.unwrap();
    let listed: Vec<String> = sets.all().await.unwrap().into_iter().map(|(tag, ..)| tag).rev().collect();
    assert_eq!(listed, commits);
    let lines = std::mem::take(&mut *told.lock().unwrap());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("skipped `broken`: ") && lines[0].contains("cannot be read"), "{lines:?}");

    let (_, digest) = sets.set("commit-10").await.unwrap().unwrap();
    sets.happened(&digest, Happened::Passed, "me").await.unwrap();
    let other = format!("{}0-other", record::prefix(&digest));
    let changed = Artefact::new(record::TYPE, b"[]".to_vec());
    let (blob, _) = changed.blobs[1].clone();
    sets.put(&other, changed).await.unwrap();
    assert_eq!(sets.records(&digest).await.unwrap().all.len(), 1);
    registry.kept.lock().unwrap().blobs.insert((format!("shop/{SETS}"), blob), b"altered".to_vec());
    assert_eq!(sets.records(&digest).await.unwrap().all.len(), 1);
    let lines = told.lock().unwrap().clone();
    assert!(lines[0].contains("cannot be read") && lines[1].contains("does not match its digest"), "{lines:?}");
}
