//! What a good configuration means: interpolation, both files as one, origins, and facts about paths.

use std::collections::BTreeMap;

use crate::config::bad_input_tests::{GOOD, finished, known, source};
use crate::config::inputs::Inputs;
use crate::config::model::values::{RelPath, Route};
use crate::config::paths::{PathFact, PathFacts};
use crate::config::project::Project;
use crate::config::read;
use crate::names::PartName;

const API: &str = "project: shop\nmodules:\n  api: {path: api, image: python, run: ";

fn project(main: &str, local: Option<&str>) -> Project {
    let result = finished(main.as_bytes(), local.map(str::as_bytes), &PathFacts::new());
    result.map_err(|problems| problems.to_string()).unwrap()
}

fn run(command: &str) -> String {
    let project = project(&format!("{API}{command}}}\n"), None);
    project.file.modules["api"].run.clone()
}

#[test]
fn variables_are_replaced_once_and_never_become_structure() {
    assert_eq!(run("\"a ${PORT} b\""), "a 9000 b");
    assert_eq!(run("\"${NOPE:-x y}\""), "x y");
    assert_eq!(run("\"${EMPTY:-x}\""), "x");
    assert_eq!(run("\"${PORT:?needed}\""), "9000");
    assert_eq!(run("\"a$${PORT} $$$$ b\""), "a${PORT} $$ b");
    assert_eq!(run("\"${EVIL}\""), "{a: ${X}}\nb: 1");
}

#[test]
fn a_variable_has_the_type_of_its_place() {
    let text = "project: shop\nservices:\n  db: {image: redis, port: \"${PORT}\", env: {A: \"${PORT}\"}}\n  e:\n    image: redis\n    port: ${PORT}\n    env:\n      A: ${PORT}\n      B: ${EMPTY}\n      C: ${NOPE:-}\n    command: ${EMPTY}\n";
    let project = project(text, None);
    for name in ["db", "e"] {
        let service = &project.file.services[name];
        assert_eq!((service.port.unwrap().get(), service.env["A"].as_str()), (9000, "9000"));
    }
    assert_eq!(
        project.file.services["e"].env,
        BTreeMap::from([("A".into(), "9000".into()), ("B".into(), String::new()), ("C".into(), String::new())])
    );
    assert_eq!(project.file.services["e"].command, None);
}

#[test]
fn a_variable_arrives_as_it_is_also_where_its_value_looks_like_none() {
    let env = "A: ${NULL}\n      B: ${TILDE}\n      C: \"${NULL}\"\n      discovery.type: single-node\n";
    let text = format!("project: shop\nservices:\n  e:\n    image: redis\n    env:\n      {env}");
    let env = &project(&text, None).file.services["e"].env;
    assert_eq!(env.values().map(String::as_str).collect::<Vec<_>>(), ["null", "~", "null", "single-node"]);
}

#[test]
fn numbers_and_booleans_stay_as_written_where_any_text_may_stand() {
    let text = format!("{API}x, env: {{A: 1.10, B: 0x1f, C: yes, D: True, E: \"\"}}}}\n");
    let env = &project(&text, None).file.modules["api"].env;
    assert_eq!(env.values().map(String::as_str).collect::<Vec<_>>(), ["1.10", "0x1f", "yes", "True", ""]);
}

#[test]
fn anchors_merge_keys_and_extension_keys_work() {
    let text = "project: shop\nx-base: &base {path: api, image: python, env: {A: a}}\nx-more: &more {image: node, run: more}\nmodules:\n  x-note: 5\n  api: {<<: [*base, *more], port: 1}\n  web: {<<: *base, run: web, env: {x-y: 1, B: b}}\n";
    let modules = project(text, None).file.modules;
    assert_eq!(modules.keys().map(PartName::as_str).collect::<Vec<_>>(), ["api", "web"]);
    assert_eq!((modules["api"].image.as_str(), modules["api"].run.as_str()), ("python", "more"));
    assert_eq!(modules["web"].env, BTreeMap::from([("B".into(), "b".into())]));
}

#[test]
fn the_local_file_merges_maps_replaces_lists_and_restores_defaults() {
    let local = "modules:\n  api:\n    watch: {on_change: [build]}\n    build: make\n    lint: null\n    needs: [db]\n    env: {LOG_LEVEL: null, NEW: 1}\nstart: fresh\nports: {gateway: 9443}\n";
    let project = project(GOOD, Some(local));
    let api = &project.file.modules["api"];
    assert_eq!((api.build.as_deref(), &api.lint, api.needs.len()), (Some("make"), &None, 1));
    assert_eq!(api.env, BTreeMap::from([("NEW".into(), "1".into())]));
    let watch = api.watch.clone().unwrap();
    assert_eq!((watch.on_change.len(), watch.ignore), (1, vec!["*.md".to_owned()]));
    assert_eq!(project.local.ports["gateway"].get(), 9443);
}

#[test]
fn a_local_file_that_says_nothing_changes_nothing() {
    for local in [
        "",
        "# nothing\n",
        "---\n",
        "x-note: 1\n",
        "{}\n",
        "start: null\n",
        "modules: {}\n",
        "modules: {api: {}}\n",
        GOOD,
    ] {
        assert_eq!(project(GOOD, Some(local)).file, project(GOOD, None).file, "{local}");
    }
}

#[test]
fn every_value_says_where_it_comes_from() {
    let main = format!("{API}x, port: \"${{PORT}}\", route: /api}}\nservices: {{db: {{preset: postgres}}}}\n");
    let project = project(&main, Some("modules: {api: {env: {A: 1}}}\nsecrets: {db.password: mine}\n"));
    let lines: Vec<_> =
        project.origin().iter().map(|line| format!("{} = {} ({})", line.path, line.value, line.origin)).collect();
    for expected in [
        "project = \"shop\" (devenv.yaml:1)",
        "files = \"devenv\" (default)",
        "modules.api.mode = \"dev\" (default)",
        "modules.api.port = 9000 (environment PORT, devenv.yaml:3)",
        "modules.api.route = \"/api\" (devenv.yaml:3)",
        "modules.api.env.A = \"1\" (devenv.local.yaml:1)",
        "start = \"resume\" (default)",
        "secrets.db.password = \"(hidden)\" (devenv.local.yaml:2)",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}\n{}", lines.join("\n"));
    }
}

#[test]
fn a_place_is_found_by_keys_and_numbers() {
    let project = project(GOOD, Some("modules:\n  migrate: {mode: release}\n"));
    let place = |path: &[&str]| project.place(path).map(|place| format!("{place}:{}", place.column));
    assert_eq!(place(&["modules", "api", "needs", "1"]).as_deref(), Some("devenv.yaml:22:17"));
    assert_eq!(place(&["modules", "migrate", "mode"]).as_deref(), Some("devenv.local.yaml:2:19"));
    assert_eq!(place(&["modules", "api", "mode"]), None);
}

fn facts(entries: &[(&str, PathFact)]) -> PathFacts {
    entries.iter().map(|(path, fact)| (RelPath::new(path).unwrap(), fact.clone())).collect()
}

#[test]
fn paths_are_asked_for_and_their_facts_are_checked() {
    let main = source("devenv.yaml", GOOD.as_bytes());
    let (env, known) = (BTreeMap::new(), known());
    let draft = read(Inputs { main: &main, local: None, env: &env }).checked_against(&known);
    let paths: Vec<_> = draft.paths().iter().map(ToString::to_string).collect();
    assert_eq!(
        paths.join(" "),
        "api api/.venv api/openapi.json api/requirements.txt api/src db/seed.sql devenv extra.yaml"
    );
    let facts = facts(&[
        ("api", PathFact::Outside { target: "/etc".to_owned() }),
        ("api/requirements.txt", PathFact::Missing),
        ("db/seed.sql", PathFact::Directory),
        ("devenv", PathFact::Missing),
        ("extra.yaml", PathFact::Missing),
    ]);
    assert_eq!(draft.finish(&facts).unwrap_err().to_string(), "\
devenv.yaml:4:11: the compose file: there is no file `extra.yaml` (make it, or correct the path)
devenv.yaml:10:11: `path` of `api` leaves the checkout: `api` leads to `/etc` (devenv reads only what is in the checkout: copy it there, or name the real folder)
devenv.yaml:12:19: `lock` of `api`: there is no file `api/requirements.txt` (make it, or correct the path)
devenv.yaml:27:19: `path` of `migrate` leaves the checkout: `api` leads to `/etc` (devenv reads only what is in the checkout: copy it there, or name the real folder)
devenv.yaml:29:32: `seed` of `db`: `db/seed.sql` is not a file (name the file itself)");
}

#[test]
fn a_route_is_a_path_a_host_or_both() {
    let route =
        |text: &str| project(&format!("{API}x, port: 1, route: {text}}}\n"), None).file.modules["api"].route.clone();
    let (path, host) = (Some("/a".to_owned()), Some("b".to_owned()));
    assert_eq!(route("/a/"), Some(Route { path: path.clone(), host: None }));
    assert_eq!(route("{host: b}"), Some(Route { path: None, host: host.clone() }));
    assert_eq!(route("{path: /a, host: b}"), Some(Route { path, host }));
}
