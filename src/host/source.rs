//! A module's source folder as git and `watch.ignore` see it: which of its entries count.
//!
//! From strongest to weakest: what is never source (`.git`, `.devenv`, `devenv.local.yaml`); `watch.ignore`, whose
//! `!pattern` takes back what the weaker say; files that git tracks; the `.gitignore` of each folder, the deepest first;
//! `.git/info/exclude`; `core.excludesFile`; private keys by their usual names ([`KEYS`]). Below a folder that does not
//! count nothing does, except what git tracks. All this is what `git status` would show, and works without git too.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::values::RelPath;
use crate::error::Result;
use crate::host::files::failed;
use crate::host::patterns::{Patterns, Verdict};
use crate::plan::tree::{Entry, Kind};

/// What is never source, in any folder.
const NEVER: [&str; 3] = [".git", ".devenv", "devenv.local.yaml"];
/// Private keys by their usual names: they stay on this machine unless git tracks them or `watch.ignore` has `!NAME`.
pub const KEYS: [&str; 9] =
    ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.key", "*-key.pem", "privkey*.pem", "*.p12", "*.pfx"];

/// A module's source folder as git and `watch.ignore` see it.
#[derive(Debug)]
pub struct Source {
    root: PathBuf,
    /// Top of what `.gitignore` files are read in: the repository, else the checkout.
    top: PathBuf,
    in_repository: bool,
    ignore: Patterns,
    keys: Patterns,
    rules: Mutex<Arc<Rules>>,
}

/// What stood in git's files when they were read last.
#[derive(Debug, Default)]
struct Rules {
    /// From the weakest: `core.excludesFile`, `info/exclude`, `.gitignore` of the folders above the root and of the root.
    base: Vec<Patterns>,
    /// `.gitignore` of the folders below the root, as far as they have been looked at.
    folders: Mutex<HashMap<PathBuf, Option<Arc<Patterns>>>>,
    /// What git tracks although a pattern matches it, and the folders above that.
    tracked: BTreeSet<PathBuf>,
    above_tracked: BTreeSet<PathBuf>,
}

impl Source {
    /// The folder `folder` below the root of a checkout; `ignore` are the patterns of `watch.ignore`.
    pub fn open(checkout: &Path, folder: &RelPath, ignore: &[String]) -> Result<Self> {
        let root = if folder.as_str() == "." { checkout.to_owned() } else { checkout.join(folder.as_str()) };
        let root = fs::canonicalize(&root).map_err(failed("read", &root))?;
        let repository = root.ancestors().find(|folder| folder.join(".git").exists());
        let top = repository.map(Path::to_owned).or_else(|| fs::canonicalize(checkout).ok());
        let source = Self {
            in_repository: repository.is_some(),
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

    /// Every folder, file and link that counts below a folder that does, by the rules that were read last; sorted.
    #[must_use]
    pub fn below(&self, folder: &Path) -> Vec<Entry> {
        let rules = Arc::clone(&self.rules.lock().unwrap_or_else(PoisonError::into_inner));
        let mut entries = Vec::new();
        let mut at = PathBuf::new();
        let dark = folder.components().fold(false, |dark, part| {
            at.push(part);
            self.fate(&rules, &at, part.as_os_str(), true, dark) == Fate::OnlyTracked
        });
        self.walk_folder(&rules, folder, dark, &mut entries);
        entries.sort_unstable();
        entries
    }

    /// One entry as it is now; `None` where there is none that counts.
    #[must_use]
    pub fn entry(&self, path: &Path) -> Option<Entry> {
        let kind = kind(&self.root.join(path))?;
        self.keeps(path, kind == Kind::Folder).then(|| Entry { path: path.to_owned(), kind })
    }

    /// Whether a path relative to the root counts, by the rules that were read last. After a change of a `.gitignore`
    /// only [`Self::walk`] says what counts now.
    #[must_use]
    pub fn keeps(&self, path: &Path, is_folder: bool) -> bool {
        let rules = Arc::clone(&self.rules.lock().unwrap_or_else(PoisonError::into_inner));
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
        let tracked = rules.tracked.contains(path) || rules.above_tracked.contains(path);
        match own {
            Some(Verdict::Out) => return Fate::Not,
            Some(Verdict::In) => return Fate::Counts,
            None if dark && !tracked => return Fate::Not,
            None if rules.tracked.contains(path) => return Fate::Counts,
            None if dark => return Fate::OnlyTracked,
            None => {}
        }
        let by_git = self.by_folders(rules, path, &full, is_folder);
        let by_git = by_git.or_else(|| rules.base.iter().rev().find_map(|file| file.verdict(&full, is_folder)));
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

    /// What the `.gitignore` files below the root say, the deepest first.
    fn by_folders(&self, rules: &Rules, path: &Path, full: &Path, is_folder: bool) -> Option<Verdict> {
        let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        folders.into_iter().find_map(|folder| {
            let mut known = rules.folders.lock().unwrap_or_else(PoisonError::into_inner);
            let patterns = known.entry(folder.to_owned()).or_insert_with(|| {
                let folder = self.root.join(folder);
                gitignore(&folder).map(Arc::new)
            });
            let patterns = patterns.clone();
            drop(known);
            patterns.and_then(|patterns| patterns.verdict(full, is_folder))
        })
    }

    fn read_rules(&self) -> Arc<Rules> {
        let mut base = Vec::new();
        if self.in_repository {
            let global = git(&self.root, &["config", "--type=path", "--get", "core.excludesFile"]);
            let global = global.map(|bytes| path_of(&bytes)).or_else(default_excludes);
            let exclude = git(&self.root, &["rev-parse", "--git-path", "info/exclude"]).map(|bytes| path_of(&bytes));
            let exclude = exclude.map_or_else(|| self.top.join(".git/info/exclude"), |path| self.root.join(path));
            for file in global.into_iter().chain([exclude]) {
                base.extend(fs::read(file).ok().map(|text| Patterns::new(&self.top, &text)));
            }
        }
        let mut folders: Vec<&Path> =
            self.root.ancestors().take_while(|folder| folder.starts_with(&self.top)).collect();
        folders.reverse();
        base.extend(folders.into_iter().filter_map(gitignore));
        let mut ask: Vec<&str> = vec!["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"];
        ask.extend(KEYS.iter().flat_map(|key| ["--exclude", key]));
        let listed = self.in_repository.then(|| git(&self.root, &ask)).flatten().unwrap_or_default();
        let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        let tracked: BTreeSet<PathBuf> = paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
        let above = tracked.iter().flat_map(|path| path.ancestors().skip(1));
        let above_tracked = above.filter(|path| !path.as_os_str().is_empty()).map(Path::to_owned).collect();
        let rules = Arc::new(Rules { base, folders: Mutex::default(), tracked, above_tracked });
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&rules);
        rules
    }
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

/// The patterns of a folder's own file; git does not follow one that is a link.
fn gitignore(folder: &Path) -> Option<Patterns> {
    let file = folder.join(".gitignore");
    let is_file = fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_file());
    let text = if is_file { fs::read(&file).ok() } else { None };
    text.map(|text| Patterns::new(folder, &text))
}

/// What git answers in a folder; `None` where it is not there, or there is no repository. Nothing that the repository
/// configures is run.
fn git(folder: &Path, args: &[&str]) -> Option<Vec<u8>> {
    let mut call = Command::new("git");
    call.args(["-c", "core.fsmonitor=false", "-c", "safe.directory=*"]).args(args).current_dir(folder);
    call.env("GIT_OPTIONAL_LOCKS", "0").env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
    let output = call.stdin(std::process::Stdio::null()).output().ok()?;
    output.status.success().then_some(output.stdout)
}

fn path_of(line: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(line.strip_suffix(b"\n").unwrap_or(line)))
}

/// Where git looks for everybody's patterns when nothing is configured.
fn default_excludes() -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
    folder.map(|folder| folder.join("git/ignore"))
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
