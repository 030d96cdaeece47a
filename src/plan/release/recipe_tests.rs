//! How modules of each language are released when nothing says how, and what changes the name of the result.

use std::collections::BTreeMap;

use crate::digest::Fingerprint;
use crate::labels;
use crate::plan::images::samples::{hierarchy, project};
use crate::plan::release::recipe::Recipe;
use crate::plan::release::recipe_error::RecipeError;
use crate::plan::release::source::{Commit, Source, SourceState};

fn source() -> Source {
    Source {
        commit: Commit { id: "c0ffee".to_owned(), time: 1_790_000_000 },
        tree: "beef".to_owned(),
        state: SourceState::Clean,
        origin: Some("https://git.example.com/shop".to_owned()),
    }
}

fn recipe(module: &str, source: &Source) -> Result<Recipe, RecipeError> {
    let yaml = format!("modules:\n  api: {module}\n");
    let project = project(&yaml);
    let (name, module) = project.file.modules.first_key_value().unwrap();
    Recipe::new(&project, &hierarchy(&yaml), (name, module), source)
}

/// A recipe in the lines that people would ask for.
fn text(module: &str) -> String {
    let recipe = recipe(module, &source()).unwrap();
    let list = |items: &[String]| items.join(", ");
    let artifacts: Vec<String> = recipe.artifacts.iter().map(ToString::to_string).collect();
    format!(
        "in {} on {}\nsteps: {}\nartifacts: {}\nwhole: {}\nrun: {}\n",
        recipe.builder,
        recipe.parent,
        [recipe.install, recipe.build].concat().join(" | "),
        list(&artifacts),
        list(&recipe.whole),
        recipe.command.join(" ")
    )
}

#[test]
fn each_language_has_a_release_of_its_own() {
    assert_eq!(
        text("{path: worker, image: go, build: go build -o bin/worker ., run: bin/worker}"),
        "in go on base\nsteps: go build -o bin/worker .\nartifacts: bin\nwhole: \nrun: sh -c bin/worker\n"
    );
    assert_eq!(
        text("{path: cli, image: rust, build: cargo build, run: exec target/debug/cli --serve}"),
        "in rust on base\nsteps: cargo build --release --locked\nartifacts: target/release\nwhole: \n\
         run: sh -c exec target/release/cli --serve\n"
    );
    let node =
        text("{path: web, image: node, deps: {lock: [package-lock.json], install: npm ci}, run: node server.mjs}");
    assert!(node.starts_with("in node on node\nsteps: npm ci | test ! -d node_modules || npm prune"), "{node}");
    let python =
        text("{path: api, image: python, deps: {lock: [r.txt], install: pip install -r r.txt}, run: gunicorn x}");
    assert!(python.contains(" | pip install -r r.txt\nartifacts: .\nwhole: .venv\n"), "{python}");
}

#[test]
fn what_a_module_says_itself_replaces_the_usual() {
    assert_eq!(
        text(
            "{path: api, image: python, deps: {lock: [r.txt], install: pip install -r all.txt}, run: shop, \
             release: {install: pip install -r r.txt, build: make, artifacts: [dist, .venv], run: dist/shop}}"
        )
        .lines()
        .skip(1)
        .map(|line| line.rsplit(" | ").next().unwrap_or(line).to_owned())
        .collect::<Vec<_>>(),
        ["make", "artifacts: dist, .venv", "whole: .venv", "run: sh -c dist/shop"]
    );
}

#[test]
fn every_input_is_in_the_fingerprint_and_nothing_else() {
    let module = "{path: api, image: python, run: python3 -m shop}";
    let first = recipe(module, &source()).unwrap();
    assert_eq!(first.reference, format!("shop/api:{}", first.fingerprint));
    assert_eq!(recipe(module, &source()).unwrap(), first);
    let other = |module: &str, source: &Source| recipe(module, source).unwrap().fingerprint;
    let mut all: Vec<Fingerprint> = vec![
        first.fingerprint.clone(),
        other(module, &Source { tree: "x".to_owned(), ..source() }),
        other(module, &Source { commit: Commit { id: "x".to_owned(), time: 1 }, ..source() }),
        other("{path: api, image: python, run: python3 -m other}", &source()),
        other("{path: api, image: python, build: make, run: python3 -m shop}", &source()),
        other("{path: api, image: node, run: python3 -m shop}", &source()),
        other("{path: api, image: python, run: python3 -m shop, env: {A: b}}", &source()),
    ];
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 7);
    // What only people and the gateway see of a module does not make another image.
    assert_eq!(
        other("{path: api, image: python, run: python3 -m shop, port: 80, route: /}", &source()),
        first.fingerprint
    );
}

#[test]
fn labels_say_where_an_image_comes_from() {
    let recipe =
        recipe("{path: worker, image: go, run: bin/worker}", &Source { state: SourceState::Dirty, ..source() })
            .unwrap();
    assert!(recipe.reference.ends_with("-dirty"));
    let label = |name: &str| recipe.labels.get(name).map(String::as_str).unwrap_or_default();
    assert_eq!(label(labels::oci::REVISION), "c0ffee-dirty");
    assert_eq!(label(labels::oci::SOURCE), "https://git.example.com/shop");
    assert_eq!(label(labels::oci::CREATED), "2026-09-21T14:13:20Z");
    assert_eq!(label(labels::RELEASE), "api");
    let parents = label(labels::RELEASE_PARENTS);
    assert!(parents.starts_with("base:") && !parents.contains(' '), "{parents}");
    let inputs: BTreeMap<String, String> = serde_json::from_str(label(labels::RELEASE_INPUTS)).unwrap();
    assert_eq!(inputs["source"], "beef");
}

#[test]
fn a_command_that_only_the_build_image_can_run_is_refused_with_its_place() {
    let error = recipe("{path: worker, image: go, run: exec go run .}", &source()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "devenv.yaml:3: `api` starts with `go`, and its release is laid on `base`, which does not have it"
    );
}

#[test]
fn what_a_machine_fills_in_is_neither_in_the_image_nor_in_its_name() {
    let of = |rest: &str| recipe(&format!("{{path: api, image: go, {rest}}}"), &source());
    let error = of("run: 'serve ${LEVEL:-high}'").unwrap_err().to_string();
    assert!(
        error.contains("`run` of `api` has serve ${LEVEL:-high}, which each machine fills in differently"),
        "{error}"
    );
    assert!(of("run: 'serve ${LEVEL:-high}', release: {run: serve}").is_ok());
    assert!(of("run: serve, release: {build: 'make ${LEVEL:-high}'}").is_err());
    assert!(of("run: serve, build: 'make ${LEVEL:-high}'").is_err());
    let plain = of("run: serve").unwrap();
    assert_eq!(of("run: serve, env: {TOKEN: '${LEVEL:-high}'}").unwrap().fingerprint, plain.fingerprint);
    assert_ne!(of("run: serve, env: {LEVEL: info}").unwrap().fingerprint, plain.fingerprint);
}
