//! What a folder of source is begun with when nobody has described it: the image that knows its language, how its
//! dependencies are installed, and the command that it most likely is. Pure: names and texts in, a module out.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::is_reserved;
use crate::config::relative_path::joined;
use crate::names::{PartName, numbered};
use crate::plan::source_tree::SourceTree;

/// The files of a folder that say what it is, in the order in which they are believed. Names and texts of other files at
/// its top help to guess the command.
pub const MANIFESTS: [&str; 5] = ["requirements.txt", "pyproject.toml", "package.json", "go.mod", "Cargo.toml"];

/// A module to begin with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Starter {
    /// Name of the module.
    pub module: String,
    /// The folder, relative to the project's.
    pub path: String,
    /// The image that knows the language.
    pub image: &'static str,
    /// The file that it was known by.
    pub manifest: &'static str,
    /// The file whose change means another installation, and the command that installs.
    pub deps: Option<(&'static str, String)>,
    /// The command that compiles.
    pub build: Option<String>,
    /// The command that it most likely is.
    pub run: Option<String>,
    /// The port that this command listens on, where that is known.
    pub port: Option<u16>,
    /// Where the gateway sends requests from, for one that has a port.
    pub route: Option<String>,
}

/// What a project is begun with: each folder with its name as a module's and the texts of the files at its top. Names
/// are distinguished, and the first that answers requests has the whole of the gateway.
#[must_use]
pub fn starters(folders: &[(String, String, BTreeMap<String, String>)]) -> Vec<Starter> {
    let mut all: Vec<Starter> = Vec::new();
    for (module, path, files) in folders {
        let name = numbered(module, |name| !is_reserved(name) && all.iter().all(|other| other.module != name));
        all.extend(starter(&name, path, files));
    }
    routed(all)
}

/// The first that answers requests has the whole of the gateway.
fn routed(mut all: Vec<Starter>) -> Vec<Starter> {
    let mut is_first = true;
    for starter in all.iter_mut().filter(|starter| starter.port.is_some()) {
        let route = if std::mem::take(&mut is_first) { "/".to_owned() } else { format!("/{}", starter.module) };
        starter.route = Some(route);
    }
    all
}

/// What a project is begun with: its folder, and those right below it, where their language is known.
#[must_use]
pub fn projects(tree: &SourceTree) -> Vec<Starter> {
    let folders = tree.folders().filter(|folder| !folder.contains('/'));
    let described: Vec<_> = folders
        .map(|folder| {
            let like = || PartName::like(folder).map_or("module".to_owned(), |name| name.to_string());
            let name = if folder == "." { "app".to_owned() } else { like() };
            (name, folder.to_owned(), tree.top(folder))
        })
        .collect();
    routed(starters(&described).into_iter().map(|starter| with_package(starter, tree)).collect())
}

/// What a folder of a tree is begun with; `None` where devenv does not know its language.
#[must_use]
pub fn folder(module: &str, path: &str, tree: &SourceTree) -> Option<Starter> {
    starter(module, path, &tree.top(path)).map(|starter| with_package(starter, tree))
}

/// A web application of Python that stands in a package, such as `app/main.py`.
fn with_package(starter: Starter, tree: &SourceTree) -> Starter {
    let below = |file: &str| joined(&starter.path, file);
    let needs =
        |package: &str| tree.text(&below(starter.manifest)).is_some_and(|text| text.to_lowercase().contains(package));
    if starter.image != "python" || starter.run.is_some() || !(needs("fastapi") || needs("uvicorn")) {
        return starter;
    }
    let packages =
        ["app", "src", "api", "backend"].into_iter().flat_map(|package| ["main", "app"].map(|file| (package, file)));
    let Some((package, file)) =
        packages.into_iter().find(|(package, file)| tree.has(&below(&format!("{package}/{file}.py"))))
    else {
        return starter;
    };
    let run = format!("python -m uvicorn {package}.{file}:app --host 0.0.0.0 --port 8000");
    Starter { run: Some(run), port: Some(8000), ..starter }
}

/// What a folder is begun with; `None` where devenv does not know its language. `files` are the texts of the files at its
/// top, by name.
fn starter(module: &str, path: &str, files: &BTreeMap<String, String>) -> Option<Starter> {
    // A workspace alone has nothing to run.
    let is_one = |name: &str, text: &str| name != "Cargo.toml" || text.contains("[package]");
    let manifest = *MANIFESTS.iter().find(|name| files.get(**name).is_some_and(|text| is_one(name, text)))?;
    let begun = Starter { module: module.to_owned(), path: path.to_owned(), manifest, ..Starter::default() };
    Some(match manifest {
        "package.json" => node(begun, files),
        "go.mod" => {
            let binary = format!("/tmp/{module}");
            let deps = Some(("go.mod", "go mod download".to_owned()));
            Starter { image: "go", deps, build: Some(format!("go build -o {binary} .")), run: Some(binary), ..begun }
        }
        "Cargo.toml" => {
            let deps = files.contains_key("Cargo.lock").then(|| ("Cargo.lock", "cargo fetch --locked".to_owned()));
            let build = Some("cargo build".to_owned());
            Starter { image: "rust", deps, build, run: Some("cargo run --quiet".to_owned()), ..begun }
        }
        _ => python(begun, files),
    })
}

fn python(begun: Starter, files: &BTreeMap<String, String>) -> Starter {
    let install = match begun.manifest {
        "requirements.txt" => "pip install -r requirements.txt",
        _ => "pip install -e .",
    };
    let needs = |package: &str| {
        let manifests = ["requirements.txt", "pyproject.toml"].into_iter().filter_map(|name| files.get(name));
        manifests.into_iter().any(|text| text.to_lowercase().contains(package))
    };
    let entry = ["main", "app", "wsgi", "server"].into_iter().find(|name| files.contains_key(&format!("{name}.py")));
    let (run, port) = match entry {
        _ if files.contains_key("manage.py") => {
            (Some("python manage.py runserver --noreload 0.0.0.0:8000".to_owned()), Some(8000))
        }
        Some(entry) if needs("fastapi") || needs("uvicorn") => {
            (Some(format!("python -m uvicorn {entry}:app --host 0.0.0.0 --port 8000")), Some(8000))
        }
        Some(entry) if needs("flask") => {
            (Some(format!("python -m flask --app {entry} run --host 0.0.0.0 --port 8000")), Some(8000))
        }
        Some(entry) => (Some(format!("python {entry}.py")), None),
        None => (None, None),
    };
    Starter { image: "python", deps: Some((begun.manifest, install.to_owned())), run, port, ..begun }
}

fn node(begun: Starter, files: &BTreeMap<String, String>) -> Starter {
    // Windows editors begin a file with a mark of byte order.
    let text = files.get("package.json").map(|text| text.trim_start_matches('\u{feff}'));
    let package = text.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let script = |name: &str| package.as_ref().is_some_and(|package| package["scripts"][name].is_string());
    let deps = match files.contains_key("package-lock.json") {
        true => Some(("package-lock.json", "npm ci".to_owned())),
        false => Some(("package.json", "npm install --no-package-lock".to_owned())),
    };
    let entry = ["server", "index", "app", "main"].into_iter().flat_map(|name| ["mjs", "js"].map(|kind| (name, kind)));
    let mut entry = entry.map(|(name, kind)| format!("{name}.{kind}")).filter(|file| files.contains_key(file));
    let run = match entry.next() {
        _ if script("start") => Some("npm start".to_owned()),
        _ if script("dev") => Some("npm run dev".to_owned()),
        entry => entry.map(|file| format!("node {file}")),
    };
    let build = script("build").then(|| "npm run build".to_owned());
    Starter { image: "node", deps, build, run, ..begun }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::source_tree::sample;

    /// What is made of files with these names and texts: how it is installed, compiled and run.
    fn made(files: &[(&str, &str)]) -> String {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let Some(starter) = starter("api", "api", &files) else { return "unknown".to_owned() };
        let shown = |command: Option<String>| command.unwrap_or_else(|| "?".to_owned());
        let port = starter.port.map(|port| format!(" at {port}")).unwrap_or_default();
        let (lock, install) = starter.deps.unwrap_or_default();
        format!("{}: {lock}: {install}; {}; {}{port}", starter.image, shown(starter.build), shown(starter.run))
    }

    #[test]
    fn an_application_in_a_package_is_found() {
        let tree = sample(&[("api/requirements.txt", "fastapi\n"), ("api/app/main.py", "")]);
        let starter = folder("api", "api", &tree).unwrap();
        let run = "python -m uvicorn app.main:app --host 0.0.0.0 --port 8000";
        assert_eq!((starter.run.as_deref(), starter.port), (Some(run), Some(8000)));
        let all: Vec<String> =
            projects(&tree).into_iter().map(|starter| format!("{} {}", starter.module, starter.path)).collect();
        assert_eq!(all, ["api api"]);
    }

    #[test]
    fn names_and_routes_of_several_are_told_apart() {
        let files: BTreeMap<String, String> = [("requirements.txt", "flask"), ("app.py", "")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into();
        let folders = [("app", "."), ("app", "app"), ("gateway", "gateway")];
        let folders = folders.map(|(name, path)| (name.to_owned(), path.to_owned(), files.clone()));
        let shown = |starter: Starter| format!("{} {} {}", starter.module, starter.path, starter.route.unwrap());
        let all: Vec<String> = starters(&folders).into_iter().map(shown).collect();
        assert_eq!(all, ["app . /", "app-2 app /app-2", "gateway-2 gateway /gateway-2"]);
    }

    #[test]
    fn a_folder_is_known_by_its_manifest_and_run_by_what_stands_beside_it() {
        for (files, expected) in [
            (&[("README.md", "")][..], "unknown"),
            (
                &[("requirements.txt", "FastAPI==1\n"), ("main.py", "")],
                "python: requirements.txt: pip install -r requirements.txt; ?; python -m uvicorn main:app --host 0.0.0.0 --port 8000 at 8000",
            ),
            (
                &[("pyproject.toml", "dependencies = ['flask']"), ("app.py", "")],
                "python: pyproject.toml: pip install -e .; ?; python -m flask --app app run --host 0.0.0.0 --port 8000 at 8000",
            ),
            (
                &[("requirements.txt", "django"), ("manage.py", ""), ("main.py", "")],
                "python: requirements.txt: pip install -r requirements.txt; ?; python manage.py runserver --noreload 0.0.0.0:8000 at 8000",
            ),
            (
                &[("requirements.txt", ""), ("server.py", "")],
                "python: requirements.txt: pip install -r requirements.txt; ?; python server.py",
            ),
            (&[("requirements.txt", "")], "python: requirements.txt: pip install -r requirements.txt; ?; ?"),
            (
                &[("package.json", "{\"scripts\": {\"start\": \"x\", \"build\": \"y\"}}"), ("package-lock.json", "")],
                "node: package-lock.json: npm ci; npm run build; npm start",
            ),
            (
                &[("package.json", "no JSON"), ("index.js", ""), ("server.mjs", "")],
                "node: package.json: npm install --no-package-lock; ?; node server.mjs",
            ),
            (
                &[("package.json", "\u{feff}{\r\n  \"scripts\": {\r\n    \"dev\": \"x\"\r\n  }\r\n}\r\n")],
                "node: package.json: npm install --no-package-lock; ?; npm run dev",
            ),
            (&[("go.mod", "module x")], "go: go.mod: go mod download; go build -o /tmp/api .; /tmp/api"),
            (&[("Cargo.toml", "[workspace]")], "unknown"),
            (&[("Cargo.toml", "[package]")], "rust: : ; cargo build; cargo run --quiet"),
            (
                &[("Cargo.toml", "[package]"), ("Cargo.lock", "")],
                "rust: Cargo.lock: cargo fetch --locked; cargo build; cargo run --quiet",
            ),
        ] {
            assert_eq!(made(files), expected);
        }
    }
}
