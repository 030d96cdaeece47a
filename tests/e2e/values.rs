//! Values on their way: each text reaches a container as it was written, whoever reads the YAML on the way.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::checkout::Checkout;
use crate::engine;

/// Reads compose files with PyYAML, which knows YAML 1.1, and prints the variables of the module in each.
const READ: &str = "\
import json, sys, yaml
def variables(name):
    with open(name, encoding='utf-8', newline='') as file:
        return yaml.safe_load(file)['services']['api']['environment']
json.dump([variables(name) for name in sys.argv[1:]], sys.stdout)
";

/// The texts as variables.
fn variables(change: impl Fn(&str) -> String) -> BTreeMap<String, String> {
    let texts: Vec<String> = serde_json::from_str(include_str!("../data/texts.json")).unwrap();
    texts.iter().enumerate().map(|(at, text)| (format!("V{at}"), change(text))).collect()
}

/// Those of some variables that are the texts.
fn ours(all: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let is_ours = |name: &str| name.strip_prefix('V').is_some_and(|rest| rest.parse::<u32>().is_ok());
    all.into_iter().filter(|(name, _)| is_ours(name)).collect()
}

fn of_json(environment: &Value) -> BTreeMap<String, String> {
    let all = environment.as_object().unwrap().iter();
    ours(
        all.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_else(|| panic!("{name}: {value}")).to_owned())),
    )
}

#[test]
fn every_text_arrives_as_it_was_written_and_every_reader_of_yaml_agrees() {
    let doubled = variables(|text| text.replace('$', "$$"));
    let configuration = json!({"project": "PROJECT", "modules": {"api": {
        "path": "api", "image": "python", "run": "sleep infinity", "env": doubled,
        "deps": {"lock": ["requirements.txt"], "install": "pip install --quiet -r requirements.txt"},
    }}});
    let checkout = Checkout::new(&devenv::config::text::yaml::json(&configuration));
    checkout.write("api/requirements.txt", "pyyaml\n");
    checkout.write("api/read.py", READ);
    checkout.ok(&["up"]);

    // In the container.
    let seen = engine::output(&["exec", &checkout.container("api"), "env", "-0"]).stdout;
    let seen = String::from_utf8(seen).unwrap();
    let pairs = seen.split('\0').filter_map(|pair| pair.split_once('='));
    assert_eq!(ours(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))), variables(str::to_owned));

    // By compose, which reads as Go does, and doubles each dollar in what it prints.
    let file = |name: &str| checkout.root().join(".devenv/compose").join(name).display().to_string();
    let call = ["compose", "--file", &file("base.yaml"), "--file", &file("dev.yaml"), "config", "--format", "json"];
    let merged: Value = serde_json::from_str(&engine::docker(&call)).unwrap();
    assert_eq!(of_json(&merged["services"]["api"]["environment"]), doubled);

    // By PyYAML, also the definition of production.
    checkout.write("api/base.yaml", &checkout.read(".devenv/compose/base.yaml"));
    checkout.write("api/prod.yaml", &checkout.ok(&["config", "--env", "prod"]).stdout);
    let read = checkout.ok(&["exec", "api", "python", "read.py", "base.yaml", "prod.yaml"]).stdout;
    let read: Value = serde_json::from_str(&read).unwrap();
    for of_file in read.as_array().unwrap() {
        assert_eq!(of_json(of_file), doubled);
    }
}
