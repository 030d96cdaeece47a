//! The source that a release is made from, as git knows it.

use std::fmt;

use crate::config::model::values::RelPath;
use crate::error::{Error, Kind};
use crate::names::PartName;

/// Whether the source is as it was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// As committed.
    Clean,
    /// With changes that no commit has.
    Dirty,
    /// Without a commit that names it.
    Uncommitted,
}

/// The word that the label has.
impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clean => "clean",
            Self::Dirty => "dirty",
            Self::Uncommitted => "uncommitted",
        })
    }
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub time: i64,
}

/// The source of one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The last commit that changed the folder, which is the same in every commit that follows without a change of it.
    pub commit: Commit,
    /// Git's id of the folder's content.
    pub tree: String,
    /// Whether that content is committed.
    pub state: SourceState,
    /// The address of the repository, without credentials.
    pub origin: Option<String>,
}

impl Source {
    /// The source where nothing is committed: no image is made from it.
    #[must_use]
    pub fn uncommitted() -> Self {
        let commit = Commit { id: String::new(), time: 0 };
        Self { commit, tree: String::new(), state: SourceState::Uncommitted, origin: None }
    }
}

/// Something that a commit has below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Git's mode, such as `100644`.
    pub mode: String,
    /// Git's id of its content.
    pub id: String,
    /// Its path below that folder.
    pub path: String,
}

impl Entry {
    /// An entry as `git ls-tree` lists it.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (about, path) = line.split_once('\t')?;
        let mut words = about.split_whitespace();
        let (mode, id) = (words.next()?.to_owned(), words.nth(1)?.to_owned());
        Some(Self { mode, id, path: path.to_owned() })
    }
}

/// What cannot be released of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is no commit.
    #[error("a release is built from a commit, and there is none here")]
    NoCommit,
    /// No commit has the folder.
    #[error("no commit has the folder {0} of `{1}`")]
    NotCommitted(RelPath, PartName),
    /// The source is not as committed.
    #[error("not committed: {}{}", .0.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", "), more(.0))]
    Changed(Vec<String>),
    /// A repository in the repository: its files are not in the commit.
    #[error("{0} is a submodule, whose files are not part of the commit")]
    Submodule(String),
    /// A file that stands for another one, which is kept elsewhere.
    #[error("{0} is a pointer of Git LFS, and not the file itself")]
    Pointer(String),
    /// A name that is not text.
    #[error("{0} has a name that is not UTF-8")]
    Name(String),
    /// A link that leads out of the module's folder.
    #[error("{path} is a link to {target}, which is not in the folder of the module")]
    Outside {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
    },
}

/// Changed files that a message names.
const SHOWN: usize = 5;

fn more(all: &[String]) -> String {
    if all.len() > SHOWN { format!(" and {} more", all.len() - SHOWN) } else { String::new() }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        let hint = match &error {
            SourceError::NoCommit | SourceError::NotCommitted(..) => {
                "`git add` and `git commit`, then run the command again"
            }
            SourceError::Changed(_) => "commit it, or release it as it is with `--dirty`, which marks the image",
            SourceError::Submodule(_) => "commit its files themselves, or install them by the module's `deps`",
            SourceError::Pointer(_) => "install git-lfs and run `git lfs install`, then run the command again",
            SourceError::Name(_) => "rename it",
            SourceError::Outside { .. } => "commit the file itself in place of the link",
        };
        Self::new(Kind::Usage, error).hint(hint)
    }
}

/// What every pointer of Git LFS begins with.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Whether a file is a pointer of Git LFS, by its beginning.
#[must_use]
pub fn is_pointer(beginning: &[u8]) -> bool {
    beginning.starts_with(POINTER)
}

/// Refuses what cannot be released as it is among the files of `folder`: submodules, and names that are not text.
pub fn check_entries(folder: &RelPath, entries: &[Entry]) -> Result<(), SourceError> {
    let refused = entries.iter().find_map(|entry| match entry {
        Entry { mode, path, .. } if mode == "160000" => Some(SourceError::Submodule(below(folder, path))),
        Entry { path, .. } if path.contains(char::REPLACEMENT_CHARACTER) => {
            Some(SourceError::Name(below(folder, path)))
        }
        _ => None,
    });
    refused.map_or(Ok(()), Err)
}

/// A path below a folder, from the top of the checkout.
#[must_use]
pub fn below(folder: &RelPath, path: &str) -> String {
    if folder.as_str() == "." { path.to_owned() } else { format!("{folder}/{path}") }
}

/// Whether a link at `path` leads to something below the same folder, by its text alone. `..` counts only at the beginning:
/// what stands before a later one may be a link, which leads elsewhere than its text.
#[must_use]
pub fn stays_inside(path: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let depth = path.split('/').count() - 1;
    let mut parts = target.split('/').filter(|part| !matches!(*part, "" | "."));
    let up = parts.by_ref().take_while(|part| *part == "..").count();
    up <= depth && parts.all(|part| part != "..")
}

/// The address of a repository for everybody: the same for clones by HTTPS and by SSH, without credentials. None for a
/// folder of this machine.
#[must_use]
pub fn address(url: &str) -> Option<String> {
    let (authority, path) = match url.split_once("://") {
        Some(("https" | "http" | "ssh" | "git", rest)) => rest.split_once('/')?,
        Some(_) => return None,
        None => url.split_once(':').filter(|(host, _)| !host.contains('/'))?,
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = if url.starts_with("http") { host } else { host.split(':').next()? };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !path.is_empty()).then(|| format!("https://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_by_their_text() {
        assert!(stays_inside("a/b", "../c/d"));
        assert!(stays_inside("b", "./c"));
        assert!(!stays_inside("a/b", "../../c"));
        assert!(!stays_inside("a/b", "/etc/passwd"));
        assert!(!stays_inside("a", "x/../../y"));
        assert!(!stays_inside("a/b/c", "../d/../e"));
    }

    #[test]
    fn a_submodule_is_named_from_the_top_of_the_checkout() {
        let line = |line: &str| Entry::parse(line).unwrap();
        let all = [line("100644 blob 1\ta.py"), line("160000 commit 2\tvendor/x y")];
        let error = check_entries(&RelPath::new("api").unwrap(), &all).unwrap_err();
        assert_eq!(error.to_string(), "api/vendor/x y is a submodule, whose files are not part of the commit");
        assert_eq!(check_entries(&RelPath::default(), &all[..1]), Ok(()));
        let error = check_entries(&RelPath::default(), &[line("100644 blob 1\tb\u{fffd}.py")]).unwrap_err();
        assert_eq!(error.to_string(), "b\u{fffd}.py has a name that is not UTF-8");
    }

    #[test]
    fn of_many_changes_the_first_are_named() {
        let all = (0..7).map(|number| format!("f{number}")).collect();
        assert_eq!(SourceError::Changed(all).to_string(), "not committed: f0, f1, f2, f3, f4 and 2 more");
    }

    #[test]
    fn every_clone_of_a_repository_gives_it_the_same_address_without_credentials() {
        let same = [
            "https://git.example.com/a/b",
            "https://me:word@git.example.com/a/b.git",
            "ssh://git@git.example.com:2222/a/b.git",
            "git@git.example.com:a/b.git",
        ];
        for url in same {
            assert_eq!(address(url).as_deref(), Some("https://git.example.com/a/b"), "{url}");
        }
        assert_eq!(address("https://git.example.com:8443/a").as_deref(), Some("https://git.example.com:8443/a"));
        for local in ["/home/me/shop", "../shop", "file:///home/me/shop", ""] {
            assert_eq!(address(local), None, "{local}");
        }
    }
}
