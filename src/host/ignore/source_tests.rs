//! The walk against git itself, over made-up trees.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::config::model::values::RelPath;
use crate::host::ignore::rules::git;
use crate::host::ignore::source::SourceFolder;
use crate::plan::mirror::copy::Selection;
use crate::plan::mirror::tree::EntryKind;

/// Small numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const NAMES: [&str; 22] = [
    "a",
    "b",
    "src",
    "build",
    "x.o",
    "x.js",
    "x.{js,ts}",
    "out.log",
    "important.log",
    "foo bar",
    "end ",
    "-dash",
    "#hash",
    "!bang",
    "a[1]",
    "b7",
    "über",
    "new\nline",
    "tar.gz",
    "a.b.c",
    "CAPS",
    "\\back",
];

const PATTERNS: [&str; 54] = [
    "*.o",
    "!x.o",
    "build",
    "build/",
    "/build",
    "/src/build/",
    "src/*",
    "!src/a",
    "src/**",
    "**/a",
    "**/b/x.js",
    "a/**/b",
    "a/**",
    "!a/b/",
    "*.log",
    "!important.log",
    "foo bar",
    "foo\\ bar",
    "end\\ ",
    "end ",
    "\\#hash",
    "#hash",
    "\\!bang",
    "!bang",
    "a[[]1]",
    "a[1]",
    "b[0-9]",
    "b[!0-9]",
    "b[^a-z]",
    "[[:alpha:]]7",
    "?",
    "??",
    "*",
    "!*/",
    "!*.js",
    "/*",
    "/a/b",
    "a/b",
    "b/a/",
    "*.{js,ts}",
    "*.gz",
    "ta*gz",
    "a.*.c",
    "caps",
    "CAPS",
    "über",
    "*ber",
    "/**/x.js",
    "src/**/x.o",
    "a**b",
    "**",
    "\\\\back",
    "x.?s",
    "  ",
];

fn pile(dice: &mut Dice, folder: &Path, depth: usize) {
    for _ in 0..6 {
        let path = folder.join(dice.pick(&NAMES));
        if path.exists() || path.is_symlink() {
            continue;
        }
        match dice.below(if depth == 0 { 2 } else { 4 }) {
            0 => fs::write(&path, "text").unwrap(),
            1 => std::os::unix::fs::symlink(dice.pick(&["a", "nowhere", "."]), &path).unwrap(),
            _ => {
                fs::create_dir(&path).unwrap();
                pile(dice, &path, depth - 1);
            }
        }
    }
    if dice.below(3) == 0 {
        fs::write(folder.join(".gitignore"), patterns(dice)).unwrap();
    }
}

fn patterns(dice: &mut Dice) -> String {
    let line = |dice: &mut Dice| format!("{}{}", dice.pick(&PATTERNS), dice.pick(&["\n", "\n", "\r\n"]));
    (0..=dice.below(4)).map(|_| line(dice)).collect()
}

fn files(root: &Path, args: &[&str]) -> BTreeSet<PathBuf> {
    let listed = git(root, args).unwrap();
    let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    paths.map(|path| PathBuf::from(std::ffi::OsStr::from_bytes(path))).collect()
}

/// A repository in a folder of its own.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]).unwrap();
    folder
}

#[test]
fn what_counts_is_what_git_shows() {
    for seed in 0..40 {
        let folder = repository();
        let root = folder.path();
        let mut dice = Dice(seed);
        fs::write(root.join(".git/info/exclude"), patterns(&mut dice)).unwrap();
        fs::write(root.join(".git/global"), patterns(&mut dice)).unwrap();
        let global = root.join(".git/global");
        git(root, &["config", "core.excludesFile", global.to_str().unwrap()]).unwrap();
        pile(&mut dice, root, 3);
        if seed % 2 == 0 {
            // Some of what is ignored is tracked.
            let all = files(root, &["ls-files", "-z", "--others"]);
            for path in all.iter().filter(|_| dice.below(6) == 0) {
                let literal = format!(":(literal){}", path.to_str().unwrap());
                git(root, &["add", "--force", "--", &literal]).unwrap();
            }
        }
        let sub = if seed % 3 == 0 { ["a", "src"].into_iter().find(|name| root.join(name).is_dir()) } else { None };
        let module = sub.filter(|name| !root.join(name).is_symlink()).unwrap_or(".");
        let source = SourceFolder::open(root, &RelPath::new(module).unwrap(), &Selection::default()).unwrap();
        let walked = source.walk().unwrap();
        let ours: BTreeSet<PathBuf> =
            walked.iter().filter(|entry| entry.kind != EntryKind::Folder).map(|entry| entry.path.clone()).collect();
        let ask = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let mut theirs = files(&root.join(module), &ask);
        if module != "." {
            // Whether the module's own folder is ignored is not asked: who names it wants it.
            let dark = git(root, &["check-ignore", "--no-index", "-q", module]).is_some();
            if dark {
                continue;
            }
        }
        theirs.retain(|path| !path.as_os_str().is_empty());
        assert_eq!(ours, theirs, "seed {seed}, module {module}, in {}", folder.keep().display());
        for entry in &walked {
            assert!(
                source.keeps(&entry.path, entry.kind == EntryKind::Folder),
                "seed {seed}: {}",
                entry.path.display()
            );
        }
    }
}

fn counted(source: &SourceFolder) -> Vec<String> {
    source.walk().unwrap().into_iter().map(|entry| entry.path.display().to_string()).collect()
}

#[test]
fn own_patterns_add_and_take_back_and_some_things_never_count() {
    let folder = repository();
    for file in [
        ".devenv/id",
        "devenv.local.yaml",
        "tls.key",
        "tracked.key",
        "mine.key",
        "a.md",
        "keep.md",
        ".venv/x",
        "dist/x",
        "dist/y",
        "empty/nothing/.git",
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    fs::write(folder.path().join(".gitignore"), "dist\n").unwrap();
    git(folder.path(), &["add", "--force", "tracked.key", "dist/y"]).unwrap();
    let ignore = ["*.md", "!keep.md", "!mine.key", "/.venv/"].map(str::to_owned);
    let source = SourceFolder::open(folder.path(), &RelPath::default(), &Selection::new(&ignore, &[])).unwrap();
    let expected = [".gitignore", "dist", "dist/y", "empty", "empty/nothing", "keep.md", "mine.key", "tracked.key"];
    assert_eq!(counted(&source), expected);
    assert!(!source.keeps(Path::new(".venv/lib/x.py"), false));
    assert!(!source.keeps(Path::new("../x"), false));
    assert!(!source.keeps(Path::new("dist/z"), false));
}

#[test]
fn a_folder_without_a_repository_has_patterns_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("api")).unwrap();
    fs::write(folder.path().join(".gitignore"), "*.log\n").unwrap();
    fs::write(folder.path().join("api/x.log"), "").unwrap();
    fs::write(folder.path().join("api/x.py"), "").unwrap();
    let source = SourceFolder::open(folder.path(), &RelPath::new("api").unwrap(), &Selection::default()).unwrap();
    assert_eq!(counted(&source), ["x.py"]);
    fs::write(folder.path().join("api/.gitignore"), "!*.log\n").unwrap();
    assert_eq!(counted(&source), [".gitignore", "x.log", "x.py"]);
}

#[test]
fn what_is_found_through_a_link_is_no_entry() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("real/deep")).unwrap();
    fs::write(folder.path().join("real/deep/file"), "x").unwrap();
    std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
    let source = SourceFolder::open(folder.path(), &RelPath::default(), &Selection::default()).unwrap();
    let entry = |path: &str| source.entry(Path::new(path)).map(|entry| entry.kind);
    assert!(matches!(entry("real/deep/file"), Some(EntryKind::File { .. })));
    assert!(matches!(entry("link"), Some(EntryKind::Link(_))));
    assert_eq!((entry("link/deep"), entry("link/deep/file")), (None, None));
}

#[test]
fn what_the_module_names_counts_whatever_git_ignores_and_the_rest_is_told() {
    let folder = repository();
    for file in [
        "settings/local.py",
        "settings/other.py",
        "media/uploads/deep/a.png",
        "media/uploads/b.key",
        "media/cache/x",
        "keys/named.key",
        "keys/other.key",
        "left/out/for/good",
        "__pycache__/x.pyc",
        "main.py",
        ".git-is-no-file",
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    fs::write(folder.path().join(".gitignore"), "settings/*.py\nmedia\n__pycache__\nleft\n").unwrap();
    let also = ["settings/local.py", "media/uploads", "keys/named.key"].map(|path| RelPath::new(path).unwrap());
    let selection = Selection { also: also.into(), ..Selection::new(&["main.py".to_owned()], &[]) };
    let source = SourceFolder::open(folder.path(), &RelPath::default(), &selection).unwrap();
    let survey = source.survey().unwrap();
    let files = survey.entries.iter().filter(|entry| entry.kind != EntryKind::Folder);
    let files: Vec<&str> = files.map(|entry| entry.path.to_str().unwrap()).collect();
    let expected = [".git-is-no-file", ".gitignore", "keys/named.key", "media/uploads/deep/a.png", "settings/local.py"];
    assert_eq!(files, expected);
    let left_out: Vec<&str> = survey.left_out.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(left_out, ["keys/other.key", "left", "media/cache", "media/uploads/b.key", "settings/other.py"]);
    assert!(source.keeps(Path::new("media/uploads/deep/new.png"), false));
    assert!(!source.keeps(Path::new("media/other/new.png"), false));
}
