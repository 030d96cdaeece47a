//! On a real kernel: every way to save a file, new folders, lost events.

use std::fs;

use super::*;

struct Watched {
    folder: tempfile::TempDir,
    changes: Changes,
}

impl Watched {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "one\n").unwrap();
        fs::write(folder.path().join(".gitignore"), "*.log\n/made/\n").unwrap();
        let folders = BTreeMap::from([(RelPath::default(), BTreeSet::from([Selection::default()]))]);
        let changes = Changes::open(&Trees { checkout: folder.path().to_owned(), folders });
        Self { folder, changes }
    }

    fn sh(&self, script: &str) {
        let status = std::process::Command::new("sh").args(["-ec", script]).current_dir(self.folder.path()).status();
        assert!(status.unwrap().success(), "{script}");
    }

    /// All files that change until it is quiet, as text.
    async fn seen(&mut self) -> String {
        self.seen_with_folders()
            .await
            .split(", ")
            .filter(|one| !one.ends_with(" Folder"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    async fn seen_with_folders(&mut self) -> String {
        let mut all = BTreeMap::new();
        while let Ok(batch) = tokio::time::timeout(Duration::from_millis(300), self.changes.next()).await {
            all.extend(batch);
        }
        let root = self.folder.path();
        let words =
            all.iter().map(|(path, change)| format!("{} {change:?}", path.strip_prefix(root).unwrap().display()));
        words.collect::<Vec<_>>().join(", ")
    }
}

#[tokio::test]
async fn every_way_to_save_is_one_change_of_one_file() {
    let mut watched = Watched::new();
    let styles = [
        "echo in place > file",
        "echo renamed > file.tmp; mv file.tmp file",
        "mv file file~; echo backup > file",
        "echo half >> file; echo whole >> file",
        "rm file; echo again > file",
        "cp file .file.swp; echo vim > file; rm .file.swp; touch 4913; rm 4913",
    ];
    for style in styles {
        watched.sh(style);
        let seen = watched.seen().await;
        assert!(seen == "file Written" || seen.starts_with("file"), "{style}: {seen}");
    }
}

#[tokio::test]
async fn what_is_only_touched_has_not_changed() {
    let mut watched = Watched::new();
    assert_eq!(watched.seen().await, "");
    watched.sh("touch file; cp file copy; mv copy file; cat file > /dev/null");
    assert_eq!(watched.seen().await, "");
    watched.sh("chmod +x file");
    assert_eq!(watched.seen().await, "file Written");
}

#[tokio::test]
async fn what_git_ignores_does_not_count_until_it_does() {
    let mut watched = Watched::new();
    watched.sh("echo 1 > a.log; mkdir -p made .git .devenv; echo 1 > made/x; echo 1 > .git/x; echo 1 > .devenv/x");
    assert_eq!(watched.seen().await, "");
    watched.sh("echo '*.log' > .gitignore");
    assert_eq!(watched.seen().await, ".gitignore Written, made/x New");
}

#[tokio::test]
async fn folders_that_are_filled_at_once_lose_nothing() {
    let mut watched = Watched::new();
    watched.sh("for n in $(seq 100); do mkdir -p d$n/a/b; echo 1 > d$n/a/b/f; done");
    let seen = watched.seen().await;
    assert_eq!(seen.matches("/a/b/f New").count(), 100, "{seen}");
    watched.sh("mv d1 e1; echo 2 > e1/a/b/f; rm -r d2");
    let seen = watched.seen().await;
    assert_eq!(seen, "d1/a/b/f Gone, d2/a/b/f Gone, e1/a/b/f New");
    watched.sh("echo 3 > e1/a/b/f");
    assert_eq!(watched.seen().await, "e1/a/b/f Written", "the moved folder is watched still");
}

#[tokio::test]
async fn a_folder_that_is_made_anew_is_watched_although_it_has_the_number_of_the_old_one() {
    let mut watched = Watched::new();
    watched.sh("mkdir d; echo 1 > d/f");
    watched.seen().await;
    for round in 0..20 {
        watched.sh("rm -r d; mkdir d; echo 1 > d/f");
        watched.seen().await;
        watched.sh(&format!("echo r{round} > d/f; echo 1 > d/new{round}"));
        assert_eq!(watched.seen().await, format!("d/f Written, d/new{round} New"));
    }
}

#[tokio::test]
async fn folders_are_told_too() {
    let mut watched = Watched::new();
    watched.sh("mkdir -p empty/inner");
    assert_eq!(watched.seen_with_folders().await, "empty Folder, empty/inner Folder");
    watched.sh("rm -r empty");
    assert_eq!(watched.seen_with_folders().await, "empty Folder, empty/inner Folder");
}

#[tokio::test]
async fn what_git_tracks_counts_and_its_index_and_rules_are_looked_at() {
    let mut watched = Watched::new();
    watched.sh("git init -q . && echo 1 > a.log && git add -f a.log");
    watched.changes.check();
    assert_eq!(watched.seen().await, "", "the folder was no repository when it was looked at first");
    watched.changes = Changes::open(&watched.changes.trees().clone());
    watched.sh("echo 2 > a.log; echo 1 > b.log");
    assert_eq!(watched.seen().await, "a.log Written");
    watched.sh("git add -f b.log");
    watched.changes.check();
    assert_eq!(watched.seen_with_folders().await, " Folder, b.log New");
    watched.sh("echo 'b.*' > .git/info/exclude; git rm -q --cached b.log; echo 1 > b.txt");
    watched.changes.check();
    assert_eq!(watched.seen_with_folders().await, " Folder, b.log Gone");
    watched.sh("git status > /dev/null");
    watched.changes.check();
    assert_eq!(watched.seen_with_folders().await, "");
}

#[tokio::test]
async fn a_file_becomes_a_folder_and_a_link() {
    let mut watched = Watched::new();
    watched.sh("rm file; mkdir file; echo 1 > file/inner");
    assert_eq!(watched.seen().await, "file Gone, file/inner New");
    watched.sh("rm -r file; ln -s nowhere file");
    assert_eq!(watched.seen().await, "file New, file/inner Gone");
    watched.sh("ln -sfn elsewhere file");
    assert_eq!(watched.seen().await, "file Written");
}

#[tokio::test]
async fn events_that_were_lost_are_found_by_a_rescan() {
    let mut watched = Watched::new();
    watched.sh("mkdir -p deep/er; echo 1 > deep/er/file");
    watched.seen().await;
    // The watches are gone.
    watched.changes.watcher = None;
    watched.sh("echo 2 > deep/er/file; rm file");
    assert_eq!(watched.seen().await, "");
    watched.changes.rescan();
    assert_eq!(watched.seen().await, "deep/er/file Written, file Gone");
}

#[tokio::test]
async fn what_the_kernel_does_not_watch_is_looked_at() {
    let mut watched = Watched::new();
    watched.changes.watcher = None;
    watched.sh("mkdir new; echo 1 > new/file");
    watched.changes.rescan();
    assert_eq!(watched.seen().await, "new/file New");
    watched.sh("echo 2 > new/file");
    watched.changes.next_poll = Instant::now();
    assert_eq!(watched.seen().await, "new/file Written");
    let error = notify::Error::new(ErrorKind::MaxFilesWatch);
    assert!(trouble(&error).contains("sudo sysctl fs.inotify.max_user_watches=524288"));
}

#[tokio::test]
async fn a_root_that_is_made_anew_is_watched_again() {
    let mut watched = Watched::new();
    let root = watched.folder.path().to_owned();
    fs::remove_dir_all(&root).unwrap();
    assert_eq!(watched.seen().await, ".gitignore Gone, file Gone");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("file"), "two").unwrap();
    watched.changes.check();
    assert_eq!(watched.seen().await, "file New");
    watched.sh("echo three > file");
    assert_eq!(watched.seen().await, "file Written");
}
