//! How two images differ: packages, what their containers begin with, and files. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::plan::images::contents::{ContainedFile, FileKind, Files, ImageFacts};
use crate::plan::images::image_packages::Inventory;

/// Variables that decide the locale.
const LOCALE: [&str; 2] = ["LANG", "LANGUAGE"];

/// Two values of one thing; none where an image does not have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The thing.
    pub name: String,
    /// What the first image has.
    pub before: Option<String>,
    /// What the second image has.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{}: {before} → {after}", self.name),
            (None, Some(after)) => write!(f, "{}: {after} is new", self.name),
            (Some(before), None) => write!(f, "{}: {before} is gone", self.name),
            (None, None) => f.write_str(&self.name),
        }
    }
}

/// A path that two images have differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// The path.
    pub path: String,
    /// How it differs.
    #[serde(flatten)]
    pub how: FileDifference,
}

/// How a path differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum FileDifference {
    /// Only the second image has it.
    New,
    /// Only the first image has it.
    Gone,
    /// It has different content.
    Content,
    /// It has other permissions.
    Mode {
        /// Those of the first image, in octal digits.
        before: String,
        /// Those of the second image.
        after: String,
    },
    /// It has another owner.
    Owner {
        /// That of the first image, as `uid:gid`.
        before: String,
        /// That of the second image.
        after: String,
    },
    /// It is something else.
    Kind {
        /// What it is in the first image.
        before: String,
        /// What it is in the second image.
        after: String,
    },
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.how {
            FileDifference::New => write!(f, "{path} is new"),
            FileDifference::Gone => write!(f, "{path} is gone"),
            FileDifference::Content => write!(f, "{path} has different content"),
            FileDifference::Mode { before, after } => write!(f, "{path}: mode {before} → {after}"),
            FileDifference::Owner { before, after } => write!(f, "{path}: owner {before} → {after}"),
            FileDifference::Kind { before, after } => write!(f, "{path}: {before} → {after}"),
        }
    }
}

/// How two images differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImageDifference {
    /// Packages of the operating system.
    pub packages: Vec<Change>,
    /// User, working directory, command and the like.
    pub settings: Vec<Change>,
    /// Variables that decide locale and time zone.
    pub locale: Vec<Change>,
    /// All other variables.
    pub environment: Vec<Change>,
    /// Files, by path.
    pub files: Vec<FileChange>,
}

impl ImageDifference {
    /// Everything that differs apart from files.
    #[must_use]
    pub fn of(before: (&ImageFacts, &Inventory), after: (&ImageFacts, &Inventory)) -> Self {
        let decides = |name: &str| LOCALE.contains(&name) || name.starts_with("LC_") || name == "TZ";
        let (locale, environment) =
            changes(pairs(&before.0.env), pairs(&after.0.env)).into_iter().partition(|change| decides(&change.name));
        Self {
            packages: changes(before.1.packages(), after.1.packages()),
            settings: changes(pairs(&settings(before.0)), pairs(&settings(after.0))),
            locale,
            environment,
            files: Vec::new(),
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same in words: for each family of differences its heading, and a line for each.
    #[must_use]
    pub fn words(&self) -> Vec<(&'static str, Vec<String>)> {
        let lines = |all: &[Change]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        let all = [
            ("packages", lines(&self.packages)),
            ("settings", lines(&self.settings)),
            ("locale", lines(&self.locale)),
            ("environment", lines(&self.environment)),
            ("files", file_lines(&self.files)),
        ];
        all.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
    }
}

/// A line for each file; what is new or gone with its folder is only counted.
fn file_lines(changes: &[FileChange]) -> Vec<String> {
    let whole = |how: &FileDifference| matches!(how, FileDifference::New | FileDifference::Gone);
    let by_path: BTreeMap<&str, &FileDifference> =
        changes.iter().map(|change| (change.path.as_str(), &change.how)).collect();
    let folder = |change: &FileChange| {
        let mut top = None;
        let mut path = change.path.as_str();
        while let Some((parent, _)) = path.rsplit_once('/').filter(|_| whole(&change.how)) {
            path = parent;
            if by_path.get(parent) != Some(&&change.how) {
                break;
            }
            top = Some(parent);
        }
        top.map(str::to_owned)
    };
    let mut below: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for change in changes {
        match folder(change) {
            Some(folder) => *below.entry(folder).or_default() += 1,
            None => lines.push(change),
        }
    }
    let line = |change: &&FileChange| match below.get(&change.path) {
        Some(count) => format!("{change}, with {count} below it"),
        None => change.to_string(),
    };
    lines.iter().map(line).collect()
}

/// The files that differ, by path.
#[must_use]
pub fn files(before: &Files, after: &Files) -> Vec<FileChange> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = paths.into_iter().filter_map(|path| {
        let how = match (before.get(path), after.get(path)) {
            (None, _) => Some(FileDifference::New),
            (_, None) => Some(FileDifference::Gone),
            (Some(before), Some(after)) => file(before, after),
        };
        how.map(|how| FileChange { path: path.clone(), how })
    });
    changed.collect()
}

fn file(before: &ContainedFile, after: &ContainedFile) -> Option<FileDifference> {
    let owner = |file: &ContainedFile| format!("{}:{}", file.owner.0, file.owner.1);
    match (&before.kind, &after.kind) {
        (FileKind::File(one), FileKind::File(other)) if one != other => Some(FileDifference::Content),
        (one, other) if one != other => {
            Some(FileDifference::Kind { before: one.to_string(), after: other.to_string() })
        }
        _ if before.mode != after.mode => {
            Some(FileDifference::Mode { before: format!("{:o}", before.mode), after: format!("{:o}", after.mode) })
        }
        _ if before.owner != after.owner => Some(FileDifference::Owner { before: owner(before), after: owner(after) }),
        _ => None,
    }
}

/// What a container of an image begins with, apart from its variables; what is not set is left out.
fn settings(facts: &ImageFacts) -> BTreeMap<String, String> {
    let all = [
        ("user", facts.user.clone()),
        ("working directory", facts.dir.clone()),
        ("entrypoint", facts.entrypoint.join(" ")),
        ("command", facts.command.join(" ")),
        ("ports", facts.ports.join(", ")),
        ("stop signal", facts.stop_signal.clone()),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn pairs(all: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    all.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn changes<'a>(
    before: impl Iterator<Item = (&'a str, &'a str)>,
    after: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<Change> {
    let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) = (before.collect(), after.collect());
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let value = |all: &BTreeMap<&str, &str>, name: &str| all.get(name).map(|value| (*value).to_owned());
    let all = names.into_iter().map(|name| Change {
        name: name.to_owned(),
        before: value(&before, name),
        after: value(&after, name),
    });
    all.filter(|change| change.before != change.after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(user: &str, env: &[(&str, &str)]) -> ImageFacts {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ImageFacts { user: user.to_owned(), env, command: vec!["sh".to_owned()], ..ImageFacts::default() }
    }

    #[test]
    fn what_differs_is_said_family_by_family_and_the_same_is_left_out() {
        let one = (facts("root", &[("A", "1"), ("LANG", "C"), ("TZ", "UTC")]), Inventory::of_label("a=1 b=1 c=1"));
        let other = (facts("app", &[("B", "2"), ("LANG", "de_DE"), ("TZ", "UTC")]), Inventory::of_label("a=1 b=2 d=1"));
        let difference = ImageDifference::of((&one.0, &one.1), (&other.0, &other.1));
        let said: Vec<String> =
            difference.words().into_iter().map(|(name, lines)| format!("{name}: {}", lines.join("; "))).collect();
        assert_eq!(
            said,
            [
                "packages: b: 1 → 2; c: 1 is gone; d: 1 is new",
                "settings: user: root → app",
                "locale: LANG: C → de_DE",
                "environment: A: 1 is gone; B: 2 is new",
            ]
        );
        assert!(ImageDifference::of((&one.0, &one.1), (&one.0, &one.1)).is_empty());
    }

    #[test]
    fn what_is_new_with_its_folder_is_counted_and_not_listed() {
        let new = |path: &str| FileChange { path: path.to_owned(), how: FileDifference::New };
        let content = FileChange { path: "a/old".to_owned(), how: FileDifference::Content };
        let all = [content, new("a/b"), new("a/b/c"), new("a/b/c/d"), new("a/bc")];
        assert_eq!(file_lines(&all), ["a/old has different content", "a/b is new, with 2 below it", "a/bc is new"]);
    }

    #[test]
    fn files_differ_by_content_kind_mode_and_owner_the_first_path_first() {
        let file =
            |digest: &str, mode, uid| ContainedFile { kind: FileKind::File(digest.to_owned()), mode, owner: (uid, 0) };
        let link = |target: &str| ContainedFile { kind: FileKind::Link(target.to_owned()), mode: 0o777, owner: (0, 0) };
        let all = |entries: &[(&str, ContainedFile)]| {
            entries.iter().map(|(path, file)| ((*path).to_owned(), file.clone())).collect::<Files>()
        };
        let before = all(&[
            ("a", file("1", 0o644, 0)),
            ("b", file("1", 0o644, 0)),
            ("c", file("1", 0o644, 0)),
            ("d", link("x")),
            ("e", file("1", 0o644, 0)),
            ("gone", file("1", 0o644, 0)),
        ]);
        let after = all(&[
            ("a", file("2", 0o644, 0)),
            ("b", file("1", 0o755, 0)),
            ("c", file("1", 0o644, 7)),
            ("d", link("y")),
            ("e", file("1", 0o644, 0)),
            ("new", file("1", 0o644, 0)),
        ]);
        let said: Vec<String> = files(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "a has different content",
                "b: mode 644 → 755",
                "c: owner 0:0 → 7:0",
                "d: a link to x → a link to y",
                "gone is gone",
                "new is new",
            ]
        );
    }
}
