//! A module's source folder as git and `watch.ignore` see it: which of its entries count.
//!
//! From strongest to weakest: what is never source (`.git`, `.devenv`, `devenv.local.yaml`); `watch.ignore`, whose
//! `!pattern` takes back what the weaker say; files that git tracks; the `.gitignore` of each folder, the deepest first;
//! `.git/info/exclude`; `core.excludesFile`; private keys by their usual names ([`KEYS`]). Below a folder that does not
//! count nothing does, except what git tracks. All this is what `git status` would show, and works without git too.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::values::RelPath;
use crate::error::Result;
use crate::host::files::failed;
use crate::host::patterns::{Patterns, Verdict};
use crate::host::rules::{Places, Rules};
use crate::plan::tree::{Entry, Kind};

/// What is never source, in any folder.
pub(in crate::host) const NEVER: [&str; 3] = [".git", ".devenv", "devenv.local.yaml"];
/// Private keys by their usual names: they stay on this machine unless git tracks them or `watch.ignore` has `!NAME`.
pub const KEYS: [&str; 9] =
    ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.key", "*-key.pem", "privkey*.pem", "*.p12", "*.pfx"];

/// A module's source folder as git and `watch.ignore` see it.
#[derive(Debug)]
pub struct Source {
    root: PathBuf,
    /// Top of what `.gitignore` files are read in: the repository, else the checkout.
    top: PathBuf,
    /// Where git keeps what says what counts, where there is a repository.
    places: Option<Places>,
    ignore: Patterns,
    keys: Patterns,
    rules: Mutex<Arc<Rules>>,
}

impl Source {
    /// The folder `folder` below the root of a checkout; `ignore` are the patterns of `watch.ignore`.
    pub fn open(checkout: &Path, folder: &RelPath, ignore: &[String]) -> Result<Self> {
        let root = folder.at(checkout);
        let root = fs::canonicalize(&root).map_err(failed("read", &root))?;
        let repository = root.ancestors().find(|folder| folder.join(".git").exists());
        let top = repository.map(Path::to_owned).or_else(|| fs::canonicalize(checkout).ok());
        let source = Self {
            places: repository.map(|_| Places::find(&root)),
            top: top.unwrap_or_else(|| root.clone()),
            ignore: Patterns::new(&root, ignore.join("\n").as_bytes()),
            keys: Patterns::new(&root, KEYS.join("\n").as_bytes()),
            rules: Mutex::default(),
            root,
        };
        source.read_rules();
        Ok(source)
    }

    /// The folder, without links in its path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every folder, file and link that counts, sorted by path; rules are read anew. What vanishes meanwhile or cannot
    /// be read is left out, except for the root itself.
    pub fn walk(&self) -> Result<Vec<Entry>> {
        let rules = self.read_rules();
        let mut entries = Vec::new();
        fs::read_dir(&self.root).map_err(failed("read", &self.root))?;
        self.walk_folder(&rules, Path::new(""), false, &mut entries);
        entries.sort_unstable();
        Ok(entries)
    }

    /// Every folder, file and link that counts below a folder, by the rules that were read last; sorted.
    #[must_use]
    pub fn below(&self, path: &Path) -> Vec<Entry> {
        let mut entries = Vec::new();
        if let Some(Folder { rules, dark }) = self.folder(path) {
            self.walk_folder(&rules, path, dark, &mut entries);
        }
        entries.sort_unstable();
        entries
    }

    /// One entry as it is now; `None` where there is none that counts. What is found through a link is no entry.
    #[must_use]
    pub fn entry(&self, path: &Path) -> Option<Entry> {
        let mut above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        if above.any(|above| !fs::symlink_metadata(self.root.join(above)).is_ok_and(|above| above.is_dir())) {
            return None;
        }
        let kind = kind(&self.root.join(path))?;
        self.keeps(path, kind == Kind::Folder).then(|| Entry { path: path.to_owned(), kind })
    }

    /// Whether a path relative to the root counts, by the rules that were read last. After a change of a `.gitignore`
    /// only [`Self::walk`] says what counts now.
    #[must_use]
    pub fn keeps(&self, path: &Path, is_folder: bool) -> bool {
        let rules = self.rules();
        let mut dark = false;
        let mut at = PathBuf::new();
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else { return false };
            at.push(name);
            match self.fate(&rules, &at, name, parts.peek().is_some() || is_folder, dark) {
                Fate::Counts => {}
                Fate::OnlyTracked => dark = true,
                Fate::Not => return false,
            }
        }
        true
    }

    /// The entries that count directly in a folder and below it. `dark`: only what is tracked counts here.
    fn walk_folder(&self, rules: &Rules, folder: &Path, dark: bool, entries: &mut Vec<Entry>) {
        let Ok(listed) = fs::read_dir(self.root.join(folder)) else { return };
        for found in listed.flatten() {
            let path = folder.join(found.file_name());
            let Ok(is_folder) = found.file_type().map(|kind| kind.is_dir()) else { continue };
            let fate = self.fate(rules, &path, &found.file_name(), is_folder, dark);
            if fate == Fate::Not {
                continue;
            }
            let Some(kind) = (if is_folder { Some(Kind::Folder) } else { kind(&found.path()) }) else { continue };
            let inner = kind == Kind::Folder;
            entries.push(Entry { path: path.clone(), kind });
            if inner {
                self.walk_folder(rules, &path, fate == Fate::OnlyTracked, entries);
            }
        }
    }

    /// What is to become of an entry whose folder counts.
    fn fate(&self, rules: &Rules, path: &Path, name: &OsStr, is_folder: bool, dark: bool) -> Fate {
        if NEVER.iter().any(|never| name == *never) {
            return Fate::Not;
        }
        let full = self.root.join(path);
        let own = self.ignore.verdict(&full, is_folder);
        let tracked = rules.tracks(path) || rules.tracks_below(path);
        match own {
            Some(Verdict::Out) => return Fate::Not,
            Some(Verdict::In) => return Fate::Counts,
            None if dark && !tracked => return Fate::Not,
            None if rules.tracks(path) => return Fate::Counts,
            None if dark => return Fate::OnlyTracked,
            None => {}
        }
        let by_git = rules.of_folders(&self.root, path, &full, is_folder);
        let by_git = by_git.or_else(|| rules.of_base(&full, is_folder));
        let out = match by_git {
            Some(verdict) => verdict == Verdict::Out,
            None => !is_folder && self.keys.verdict(&full, false).is_some(),
        };
        match (out, tracked) {
            (false, _) => Fate::Counts,
            (true, true) => Fate::OnlyTracked,
            (true, false) => Fate::Not,
        }
    }

    fn read_rules(&self) -> Arc<Rules> {
        let rules = Arc::new(Rules::read(&self.root, &self.top, self.places.as_ref()));
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&rules);
        rules
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads git's files again if one outside the folder was written since they were read; says whether they say
    /// something else now. What stands in the `.gitignore` files of the folder itself is read again by [`Self::walk`]
    /// and [`Self::read_again`].
    #[must_use]
    pub fn look_at_rules(&self) -> bool {
        let before = self.rules();
        before.is_stale() && !self.read_rules().say_the_same(&before)
    }

    /// Reads git's files again.
    pub fn read_again(&self) {
        self.read_rules();
    }

    /// How a folder below the root stands: `None` where it does not count, else what it asks of what lies in it.
    #[must_use]
    pub fn folder(&self, path: &Path) -> Option<Folder> {
        let rules = self.rules();
        let mut dark = false;
        let mut at = PathBuf::new();
        for part in path.components() {
            at.push(part);
            match self.fate(&rules, &at, part.as_os_str(), true, dark) {
                Fate::Counts => dark = false,
                Fate::OnlyTracked => dark = true,
                Fate::Not => return None,
            }
        }
        Some(Folder { rules, dark })
    }

    /// Whether an entry of a folder counts; `path` is relative to the root.
    #[must_use]
    pub fn counts(&self, folder: &Folder, path: &Path, name: &OsStr, is_folder: bool) -> bool {
        self.fate(&folder.rules, path, name, is_folder, folder.dark) != Fate::Not
    }
}

/// A folder whose entries are looked at.
pub struct Folder {
    rules: Arc<Rules>,
    dark: bool,
}

/// What is to become of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Counts,
    /// A folder that does not count, but for what git tracks in it.
    OnlyTracked,
    Not,
}

fn kind(path: &Path) -> Option<Kind> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if metadata.is_symlink() {
        fs::read_link(path).ok().map(Kind::Link)
    } else if metadata.is_dir() {
        Some(Kind::Folder)
    } else if metadata.is_file() {
        Some(Kind::File { executable: metadata.permissions().mode() & 0o100 != 0, bytes: metadata.len() })
    } else {
        None
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
