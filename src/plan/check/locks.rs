//! Lock files: each module that installs something names one, and it pins every dependency. Pure.

use serde_json::Value;

use crate::config::model::values::RelPath;
use crate::plan::check::facts::CheckFacts;
use crate::plan::check::finding::{Finding, Spot};
use crate::plan::check::rules::Rule;
use crate::plan::lock_files::formats::{self, LockFormat, NpmProblem};

/// Manifests that pin nothing themselves, each with the lock files that do.
const MANIFESTS: [(&str, &[&str]); 6] = [
    ("package.json", &["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"]),
    ("pyproject.toml", &["uv.lock", "poetry.lock", "pdm.lock", "requirements.txt"]),
    ("Pipfile", &["Pipfile.lock"]),
    ("Cargo.toml", &["Cargo.lock"]),
    ("go.mod", &["go.sum"]),
    ("Gemfile", &["Gemfile.lock"]),
];
/// Findings of one file that are reported one by one.
const MOST: usize = 10;

/// A dependency that is not pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Loose {
    line: usize,
    says: String,
    fix: &'static str,
}

/// Modules without a lock file, and lock files that leave something open.
#[must_use]
pub fn findings(facts: &CheckFacts<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for (name, module) in &facts.project.file.modules {
        let Some(deps) = &module.deps else { continue };
        let names: Vec<&str> = deps.lock.iter().map(|file| base(file.as_str())).collect();
        for (at, file) in deps.lock.iter().enumerate() {
            let path = module.path.join(file);
            let text = facts.locks.get(path.as_str()).map_or("", String::as_str);
            let index = at.to_string();
            if let Some(locks) = unlocked(base(file.as_str()), text, &names) {
                let spot = Spot::of(facts.project, &["modules", name.as_str(), "deps", "lock", &index]);
                let says = format!("`{file}` of `{name}` pins no version, and `lock` names no file that does");
                let one_of = if locks.len() > 1 { "one of " } else { "" };
                let fix = format!("commit {one_of}{} and name it in `lock`", locks.join(", "));
                all.push(Finding::error(Rule::LockMissing, spot, says, fix));
            }
            all.extend(of_file(&path, text));
            all.extend(unnamed_includes(file, text, &deps.lock).into_iter().map(|(line, included)| {
                let says = format!("`{included}` is included here, and `lock` of `{name}` does not name it");
                let fix = "name it in `lock` too: otherwise its changes install nothing and are not checked";
                Finding::error(Rule::LockPin, Spot::new(path.as_str(), line), says, fix)
            }));
        }
    }
    all
}

fn of_file(path: &RelPath, text: &str) -> Vec<Finding> {
    let loose = loose(base(path.as_str()), text);
    let beyond = loose.len().saturating_sub(MOST);
    let more = (beyond > 0).then(|| {
        let says = format!("{beyond} more dependencies are not pinned");
        Finding::error(Rule::LockPin, Spot::new(path.as_str(), 1), says, "pin all of them")
    });
    let shown = loose.into_iter().take(MOST);
    shown
        .map(|one| Finding::error(Rule::LockPin, Spot::new(path.as_str(), one.line), one.says, one.fix))
        .chain(more)
        .collect()
}

/// Files that requirements include and that are not among the lock files of the module, each with its line.
fn unnamed_includes(file: &RelPath, text: &str, named: &[RelPath]) -> Vec<(usize, String)> {
    if LockFormat::of(base(file.as_str())) != Some(LockFormat::Pip) {
        return Vec::new();
    }
    let folder = file.as_str().rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let is_named = |path: &str| {
        let path = RelPath::new(format!("{folder}{path}"));
        path.is_ok_and(|path| named.contains(&path))
    };
    let options = ["-r", "--requirement", "-c", "--constraint"];
    let all = formats::requirements(text);
    let included = all.iter().filter_map(|one| {
        let (option, path) = one.text.split_once([' ', '=']).or_else(|| one.text.split_at_checked(2))?;
        options.contains(&option).then(|| (one.line, path.trim().to_owned()))
    });
    included.filter(|(_, path)| !is_named(path)).collect()
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The lock files of which one is missing beside a manifest that asks for something.
fn unlocked(file: &str, text: &str, names: &[&str]) -> Option<&'static [&'static str]> {
    let (_, locks) = MANIFESTS.iter().find(|(manifest, _)| *manifest == file)?;
    let asks = match file {
        "go.mod" => text.lines().any(|line| line.trim_start().starts_with("require")),
        "package.json" => serde_json::from_str::<Value>(text).map_or(true, |all| {
            let keys = ["dependencies", "devDependencies", "optionalDependencies"];
            keys.iter().any(|key| all.get(key).and_then(Value::as_object).is_some_and(|map| !map.is_empty()))
        }),
        "Cargo.toml" => text.lines().any(|line| line.trim_start().starts_with("[") && line.contains("dependencies")),
        _ => true,
    };
    (asks && !names.iter().any(|name| locks.contains(name))).then_some(locks)
}

/// What a lock file leaves open; nothing for kinds of files that are not known.
fn loose(file: &str, text: &str) -> Vec<Loose> {
    match LockFormat::of(file) {
        Some(LockFormat::Npm) => npm(text),
        Some(LockFormat::Pipfile) => pipfile(text),
        Some(LockFormat::Cargo) => blocks(
            text,
            "source = \"registry+",
            "checksum = ",
            "has no checksum",
            "run `cargo update -p NAME` with a registry that has one",
        ),
        Some(LockFormat::Poetry) => blocks(text, "name = ", "sha256:", "has no hash", "run `poetry lock`"),
        Some(LockFormat::Uv) => blocks(text, "source = { registry", "sha256:", "has no hash", "run `uv lock`"),
        Some(LockFormat::GoSum) => go_sum(text),
        Some(LockFormat::Pip) => pip(text),
        Some(LockFormat::GoMod) | None => Vec::new(),
    }
}

fn pip(text: &str) -> Vec<Loose> {
    let all = formats::requirements(text);
    all.iter()
        .filter_map(|requirement| {
            let (bare, text) = (requirement.bare(), requirement.text.as_str());
            let is_option = text.starts_with('-') && !text.starts_with("-e") && !text.starts_with("--editable");
            let is_local = [".", "/", "file:"].iter().any(|start| bare.starts_with(start));
            let commit = |part: &str| part.len() >= 40 && part.bytes().take(40).all(|byte| byte.is_ascii_hexdigit());
            let is_commit = bare.contains("git+") && bare.rsplit_once('@').is_some_and(|(_, part)| commit(part));
            let has_hash = text.contains("--hash=") || bare.contains("#sha256=");
            if is_option || is_local || requirement.exact().is_some() || is_commit || has_hash {
                return None;
            }
            let name: String = bare.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.[]".contains(*c)).collect();
            let name = if name.is_empty() { bare.chars().take(60).collect() } else { name };
            let fix = "write `==VERSION`, and better `--hash` too: `pip-compile --generate-hashes` does";
            Some(Loose { line: requirement.line, says: format!("`{name}` is not pinned"), fix })
        })
        .collect()
}

fn npm(text: &str) -> Vec<Loose> {
    let fix = "run `npm install` with npm 7 or newer, and commit the file";
    let packages = match formats::npm(text) {
        Ok(packages) => packages,
        Err(NpmProblem::NotJson) => return vec![Loose { line: 1, says: "it is not JSON".to_owned(), fix }],
        Err(NpmProblem::Old) => {
            let says = "it has no `packages`: it was written by npm 6 or older".to_owned();
            return vec![Loose { line: 1, says, fix }];
        }
    };
    let unpinned = packages.iter().filter(|package| {
        let resolved = package.text("resolved").unwrap_or_default();
        let is_commit = resolved.starts_with("git+") && resolved.contains('#');
        package.text("integrity").is_none() && !is_commit && !resolved.starts_with("file:")
    });
    unpinned
        .map(|package| {
            let place = format!("\"{}\"", package.path);
            let line = text.lines().position(|line| line.contains(&place)).map_or(1, |at| at + 1);
            Loose { line, says: format!("`{}` has no `integrity`", package.name()), fix }
        })
        .collect()
}

fn pipfile(text: &str) -> Vec<Loose> {
    let fix = "run `pipenv lock`";
    let Some(packages) = formats::pipfile(text, &["default", "develop"]) else {
        return vec![Loose { line: 1, says: "it is not JSON".to_owned(), fix }];
    };
    let unpinned = packages.iter().filter(|(_, package)| {
        let has = |key: &str| package.get(key).is_some();
        !has("path")
            && !has("file")
            && !has("ref")
            && package.get("hashes").and_then(Value::as_array).is_none_or(Vec::is_empty)
    });
    unpinned.map(|(name, _)| Loose { line: 1, says: format!("`{name}` has no hash"), fix }).collect()
}

/// Tables `[[package]]` that have `from` and lack `proof`.
fn blocks(text: &str, from: &str, proof: &str, what: &str, fix: &'static str) -> Vec<Loose> {
    // Older poetry keeps all hashes in a table at the end.
    if text.contains("[metadata.files]") {
        return Vec::new();
    }
    let tables = formats::tables(text).into_iter();
    let loose = tables.filter(|table| table.text.contains(from) && !table.text.contains(proof));
    loose
        .map(|table| {
            let name = table.field("name").unwrap_or_default();
            Loose { line: table.line, says: format!("`{name}` {what}"), fix }
        })
        .collect()
}

fn go_sum(text: &str) -> Vec<Loose> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let bad = lines.filter(|(_, line)| !line.split(' ').next_back().is_some_and(|sum| sum.starts_with("h1:")));
    bad.map(|(at, _)| Loose { line: at + 1, says: "the line has no sum".to_owned(), fix: "run `go mod tidy`" })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(file: &str, text: &str) -> Vec<String> {
        loose(file, text).into_iter().map(|one| format!("{}: {}", one.line, one.says)).collect()
    }

    #[test]
    fn a_requirement_is_pinned_by_version_hash_or_commit() {
        let commit = "a".repeat(40);
        let text = format!(
            "# by hand\n--index-url https://x.example\nflask==3.0.0 \\\n    --hash=sha256:ab\nrequests>=2 # why\n\
             httpx\ndjango==4.*\nnumpy ; python_version < '4'\nown @ https://x.example/own.whl#sha256=ab\n\
             ./local\ntool @ git+https://x.example/tool@{commit}\nmain @ git+https://x.example/main@main\n-e git+https://x.example/e#egg=e\n"
        );
        assert_eq!(
            said("requirements.txt", &text),
            [
                "5: `requests` is not pinned",
                "6: `httpx` is not pinned",
                "7: `django` is not pinned",
                "8: `numpy` is not pinned",
                "12: `main` is not pinned",
                "13: `-e` is not pinned",
            ]
        );
    }

    #[test]
    fn a_file_that_requirements_include_is_named_as_well() {
        let path = |text: &str| RelPath::new(text).unwrap();
        let text =
            "-r base.txt\n-rmore.txt\n--requirement=../all.txt\n--constraint limits.txt\nflask==3.0.0\n-i https://x\n";
        let named = [path("req/dev.txt"), path("req/base.txt")];
        let found = unnamed_includes(&path("req/requirements-dev.txt"), text, &named);
        let found: Vec<_> = found.iter().map(|(line, path)| (*line, path.as_str())).collect();
        assert_eq!(found, [(2, "more.txt"), (3, "../all.txt"), (4, "limits.txt")]);
        assert_eq!(unnamed_includes(&path("package-lock.json"), text, &named), []);
    }

    #[test]
    fn a_package_of_npm_has_its_integrity() {
        let text = r#"{"lockfileVersion": 3, "packages": {
            "": {"dependencies": {"a": "1"}},
            "node_modules/a": {"version": "1.0.0", "resolved": "https://x.example/a.tgz", "integrity": "sha512-x"},
            "node_modules/b": {"version": "1.0.0", "resolved": "https://x.example/b.tgz"},
            "node_modules/c": {"resolved": "packages/c", "link": true},
            "packages/c": {"version": "1.0.0"}}}"#;
        assert_eq!(said("package-lock.json", text), ["4: `b` has no `integrity`"]);
        assert_eq!(said("package-lock.json", "{"), ["1: it is not JSON"]);
        assert!(said("package-lock.json", "{\"dependencies\": {}}")[0].contains("npm 6 or older"));
    }

    #[test]
    fn packages_of_cargo_poetry_uv_and_go_have_sums() {
        let cargo = "version = 4\n\n[[package]]\nname = \"a\"\nsource = \"registry+https://x\"\nchecksum = \"ab\"\n\n\
                     [[package]]\nname = \"b\"\nsource = \"registry+https://x\"\n\n[[package]]\nname = \"own\"\n";
        assert_eq!(said("Cargo.lock", cargo), ["8: `b` has no checksum"]);
        let poetry =
            "[[package]]\nname = \"a\"\nfiles = [\n {hash = \"sha256:ab\"}]\n[[package]]\nname = \"b\"\nfiles = []\n";
        assert_eq!(said("poetry.lock", poetry), ["5: `b` has no hash"]);
        let uv = "[[package]]\nname = \"a\"\nsource = { registry = \"https://x\" }\nsdist = { hash = \"sha256:ab\" }\n[[package]]\nname = \"b\"\nsource = { registry = \"https://x\" }\n[[package]]\nname = \"own\"\nsource = { virtual = \".\" }\n";
        assert_eq!(said("uv.lock", uv), ["5: `b` has no hash"]);
        assert_eq!(said("go.sum", "x v1 h1:ab=\nx v1/go.mod h1:cd=\ny v1\n"), ["3: the line has no sum"]);
    }

    #[test]
    fn a_manifest_that_asks_for_something_has_a_lock_file_beside_it() {
        let go = "module x\nrequire y v1\n";
        assert!(unlocked("go.mod", go, &["go.mod"]).is_some());
        assert!(unlocked("go.mod", go, &["go.mod", "go.sum"]).is_none());
        assert!(unlocked("go.mod", "module x\n", &["go.mod"]).is_none());
        assert!(unlocked("package.json", "{\"dependencies\": {\"a\": \"1\"}}", &["package.json"]).is_some());
        assert!(unlocked("package.json", "{\"dependencies\": {}}", &["package.json"]).is_none());
        assert!(unlocked("pyproject.toml", "", &["pyproject.toml", "uv.lock"]).is_none());
    }
}
