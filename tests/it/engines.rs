//! No engine, a wrong one, one that hangs, one that may not be used: what the program says then.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use snapbox::str;

use crate::engine::host;
use crate::test::Test;

#[test]
fn an_engine_that_is_down_is_missing() {
    Test::good()
        .args(["status"])
        .stderr(str![[r#"
error: cannot reach the Docker engine at unix:///nope: Socket not found: /nope
hint: `devenv doctor --fix` installs and starts it; DOCKER_HOST or `docker context use` choose another

"#]])
        .status(3)
        .wrote_nothing();
}

#[test]
fn an_engine_that_refuses_is_missing() {
    Test::good()
        .env("DOCKER_HOST", "tcp://127.0.0.1:1")
        .args(["status"])
        .stderr(str![[r#"
error: cannot reach the Docker engine at tcp://127.0.0.1:1: Connection refused (os error 111)
hint: `devenv doctor --fix` installs and starts it; DOCKER_HOST or `docker context use` choose another

"#]])
        .status(3)
        .wrote_nothing();
}

#[test]
fn an_address_that_is_none_is_told() {
    Test::good()
        .env("DOCKER_HOST", "nonsense")
        .args(["status"])
        .stderr(str![[r#"
error: cannot reach the Docker engine at nonsense: URI scheme is not supported: nonsense
hint: `devenv doctor --fix` installs and starts it; DOCKER_HOST or `docker context use` choose another

"#]])
        .status(3)
        .wrote_nothing();
}

#[test]
fn down_needs_an_engine_too() {
    Test::good()
        .args(["down", "-v", "--yes"])
        .stderr(str![[r#"
error: cannot reach the Docker engine at unix:///nope: Socket not found: /nope
hint: `devenv doctor --fix` installs and starts it; DOCKER_HOST or `docker context use` choose another

"#]])
        .status(3)
        .wrote_nothing();
}

#[test]
fn an_unknown_context_is_missing_and_the_known_ones_are_listed() {
    Test::good()
        .without("DOCKER_HOST")
        .env("DOCKER_CONTEXT", "nowhere")
        .args(["status"])
        .stderr(str![[r#"
error: context `nowhere` from DOCKER_CONTEXT does not exist; there are: default
hint: unset DOCKER_CONTEXT, or set it to a context that exists

"#]])
        .status(3)
        .wrote_nothing();
}

#[test]
fn an_engine_that_accepts_and_never_answers_is_given_up() {
    let test = Test::good();
    let socket = test.beside("hangs.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let begin = Instant::now();
    test.env("DOCKER_HOST", "unix:///proc/self/cwd/../hangs.sock")
        .args(["status"])
        .stderr(str![[r#"
error: the engine at unix:///proc/self/cwd/../hangs.sock does not answer
hint: `devenv doctor` says what is wrong with it

"#]])
        .status(3);
    assert!(begin.elapsed() < Duration::from_secs(15), "it took {:?}", begin.elapsed());
    drop(listener);
}

#[test]
fn a_socket_that_may_not_be_used_is_told_with_the_way_out() {
    let test = Test::good().by_user(1234);
    let socket = test.beside("closed.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).unwrap();
    test.env("DOCKER_HOST", host(&socket))
        .args(["status"])
        .stderr(str![[r#"
error: cannot reach the Docker engine at unix://[DIR]/closed.sock: Permission denied (os error 13)
hint: your user may not use the socket: `sudo usermod -aG docker $USER`, then log in again

"#]])
        .status(3)
        .wrote_nothing();
}

#[test]
fn what_needs_no_engine_works_without() {
    Test::good()
        .args(["disable", "worker"])
        .stderr(str![[r#"
worker switched off in devenv.local.yaml; `devenv up` applies it

"#]])
        .status(0);
    Test::good()
        .args(["version"])
        .stdout(str![[r#"
devenv 0.1.0

"#]])
        .status(0)
        .wrote_nothing();
}
