//! How lock files are written: their entries, without a judgement. Pure.

use serde_json::{Map, Value};

/// A format that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockFormat {
    /// `package-lock.json`.
    Npm,
    /// `Pipfile.lock`.
    Pipfile,
    /// `Cargo.lock`.
    Cargo,
    /// `poetry.lock`.
    Poetry,
    /// `uv.lock`.
    Uv,
    /// `go.sum`.
    GoSum,
    /// `go.mod`, which is a manifest and names versions.
    GoMod,
    /// `requirements.txt` and its like.
    Pip,
}

impl LockFormat {
    /// The format of a file, by its name.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let is_pip = |file: &str| {
            (file.starts_with("requirements") || file.starts_with("constraints")) && file.ends_with(".txt")
        };
        match path.rsplit('/').next().unwrap_or(path) {
            "package-lock.json" | "npm-shrinkwrap.json" => Some(Self::Npm),
            "Pipfile.lock" => Some(Self::Pipfile),
            "Cargo.lock" => Some(Self::Cargo),
            "poetry.lock" => Some(Self::Poetry),
            "uv.lock" => Some(Self::Uv),
            "go.sum" => Some(Self::GoSum),
            "go.mod" => Some(Self::GoMod),
            file if is_pip(file) => Some(Self::Pip),
            _ => None,
        }
    }
}

/// A requirement of pip's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The number of its first line.
    pub line: usize,
    /// All of it, without line breaks.
    pub text: String,
}

impl Requirement {
    /// Without options and markers.
    #[must_use]
    pub fn bare(&self) -> &str {
        self.text.split(" --").next().unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }

    /// Name and version, where it allows one version.
    #[must_use]
    pub fn exact(&self) -> Option<(&str, &str)> {
        let (name, version) = self.bare().split_once("==")?;
        let name = name.split('[').next().unwrap_or_default().trim();
        let version = version.trim_start_matches('=').trim();
        (!version.contains('*') && !version.contains(',')).then_some((name, version))
    }
}

/// The requirements of a file, continued lines joined.
#[must_use]
pub fn requirements(text: &str) -> Vec<Requirement> {
    let mut all: Vec<Requirement> = Vec::new();
    let mut is_open = false;
    for (at, line) in text.lines().enumerate() {
        let plain =
            if line.trim_start().starts_with('#') { "" } else { line.split(" #").next().unwrap_or_default().trim() };
        let (plain, goes_on) = plain.strip_suffix('\\').map_or((plain, false), |part| (part, true));
        match all.last_mut().filter(|_| is_open) {
            Some(open) => open.text.extend([" ", plain]),
            None => all.push(Requirement { line: at + 1, text: plain.to_owned() }),
        }
        is_open = goes_on;
    }
    for requirement in &mut all {
        requirement.text = requirement.text.trim().to_owned();
    }
    all.retain(|requirement| !requirement.text.is_empty());
    all
}

/// A package of npm's.
#[derive(Debug, Clone, PartialEq)]
pub struct NpmPackage {
    /// Where it is installed.
    pub path: String,
    facts: Value,
}

impl NpmPackage {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit_once("node_modules/").map_or(self.path.as_str(), |(_, name)| name)
    }

    /// A text that the file has about it.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.facts.get(key)?.as_str()
    }

    /// Whether the file marks it so.
    #[must_use]
    pub fn is(&self, key: &str) -> bool {
        self.facts.get(key).and_then(Value::as_bool).unwrap_or_default()
    }
}

/// Why a file of npm's says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NpmProblem {
    /// It is not JSON.
    NotJson,
    /// Written by npm 6 or older.
    Old,
}

/// The packages that npm downloads.
pub fn npm(text: &str) -> Result<Vec<NpmPackage>, NpmProblem> {
    let all: Value = serde_json::from_str(text).map_err(|_| NpmProblem::NotJson)?;
    let packages = all.get("packages").and_then(Value::as_object).ok_or(NpmProblem::Old)?;
    let all = packages.iter().map(|(path, facts)| NpmPackage { path: path.clone(), facts: facts.clone() });
    Ok(all.filter(|one| one.path.contains("node_modules/") && !one.is("link") && !one.is("inBundle")).collect())
}

/// The packages of sections of `Pipfile.lock`; none where it is not JSON.
#[must_use]
pub fn pipfile(text: &str, sections: &[&str]) -> Option<Map<String, Value>> {
    let all: Value = serde_json::from_str(text).ok()?;
    let sections = sections.iter().filter_map(|section| all.get(section).and_then(Value::as_object));
    Some(sections.flatten().map(|(name, package)| (name.clone(), package.clone())).collect())
}

/// A table `[[package]]`, and the tables below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table<'a> {
    /// The number of its first line.
    pub line: usize,
    /// Its text.
    pub text: &'a str,
}

impl<'a> Table<'a> {
    /// A text of the table itself.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&'a str> {
        let own = self.text.lines().take_while(|line| !line.starts_with('['));
        let mut found = own.filter_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.split('"').next());
        found.next()
    }

    /// Whether its source is of this kind, as uv writes it.
    #[must_use]
    pub fn comes_from(&self, kind: &str) -> bool {
        self.text.contains(&format!("source = {{ {kind} ="))
    }
}

/// The tables `[[package]]` of a file.
#[must_use]
pub fn tables(text: &str) -> Vec<Table<'_>> {
    let mut line = 1;
    let mut all = Vec::new();
    for (at, text) in text.split("[[package]]").enumerate() {
        if at > 0 {
            all.push(Table { line, text });
        }
        line += text.matches('\n').count();
    }
    all
}
