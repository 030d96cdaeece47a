//! The source of each module that is released, as git has it.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::try_join_all;

use crate::config::model::module::Module;
use crate::config::model::values::RelPath;
use crate::error::Result;
use crate::host::release::source::{self, Tree};
use crate::names::PartName;
use crate::plan::environment;
use crate::plan::release::source::{Commit, Source, SourceError, SourceState, address};

/// What to do about source that is not as committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// It is an error.
    Refused,
    /// It is released as it is, and marked.
    Marked,
    /// What is committed is released.
    LeftOut,
}

/// What to know about releases of a clone without its whole history.
pub const SHALLOW: &str =
    "shallow clone: tags come from the newest commit; run `git fetch --unshallow` to get the same tags as elsewhere";

/// The sources of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSources {
    /// The commit that is checked out.
    pub head: Commit,
    /// The source of each module.
    pub modules: BTreeMap<PartName, Source>,
    /// The files of the configuration.
    pub configuration: Source,
    /// Files that are not as committed.
    pub changes: Vec<String>,
    /// Whether the history is cut off.
    pub shallow: bool,
}

/// Asks for the sources of modules; `configuration` are the files that decide how they are released.
pub async fn sources(
    root: &Path,
    modules: &[(&PartName, &Module)],
    configuration: &[RelPath],
    changes: Changes,
) -> Result<ReleaseSources> {
    let Some(head) = source::head(root).await? else { return Err(SourceError::NoCommit.into()) };
    let paths: Vec<&RelPath> = modules.iter().map(|(_, module)| &module.path).chain(configuration).collect();
    let (changed, shallow, origin) =
        tokio::try_join!(source::changes(root, &paths), source::is_shallow(root), source::origin(root))?;
    if changes == Changes::Refused && !changed.is_empty() {
        return Err(SourceError::Changed(changed).into());
    }
    let is_marked = changes == Changes::Marked;
    let working = if is_marked && !changed.is_empty() { Some(Tree::working(root).await?) } else { None };
    let committed = Tree::committed(root);
    // Where the history is cut off, the oldest commit that is there seems to have changed everything.
    let ask = Ask { root, head: &head, shallow, origin: origin.as_deref().and_then(address) };
    let is_changed = |path: &RelPath| changed.iter().any(|file| is_below(file, path));
    let config_changed = is_marked && configuration.iter().any(&is_changed);
    let of_module = async |name: &PartName, module: &Module| {
        let is_dirty = is_marked && (config_changed || is_changed(&module.path));
        let (tree, state) = match &working {
            Some(tree) if is_dirty => (tree, SourceState::Dirty),
            _ => (&committed, SourceState::Clean),
        };
        ask.source(name, &module.path, tree, state).await.map(|source| (name.clone(), source))
    };
    let all = try_join_all(modules.iter().map(|(name, module)| of_module(name, module))).await?;
    let state = if config_changed { SourceState::Dirty } else { SourceState::Clean };
    let configuration = ask.configuration(configuration.first(), state).await?;
    Ok(ReleaseSources {
        head: head.clone(),
        modules: all.into_iter().collect(),
        configuration,
        changes: changed,
        shallow,
    })
}

/// One digest for what each module runs on, as it is committed: of the files that its `inputs` name, or of all.
pub async fn inputs(root: &Path, modules: &[(&PartName, &Module)]) -> Result<BTreeMap<PartName, String>> {
    let committed = Tree::committed(root);
    let digest = async |name: &PartName, module: &Module| {
        let entries = committed.entries(&module.path).await?;
        let files = entries.into_iter().map(|entry| (entry.path, entry.id)).collect();
        Ok((name.clone(), environment::contents::tree_digest(&files, &module.inputs)))
    };
    let all = try_join_all(modules.iter().map(|(name, module)| digest(name, module))).await;
    all.map(|all| all.into_iter().collect())
}

/// Whether a file is, or lies below, a path.
fn is_below(file: &str, path: &RelPath) -> bool {
    path.as_str() == "."
        || file == path.as_str()
        || file.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

struct Ask<'a> {
    root: &'a Path,
    head: &'a Commit,
    shallow: bool,
    origin: Option<String>,
}

impl Ask<'_> {
    async fn source(&self, name: &PartName, path: &RelPath, tree: &Tree, state: SourceState) -> Result<Source> {
        let (id, commit) = tokio::try_join!(tree.id(path), self.last_change(path))?;
        let Some(id) = id else { return Err(SourceError::NotCommitted(path.clone(), name.clone()).into()) };
        Ok(Source { commit: commit.unwrap_or_else(|| self.head.clone()), tree: id, state, origin: self.origin.clone() })
    }

    /// The last commit that changed the configuration; where git ignores it, the one that is checked out.
    async fn configuration(&self, path: Option<&RelPath>, state: SourceState) -> Result<Source> {
        let commit = match path {
            Some(path) => self.last_change(path).await?,
            None => None,
        };
        let commit = commit.unwrap_or_else(|| self.head.clone());
        Ok(Source { commit, tree: String::new(), state, origin: self.origin.clone() })
    }

    async fn last_change(&self, path: &RelPath) -> Result<Option<Commit>> {
        if self.shallow { Ok(Some(self.head.clone())) } else { source::last_change(self.root, path).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_belongs_to_the_folder_that_it_is_in() {
        let path = |text: &str| RelPath::new(text).unwrap();
        assert!(is_below("api/a.py", &path("api")));
        assert!(is_below("devenv.yaml", &path("devenv.yaml")));
        assert!(is_below("x", &path(".")));
        assert!(!is_below("api2/a.py", &path("api")));
    }
}
