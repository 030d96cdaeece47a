//! `devenv init --from`: what cannot be carried over is an error with its place, and nothing is written.

use snapbox::str;

use crate::test::Test;

#[test]
fn a_file_that_is_empty_or_includes_itself_is_refused_with_its_place() {
    Test::new()
        .file("compose.yaml", "")
        .args(["init", "--from", "compose.yaml"])
        .stderr(str![[r#"
error: `compose.yaml` is empty
 --> compose.yaml:1:1
  |
1 |
  | ^
  |
  = help: a compose file has `services:`

"#]])
        .status(2)
        .wrote_nothing();
    let said = said("include: [compose.yaml]\nservices: {a: {image: x}}\n");
    assert!(said.contains("`compose.yaml` includes itself: compose.yaml → compose.yaml"), "{said}");
    assert!(said.contains("--> compose.yaml:1:11"), "{said}");
}

#[test]
fn a_build_that_leaves_the_folder_is_refused() {
    let said = said("services:\n  api: {build: {context: ../api}}\n");
    assert!(said.contains("`build` leaves this folder") && said.contains("--> compose.yaml:2:26"), "{said}");
}

/// What `init --from` says of a compose file that it refuses.
fn said(compose: &str) -> String {
    let output =
        Test::new().file("compose.yaml", compose).args(["init", "--from", "compose.yaml"]).command().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn only_files_of_the_folder_are_carried_over() {
    for (name, expected) in [("../compose.yaml", "is outside this folder"), ("nope.yaml", "there is no nope.yaml")] {
        let output = Test::new().args(["init", "--from", name]).command().output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected) && output.status.code() == Some(2), "{said}");
    }
}

#[test]
fn what_is_written_loads() {
    let compose = "services:\n  web: {build: ., ports: ['80:80'], dns: [10.0.0.1]}\n  cache: {image: 'redis:7'}\n";
    let test =
        Test::new().file("compose.yaml", compose).file("Dockerfile", "FROM python:3\nCMD [\"python\", \"x.py\"]\n");
    let ran = test
        .args(["init", "--name", "shop"])
        .stderr(str![[r#"
...
wrote devenv.compose.yaml: settings that devenv.yaml cannot express
...
"#]])
        .status(0);
    ran.again()
        .args(["config"])
        .stdout(str![[r#"
project: shop
...
    run: python x.py
...
    preset: redis
...
"#]])
        .status(0);
}
