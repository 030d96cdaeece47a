//! How tools in a module's container can ask git: which folders of the repository are mounted, and where. Pure.
//!
//! git finds a repository by `.git` in the working tree or above it: a folder, or, in a worktree, a file that names one.

use std::path::{Component, Path, PathBuf};

use crate::names::PartName;
use crate::plan::mirror::Way;

/// The repository that a module's source lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Folders from the top of the working tree down to the module's; 0 where it is the top itself.
    pub depth: usize,
    /// The folder with all commits: `.git` of the main working tree.
    pub common: String,
    /// What the file `.git` names, as it stands there, where this is a worktree.
    pub worktree: Option<String>,
}

/// What is known about a module when its mounts are decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GitRequest<'a> {
    /// `git: true`.
    pub wanted: bool,
    /// How source reaches it.
    pub way: Way,
    /// Its folder in the container.
    pub dir: &'a str,
    /// Its name.
    pub name: &'a PartName,
}

/// A folder that is mounted read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mounted {
    /// One of the repository's.
    Folder {
        /// On this machine.
        source: String,
        /// In the container.
        target: String,
    },
    /// One below `.devenv`.
    Generated {
        /// Below `.devenv`.
        path: String,
        /// In the container.
        target: String,
    },
}

impl Repository {
    /// Whether the module's folder has a file `.git`.
    #[must_use]
    pub fn has_file_in_module(&self) -> bool {
        self.depth == 0 && self.worktree.is_some()
    }

    /// The folder that a file `.git` names, in a container that has the repository at the same place as this machine.
    #[must_use]
    pub fn own_folder(&self) -> String {
        match &self.worktree {
            Some(named) => format!("{}/worktrees/{}", self.common, named.rsplit('/').next().unwrap_or_default()),
            None => self.common.clone(),
        }
    }
}

/// What is mounted so that git answers in the container. A worktree has its repository by itself where its source is
/// mounted: the file `.git` names a folder that the container lacks.
#[must_use]
pub fn mounts(repository: &Repository, request: &GitRequest<'_>) -> Vec<Mounted> {
    let Repository { common, .. } = repository;
    let common_at = |target: String| Mounted::Folder { source: common.clone(), target };
    match (repository.depth, &repository.worktree) {
        (0, Some(named)) if request.wanted || request.way == Way::Bind => {
            let target = common_of(named, request.dir).filter(|target| !target.starts_with(request.dir));
            target.map(|target| common_at(target.display().to_string())).into_iter().collect()
        }
        (0, None) if request.wanted && request.way == Way::Sync => vec![common_at(format!("{}/.git", request.dir))],
        (0, _) => Vec::new(),
        _ if request.wanted => {
            let above = Path::new(request.dir).parent().unwrap_or(Path::new("/"));
            let target = above.display().to_string();
            vec![Mounted::Generated { path: folder(request.name), target }, common_at(common.clone())]
        }
        _ => Vec::new(),
    }
}

/// The generated folder, below `.devenv`, that stands for the one above the module's in the container.
#[must_use]
pub fn folder(module: &PartName) -> String {
    format!("git/{module}")
}

/// The folder with all commits as the file `.git` in `dir` names it: a worktree's own folder is `worktrees/NAME` in it.
fn common_of(named: &str, dir: &str) -> Option<PathBuf> {
    let mut folder = PathBuf::new();
    for part in Path::new(dir).join(named).components() {
        match part {
            Component::ParentDir => drop(folder.pop()),
            Component::CurDir => {}
            part => folder.push(part),
        }
    }
    let worktrees = folder.parent()?;
    (worktrees.ends_with("worktrees")).then(|| worktrees.parent().map(Path::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(depth: usize, worktree: Option<&str>, wanted: bool, way: Way) -> String {
        let repository =
            Repository { depth, common: "/home/u/shop/.git".to_owned(), worktree: worktree.map(str::to_owned) };
        let name = PartName::new("api").unwrap();
        let mounts = mounts(&repository, &GitRequest { wanted, way, dir: "/srv/api", name: &name });
        let lines = mounts.iter().map(|mount| match mount {
            Mounted::Folder { source, target } => format!("{source} -> {target}"),
            Mounted::Generated { path, target } => format!("generated {path} -> {target}"),
        });
        lines.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_worktree_has_its_repository_where_its_file_names_it() {
        let absolute = Some("/home/u/shop/.git/worktrees/fix");
        assert_eq!(shown(0, absolute, false, Way::Bind), "/home/u/shop/.git -> /home/u/shop/.git");
        let relative = Some("../shop/.git/worktrees/fix");
        assert_eq!(shown(0, relative, false, Way::Bind), "/home/u/shop/.git -> /srv/shop/.git");
        assert_eq!(shown(0, absolute, false, Way::Sync), "");
        assert_eq!(shown(0, absolute, true, Way::Sync), "/home/u/shop/.git -> /home/u/shop/.git");
        assert_eq!(shown(1, absolute, false, Way::Bind), "");
        assert_eq!(shown(0, Some("/srv/api/.git/worktrees/fix"), false, Way::Bind), "", "it would hide the source");
    }

    #[test]
    fn a_copy_and_a_folder_below_the_top_have_it_only_where_the_module_asks() {
        assert_eq!(shown(0, None, true, Way::Bind), "", "it is there with the source");
        assert_eq!(shown(0, None, false, Way::Sync), "");
        assert_eq!(shown(0, None, true, Way::Sync), "/home/u/shop/.git -> /srv/api/.git");
        let both = "generated git/api -> /srv; /home/u/shop/.git -> /home/u/shop/.git";
        for way in [Way::Bind, Way::Sync] {
            assert_eq!(shown(1, None, true, way), both);
            assert_eq!(shown(1, Some("/home/u/shop/.git/worktrees/fix"), true, way), both);
        }
    }
}
