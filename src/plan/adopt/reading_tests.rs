use std::collections::BTreeMap;

use crate::config::compose_project::project::{ComposeInputs, ComposeProject};
use crate::config::compose_project::read;
use crate::config::problems::Problems;
use crate::config::text::yaml;
use crate::plan::adopt::values::compose;

fn read_files(names: &[&str], files: &[(&str, &str)]) -> Result<ComposeProject, Problems> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let content = |path: &str| files.get(path).map(|text| text.as_bytes().to_vec());
    let variables = BTreeMap::from([("TAG".to_owned(), "7".to_owned())]);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    read(&names, ComposeInputs { content: &content, variables: &variables })
}

fn wrong(files: &[(&str, &str)]) -> String {
    read_files(&[files[0].0], files).map_or_else(|problems| problems.to_string(), |_| "right".to_owned())
}

#[test]
fn files_are_merged_as_compose_merges_them() {
    let main = "x-env: &env {A: '1', B: $TAG}\ninclude: [db/compose.yaml]\nservices:\n  api:\n    extends: {file: base/common.yaml, service: app}\n    \
                environment: {<<: *env, C: '${NONE:-c}'}\n    ports: ['80:80']\n    command: [a]\n    depends_on: [db]\n";
    let over = "services:\n  api:\n    environment: [B=2]\n    ports: ['81:81']\n    command: b c\n";
    let files = [
        ("compose.yaml", main),
        ("over.yaml", over),
        (
            "db/compose.yaml",
            "services: {db: {image: 'redis:${TAG}', volumes: ['./x:/x', 'data:/d']}}\nvolumes: {data: {}}\n",
        ),
        ("base/common.yaml", "services: {app: {build: ../src, env_file: a.env, environment: [D=4, B=0]}}\n"),
    ];
    let project = read_files(&["compose.yaml", "over.yaml"], &files).unwrap();
    let services = project.root.get("services").unwrap();
    assert_eq!(
        yaml::document(&compose(services)),
        "db:\n  image: redis:7\n  volumes:\n  - \"./db/x:/x\"\n  - data:/d\n\
         api:\n  build:\n    context: \"./src\"\n  env_file:\n  - \"./base/a.env\"\n  environment:\n    D: \"4\"\n    B: \"2\"\n    C: c\n    A: \"1\"\n  \
         ports:\n  - \"80:80\"\n  - \"81:81\"\n  command: b c\n  depends_on:\n    db:\n      condition: service_started\n"
    );
    assert!(project.unset.is_empty(), "{:?}", project.unset);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (files, expected) in [
        (&[("a.yaml", "")][..], "a.yaml:1:1: `a.yaml` is empty (a compose file has `services:`)"),
        (&[("a.yaml", "services: [a]\n")], "a.yaml:1:11: `services` has a key for each service, found a list"),
        (&[("a.yaml", "just words\n")], "a.yaml:1:1: a compose file has keys, found a string"),
        (&[("a.yaml", "services: {a: x}\n")], "a.yaml:1:15: the service `a` has keys, found a string"),
        (
            &[("a.yaml", "volumes: {}\n")],
            "a.yaml:1:1: this file has no services (name the compose file that has `services:`)",
        ),
        (
            &[("a.yaml", "include: [b.yaml]\nservices: {}\n"), ("b.yaml", "include: [a.yaml]\n")],
            "b.yaml:1:11: `a.yaml` includes itself: a.yaml → b.yaml → a.yaml (remove one of these `include`)",
        ),
        (
            &[("a.yaml", "services:\n  a: {extends: {service: datbase}}\n  database: {image: x}\n")],
            "a.yaml:2:26: `a` extends `datbase`, which is not a service of a.yaml (did you mean `database`?)",
        ),
        (
            &[("a.yaml", "services:\n  a: {extends: b}\n  b: {extends: a}\n")],
            "a.yaml:2:16: `a` extends itself: a.yaml: a → a.yaml: b → a.yaml: a",
        ),
        (
            &[("a.yaml", "include: [../x.yaml]\n")],
            "a.yaml:1:11: there is no file `../x.yaml` (it is outside this folder)",
        ),
    ] {
        let said = wrong(files);
        assert!(said.contains(expected), "{expected}\n{said}");
    }
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..9 {
        let below = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 9].join(",")));
    }
    let said = wrong(&[("a.yaml", &text)]);
    assert!(said.contains("more content than a configuration can have"), "{said}");
}
