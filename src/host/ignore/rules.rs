//! What git's files say about which paths count, read at one moment.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use crate::digest::hex;
use crate::host::files::reading;
use crate::host::ignore::patterns::{Patterns, Verdict};

/// Where git keeps what says what counts.
#[derive(Debug)]
pub(in crate::host) struct Places {
    excludes: Option<PathBuf>,
    exclude: PathBuf,
    index: PathBuf,
}

impl Places {
    /// Asks git in a folder of a repository.
    pub(in crate::host) fn find(root: &Path) -> Self {
        let excludes = git(root, &["config", "--type=path", "--get", "core.excludesFile"]);
        let paths = git(root, &["rev-parse", "--git-path", "info/exclude", "--git-path", "index"]).unwrap_or_default();
        let mut paths = paths.split(|byte| *byte == b'\n').map(|line| root.join(OsStr::from_bytes(line)));
        Self {
            excludes: excludes.map(|bytes| path_of(&bytes)).or_else(default_excludes),
            exclude: paths.next().unwrap_or_default(),
            index: paths.next().unwrap_or_default(),
        }
    }
}

/// What says when a file was written last.
type Written = Option<(i64, i64, u64, u64)>;

/// What stood in git's files when they were read.
#[derive(Debug, Default)]
pub(in crate::host) struct Rules {
    /// From the weakest: `core.excludesFile`, `info/exclude`, `.gitignore` of the folders above the root and of the root.
    base: Vec<Patterns>,
    /// Names what stood in them.
    digest: String,
    /// The files that all this was read from, and when they were written.
    files: Vec<(PathBuf, Written)>,
    /// `.gitignore` of the folders below the root, as far as they have been looked at.
    folders: Mutex<HashMap<PathBuf, Option<Arc<Patterns>>>>,
    /// What git tracks although a pattern matches it, and the folders above that.
    tracked: BTreeSet<PathBuf>,
    above_tracked: BTreeSet<PathBuf>,
}

impl Rules {
    /// Reads them for the folder `root`; `top` is the top of what `.gitignore` files are read in.
    pub(in crate::host) fn read(root: &Path, top: &Path, places: Option<&Places>) -> Self {
        let mut rules = Self::default();
        let mut texts = Vec::new();
        if let Some(places) = places {
            // First when it was written: what is written after is seen as written.
            rules.files.push((places.index.clone(), written(&places.index)));
            let mut ask: Vec<&str> = vec!["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"];
            ask.extend(KEYS.iter().flat_map(|key| ["--exclude", key]));
            let listed = git(root, &ask).unwrap_or_default();
            let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
            rules.tracked = paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
            let above = rules.tracked.iter().flat_map(|path| path.ancestors().skip(1));
            rules.above_tracked = above.filter(|path| !path.as_os_str().is_empty()).map(Path::to_owned).collect();
            for file in places.excludes.iter().chain([&places.exclude]) {
                rules.add(top, file, reading::text(file).ok(), &mut texts);
            }
        }
        let mut folders: Vec<&Path> = root.ancestors().take_while(|folder| folder.starts_with(top)).collect();
        folders.reverse();
        for folder in folders {
            rules.add(folder, &folder.join(".gitignore"), text(folder), &mut texts);
        }
        rules.digest = hex(&texts);
        rules
    }

    fn add(&mut self, folder: &Path, file: &Path, text: Option<Vec<u8>>, texts: &mut Vec<u8>) {
        self.files.push((file.to_owned(), written(file)));
        if let Some(text) = text {
            self.base.push(Patterns::new(folder, &text));
            texts.extend_from_slice(hex(&text).as_bytes());
        }
        texts.push(b'\n');
    }

    /// Whether one of the files was written since.
    pub(in crate::host) fn is_stale(&self) -> bool {
        self.files.iter().any(|(file, was)| written(file) != *was)
    }

    /// Whether two readings say the same; the folders below the root are left out.
    pub(in crate::host) fn say_the_same(&self, other: &Self) -> bool {
        (&self.digest, &self.tracked) == (&other.digest, &other.tracked)
    }

    /// Whether git tracks this although a pattern matches it.
    pub(in crate::host) fn tracks(&self, path: &Path) -> bool {
        self.tracked.contains(path)
    }

    /// Whether git tracks something like that below this folder.
    pub(in crate::host) fn tracks_below(&self, path: &Path) -> bool {
        self.above_tracked.contains(path)
    }

    /// What the files above and outside say, the strongest first.
    pub(in crate::host) fn of_base(&self, full: &Path, is_folder: bool) -> Option<Verdict> {
        self.base.iter().rev().find_map(|file| file.verdict(full, is_folder))
    }

    /// What the `.gitignore` files below the root say, the deepest first.
    pub(in crate::host) fn of_folders(
        &self,
        root: &Path,
        path: &Path,
        full: &Path,
        is_folder: bool,
    ) -> Option<Verdict> {
        let mut folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        folders.find_map(|folder| {
            let mut known = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
            if !known.contains_key(folder) {
                let at = root.join(folder);
                let patterns = text(&at).map(|text| Arc::new(Patterns::new(&at, &text)));
                known.insert(folder.to_owned(), patterns);
            }
            let patterns = known.get(folder).cloned().flatten();
            drop(known);
            patterns.and_then(|patterns| patterns.verdict(full, is_folder))
        })
    }
}

/// A folder's own `.gitignore`; git does not follow one that is a link.
fn text(folder: &Path) -> Option<Vec<u8>> {
    let file = folder.join(".gitignore");
    let is_file = fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_file());
    if is_file { reading::text(&file).ok() } else { None }
}

fn written(file: &Path) -> Written {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.mtime(), metadata.mtime_nsec(), metadata.len(), metadata.ino()))
}

/// What git answers in a folder; `None` where it is not there, or there is no repository. Nothing that the repository
/// configures is run.
pub(in crate::host) fn git(folder: &Path, args: &[&str]) -> Option<Vec<u8>> {
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

/// Private keys by their usual names: they stay on this machine unless git tracks them or the module names them.
pub(crate) const KEYS: [&str; 9] =
    ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.key", "*-key.pem", "privkey*.pem", "*.p12", "*.pfx"];
