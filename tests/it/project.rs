//! Commands that write into the project: `init`, `eject`, `enable` and `disable`. A second run changes nothing.

use snapbox::str;

use crate::test::Test;

#[test]
fn disable_and_enable_keep_comments() {
    let local = "# mine\nmodules:\n  api: # why\n    env: {A: \"1\"}\n";
    let ran = Test::good()
        .file("devenv.local.yaml", local)
        .args(["disable", "worker"])
        .stderr(str![[r#"
worker switched off in devenv.local.yaml; `devenv up` applies it

"#]])
        .status(0)
        .says("devenv.local.yaml", "# mine\nmodules:\n  api: # why\n    env: {A: \"1\"}\n  worker:\n    mode: off\n");
    let ran = ran
        .again()
        .args(["disable", "worker"])
        .stderr(str![[r#"
nothing to change

"#]])
        .status(0)
        .wrote_nothing();
    let ran = ran
        .again()
        .args(["enable", "worker"])
        .stderr(str![[r#"
worker switched on in devenv.local.yaml; `devenv up` applies it

"#]])
        .status(0)
        .says("devenv.local.yaml", local);
    ran.again()
        .args(["enable", "worker"])
        .stderr(str![[r#"
nothing to change

"#]])
        .status(0)
        .wrote_nothing();
}

#[test]
fn what_others_need_cannot_be_switched_off() {
    Test::good()
        .args(["disable", "api"])
        .stderr(str![[r#"
error: `api` is switched off, but `worker` needs it
 --> devenv.local.yaml:3:11
  |
3 |     mode: off
  |           ^^^ switched off here
  |
 ::: devenv.yaml:4:58
  |
4 |   worker: {path: ., image: base, run: sleep inf, needs: [api]}
  |                                                          --- needed here
  |
  = help: switch `worker` off too, or remove `api` from its `needs`

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn init_keeps_the_bytes_and_the_mode_of_what_git_ignores_already() {
    use std::os::unix::fs::PermissionsExt;
    let test = Test::new().file(".gitignore", "");
    let ignore = test.project().join(".gitignore");
    std::fs::write(&ignore, b"caf\xe9").unwrap();
    std::fs::set_permissions(&ignore, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(test.command().args(["init", "--name", "shop"]).output().unwrap().status.success());
    assert_eq!(std::fs::read(&ignore).unwrap(), b"caf\xe9\n/devenv.local.yaml\n");
    assert_eq!(std::fs::metadata(&ignore).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn init_writes_a_configuration_that_is_right() {
    let test = Test::new().file("requirements.txt", "flask==3.0.0\n").file(".gitignore", "*.pyc\n");
    let ran = test
        .args(["init", "--name", "shop"])
        .stderr(str![[r#"
.gitignore keeps devenv.local.yaml out of git from now on
module app: python, by its requirements.txt; `run` is yours to fill in
wrote devenv.yaml: look through it, then `devenv up`

"#]])
        .status(0);
    let ran = ran.says(".gitignore", "*.pyc\n/devenv.local.yaml\n");
    let ran = ran
        .again()
        .args(["init"])
        .stderr(str![[r#"
error: [PROJECT]/devenv.yaml is already there
hint: `devenv up` starts what it describes

"#]])
        .status(2)
        .wrote_nothing();
    ran.again()
        .args(["config"])
        .stdout(str![[r#"
project: shop
files: devenv
compose: []
images: {}
modules:
  app:
    path: "."
    image: python
    mode: dev
    deps:
      lock:
      - requirements.txt
      install: pip install -r requirements.txt
      into: []
      cache: []
      secrets: []
    run: sleep infinity
    reload: restart
    watch:
      on_change: []
      ignore: []
      also: []
      restart: after-build
    needs: []
    env: {}
    git: false
    outputs: []
    paths: {}
    once: false
services: {}
mirror: auto
start: resume
containers: keep
ports: {}
secrets: {}
allow: []

"#]])
        .status(0)
        .wrote_nothing();
}

#[test]
fn eject_copies_what_is_embedded_and_never_over_a_file() {
    let ran = Test::good()
        .args(["eject", "images/redis"])
        .stderr(str![[r#"
devenv/images/redis/Dockerfile
devenv/images/redis/devenv-health
devenv/images/redis/devenv-redis
devenv/images/redis/image.yaml

"#]])
        .status(0);
    let ran = ran.says("devenv/images/redis/image.yaml", include_str!("../../images/redis/image.yaml"));
    let ran = ran.says("devenv/images/redis/Dockerfile", include_str!("../../images/redis/Dockerfile"));
    let ran = ran
        .again()
        .file("devenv/images/redis/Dockerfile", "ARG PARENT\nFROM ${PARENT}\n")
        .args(["eject", "images/redis"])
        .stderr(str![[r#"
error: [PROJECT]/devenv/images/redis/Dockerfile is already there, so nothing was written
hint: move it away first

"#]])
        .status(2)
        .wrote_nothing();
    ran.again()
        .args(["eject", "images/nothing"])
        .stderr(str![[r#"
error: `images/nothing` is not embedded
hint: `devenv config files` lists what is

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn eject_that_cannot_write_one_file_leaves_none() {
    let test = Test::good().file("devenv/images/redis/kept", "").file("devenv/compose/kept", "").by_user(1234);
    chown_all(&test.project(), 1234);
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o555);
    std::fs::set_permissions(test.project().join("devenv/compose"), closed).unwrap();
    let test = test.args(["eject", "images/redis", "compose/dev.yaml"]);
    let output = test.command().output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("compose/dev.yaml: permission denied"), "{said}");
    assert!(said.ends_with("hint: no file was ejected\n"), "{said}");
    let left = std::fs::read_dir(test.project().join("devenv/images/redis")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["kept"]);
}

fn chown_all(path: &std::path::Path, uid: u32) {
    // Who is not root owns them already.
    let _ = std::os::unix::fs::chown(path, Some(uid), Some(uid));
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        chown_all(&entry.path(), uid);
    }
}

#[test]
fn init_tells_which_folder_it_could_not_look_into() {
    let test = Test::new().file("web/package.json", "{}").file("data/go.mod", "module x\n").by_user(1234);
    chown_all(&test.project(), 1234);
    let data = test.project().join("data");
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o0)).unwrap();
    let test = test.args(["init"]);
    let output = test.command().output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("data cannot be read: whatever is in it was not looked at\n"), "{said}");
    assert!(said.contains("module web: node"), "{said}");
}

#[test]
fn an_error_in_a_file_of_the_project_has_its_place_in_the_checkout() {
    let preset = "devenv/compose/services/redis.yaml";
    let said = |path: &str, text: &str, args: [&str; 1]| {
        let output = Test::good().file(path, text).args(args).command().output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let wrong = said(preset, "image: redis\nport: x\n", ["config"]);
    assert!(wrong.contains(&format!("--> {preset}:2:7")), "{wrong}");
    let wrong = said("devenv/images/base/image.yaml", "about: x\nparents: y\n", ["config"]);
    assert!(wrong.contains("--> devenv/images/base/image.yaml:2:1"), "{wrong}");
}
