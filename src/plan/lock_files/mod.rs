//! Lock files of applications: which packages they pin. What is wrong with them is decided by `check`. Pure.

pub mod formats;

use std::collections::BTreeMap;

use crate::plan::lock_files::formats::{LockFormat, npm, pipfile, requirements, tables};

/// Where packages of one kind come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ecosystem {
    /// Python's index.
    Pypi,
    /// Node's registry.
    Npm,
    /// Rust's registry.
    Cargo,
    /// Go's modules.
    Golang,
}

/// A package that a lock file pins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedPackage {
    /// Where it comes from.
    pub ecosystem: Ecosystem,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of what is downloaded, where the file has exactly one.
    pub digest: Option<Digest>,
}

/// A digest as lock files have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Digest {
    /// SHA-256, in hex.
    Sha256(String),
    /// SHA-512, in base64.
    Sha512(String),
}

/// The packages that a file pins, by name; none where its format is unknown. Packages that are only needed during development
/// are left out where the file marks them.
#[must_use]
pub fn packages(file: &str, text: &str) -> Vec<LockedPackage> {
    let one = |ecosystem, name: &str, version: &str, digest| LockedPackage {
        ecosystem,
        name: name.to_owned(),
        version: version.to_owned(),
        digest,
    };
    let mut all: Vec<LockedPackage> = match LockFormat::of(file) {
        None => Vec::new(),
        Some(LockFormat::Pip) => requirements(text)
            .iter()
            .filter_map(|requirement| requirement.exact())
            .map(|(name, version)| one(Ecosystem::Pypi, name, version, None))
            .collect(),
        Some(LockFormat::Pipfile) => pipfile(text, &["default"])
            .unwrap_or_default()
            .iter()
            .filter_map(|(name, package)| Some((name, package.get("version")?.as_str()?.trim_start_matches('='))))
            .map(|(name, version)| one(Ecosystem::Pypi, name, version, None))
            .collect(),
        Some(LockFormat::Npm) => npm(text)
            .unwrap_or_default()
            .iter()
            .filter(|package| !package.is("dev"))
            .filter_map(|package| {
                let digest = package.text("integrity").and_then(|text| text.strip_prefix("sha512-"));
                let digest = digest.map(|digest| Digest::Sha512(digest.to_owned()));
                Some(one(Ecosystem::Npm, package.name(), package.text("version")?, digest))
            })
            .collect(),
        Some(LockFormat::Cargo) => tables(text)
            .iter()
            .filter(|table| table.field("source").is_some())
            .filter_map(|table| {
                let digest = table.field("checksum").map(|digest| Digest::Sha256(digest.to_owned()));
                Some(one(Ecosystem::Cargo, table.field("name")?, table.field("version")?, digest))
            })
            .collect(),
        // In uv.lock, what is of this project has a path for its source.
        Some(LockFormat::Poetry | LockFormat::Uv) => tables(text)
            .iter()
            .filter(|table| !["virtual", "editable", "directory"].iter().any(|kind| table.comes_from(kind)))
            .filter_map(|table| Some(one(Ecosystem::Pypi, table.field("name")?, table.field("version")?, None)))
            .collect(),
        Some(LockFormat::GoMod) => {
            required(text).into_iter().map(|(name, version)| one(Ecosystem::Golang, name, version, None)).collect()
        }
        Some(LockFormat::GoSum) => text
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                Some((words.next()?, words.next()?))
            })
            .filter(|(_, version)| !version.ends_with("/go.mod"))
            .map(|(name, version)| one(Ecosystem::Golang, name, version, None))
            .collect(),
    };
    all.sort();
    all.dedup();
    all
}

/// The packages of all lock files of a module (path → text), each with the file that pins it. `go.sum` also lists modules of
/// which nothing is built, so where `go.mod` is among the files it decides.
#[must_use]
pub fn of_module(files: &BTreeMap<String, String>) -> BTreeMap<LockedPackage, String> {
    let has_go_mod = files.keys().any(|path| LockFormat::of(path) == Some(LockFormat::GoMod));
    let counted = files.iter().filter(|(path, _)| !(has_go_mod && LockFormat::of(path) == Some(LockFormat::GoSum)));
    counted
        .flat_map(|(path, text)| packages(path, text).into_iter().map(move |package| (package, path.clone())))
        .collect()
}

/// The modules that `go.mod` requires.
fn required(text: &str) -> Vec<(&str, &str)> {
    let mut all = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let entry = if is_open { Some(line) } else { line.strip_prefix("require ").map(str::trim) };
        match entry {
            Some("(") => is_open = true,
            Some(")") => is_open = false,
            Some(entry) => all.extend(entry.split_once(' ').map(|(name, version)| (name, version.trim()))),
            None => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(file: &str, text: &str) -> Vec<String> {
        packages(file, text).into_iter().map(|one| format!("{} {}", one.name, one.version)).collect()
    }

    #[test]
    fn each_kind_of_file_names_the_packages_that_it_pins() {
        let pip =
            "flask[async]==3.0.0 \\\n  --hash=sha256:ab\nrequests>=2\nnumpy==1.2 ; python_version < '4'\ndjango==4.*\n";
        assert_eq!(said("a/requirements.txt", pip), ["flask 3.0.0", "numpy 1.2"]);
        let npm = r#"{"packages": {"": {"version": "1"}, "node_modules/a": {"version": "1.0.0", "integrity": "sha512-x"},
            "node_modules/a/node_modules/@s/b": {"version": "2"}, "node_modules/c": {"version": "3", "dev": true},
            "node_modules/d": {"link": true}}}"#;
        assert_eq!(said("package-lock.json", npm), ["@s/b 2", "a 1.0.0"]);
        let cargo = "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = \"registry+x\"\nchecksum = \"ab\"\n\
                     [[package]]\nname = \"own\"\nversion = \"0\"\n";
        assert_eq!(packages("Cargo.lock", cargo)[0].digest, Some(Digest::Sha256("ab".to_owned())));
        assert_eq!(said("Cargo.lock", cargo), ["a 1"]);
        let uv = "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"x\" }\n\
                  [[package]]\nname = \"own\"\nversion = \"0\"\nsource = { virtual = \".\" }\n";
        assert_eq!(said("uv.lock", uv), ["a 1"]);
        let poetry = "[[package]]\nname = \"a\"\nversion = \"1\"\n\n[package.dependencies]\nname = \">=2\"\n";
        assert_eq!(said("poetry.lock", poetry), ["a 1"]);
        assert_eq!(
            said("Pipfile.lock", r#"{"default": {"a": {"version": "==1"}}, "develop": {"b": {"version": "==2"}}}"#),
            ["a 1"]
        );
        assert_eq!(said("go.sum", "x v1 h1:a=\nx v1/go.mod h1:b=\n"), ["x v1"]);
        assert_eq!(said("README", "a==1"), [""; 0]);
        assert_eq!(said("package-lock.json", "{"), [""; 0]);
    }

    #[test]
    fn modules_of_go_are_those_that_are_required() {
        let text = "module own\nrequire one v1 // indirect\nrequire (\n\ttwo v2\n\tthree v3 // indirect\n)\n";
        let files = BTreeMap::from([
            ("w/go.mod".to_owned(), text.to_owned()),
            ("w/go.sum".to_owned(), "other v9 h1:x=\n".to_owned()),
        ]);
        let names: Vec<String> = of_module(&files).into_keys().map(|package| package.name).collect();
        assert_eq!(names, ["one", "three", "two"]);
    }
}
