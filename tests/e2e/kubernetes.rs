//! The example's manifests before PyPI's kubernetes-validate, which has the schemas of the API and knows nothing of devenv.

use std::fs;

use crate::checkout::{Checkout, shell};
use crate::place;

#[test]
fn the_manifests_of_the_example_are_valid_for_the_versions_of_the_api() {
    let repository = place::repository();
    let configuration = fs::read_to_string(repository.join("devenv.example.yaml")).unwrap();
    let checkout = Checkout::new(&configuration.replace("project: shop\n", "project: PROJECT\n"));
    let (root, examples) = (checkout.root().display().to_string(), repository.join("examples").display().to_string());
    shell(&format!("mkdir '{root}/examples' && cp -r '{examples}/shop' '{root}/examples'"));
    let git = format!("git -C '{root}' -c user.name=a -c user.email=a@example.com");
    shell(&format!("git -C '{root}' init -q && {git} add --all && {git} commit -qm one"));
    let venv = checkout.beside("venv").display().to_string();
    shell(&format!("python3 -m venv '{venv}' && '{venv}/bin/pip' install --quiet kubernetes-validate==1.37.0"));
    let judged = |file: &str, version: &str| {
        let said = format!(
            "'{venv}/bin/kubernetes-validate' --strict -k {version} '{file}' 2>&1 && echo valid || echo invalid"
        );
        shell(&said)
    };
    for environment in ["prod", "staging"] {
        let text = checkout.ok(&["config", "--env", environment, "--format", "kubernetes"]).stdout;
        assert!(text.matches("kind: ").count() > 15, "{text}");
        let file = checkout.beside(&format!("{environment}.yaml")).display().to_string();
        fs::write(&file, &text).unwrap();
        for version in ["1.30", "1.33", "1.36"] {
            let said = judged(&file, version);
            assert!(said.ends_with("\nvalid\n") || said == "valid\n", "{version}: {said}");
        }
        // The judge sees what is wrong.
        fs::write(&file, text.replace("replicas: ", "replcas: ")).unwrap();
        assert!(judged(&file, "1.33").ends_with("invalid\n"));
    }
}
