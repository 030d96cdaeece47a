//! With `signers:`, only what one of their keys has signed counts.

use std::collections::BTreeMap;

use crate::apply::release::fake_registry::FakeRegistry;
use crate::apply::release::promote::Untested;
use crate::apply::release::push::{Other, Published, Sets};
use crate::apply::release::trust::Trust;
use crate::host::registry::Registry;
use crate::host::release::signing_key::SigningKey;
use crate::names::SignerName;
use crate::plan::registry::place::RegistryPath;
use crate::plan::release::names::SETS;
use crate::plan::release::record::Happened;
use crate::plan::release::set::ReleaseSet;
use crate::plan::release::signature;
use crate::plan::release::signers::{Doubt, Proof, Signers};

/// A registry asked by somebody who has this key, where that of `ci` counts.
fn sets(registry: &FakeRegistry, ci: &SigningKey, key: Option<&SigningKey>) -> Sets {
    let text = format!("{}/shop", registry.host);
    let place = RegistryPath::new(&text);
    let signers = Signers(BTreeMap::from([(SignerName::new("ci").unwrap(), ci.public())]));
    let trust = Trust { signers, key: key.map(SigningKey::pem) };
    Sets { registry: Registry::new(place.clone(), None), place, text, login: None, trust }
}

fn set() -> ReleaseSet {
    let (project, commit) = ("shop".to_owned(), "one".to_owned());
    ReleaseSet { project, commit, time: 7, images: BTreeMap::new() }
}

#[tokio::test]
async fn a_set_and_its_records_count_when_a_key_that_counts_has_signed_them() {
    let registry = FakeRegistry::start();
    let (ci, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let (with_key, without) = (sets(&registry, &ci, Some(&ci)), sets(&registry, &ci, None));
    let stranger = Sets { trust: Trust::default(), ..sets(&registry, &ci, None) };
    let (set, digest) = (set(), set().artefact().digest);
    let said = |ended: crate::error::Result<_>| {
        let error: crate::error::Error = ended.map(|_: super::promote::Named| ()).unwrap_err();
        (error.to_string(), error.hints)
    };

    without.publish(&set, Other::Kept).await.unwrap();
    assert_eq!(without.proof(&digest).await.unwrap(), Proof::Doubted(Doubt::Unsigned));
    let (error, hints) = said(with_key.promote(&with_key, "one", "prod", Untested::Refused, "me").await);
    assert_eq!(error, "release set `one` cannot be trusted: it is not signed");
    assert!(hints[0].ends_with("with DEVENV_SIGNING_KEY signs it; keys that count: ci"), "{hints:?}");
    // Pushed again by whoever has a key, it is signed, once.
    for _ in 0..2 {
        assert_eq!(with_key.publish(&set, Other::Kept).await.unwrap(), Published::WasThere);
        let signatures = with_key.registry.manifest(SETS, &signature::tag(&digest)).await.unwrap().unwrap();
        assert_eq!(signature::signatures(&signatures.bytes).len(), 1);
    }
    assert_eq!(without.proof(&digest).await.unwrap(), Proof::SignedBy(SignerName::new("ci").unwrap()));

    // A record without a signature, or with that of another key, does not count.
    stranger.happened(&digest, Happened::Passed, "fork").await.unwrap();
    let foreign = Trust { key: Some(other.pem()), ..Trust::default() };
    let foreign = Sets { trust: foreign, ..sets(&registry, &ci, None) };
    foreign.happened(&digest, Happened::Passed, "elsewhere").await.unwrap();
    let (error, hints) = said(with_key.promote(&with_key, "one", "prod", Untested::Refused, "me").await);
    assert_eq!(error, "no passed run is recorded for one");
    assert!(hints.iter().any(|hint| hint.starts_with("what fork has recorded does not count: it is not signed")));
    assert!(hints.iter().any(|hint| hint.starts_with("what elsewhere has recorded does not count: its signature")));

    // Whose record would not count is reported before anything is done.
    let error = without.happened(&digest, Happened::Passed, "me").await.unwrap_err();
    assert!(error.to_string().contains("DEVENV_SIGNING_KEY is not set"), "{error}");
    let outsider = sets(&registry, &ci, Some(&other));
    let error = outsider.happened(&digest, Happened::Passed, "me").await.unwrap_err();
    assert!(error.to_string().contains("is none of the keys in `signers`"), "{error}");

    with_key.happened(&digest, Happened::Passed, "me").await.unwrap();
    with_key.promote(&with_key, "one", "prod", Untested::Refused, "me").await.unwrap();
    let records = without.records(&digest).await.unwrap();
    assert_eq!((records.all.len(), records.doubted.len()), (3, 2));
    assert_eq!(with_key.all().await.unwrap().len(), 2, "signatures are not sets");

    // Two keys may sign the same, and both signatures stay.
    foreign.publish(&set, Other::Kept).await.unwrap();
    assert_eq!(without.proof(&digest).await.unwrap(), Proof::SignedBy(SignerName::new("ci").unwrap()));
    let signatures = without.registry.manifest(SETS, &signature::tag(&digest)).await.unwrap().unwrap();
    assert_eq!(signature::signatures(&signatures.bytes).len(), 2);

    // In another registry the signatures are there too.
    let there = FakeRegistry::start();
    let target = sets(&there, &ci, Some(&ci));
    target.promote(&with_key, "one", "prod", Untested::Refused, "me").await.unwrap();
    assert_eq!(target.proof(&digest).await.unwrap(), Proof::SignedBy(SignerName::new("ci").unwrap()));
    assert!(target.records(&digest).await.unwrap().all.iter().any(|record| record.happened == Happened::Passed));
}

#[tokio::test]
async fn a_damaged_signature_and_one_of_another_digest_count_as_none() {
    let registry = FakeRegistry::start();
    let ci = SigningKey::generate().unwrap();
    let sets = sets(&registry, &ci, Some(&ci));
    let doubted = Proof::Doubted(Doubt::Foreign);
    let payload = signature::payload("shop/release", "sha256:other");
    let signed = ci.sign(&payload).unwrap();
    sets.put(&signature::tag("sha256:one"), signature::artefact(b"", payload, &signed)).await.unwrap();
    assert_eq!(sets.proof("sha256:one").await.unwrap(), doubted);
    let payload = signature::payload("shop/release", "sha256:two");
    let mut signed = ci.sign(&payload).unwrap();
    signed[20] ^= 1;
    sets.put(&signature::tag("sha256:two"), signature::artefact(b"", payload, &signed)).await.unwrap();
    assert_eq!(sets.proof("sha256:two").await.unwrap(), doubted);
    sets.put(&signature::tag("sha256:three"), signature::artefact(b"", b"{".to_vec(), b"")).await.unwrap();
    assert_eq!(sets.proof("sha256:three").await.unwrap(), doubted);
}
