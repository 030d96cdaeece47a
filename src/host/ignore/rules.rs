//! What git's files say about which paths count, read at one moment.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::digest::hex;
use crate::host::files::reading;
use crate::host::ignore::patterns::{Matched, Patterns};

/// Where git keeps what says what counts.
#[derive(Debug)]
pub(in crate::host) struct Places {
    excludes: Option<PathBuf>,
    exclude: PathBuf,
    index: PathBuf,
}

impl Places {
    /// Finds them for a repository whose working tree begins at `top`. Git is asked only where a configuration file
    /// may name another file of excludes than the usual one.
    pub(in crate::host) fn find(top: &Path) -> Self {
        let dot = top.join(".git");
        let named = reading::text(&dot).ok().and_then(|text| Some(path_of(text.strip_prefix(b"gitdir: ")?)));
        let own = named.map_or(dot, |named| top.join(named));
        let common = reading::text(&own.join("commondir")).ok().map(|line| own.join(path_of(&line)));
        let common = common.unwrap_or_else(|| own.clone());
        let asked = || git(top, &["config", "--type=path", "--get", "core.excludesFile"]);
        let excludes = if may_name_excludes(&common.join("config")) { asked() } else { None };
        Self {
            excludes: excludes.map(|bytes| path_of(&bytes)).or_else(default_excludes),
            exclude: common.join("info/exclude"),
            index: own.join("index"),
        }
    }
}

/// Whether git's configuration may say where everybody's patterns stand: by itself, by a file that it includes, or by
/// the environment.
fn may_name_excludes(of_repository: &Path) -> bool {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let usual = [of_repository.to_owned(), home.join(".gitconfig"), PathBuf::from("/etc/gitconfig")];
    let names = |file: PathBuf| {
        let text = reading::text(&file).unwrap_or_default().to_ascii_lowercase();
        let text = String::from_utf8_lossy(&text);
        ["excludesfile", "include", "worktreeconfig"].iter().any(|word| text.contains(word))
    };
    let is_elsewhere = |name: &OsStr| name.as_bytes().starts_with(b"GIT_CONFIG");
    std::env::vars_os().any(|(name, _)| is_elsewhere(&name))
        || usual.into_iter().chain(config_folder().map(|folder| folder.join("git/config"))).any(names)
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
    /// `.gitignore` of the folders below the root.
    folders: FolderFiles,
    /// The folder of a repository that git is asked in.
    repository: Option<PathBuf>,
    tracked: OnceLock<Tracked>,
}

/// What git tracks although a pattern matches it, and the folders above that.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tracked {
    paths: BTreeSet<PathBuf>,
    above: BTreeSet<PathBuf>,
}

impl Tracked {
    fn ask(root: &Path) -> Self {
        let mut ask: Vec<&str> = vec!["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"];
        ask.extend(KEYS.iter().flat_map(|key| ["--exclude", key]));
        let listed = git(root, &ask).unwrap_or_default();
        let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        let paths: BTreeSet<PathBuf> = paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
        let above = paths.iter().flat_map(|path| path.ancestors().skip(1));
        let above = above.filter(|path| !path.as_os_str().is_empty()).map(Path::to_owned).collect();
        Self { paths, above }
    }
}

/// The files of one name in the folders of a tree, each read when a path below it is first asked for.
#[derive(Debug, Default)]
pub(in crate::host) struct FolderFiles(Mutex<HashMap<PathBuf, Option<Arc<Patterns>>>>);

impl FolderFiles {
    /// What the files `name` in the folders above a path say, the deepest first.
    pub(in crate::host) fn verdict<'a>(
        &self,
        name: &str,
        root: &Path,
        mut folders: impl Iterator<Item = &'a Path>,
        (full, is_folder): (&Path, bool),
    ) -> Option<Matched> {
        folders.find_map(|folder| {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !known.contains_key(folder) {
                let at = root.join(folder);
                let patterns = text(&at.join(name)).map(|text| Arc::new(Patterns::new(&at, &text)));
                known.insert(folder.to_owned(), patterns);
            }
            let patterns = known.get(folder).cloned().flatten();
            drop(known);
            patterns.and_then(|patterns| patterns.verdict(full, is_folder))
        })
    }
}

impl Rules {
    /// Reads them for the folder `root`; `top` is the top of what `.gitignore` files are read in.
    pub(in crate::host) fn read(root: &Path, top: &Path, places: Option<&Places>) -> Self {
        let mut rules = Self::default();
        let mut texts = Vec::new();
        if let Some(places) = places {
            // First when it was written: what is written after is seen as written.
            rules.files.push((places.index.clone(), written(&places.index)));
            rules.repository = Some(root.to_owned());
            for file in places.excludes.iter().chain([&places.exclude]) {
                rules.add(top, file, reading::text(file).ok(), &mut texts);
            }
        }
        let mut folders: Vec<&Path> = root.ancestors().take_while(|folder| folder.starts_with(top)).collect();
        folders.reverse();
        for folder in folders {
            let file = folder.join(".gitignore");
            rules.add(folder, &file, text(&file), &mut texts);
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
        (&self.digest, self.tracked()) == (&other.digest, other.tracked())
    }

    /// Whether git tracks this although a pattern matches it.
    pub(in crate::host) fn tracks(&self, path: &Path) -> bool {
        self.tracked().paths.contains(path)
    }

    /// Whether git tracks something like that below this folder.
    pub(in crate::host) fn tracks_below(&self, path: &Path) -> bool {
        self.tracked().above.contains(path)
    }

    /// Asked of git the first time that something is ignored: in most folders nothing is.
    fn tracked(&self) -> &Tracked {
        self.tracked.get_or_init(|| self.repository.as_deref().map(Tracked::ask).unwrap_or_default())
    }

    /// What the files above and outside say, the strongest first.
    pub(in crate::host) fn of_base(&self, full: &Path, is_folder: bool) -> Option<Matched> {
        self.base.iter().rev().find_map(|file| file.verdict(full, is_folder))
    }

    /// What the `.gitignore` files below the root say, the deepest first.
    pub(in crate::host) fn of_folders(
        &self,
        root: &Path,
        path: &Path,
        full: &Path,
        is_folder: bool,
    ) -> Option<Matched> {
        let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        self.folders.verdict(".gitignore", root, folders, (full, is_folder))
    }
}

/// A folder's own file of patterns; git does not follow one that is a link.
fn text(file: &Path) -> Option<Vec<u8>> {
    let is_file = fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_file());
    if is_file { reading::text(file).ok() } else { None }
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
    config_folder().map(|folder| folder.join("git/ignore"))
}

/// The user's folder of configurations.
fn config_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))
}

/// Private keys by their usual names: they stay on this machine unless git tracks them or the module names them.
pub(crate) const KEYS: [&str; 9] =
    ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.key", "*-key.pem", "privkey*.pem", "*.p12", "*.pfx"];
