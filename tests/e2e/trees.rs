//! Trees of source: what is in them on both sides of a mirror, and random operations on them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::engine;

/// What both sides have, by type, mode, target and content; what does not count is left out.
const LISTING: &str = "export LC_ALL=C; set -- . \\( -name .git -o -name .devenv -o -name '*.md' -o -name '*.log' \\) -prune -o; \
    find \"$@\" \\( -type d -printf 'd %p\\0' -o -type l -printf 'l %p -> %l\\0' -o -type f -perm -u+x -printf 'x %p\\0' \
        -o -type f -printf 'f %p\\0' \\) | sort -z | tr '\\0\\n' '\\n?'; \
    find \"$@\" -type f -print0 | sort -z | xargs -0 -r sha256sum";

pub(crate) fn here(folder: &Path) -> String {
    let output = Command::new("sh").args(["-c", LISTING]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is in the container at this moment, which may be in the middle of a batch.
pub(crate) fn there(container: &str) -> String {
    let output = engine::output(&["exec", "--workdir", "/srv/api", container, "sh", "-c", LISTING]);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The lines in which two listings differ.
pub(crate) fn difference(here: &str, there: &str) -> String {
    let (own, other): (BTreeSet<&str>, BTreeSet<&str>) = (here.lines().collect(), there.lines().collect());
    let only = |one: &BTreeSet<&str>, other: &BTreeSet<&str>, sign: char| {
        one.difference(other).map(|line| format!("{sign} {line}\n")).collect::<String>()
    };
    only(&own, &other, '<') + &only(&other, &own, '>')
}

/// Small numbers from a seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

const NAMES: [&[u8]; 10] = [b"a", b"b", b"c d", b"-e", b"new\nline", b"\xff\xfe", b"it's", b"*", b"\"q\"$x`y`", b"\\n"];

fn path(dice: &mut Dice) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    let name = |dice: &mut Dice| std::ffi::OsStr::from_bytes(NAMES[dice.below(NAMES.len())]).to_owned();
    (0..=dice.below(3)).map(|_| name(dice)).collect()
}

/// One operation on a tree; what cannot be done is not done. Returns the paths that it touched.
pub(crate) fn operate(dice: &mut Dice, root: &Path, changed: &mut BTreeSet<PathBuf>) {
    let at = path(dice);
    let full = root.join(&at);
    // Through a link another path would change than the one that is told.
    let through = |at: &Path| at.ancestors().any(|above| root.join(above).is_symlink());
    if through(&at) && !(dice.below(2) == 0 && at.parent().is_none_or(|above| !through(above))) {
        return;
    }
    let is_link = full.is_symlink();
    changed.insert(at);
    let _done = match dice.below(9) {
        0..=2 if is_link => fs::remove_file(&full).is_ok(),
        0 | 1 => {
            let made = full.parent().map(fs::create_dir_all);
            let content = "x".repeat(dice.below(3000)) + &dice.0.to_string();
            made.is_some_and(|made| made.is_ok()) && fs::write(&full, content).is_ok()
        }
        2 => {
            let append = fs::OpenOptions::new().append(true).open(&full);
            append.is_ok_and(|mut file| std::io::Write::write_all(&mut file, b"more").is_ok())
        }
        3 => {
            let to = path(dice);
            if to.parent().is_some_and(through) {
                return;
            }
            let done = fs::rename(&full, root.join(&to)).is_ok();
            if done {
                changed.insert(to);
            }
            done
        }
        4 => fs::remove_file(&full).is_ok(),
        5 => fs::remove_dir_all(&full).is_ok(),
        6 => {
            let is_file = fs::symlink_metadata(&full).is_ok_and(|metadata| metadata.is_file());
            let mode = if dice.below(2) == 0 { 0o755 } else { 0o644 };
            is_file && fs::set_permissions(&full, fs::Permissions::from_mode(mode)).is_ok()
        }
        7 => std::os::unix::fs::symlink(path(dice), &full).is_ok(),
        _ => {
            let _ = fs::remove_file(&full);
            fs::create_dir_all(&full).is_ok()
        }
    };
}
