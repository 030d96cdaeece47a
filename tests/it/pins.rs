//! Images that use external content without a digest are told, and refused by `--locked`.

use snapbox::str;

use crate::engine::FakeEngine;
use crate::test::Test;

const DOCKERFILE: &str = "\
ARG PARENT
FROM ${PARENT}
COPY --from=busybox:1 /bin/busybox /bin/
";

const LOCK: &str = "root: !packages {suite: trixie, archive: 20261121T000000Z}\n";

fn test() -> (Test, FakeEngine) {
    let test = Test::good().file("devenv/images/redis/Dockerfile", DOCKERFILE).file("devenv.lock", LOCK);
    let engine = FakeEngine::new(test.beside("engine.sock"), "[]");
    (test.env("DOCKER_HOST", engine.host()), engine)
}

#[test]
fn what_an_image_takes_from_outside_is_told() {
    let (test, _engine) = test();
    let output = test.args(["images"]).command().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = "redis uses external content without a digest:\n  COPY --from=busybox:1 /bin/busybox /bin/\n";
    assert!(output.status.success() && said.ends_with(expected), "{said}");
}

#[test]
fn locked_refuses_it() {
    let (test, _engine) = test();
    test.args(["--locked", "up", "--dry-run"])
        .stderr(str![[r#"
error: images/redis/Dockerfile uses external content without a digest:
  COPY --from=busybox:1 /bin/busybox /bin/
hint: name it by digest, such as `FROM golang@sha256:…`: --locked allows nothing else

"#]])
        .status(2)
        .wrote_nothing();
}
