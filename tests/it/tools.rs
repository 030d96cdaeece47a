//! Programs that are missing or too old. `doctor`'s advice depends on the machine, so only what comes first is compared.

use crate::engine::FakeEngine;
use crate::test::Test;

/// The first line on stderr of `up` with this `docker` and an engine that has nothing.
fn first_line(docker: Option<&str>) -> (String, Option<i32>) {
    let mut test = Test::good().only_own_programs();
    if let Some(script) = docker {
        test = test.program("docker", script);
    }
    let engine = FakeEngine::new(test.beside("engine.sock"), "[]");
    let test = test.env("DOCKER_HOST", engine.host()).args(["up"]);
    let output = test.command().output().unwrap();
    assert_eq!(engine.orders(), Vec::<String>::new(), "something was changed in the engine");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("\nhint: "), "no way out in:\n{stderr}");
    (stderr.lines().find(|line| line.starts_with("error:")).unwrap_or_default().to_owned(), output.status.code())
}

#[test]
fn without_compose_up_changes_nothing_and_says_what_is_missing() {
    let script = "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1";
    let error = "error: Docker Compose 2 is not installed (`docker compose` does not work)";
    assert_eq!(first_line(Some(script)), (error.to_owned(), Some(3)));
}

#[test]
fn a_compose_that_is_too_old_is_told_with_its_version() {
    let error = "error: Docker Compose 2.19.1 is too old: devenv needs 2.20 or newer";
    assert_eq!(first_line(Some("echo 2.19.1")), (error.to_owned(), Some(3)));
}

#[test]
fn without_docker_up_says_so() {
    assert_eq!(first_line(None), ("error: the command `docker` is not installed".to_owned(), Some(3)));
}

#[test]
fn without_mmdebstrap_the_root_cannot_be_made() {
    let error = "error: the root image is built with `mmdebstrap`, which is not installed";
    assert_eq!(first_line(Some("echo 2.26.1")), (error.to_owned(), Some(3)));
}
