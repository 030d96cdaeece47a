//! A module's source folder as git and the module see it: which of its entries count.
//!
//! From strongest to weakest: what is never source (`.git`, `.devenv`, `devenv.local.yaml`); the module's own patterns,
//! whose `!pattern` takes back what the weaker say; what the module names besides; files that git tracks; the `.gitignore`
//! of each folder, the deepest first; `.git/info/exclude`; `core.excludesFile`; private keys by their usual names
//! ([`KEYS`]). Below a folder that does not count nothing does, except what git tracks and what the module names. Without
//! the module's word, this is what `git status` would show, and it works without git too.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::model::values::RelPath;
use crate::error::Result;
use crate::host::files::failed;
use crate::host::ignore::patterns::{Patterns, Verdict};
use crate::host::ignore::rules::KEYS;
use crate::host::ignore::rules::{Places, Rules};
use crate::plan::mirror::copy::{GitFile, Selection, is_made_again};
use crate::plan::mirror::tree::{Entry, Kind};

/// What is never source, in any folder.
pub(in crate::host) const NEVER: [&str; 3] = [".git", ".devenv", "devenv.local.yaml"];

/// A module's source folder as git and the module see it.
#[derive(Debug)]
pub struct Source {
    root: PathBuf,
    /// Top of what `.gitignore` files are read in: the repository, else the checkout.
    top: PathBuf,
    /// Where git keeps what says what counts, where there is a repository.
    places: Option<Places>,
    ignore: Patterns,
    selection: Selection,
    keys: Patterns,
    rules: Mutex<Arc<Rules>>,
}

impl Source {
    /// The folder `folder` below the root of a checkout, and what the module says of it.
    pub fn open(checkout: &Path, folder: &RelPath, selection: &Selection) -> Result<Self> {
        let root = folder.at(checkout);
        let root = fs::canonicalize(&root).map_err(failed("read", &root))?;
        let repository = root.ancestors().find(|folder| folder.join(".git").exists());
        let top = repository.map(Path::to_owned).or_else(|| fs::canonicalize(checkout).ok());
        let source = Self {
            places: repository.map(|_| Places::find(&root)),
            top: top.unwrap_or_else(|| root.clone()),
            ignore: Patterns::new(&root, selection.ignore.join("\n").as_bytes()),
            selection: selection.clone(),
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

    /// Every folder, file and link that counts, sorted by path; rules are read again. What vanishes meanwhile or cannot
    /// be read is left out, except for the root itself.
    pub fn walk(&self) -> Result<Vec<Entry>> {
        self.survey().map(|survey| survey.entries)
    }

    /// The same, and what does not count although the module does not say so.
    pub fn survey(&self) -> Result<Survey> {
        let rules = self.read_rules();
        let mut survey = Survey::default();
        fs::read_dir(&self.root).map_err(failed("read", &self.root))?;
        self.walk_folder(&rules, Path::new(""), false, &mut survey);
        survey.entries.sort_unstable();
        survey.left_out.sort_unstable();
        Ok(survey)
    }

    /// Every folder, file and link that counts below a folder, by the rules that were read last; sorted.
    #[must_use]
    pub fn below(&self, path: &Path) -> Vec<Entry> {
        let mut survey = Survey::default();
        if let Some(Folder { rules, dark }) = self.folder(path) {
            self.walk_folder(&rules, path, dark, &mut survey);
        }
        survey.entries.sort_unstable();
        survey.entries
    }

    /// One entry as it is now; `None` where there is none that counts. What is found through a link is not an entry.
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
    fn walk_folder(&self, rules: &Rules, folder: &Path, dark: bool, survey: &mut Survey) {
        let Ok(listed) = fs::read_dir(self.root.join(folder)) else { return };
        for found in listed.flatten() {
            let path = folder.join(found.file_name());
            let Ok(is_folder) = found.file_type().map(|kind| kind.is_dir()) else { continue };
            let fate = self.fate(rules, &path, &found.file_name(), is_folder, dark);
            if fate == Fate::Not {
                survey.left_out.extend(self.is_missed(&path, &found.file_name(), is_folder).then_some(path));
                continue;
            }
            let Some(kind) = (if is_folder { Some(Kind::Folder) } else { kind(&found.path()) }) else { continue };
            let inner = kind == Kind::Folder;
            survey.entries.push(Entry { path: path.clone(), kind });
            if inner {
                self.walk_folder(rules, &path, fate == Fate::OnlyTracked, survey);
            }
        }
    }

    /// What is to become of an entry whose folder counts.
    fn fate(&self, rules: &Rules, path: &Path, name: &OsStr, is_folder: bool, dark: bool) -> Fate {
        if NEVER.iter().any(|never| name == *never) {
            let is_git_file = !is_folder && path == Path::new(".git") && self.selection.git_file == GitFile::Counts;
            return if is_git_file { Fate::Counts } else { Fate::Not };
        }
        let full = self.root.join(path);
        let own = self.ignore.verdict(&full, is_folder).or_else(|| self.named(path, &full, is_folder));
        let is_above_named =
            is_folder && self.selection.also.iter().any(|also| Path::new(also.as_str()).starts_with(path));
        let tracked = rules.tracks(path) || rules.tracks_below(path) || is_above_named;
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

    /// Whether the module names this, or a folder above it. A private key in such a folder has to be named itself.
    fn named(&self, path: &Path, full: &Path, is_folder: bool) -> Option<Verdict> {
        let mut also = self.selection.also.iter().map(|also| Path::new(also.as_str()));
        let is_key = || !is_folder && self.keys.verdict(full, false).is_some();
        also.any(|also| also == path || ((path.starts_with(also) || also == Path::new(".")) && !is_key()))
            .then_some(Verdict::In)
    }

    /// Whether somebody may miss what does not count: nobody has left it out, and no tool makes it again.
    fn is_missed(&self, path: &Path, name: &OsStr, is_folder: bool) -> bool {
        let is_own = self.ignore.verdict(&self.root.join(path), is_folder) == Some(Verdict::Out);
        !is_own && !NEVER.iter().any(|never| name == *never) && !is_made_again(&name.to_string_lossy())
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

/// What a walk has found.
#[derive(Debug, Default)]
pub struct Survey {
    /// What counts.
    pub entries: Vec<Entry>,
    /// What does not, by git's word or since it may be a private key; nothing below a folder that is named.
    pub left_out: Vec<PathBuf>,
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
