//! Folders that stand for the one above a module's in its container, so that git finds the repository from there.

use std::collections::BTreeMap;

use crate::names::PartName;
use crate::paths;
use crate::plan::environment::git::{Repository, folder};
use crate::plan::mounts::MountSource;
use crate::plan::parts::Environment;
use crate::render::{Access, Generated};

/// The files of those folders: `.git` in git's own words, which has no room for a marker, and the mount point of the source.
#[must_use]
pub fn files(environment: &Environment, repositories: &BTreeMap<PartName, Repository>) -> Vec<Generated> {
    let mut all = Vec::new();
    for (name, repository) in repositories {
        let Some(part) = environment.parts.get(name) else { continue };
        let path = folder(name);
        let source = paths::below(&environment.root, &path);
        if !part.mounts.iter().any(|mount| matches!(&mount.source, MountSource::Folder(one) if *one == source)) {
            continue;
        }
        let below = part.dir.as_deref().and_then(|dir| dir.rsplit('/').next()).unwrap_or_default();
        let public = |path: String, text: String| Generated { path, text, access: Access::Public };
        all.push(public(format!("{path}/.git"), format!("gitdir: {}\n", repository.own_folder())));
        all.push(public(format!("{path}/{below}/.keep"), String::new()));
    }
    all
}
