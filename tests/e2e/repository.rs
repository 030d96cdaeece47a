//! git in containers: its folders are where `.git` says that they are.

use std::process::Command;

use crate::checkout::{Checkout, shell};

/// What git itself does first: it follows `.git` to the commits, and reads what is checked out.
const FOLLOW: &str = "\
dir=$PWD; while [ ! -e \"$dir/.git\" ]; do dir=${dir%/*}; done
git=$dir/.git; [ -d \"$git\" ] || git=$(sed 's/^gitdir: //' \"$git\")
common=$git; [ ! -e \"$git/commondir\" ] || common=$git/$(cat \"$git/commondir\")
cat \"$git/HEAD\"; ls -d \"$common/objects\" >&2; ! touch \"$common/x\" 2>/dev/null && echo read-only";

fn git(folder: &std::path::Path, args: &[&str]) {
    let mut call = Command::new("git");
    call.args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]);
    let output = call.args(args).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_worktree_finds_its_commits_and_so_does_a_copy_that_asks_for_them() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  whole: {path: ., image: base, run: sleep infinity}
  copied: {path: ., image: base, run: sleep infinity, mirror: sync, git: true}
  below: {path: api, image: base, run: sleep infinity, mirror: sync, git: true}
  without: {path: api, image: base, run: sleep infinity}
",
    );
    checkout.write("api/main.py", "one\n");
    checkout.write(".gitignore", ".devenv\n");
    git(checkout.root(), &["init", "-q"]);
    git(checkout.root(), &["add", "-A"]);
    git(checkout.root(), &["commit", "-q", "-m", "one"]);
    let tree = checkout.sibling("tree");
    git(checkout.root(), &["worktree", "add", "-q", "-b", "fix", &tree.root().display().to_string()]);
    for (checkout, head) in [(&checkout, "ref: refs/heads/main\n"), (&tree, "ref: refs/heads/fix\n")] {
        checkout.ok(&["up"]);
        let follow = |part: &str| checkout.ok(&["exec", part, "--", "sh", "-ec", FOLLOW]).stdout;
        for part in ["copied", "below"] {
            assert_eq!(follow(part), format!("{head}read-only\n"), "{part}");
        }
        // The source of a checkout is mounted with all of git, which no container writes.
        let found = checkout
            .ok(&[
                "exec",
                "whole",
                "--",
                "sh",
                "-ec",
                &FOLLOW.replace(
                    "! touch \"$common/x\" 2>/dev/null && echo read-only",
                    "[ -w \"$common\" ] || echo read-only",
                ),
            ])
            .stdout;
        assert_eq!(found, format!("{head}read-only\n"));
        assert_eq!(checkout.devenv(&["exec", "without", "--", "sh", "-c", "ls -d /srv/.git .git"]).stdout, "");
        checkout.ok(&["mirror", "verify"]).says("no difference");
        checkout.ok(&["up"]).says_not("create");
        checkout.ok(&["down", "-v", "--yes"]);
    }
    assert_eq!(shell(&format!("git -C '{}' status --porcelain", checkout.root().display())), "");
}
