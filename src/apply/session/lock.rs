//! devenv.lock: reads it, or decides the first one.

use std::collections::BTreeMap;
use std::path::Path;

use crate::apply::executor::builds::Moving;
use crate::apply::session::Intent;
use crate::error::{Error, Kind, Result};
use crate::host::engine::Engine;
use crate::host::{checkout, clock, files};
use crate::plan::images::lock::{self, Lock, Root};

/// The lock; `None` where there is none yet and one may be made.
pub fn read(root: &Path, moving: Moving) -> Result<Option<Lock>> {
    match files::read_text(&root.join(checkout::LOCK))? {
        Some(text) => Ok(Some(Lock::parse(&text)?)),
        None if moving == Moving::Refused => {
            let message = format!("there is no {}, and --locked forbids creating one", checkout::LOCK);
            Err(Error::message(Kind::Usage, message).hint("run `devenv update` and commit the file"))
        }
        None => Ok(None),
    }
}

/// The lock, or the one that is to be made, and a line about that.
pub(super) async fn read_or_first(
    root: &Path,
    engine: &Engine,
    intent: Intent,
    moving: Moving,
) -> Result<(Lock, Option<String>)> {
    Ok(match read(root, moving)? {
        Some(lock) => (lock, None),
        None if intent == Intent::Act => {
            let lock = first_lock(engine).await;
            let line = format!("made {}: the root is {}", checkout::LOCK, lock.root);
            (lock, Some(line))
        }
        None => (packages_lock(), None),
    })
}

/// The beginning of today, in the lock's form.
#[must_use]
pub fn today() -> String {
    lock::archive_at(clock::seconds())
}

/// The lock that a project begins with: the root of a registry where one answers, else Debian's packages of today.
async fn first_lock(engine: &Engine) -> Lock {
    match engine.registry_digest(lock::FROM).await {
        Some(digest) => {
            let root = Root::Registry { from: lock::FROM.to_owned(), digest, archive: Some(today()) };
            Lock { root, images: BTreeMap::new(), packages: BTreeMap::new() }
        }
        None => packages_lock(),
    }
}

/// A lock on Debian's packages of today.
fn packages_lock() -> Lock {
    let root = Root::Packages { suite: lock::SUITE.to_owned(), archive: today() };
    Lock { root, images: BTreeMap::new(), packages: BTreeMap::new() }
}
