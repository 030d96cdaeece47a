//! What a mirror does: two trees → operations that make the second like the first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::plan::mirror::tree::{Entry, EntryKind};

/// An entry of the container's tree, as a comparison found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counterpart {
    /// The same as on this machine: type, content, mode, target.
    Same,
    /// A folder that this machine has otherwise or not at all.
    Folder,
    /// A file that this machine has otherwise or not at all.
    File,
    /// A link that this machine has otherwise or not at all.
    Link,
    /// The same content with another mode.
    Mode,
}

/// Something to do in the container. Paths are relative to the mirrored folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Takes away whatever is there, with all below it: something of another type comes in its place.
    Clear(PathBuf),
    /// Makes a folder.
    Folder(PathBuf),
    /// Writes a file.
    Write {
        /// Where.
        path: PathBuf,
        /// Whether its owner may execute it.
        executable: bool,
        /// Its length, as it was seen.
        bytes: u64,
    },
    /// Gives a file another mode.
    Mode {
        /// Where.
        path: PathBuf,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// Makes a symbolic link.
    Link {
        /// Where.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// Removes a file or link.
    Remove(PathBuf),
    /// Removes a folder, unless something is left in it that does not belong to the mirror.
    RemoveFolder(PathBuf),
}

impl Operation {
    /// What it works on.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Clear(path) | Self::Folder(path) | Self::Remove(path) | Self::RemoveFolder(path) => path,
            Self::Write { path, .. } | Self::Mode { path, .. } | Self::Link { path, .. } => path,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path().display();
        match self {
            Self::Clear(_) => write!(f, "clear {path}"),
            Self::Folder(_) => write!(f, "folder {path}"),
            Self::Write { executable: true, .. } => write!(f, "write {path} x"),
            Self::Write { .. } => write!(f, "write {path}"),
            Self::Mode { executable: true, .. } => write!(f, "mode {path} x"),
            Self::Mode { .. } => write!(f, "mode {path}"),
            Self::Link { target, .. } => write!(f, "link {path} -> {}", target.display()),
            Self::Remove(_) => write!(f, "remove {path}"),
            Self::RemoveFolder(_) => write!(f, "remove folder {path}"),
        }
    }
}

/// What makes a container's tree like this machine's, after a full comparison. `seen` has what is in the container and
/// counts by the same rules as here: what does not count there is left alone, and what counts and is not here goes.
#[must_use]
pub fn compared(here: &[Entry], seen: &BTreeMap<PathBuf, Counterpart>) -> Vec<Operation> {
    let mut operations = Vec::new();
    let known: BTreeSet<&Path> = here.iter().map(|entry| entry.path.as_path()).collect();
    let mut cleared: BTreeSet<&Path> = BTreeSet::new();
    for entry in here {
        let path = entry.path.clone();
        let below_cleared = entry.path.ancestors().skip(1).any(|above| cleared.contains(above));
        let there = if below_cleared { None } else { seen.get(&path) };
        match (there, &entry.kind) {
            (Some(Counterpart::Same), _) => continue,
            (Some(Counterpart::Mode), EntryKind::File { executable, .. }) => {
                operations.push(Operation::Mode { path, executable: *executable });
                continue;
            }
            // A file is renamed over a file.
            (None, _) | (Some(Counterpart::File), EntryKind::File { .. }) => {}
            (Some(_), _) => {
                cleared.insert(&entry.path);
                operations.push(Operation::Clear(path));
            }
        }
        operations.push(make(entry));
    }
    let gone = seen.iter().filter(|(path, _)| !known.contains(path.as_path()));
    for (path, what) in gone {
        // What lies below something that is cleared is gone with it.
        if path.ancestors().skip(1).any(|above| cleared.contains(above)) {
            continue;
        }
        operations.push(match what {
            Counterpart::Folder => Operation::RemoveFolder(path.clone()),
            _ => Operation::Remove(path.clone()),
        });
    }
    in_order(operations)
}

/// What brings a change into the container: `known` is what the mirror knows to be there, `now` what is here at the
/// changed paths and below them, `gone` which of `known` are not here any more.
#[must_use]
pub fn changed(now: &[Entry], known: &BTreeMap<PathBuf, EntryKind>, gone: &[PathBuf]) -> Vec<Operation> {
    let mut operations = Vec::new();
    for entry in now {
        let earlier = known.get(&entry.path);
        match (earlier, &entry.kind) {
            (Some(EntryKind::Folder), EntryKind::Folder) => continue,
            (Some(EntryKind::Link(target)), EntryKind::Link(now)) if target == now => continue,
            (None, _) | (Some(EntryKind::File { .. }), EntryKind::File { .. }) => {}
            _ => operations.push(Operation::Clear(entry.path.clone())),
        }
        operations.push(make(entry));
    }
    let cleared: BTreeSet<PathBuf> = operations
        .iter()
        .filter(|operation| matches!(operation, Operation::Clear(_)))
        .map(|operation| operation.path().to_owned())
        .collect();
    for path in gone {
        if path.ancestors().skip(1).any(|above| cleared.contains(above)) {
            continue;
        }
        operations.push(match known.get(path) {
            Some(EntryKind::Folder) => Operation::RemoveFolder(path.clone()),
            _ => Operation::Remove(path.clone()),
        });
    }
    in_order(operations)
}

fn make(entry: &Entry) -> Operation {
    let path = entry.path.clone();
    match &entry.kind {
        EntryKind::Folder => Operation::Folder(path),
        EntryKind::File { executable, bytes } => Operation::Write { path, executable: *executable, bytes: *bytes },
        EntryKind::Link(target) => Operation::Link { path, target: target.clone() },
    }
}

/// Room first, folders before what is in them, and what goes last: a renamed file is never missing at both places.
fn in_order(mut operations: Vec<Operation>) -> Vec<Operation> {
    let rank = |operation: &Operation| match operation {
        Operation::Clear(_) => 0,
        Operation::Folder(_) => 1,
        Operation::Write { .. } | Operation::Mode { .. } | Operation::Link { .. } => 2,
        Operation::Remove(_) => 3,
        Operation::RemoveFolder(_) => 4,
    };
    operations.sort_by(|one, other| {
        let by_path = one.path().cmp(other.path());
        let by_path = if rank(one) == 4 { by_path.reverse() } else { by_path };
        rank(one).cmp(&rank(other)).then(by_path)
    });
    operations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(lines: &[&str]) -> Vec<Entry> {
        let entry = |line: &&str| match line.split_once(" -> ") {
            Some((path, target)) => Entry { path: path.into(), kind: EntryKind::Link(target.into()) },
            None if line.ends_with('/') => Entry { path: line.trim_end_matches('/').into(), kind: EntryKind::Folder },
            None => Entry { path: line.into(), kind: EntryKind::File { executable: false, bytes: 1 } },
        };
        lines.iter().map(entry).collect()
    }

    fn seen(pairs: &[(&str, Counterpart)]) -> BTreeMap<PathBuf, Counterpart> {
        pairs.iter().map(|(path, seen)| (path.into(), seen.clone())).collect()
    }

    fn text(operations: &[Operation]) -> String {
        operations.iter().map(|operation| format!("{operation}\n")).collect()
    }

    #[test]
    fn what_is_the_same_is_left_alone() {
        let there = seen(&[("a", Counterpart::Same), ("a/b", Counterpart::Same), ("l", Counterpart::Same)]);
        assert_eq!(text(&compared(&here(&["a/", "a/b", "l -> x"]), &there)), "");
    }

    #[test]
    fn folders_come_before_their_files_and_what_goes_goes_last() {
        let there = seen(&[
            ("old", Counterpart::Folder),
            ("old/x", Counterpart::File),
            ("old/y", Counterpart::Folder),
            ("mode", Counterpart::Mode),
        ]);
        let expected = "folder new\nmode mode\nwrite new/x\nremove old/x\nremove folder old/y\nremove folder old\n";
        assert_eq!(text(&compared(&here(&["mode", "new/", "new/x"]), &there)), expected);
    }

    #[test]
    fn another_type_is_cleared_first_with_all_below_it() {
        let there = seen(&[
            ("a", Counterpart::File),
            ("b", Counterpart::Folder),
            ("b/c", Counterpart::File),
            ("f", Counterpart::File),
        ]);
        let expected = "clear a\nclear b\nfolder a\nwrite a/x\nwrite b\nwrite f\n";
        assert_eq!(text(&compared(&here(&["a/", "a/x", "b", "f"]), &there)), expected);
        let known = here(&["a", "b/", "b/c", "l -> x"]).into_iter().map(|entry| (entry.path, entry.kind)).collect();
        let expected = "clear a\nclear b\nfolder a\nwrite a/x\nlink b -> y\n";
        let now = here(&["a/", "a/x", "b -> y", "l -> x"]);
        assert_eq!(text(&changed(&now, &known, &["b/c".into()])), expected);
    }
}
