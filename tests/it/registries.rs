//! A registry that does not answer is not asked by every command.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use crate::engine::FakeEngine;
use crate::test::{GOOD, Test};

#[test]
fn a_registry_that_does_not_answer_is_asked_again_after_a_minute() {
    let test = Test::new().file("devenv.yaml", GOOD.replace("modules:", "registry: registry.invalid/shop\nmodules:"));
    let engine = FakeEngine::new(test.beside("engine.sock"), "[]");
    let mut command = test.env("DOCKER_HOST", engine.host()).args(["up", "--dry-run"]);
    let questions = |test: &Test| {
        let before = engine.asked("/distribution/");
        let output = test.command().output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("build image:base: not there yet"), "{text}{}", String::from_utf8_lossy(&output.stderr));
        engine.asked("/distribution/") - before
    };
    assert_eq!(questions(&command), 2, "base and redis");
    assert_eq!(questions(&command), 0);

    let folder = command.beside("home/.cache/devenv/silent");
    let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let earlier = SystemTime::now() - Duration::from_secs(61);
    File::options().write(true).open(file).unwrap().set_modified(earlier).unwrap();
    assert_eq!(questions(&command), 2);
    command = command.file("devenv.yaml", GOOD.replace("modules:", "registry: other.invalid/shop\nmodules:"));
    assert_eq!(questions(&command), 2, "another registry");
}
