//! Pushes and promotions that are killed at each request: no name ever stands for half a set, and a second run completes it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::apply::release::fake_registry::FakeRegistry;
use crate::apply::release::promote::Untested;
use crate::apply::release::push::{Other, Published, Sets};
use crate::apply::release::trust::Trust;
use crate::host::registry::Registry;
use crate::names::PartName;
use crate::plan::registry::place::RegistryPath;
use crate::plan::release::record::{Happened, Record};
use crate::plan::release::set::{Member, ReleaseSet};

fn sets(registry: &FakeRegistry) -> Sets {
    let text = format!("{}/shop", registry.host);
    let place = RegistryPath::new(&text);
    Sets { registry: Registry::new(place.clone(), None), place, text, login: None, trust: Trust::default() }
}

/// A set of one image, which the registry has.
fn set(registry: &FakeRegistry, commit: &str) -> ReleaseSet {
    let image = format!("image of {commit}").into_bytes();
    let digest = format!("sha256:{}", crate::digest::hex(&image));
    let mut kept = registry.kept.lock().unwrap();
    kept.manifests.insert(("shop/api".to_owned(), digest.clone()), image);
    let member = Member { repository: "shop/api".to_owned(), tag: commit.to_owned(), digest };
    let images = BTreeMap::from([(PartName::new("api").unwrap(), member)]);
    ReleaseSet { project: "shop".to_owned(), commit: commit.to_owned(), time: 7, images }
}

/// Runs until the registry has answered so many requests, then is killed. Returns whether it had ended by then.
async fn killed_after<T>(registry: &FakeRegistry, requests: usize, run: impl Future<Output = T>) -> bool {
    registry.left.store(requests, Ordering::SeqCst);
    let silent = async {
        while registry.left.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // The last answer may be on its way, and the next request is not answered.
        tokio::time::sleep(Duration::from_millis(30)).await;
    };
    let ended = tokio::select! { _ = run => true, () = silent => false };
    registry.left.store(usize::MAX, Ordering::SeqCst);
    registry.silent.lock().unwrap().clear();
    ended
}

#[tokio::test]
async fn a_push_that_is_killed_at_any_request_names_no_set_and_the_next_one_completes_it() {
    for requests in 0.. {
        let registry = FakeRegistry::start();
        let (sets, set) = (sets(&registry), set(&registry, "c0ffee"));
        let ended = killed_after(&registry, requests, sets.publish(&set, Other::Kept)).await;
        if let Some((found, _)) = sets.set("c0ffee").await.unwrap() {
            assert_eq!(found, set, "after {requests} requests");
            assert!(sets.missing(&found).await.unwrap().is_empty());
        }
        sets.publish(&set, Other::Kept).await.unwrap();
        assert_eq!(sets.set("c0ffee").await.unwrap().map(|(found, _)| found).as_ref(), Some(&set));
        assert_eq!(sets.publish(&set, Other::Kept).await.unwrap(), Published::WasThere);
        if ended {
            assert!(requests > 5, "a push is more than {requests} requests");
            return;
        }
    }
}

#[tokio::test]
async fn a_promotion_that_is_killed_at_any_request_leaves_one_set_or_the_other() {
    for requests in 0.. {
        let registry = FakeRegistry::start();
        let (one, two) = (set(&registry, "one"), set(&registry, "two"));
        let sets = sets(&registry);
        for set in [&one, &two] {
            sets.publish(set, Other::Kept).await.unwrap();
            sets.happened(&set.artefact().digest, Happened::Passed, "me").await.unwrap();
        }
        sets.promote(&sets, "one", "prod", Untested::Refused, "me").await.unwrap();
        let ended =
            killed_after(&registry, requests, sets.promote(&sets, "two", "prod", Untested::Refused, "me")).await;
        let (now, digest) = sets.set("prod").await.unwrap().unwrap();
        assert!([&one, &two].contains(&&now), "after {requests} requests: {now:?}");
        assert_eq!(digest, now.artefact().digest);
        let named = sets.promote(&sets, "two", "prod", Untested::Refused, "me").await.unwrap();
        assert_eq!((named.set, named.digest), (two.clone(), two.artefact().digest));
        let records = sets.records(&two.artefact().digest).await.unwrap().all;
        assert!(records.iter().any(|record| record.gives("prod")), "after {requests} requests: {records:?}");
        let back = sets.roll_back("prod", "me").await;
        assert_eq!(back.map(|named| named.set).ok(), Some(one), "after {requests} requests");
        if ended {
            assert!(requests > 8, "a promotion is more than {requests} requests");
            return;
        }
    }
}

#[tokio::test]
async fn a_roll_back_that_is_killed_at_any_request_goes_back_one_set_and_no_further() {
    for requests in 0.. {
        let registry = FakeRegistry::start();
        let all = ["one", "two", "three"].map(|commit| set(&registry, commit));
        let sets = sets(&registry);
        for set in &all {
            sets.publish(set, Other::Kept).await.unwrap();
            sets.promote(&sets, &set.commit, "prod", Untested::Forced, "me").await.unwrap();
        }
        let ended = killed_after(&registry, requests, sets.roll_back("prod", "me")).await;
        let records = sets.records(&all[1].artefact().digest).await.unwrap().all;
        let is_done = records.iter().any(|record| matches!(record.happened, Happened::RolledBack { .. }));
        if !is_done {
            assert_eq!(sets.roll_back("prod", "me").await.unwrap().set, all[1], "after {requests} requests");
        }
        assert_eq!(sets.set("prod").await.unwrap().unwrap().0, all[1], "after {requests} requests");
        if ended {
            assert!(requests > 8, "a rollback is more than {requests} requests");
            return;
        }
    }
}

#[tokio::test]
async fn what_was_moved_or_never_passed_is_not_promoted() {
    let registry = FakeRegistry::start();
    let (one, two) = (set(&registry, "one"), set(&registry, "two"));
    let sets = sets(&registry);
    sets.publish(&one, Other::Kept).await.unwrap();
    sets.publish(&two, Other::Kept).await.unwrap();
    let said = |ended: crate::error::Result<_>| ended.unwrap_err().to_string();
    let refused = sets.promote(&sets, "one", "prod", Untested::Refused, "me").await;
    assert_eq!(said(refused), "no passed run is recorded for one");
    assert!(sets.set("prod").await.unwrap().is_none());
    sets.promote(&sets, "one", "staging", Untested::Forced, "me").await.unwrap();
    let records = sets.records(&one.artefact().digest).await.unwrap().all;
    let is_forced = |record: &Record| matches!(record.happened, Happened::Promoted { forced: true, before: None, .. });
    assert!(records.iter().any(is_forced), "{records:?}");

    // A record of one set says nothing about another.
    sets.happened(&two.artefact().digest, Happened::Passed, "me").await.unwrap();
    assert!(sets.promote(&sets, "one", "prod", Untested::Refused, "me").await.is_err());
    sets.promote(&sets, "two", "staging", Untested::Refused, "me").await.unwrap();
    assert_eq!(sets.roll_back("staging", "you").await.unwrap().set, one);
    assert_eq!(said(sets.roll_back("nothing", "you").await), "the registry has no release set `nothing`");

    registry.kept.lock().unwrap().manifests.retain(|(repository, _), _| repository != "shop/api");
    let refused = sets.promote(&sets, "two", "prod", Untested::Refused, "me").await;
    assert_eq!(said(refused), "the set is not complete: the registry does not have api");
}

#[tokio::test]
async fn a_promotion_to_another_registry_that_is_killed_at_any_request_names_no_incomplete_set() {
    for requests in 0.. {
        let (here, there) = (FakeRegistry::start(), FakeRegistry::start());
        let (source, target) = (sets(&here), sets(&there));
        let set = set(&here, "one");
        source.publish(&set, Other::Kept).await.unwrap();
        let digest = set.artefact().digest;
        source.happened(&digest, Happened::Passed, "me").await.unwrap();
        let promote = async || target.promote(&source, "one", "prod", Untested::Refused, "me").await;
        let ended = killed_after(&there, requests, promote()).await;
        for tag in ["one", "prod"] {
            if let Some((found, _)) = target.set(tag).await.unwrap() {
                assert!(target.missing(&found).await.unwrap().is_empty(), "after {requests} requests");
            }
        }
        promote().await.unwrap();
        assert_eq!(target.set("prod").await.unwrap(), Some((set, digest.clone())));
        let records = target.records(&digest).await.unwrap().all;
        assert!(records.iter().any(|record| record.happened == Happened::Passed), "after {requests} requests");
        assert!(records.iter().any(|record| record.gives("prod")), "after {requests} requests");
        if ended {
            assert!(requests > 10, "a promotion is more than {requests} requests");
            return;
        }
    }
}

#[tokio::test]
async fn another_set_of_a_commit_stays_unless_its_images_are_gone_or_it_is_replaced() {
    let registry = FakeRegistry::start();
    let sets = sets(&registry);
    let (one, mut other) = (set(&registry, "one"), set(&registry, "two"));
    other.commit.clone_from(&one.commit);
    sets.publish(&one, Other::Kept).await.unwrap();
    let error = sets.publish(&other, Other::Kept).await.unwrap_err();
    assert_eq!(error.to_string(), "the registry has another release set of one, with other images of api");
    assert!(error.hints[0].contains("devenv push --replace"), "{:?}", error.hints);
    assert_eq!(sets.set("one").await.unwrap().map(|(set, _)| set).as_ref(), Some(&one));
    let later = ReleaseSet { time: 8, ..one.clone() };
    assert_eq!(sets.publish(&later, Other::Kept).await.unwrap(), Published::WasThere);
    let (api, member) = one.images.first_key_value().unwrap();
    registry.kept.lock().unwrap().manifests.remove(&("shop/api".to_owned(), member.digest.clone()));
    assert_eq!(sets.publish(&other, Other::Kept).await.unwrap(), Published::Completed(vec![api.clone()]));
    assert_eq!(sets.publish(&one, Other::Replaced).await.unwrap(), Published::Pushed);
}
