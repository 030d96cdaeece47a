//! Images that a Dockerfile of the team's own builds: what they may stand on, who uses them, what makes them stale.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use crate::checkout::{Checkout, until};
use crate::engine;

const CONFIGURATION: &str = "\
project: PROJECT
images:
  legacy: {dockerfile: legacy/Dockerfile, context: legacy, target: final, args: {GREETING: hello}}
  tool: {context: tool, parent: base}
modules:
  api: {path: api, image: legacy, run: 'cat /greeting; touch ~/x && exec sleep infinity', watch: {on_change: [lint]}, lint: 'true'}
services:
  old: {image: tool, command: [sleep, infinity]}
";

/// An image that the engine has, which is not base and does not stand on it.
fn root() -> String {
    let roots = engine::lines(&["images", "devenv/root", "--format", "{{.Repository}}:{{.Tag}}"]);
    roots.into_iter().next().unwrap()
}

const LEGACY: &str = "\
FROM scratch AS files
COPY src /src
FROM ROOT AS broken
RUN exit 1
FROM ROOT AS final
ARG GREETING
RUN echo \"$GREETING\" > /greeting
COPY --from=files /src /files
COPY . /context
";

fn checkout() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("legacy/Dockerfile", &LEGACY.replace("ROOT", &root()));
    checkout.write("legacy/.dockerignore", "*.log\n");
    checkout.write("legacy/src/a.py", "one\n");
    checkout.write("legacy/out.log", "x\n");
    checkout.write("tool/Dockerfile", "ARG PARENT\nFROM ${PARENT}\nUSER root\nRUN echo hi > /greeting\nUSER app\n");
    checkout.write("api/x", "");
    checkout
}

#[test]
fn modules_and_services_run_in_images_of_own_dockerfiles_and_verify_says_what_they_stand_on() {
    let checkout = checkout();
    checkout.ok(&["up"]);
    until("it has spoken", || checkout.ok(&["logs", "api"]).stdout.contains("hello").then_some(()));
    let copied = checkout.ok(&["exec", "api", "ls", "-A", "/context"]).stdout;
    assert_eq!(copied, ".dockerignore\nDockerfile\nsrc\n");
    checkout.ok(&["exec", "api", "sh", "-c", "test -f ~/x"]);
    checkout.ok(&["exec", "old", "cat", "/greeting"]);
    let proof = checkout.ok(&["images", "verify"]).stdout;
    assert!(proof.contains("its Dockerfile is not based on base"), "{proof}");
    assert!(proof.lines().any(|line| line.starts_with("✓  old")), "{proof}");
    checkout.ok(&["restart", "api"]);
    checkout.ok(&["up"]).says("nothing to do");

    checkout.write("legacy/out.log", "y\n");
    checkout.ok(&["up"]).says("nothing to do");
    checkout.write("legacy/src/a.py", "two\n");
    let log = || fs::read_to_string(checkout.root().join(".devenv/watch/log")).unwrap_or_default();
    until("the watcher says so", || log().contains("image legacy is stale: legacy/src/a.py changed").then_some(()));
    let plan = checkout.ok(&["up", "--dry-run"]).stdout;
    assert!(
        plan.starts_with("1 build image:legacy: legacy/src/a.py changed\n2 recreate api: image legacy is rebuilt"),
        "{plan}"
    );
    checkout.ok(&["up"]);
    assert_eq!(checkout.ok(&["exec", "api", "cat", "/context/src/a.py"]).stdout, "two\n");
}

#[test]
fn what_does_not_belong_into_a_context_never_reaches_the_engine() {
    let checkout = checkout();
    File::create(checkout.root().join("legacy/model.bin")).unwrap().set_len(2_000_000_000).unwrap();
    checkout
        .devenv(&["up"])
        .code(2)
        .says("has 2.0 GB, and at most 536 MB")
        .says("`model.bin` 2.0 GB")
        .says("devenv.yaml:3:52");
    fs::remove_file(checkout.root().join("legacy/model.bin")).unwrap();

    checkout.replace("devenv.yaml", "target: final", "target: fianl");
    checkout.devenv(&["up"]).code(2).says("has no stage `fianl`").says("`files`, `broken` and `final`");
    checkout.replace("devenv.yaml", "target: fianl", "target: final");

    fs::rename(checkout.root().join("legacy/Dockerfile"), checkout.beside("Dockerfile")).unwrap();
    symlink(checkout.beside("Dockerfile"), checkout.root().join("legacy/Dockerfile")).unwrap();
    checkout.devenv(&["up"]).code(2).says("`dockerfile` of `legacy` leaves the checkout");
    fs::remove_file(checkout.root().join("legacy/Dockerfile")).unwrap();
    checkout.devenv(&["up"]).code(2).says("there is no file `legacy/Dockerfile`");
    fs::rename(checkout.beside("Dockerfile"), checkout.root().join("legacy/Dockerfile")).unwrap();

    checkout.write(".devenv/secrets/x", "secret");
    fs::rename(checkout.root().join("tool"), checkout.beside("tool")).unwrap();
    fs::copy(checkout.beside("tool/Dockerfile"), checkout.root().join(".devenv/Dockerfile")).unwrap();
    symlink(".devenv", checkout.root().join("tool")).unwrap();
    checkout.devenv(&["up"]).code(2).says("leads to `.devenv").says("which is no source");
    let made = engine::lines(&["images", "-q", &format!("{}/*", checkout.project())]);
    assert!(made.is_empty(), "something was built: {made:?}");
}
