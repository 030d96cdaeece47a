//! What an environment is decided from that stands in files, as digests.

use std::collections::BTreeMap;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::config::model::values::RelPath;
use crate::digest;
use crate::names::PartName;
use crate::plan::environment::git::Repository;
use crate::plan::release::recipe::Releases;

/// Digests of what stands in files: lock files and seeds by path, the source of tasks by module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Files of the checkout.
    pub files: BTreeMap<RelPath, String>,
    /// Folders of tasks, as one digest each.
    pub sources: BTreeMap<PartName, String>,
    /// Folders of modules: device and inode of each.
    pub folders: BTreeMap<PartName, String>,
    /// Settings of the host that stand in the folders of modules, and that no container may write.
    pub settings: BTreeMap<PartName, Vec<String>>,
    /// Repositories that modules lie in.
    pub repositories: BTreeMap<PartName, Repository>,
    /// The generated configuration of the gateway.
    pub gateway: String,
    /// The certificates of devenv's own authorities; none where there is none yet.
    pub authorities: Option<String>,
    /// How the released image is made of each part that runs in one.
    pub releases: Releases,
}

/// One digest for a folder's files, given as path and digest: of those that the patterns `inputs` name, or of all where
/// there are none.
#[must_use]
pub fn tree_digest(files: &BTreeMap<String, String>, inputs: &[String]) -> String {
    let mut wanted = GitignoreBuilder::new("");
    for line in inputs {
        // The configuration was checked; a pattern that is none matches nothing.
        let _ = wanted.add_line(None, line);
    }
    let wanted = wanted.build().unwrap_or_else(|_| Gitignore::empty());
    let is_input = |path: &str| inputs.is_empty() || wanted.matched_path_or_any_parents(path, false).is_ignore();
    let lines = files.iter().filter(|(path, _)| is_input(path)).map(|(path, digest)| format!("{path}\0{digest}\n"));
    digest::hex(lines.collect::<String>().as_bytes())
}
