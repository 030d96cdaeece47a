//! Editors: attached to the running container by devenv's own compose files, or on this machine with a copy of the
//! dependencies.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::checkout::{Checkout, shell};
use crate::engine;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api:
    path: api
    image: python
    deps: {lock: [requirements.txt], install: pip install --quiet --require-hashes -r requirements.txt}
    run: sleep infinity
  synced:
    path: api
    image: python
    mirror: sync
    deps: {lock: [requirements.txt], install: pip install --quiet --require-hashes -r requirements.txt}
    run: sleep infinity
  side: {path: side, image: base, run: sleep infinity}
";

const LOCK: &str = "iniconfig==2.0.0 --hash=sha256:b6a85871a79d2e3b22d2d1b94ac2824226a63c6b741c88f7ae975f18b6778374\n";

/// Type, owner, target and content of everything in a folder, but for what marks a copy.
const LISTING: &str = "export LC_ALL=C; \
    find . -name .devenv-export -o \\( -type l -printf 'l %p %l %U:%G\\n' -o -printf '%y %p %U:%G\\n' \\) | sort; \
    find . -type f ! -name .devenv-export -print0 | sort -z | xargs -0 sha256sum";

fn project() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/requirements.txt", LOCK);
    checkout.write("side/.keep", "");
    checkout
}

fn here(folder: &Path) -> String {
    shell(&format!("cd '{}'; {LISTING}", folder.display()))
}

fn there(container: &str) -> String {
    engine::docker(&["exec", container, "sh", "-ec", &format!("cd /srv/api/.venv; {LISTING}")]) + "\n"
}

/// The call that an editor makes of the compose files in its configuration, without a project's name.
fn compose(checkout: &Checkout, json: &serde_json::Value, what: &[&str]) -> String {
    let files = json["dockerComposeFile"].as_array().unwrap().iter().map(|file| file.as_str().unwrap());
    let paths: Vec<String> = files
        .map(|file| fs::canonicalize(checkout.root().join(".devcontainer/api").join(file)).unwrap())
        .map(|path| path.display().to_string())
        .collect();
    let mut args = vec!["compose"];
    args.extend(paths.iter().flat_map(|path| ["-f", path.as_str()]));
    args.extend(what);
    engine::docker(&args)
}

#[test]
fn an_editor_finds_the_container_that_runs_and_dependencies_come_out_as_they_are() {
    let checkout = project();
    checkout.devenv(&["deps", "export", "api"]).code(1).says("are not installed yet").says("`devenv up api`");
    checkout.ok(&["ide", "api"]).says("not running: api");
    checkout.ok(&["up"]);
    let before = checkout.containers();

    // A configuration per module, which leads to the container by the names that compose gave it.
    checkout.ok(&["ide"]).says("wrote .devcontainer/side/devcontainer.json").says_not("not running");
    checkout.ok(&["ide"]).says("nothing to change");
    let text = checkout.read(".devcontainer/api/devcontainer.json");
    let json: serde_json::Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
    let merged = compose(&checkout, &json, &["config", "--format", "json"]);
    let merged: serde_json::Value = serde_json::from_str(&merged).unwrap();
    let labels = &engine::inspect(&before["api"])["Config"]["Labels"];
    assert_eq!(labels["com.docker.compose.project"], merged["name"]);
    assert_eq!(labels["com.docker.compose.service"], json["service"]);
    assert_eq!(compose(&checkout, &json, &["ps", "--quiet", "--no-trunc", "api"]), before["api"]);
    let user = json["remoteUser"].as_str().unwrap();
    assert_eq!(engine::inspect(&before["api"])["Config"]["User"], user);
    let python = json["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"].as_str().unwrap();
    let folder = json["workspaceFolder"].as_str().unwrap();
    let call = ["exec", "-u", user, "-w", folder, &before["api"], python, "-c", "import iniconfig; print('found')"];
    assert_eq!(engine::docker(&call), "found");

    // The copy is what the container has, and the mount point is still the folder that it was.
    shell(&format!("git -C '{}' init --quiet", checkout.root().display()));
    let point = checkout.root().join("api/.venv");
    let inode = fs::metadata(&point).unwrap().ino();
    checkout.ok(&["deps", "export", "api"]).says("copied api/.venv: ").says_not("warning");
    assert_eq!(here(&point), there(&before["api"]));
    assert_eq!(fs::metadata(&point).unwrap().ino(), inode);
    assert_eq!(fs::metadata(&point).unwrap().uid(), fs::metadata(checkout.root()).unwrap().uid());
    fs::write(point.join("stray"), "").unwrap();
    checkout.ok(&["deps", "export", "api"]);
    assert_eq!(here(&point), there(&before["api"]));

    // It stays here: the mirror does not send it, although git would not ignore it, and nothing else changes either.
    fs::remove_file(point.join(".gitignore")).unwrap();
    checkout.ok(&["mirror", "verify", "synced"]).says("no difference");
    engine::docker(&["exec", &before["synced"], "test", "!", "-e", "/srv/api/.venv/.devenv-export"]);
    checkout.ok(&["up"]).says_not("install").says_not("recreate").says_not("restart");
    assert_eq!(checkout.containers(), before);

    checkout.ok(&["deps", "export", "api"]);

    // A container that is stopped has them too; elsewhere on request; what is not ours stays.
    checkout.ok(&["stop"]);
    let elsewhere = checkout.beside("elsewhere");
    checkout.ok(&["deps", "export", "synced", "--to", &elsewhere.display().to_string()]);
    assert_eq!(here(&elsewhere.join(".venv")), here(&point));
    fs::remove_file(point.join(".devenv-export")).unwrap();
    checkout.devenv(&["deps", "export", "api"]).code(1).says("holds files that devenv did not copy there");
    checkout.devenv(&["deps", "export", "side"]).code(2).says("`side` has no dependencies");

    // Switched off: its configuration goes, and nobody's own.
    checkout.ok(&["disable", "side", "synced"]);
    checkout.write(".devcontainer/synced/devcontainer.json", "{}\n");
    checkout.ok(&["ide"]).says("removed .devcontainer/side/devcontainer.json");
    assert!(!checkout.root().join(".devcontainer/side").exists());
    assert_eq!(checkout.read(".devcontainer/synced/devcontainer.json"), "{}\n");
    checkout.write(".devcontainer/api/devcontainer.json", "{}\n");
    checkout.devenv(&["ide"]).code(1).says("is not a file that devenv made, so it stays as it is");
    assert_eq!(checkout.read(".devcontainer/api/devcontainer.json"), "{}\n");
    checkout.ok(&["down", "-v", "--yes"]);
}
