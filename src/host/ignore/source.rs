//! A folder of the checkout as git and its owner see it: which of its entries count. The mirror, the watcher, the
//! inputs of tasks and the contexts of images all ask here.
//!
//! From strongest to weakest: what is never source (`.git`, `.devenv`, `devenv.local.yaml`); the module's own patterns,
//! whose `!pattern` takes back what the weaker say; what the module names besides; in the contexts of images, the
//! `.dockerignore` of each folder; files that git tracks; the `.gitignore`
//! of each folder, the deepest first; `.git/info/exclude`; `core.excludesFile`; private keys by their usual names
//! ([`KEYS`]). Below a folder that does not count nothing does, except what git tracks and what the module names. Without
//! the module's word, this is what `git status` would show, and it works without git too.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::model::values::RelPath;
use crate::error::Result;
use crate::host::files::failed;
use crate::host::ignore::docker_patterns::DockerPatterns;
use crate::host::ignore::patterns::{Matched, Patterns};
use crate::host::ignore::rules::{FolderFiles, KEYS, Places, Rules};
use crate::paths::NEVER_COPIED;
use crate::plan::mirror::copy::{GitFile, Selection, is_made_again};
use crate::plan::mirror::tree::{Entry, EntryKind};

/// The file by which a context says what is not sent to a build.
pub(in crate::host) const DOCKERIGNORE: &str = ".dockerignore";

/// A module's source folder as git and the module see it.
#[derive(Debug)]
pub struct SourceFolder {
    root: PathBuf,
    /// Top of what `.gitignore` files are read in: the repository, else the checkout.
    top: PathBuf,
    /// Where git keeps what says what counts, where there is a repository.
    places: Option<Places>,
    ignore: Patterns,
    selection: Selection,
    keys: Patterns,
    /// Where the folder is sent to builds.
    context: Option<Context>,
    rules: Mutex<Arc<Rules>>,
}

impl SourceFolder {
    /// The folder `folder` below the root of a checkout, and what the module says of it.
    pub fn open(checkout: &Path, folder: &RelPath, selection: &Selection) -> Result<Self> {
        Self::at(checkout, &folder.at(checkout), selection)
    }

    /// The same for a folder by its path.
    pub fn at(checkout: &Path, folder: &Path, selection: &Selection) -> Result<Self> {
        let root = fs::canonicalize(folder).map_err(failed("read", folder))?;
        let repository = root.ancestors().find(|folder| folder.join(".git").exists());
        let top = repository.map(Path::to_owned).or_else(|| fs::canonicalize(checkout).ok());
        let source = Self {
            places: repository.map(Places::find),
            top: top.unwrap_or_else(|| root.clone()),
            ignore: Patterns::new(&root, selection.ignore.join("\n").as_bytes()),
            selection: selection.clone(),
            keys: Patterns::new(&root, KEYS.join("\n").as_bytes()),
            context: None,
            rules: Mutex::default(),
            root,
        };
        source.read_rules();
        Ok(source)
    }

    /// The same folder with the contexts of images in it, where `.dockerignore` files count too.
    #[must_use]
    pub fn with_dockerignore(self) -> Self {
        Self { context: Some(Context::Hierarchy(FolderFiles::default())), ..self }
    }

    /// The same folder as the context of a Dockerfile of the team's own, with the text of its `.dockerignore`.
    #[must_use]
    pub fn with_docker_patterns(self, text: &str) -> Self {
        Self { context: Some(Context::Own(DockerPatterns::new(text))), ..self }
    }

    /// Whether it holds the contexts of images.
    #[must_use]
    pub fn is_context(&self) -> bool {
        self.context.is_some()
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
        self.keeps(path, kind == EntryKind::Folder).then(|| Entry { path: path.to_owned(), kind })
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
        let listed = match fs::read_dir(self.root.join(folder)) {
            Ok(listed) => listed,
            Err(error) => {
                survey.unread.push((folder.to_owned(), error));
                return;
            }
        };
        for found in listed.flatten() {
            let path = folder.join(found.file_name());
            let Ok(is_folder) = found.file_type().map(|kind| kind.is_dir()) else { continue };
            let fate = self.fate(rules, &path, &found.file_name(), is_folder, dark);
            if fate == Fate::Not {
                survey.left_out.extend(self.is_missed(&path, &found.file_name(), is_folder).then_some(path));
                continue;
            }
            let Some(kind) = (if is_folder { Some(EntryKind::Folder) } else { kind(&found.path()) }) else {
                survey.special.push(path);
                continue;
            };
            let inner = kind == EntryKind::Folder;
            survey.entries.push(Entry { path: path.clone(), kind });
            if inner {
                self.walk_folder(rules, &path, fate == Fate::OnlyTracked, survey);
            }
        }
    }

    /// What is to become of an entry whose folder counts.
    fn fate(&self, rules: &Rules, path: &Path, name: &OsStr, is_folder: bool, dark: bool) -> Fate {
        if NEVER_COPIED.iter().any(|never| name == *never) {
            let is_git_file = !is_folder && path == Path::new(".git") && self.selection.git_file == GitFile::Counts;
            return if is_git_file { Fate::Counts } else { Fate::Not };
        }
        let full = self.root.join(path);
        let own = self.ignore.verdict(&full, is_folder).or_else(|| self.named(path, &full, is_folder));
        let own = own.or_else(|| self.of_dockerignore(path, &full, is_folder));
        match own {
            Some(Matched::Out) => return Fate::Not,
            Some(Matched::In) => return Fate::Counts,
            None => {}
        }
        let is_out =
            || match rules.of_folders(&self.root, path, &full, is_folder).or_else(|| rules.of_base(&full, is_folder)) {
                Some(verdict) => verdict == Matched::Out,
                None => !is_folder && self.keys.verdict(&full, false).is_some(),
            };
        if !dark && !is_out() {
            return Fate::Counts;
        }
        let mut also = self.selection.also.iter();
        if rules.tracks(path) {
            Fate::Counts
        } else if rules.tracks_below(path) || (is_folder && also.any(|also| Path::new(also.as_str()).starts_with(path)))
        {
            Fate::OnlyTracked
        } else {
            Fate::Not
        }
    }

    /// What the `.dockerignore` files of a build's context say, the deepest first.
    fn of_dockerignore(&self, path: &Path, full: &Path, is_folder: bool) -> Option<Matched> {
        match self.context.as_ref()? {
            Context::Hierarchy(files) => {
                files.verdict(DOCKERIGNORE, &self.root, path.ancestors().skip(1), (full, is_folder))
            }
            // A private key is taken back by git's word alone.
            Context::Own(patterns) => patterns
                .verdict(path, is_folder)
                .filter(|verdict| *verdict == Matched::Out || is_folder || self.keys.verdict(full, false).is_none()),
        }
    }

    /// Whether the module names this, or a folder above it. A private key in such a folder has to be named itself.
    fn named(&self, path: &Path, full: &Path, is_folder: bool) -> Option<Matched> {
        let mut also = self.selection.also.iter().map(|also| Path::new(also.as_str()));
        let is_key = || !is_folder && self.keys.verdict(full, false).is_some();
        also.any(|also| also == path || ((path.starts_with(also) || also == Path::new(".")) && !is_key()))
            .then_some(Matched::In)
    }

    /// Whether somebody may miss what does not count: nobody has left it out, and no tool makes it again.
    fn is_missed(&self, path: &Path, name: &OsStr, is_folder: bool) -> bool {
        let is_own = self.ignore.verdict(&self.root.join(path), is_folder) == Some(Matched::Out);
        !is_own && !NEVER_COPIED.iter().any(|never| name == *never) && !is_made_again(&name.to_string_lossy())
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

/// What else counts in a folder that is sent to builds.
#[derive(Debug)]
enum Context {
    /// Contexts of the hierarchy: the `.dockerignore` of each folder.
    Hierarchy(FolderFiles),
    /// The context of one Dockerfile of the team's own.
    Own(DockerPatterns),
}

/// What a walk has found.
#[derive(Debug, Default)]
pub struct Survey {
    /// What counts.
    pub entries: Vec<Entry>,
    /// What does not, by git's word or since it may be a private key; nothing below a folder that is named.
    pub left_out: Vec<PathBuf>,
    /// What counts and is not a folder, a file or a link: sockets, pipes, devices.
    pub special: Vec<PathBuf>,
    /// Folders that count and cannot be read.
    pub unread: Vec<(PathBuf, io::Error)>,
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

fn kind(path: &Path) -> Option<EntryKind> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if metadata.is_symlink() {
        fs::read_link(path).ok().map(EntryKind::Link)
    } else if metadata.is_dir() {
        Some(EntryKind::Folder)
    } else if metadata.is_file() {
        Some(EntryKind::File { executable: metadata.permissions().mode() & 0o100 != 0, bytes: metadata.len() })
    } else {
        None
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
