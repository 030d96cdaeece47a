//! A checkout that is not trusted: what reaches out is refused whatever it was made from, and files that are none or that
//! never end neither block nor fill the memory.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, mkfifoat};
use snapbox::str;

use crate::engine::FakeEngine;
use crate::test::Test;

/// A project with one service of a preset of its own.
const EVIL: &str = "project: shop\nservices: {evil: {preset: evil}}\n";

fn preset(service: &str) -> String {
    format!("image: redis\nport: 6379\nhealth: {{tcp: 6379}}\nservice: {service}\n")
}

/// Runs with an engine that has nothing; what it is ordered is returned.
fn ended(test: &Test, args: &[&str]) -> (Option<i32>, String) {
    let output = test.command().args(args).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn with_engine(test: Test) -> (Test, FakeEngine) {
    let engine = FakeEngine::new(test.beside("engine.sock"), "[]");
    let host = engine.host();
    (test.env("DOCKER_HOST", host), engine)
}

#[test]
fn a_preset_of_the_checkout_reaches_out_by_no_key() {
    let service = "{pid: host, privileged: true, ports: [{target: 1}], devices: [/dev/sda], provider: {type: x}}";
    let test = Test::new().file("devenv.yaml", EVIL).file("devenv/compose/services/evil.yaml", preset(service));
    let (test, engine) = with_engine(test);
    for command in [["up", "--yes"], ["up", "--dry-run"], ["status", "--json"], ["logs", "evil"]] {
        let (code, said) = ended(&test, &command);
        assert_eq!(code, Some(2), "{command:?}: {said}");
        assert_eq!(
            said,
            "\
error: the definition reaches out of the checkout:
  service `evil` has all capabilities (privileged)
  service `evil` has devices of the host (host-namespaces)
  service `evil` is in a namespace of the host: `host` (host-namespaces)
  service `evil` publishes port 1 on all addresses (public-ports)
  service `evil` runs a program of the host (refused)
hint: allow it on this machine in devenv.local.yaml: `allow: [privileged, host-namespaces, public-ports]`
hint: `127.0.0.1:PORT:PORT` publishes a port for this machine alone
",
            "{command:?}"
        );
    }
    assert_eq!(engine.orders(), Vec::<String>::new());
    assert!(!test.project().join(".devenv").exists());
}

#[test]
fn a_template_of_the_checkout_imitates_nothing_of_ours() {
    let template = include_str!("../../compose/dev.yaml");
    for (added, expected) in [
        ("volumes: [{type: bind, source: /, target: /x}]", "mounts /, and with it the engine"),
        ("volumes: [{type: bind, source: ./link, target: /x}]", "mounts ./link, which is /etc"),
        ("volumes: [{type: bind, source: ./.devenv/../.., target: /x}]", "mounts ./.devenv/../.., which is "),
        ("env_file: [/etc/passwd]", "reads /etc/passwd"),
        ("network_mode: host", "uses the host's network"),
        ("security_opt: [seccomp=unconfined]", "has less protection: `seccomp=unconfined`"),
        (
            "labels: {devenv.checkout: other}",
            "has the label `devenv.checkout`, which is reserved for devenv and compose",
        ),
    ] {
        let text = template.replacen("    <<: *rules\n", &format!("    <<: *rules\n    {added}\n"), 1);
        assert_ne!(text, template);
        let main = "project: shop\nservices: {cache: {image: redis}}\n";
        let test = Test::new().file("devenv.yaml", main).file("devenv/compose/dev.yaml", text);
        symlink("/etc", test.project().join("link")).unwrap();
        let (test, _engine) = with_engine(test);
        let (code, said) = ended(&test, &["up", "--yes"]);
        let line = said.lines().next().unwrap_or_default();
        assert!(code == Some(2) && line.starts_with(&format!("error: service `cache` {expected}")), "{added}: {said}");
    }
}

#[test]
fn a_tracked_file_gives_no_permission_and_an_unconfirmed_one_neither() {
    let allow = "allow: [privileged]\n";
    let test = Test::new().file("devenv.yaml", EVIL).file("devenv.local.yaml", allow);
    let (test, _engine) = with_engine(test.file("devenv/compose/services/evil.yaml", preset("{privileged: true}")));
    let (code, said) = ended(&test, &["up", "--dry-run", "--yes"]);
    let new = "devenv.local.yaml allows something that has not been confirmed: `devenv up` asks in a terminal; without one, set \
               DEVENV_ALLOW=privileged";
    assert!(code == Some(2) && said.contains(new), "{said}");
    for args in [vec!["init", "--quiet"], vec!["add", "--force", "devenv.local.yaml"]] {
        assert!(std::process::Command::new("git").args(args).current_dir(test.project()).status().unwrap().success());
    }
    let (code, said) = ended(&test, &["up", "--dry-run", "--yes"]);
    let tracked = "git tracks devenv.local.yaml, so its `allow` has no effect: `git rm --cached devenv.local.yaml`";
    assert!(code == Some(2) && said.contains(tracked), "{said}");

    let (code, said) = ended(&test.env("DEVENV_ALLOW", "privileged"), &["up", "--dry-run", "--yes"]);
    assert!(code == Some(0), "{said}");
}

#[test]
fn a_permission_that_is_none_is_told() {
    let (test, _engine) = with_engine(Test::good().env("DEVENV_ALLOW", "root"));
    let (code, said) = ended(&test, &["status"]);
    assert_eq!((code, said.lines().next()), (Some(2), Some("error: DEVENV_ALLOW: `root` is not a permission")));
}

/// Files that a checkout may have, with what makes devenv read them.
const READ: [(&str, &str); 9] = [
    ("devenv.local.yaml", "config"),
    ("devenv.lock", "status"),
    ("extra.yaml", "status"),
    ("devenv/images/x/image.yaml", "config"),
    ("devenv/images/x/Dockerfile", "status"),
    ("devenv/images/x/.dockerignore", "config"),
    ("devenv/compose/dev.yaml", "status"),
    ("devenv/compose/services/x.yaml", "config"),
    ("devenv/certs/profile.yaml", "status"),
];

#[test]
fn what_is_no_file_or_never_ends_is_refused_at_once() {
    for (path, command) in READ {
        for kind in ["fifo", "/dev/zero"] {
            let main = "project: shop\ncompose: [extra.yaml]\nservices: {cache: {image: redis}}\n";
            let test = Test::new().file("devenv.yaml", main).file("devenv/images/x/note", "").file("extra.yaml", "");
            let at = test.project().join(path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            let _ = fs::remove_file(&at);
            match kind {
                "fifo" => mkfifoat(CWD, &at, Mode::RUSR | Mode::WUSR).unwrap(),
                target => symlink(target, &at).unwrap(),
            }
            let (test, _engine) = with_engine(test);
            let begin = Instant::now();
            let (code, said) = ended(&test, &[command]);
            assert!(begin.elapsed() < Duration::from_secs(20), "{path} as {kind}");
            let is_refused = matches!(code, Some(1 | 2)) && said.contains(path.rsplit('/').next().unwrap());
            assert!(is_refused, "{path} as {kind}: {code:?} {said}");
        }
    }
}

#[test]
fn nested_brackets_and_wrong_types_are_told_with_their_place() {
    let deep = "[".repeat(200_000);
    for (path, command) in READ {
        if path.contains("ocker") {
            continue;
        }
        let main = "project: shop\ncompose: [extra.yaml]\nservices: {cache: {image: redis}}\n";
        let test = Test::new().file("devenv.yaml", main).file("extra.yaml", "").file(path, &deep);
        let (test, _engine) = with_engine(test);
        let begin = Instant::now();
        let (code, said) = ended(&test, &[command]);
        assert!(begin.elapsed() < Duration::from_secs(20), "{path}");
        // A template has its place in what it becomes.
        let line = if path.ends_with("dev.yaml") { 2 } else { 1 };
        let place = format!("{}:{line}:", path.trim_start_matches("devenv/"));
        assert!(code == Some(2) && said.contains(&place), "{path}: {code:?} {said}");
    }
}

#[test]
fn a_template_that_leads_out_of_the_checkout_is_refused() {
    for path in ["devenv/templates/gateway/nginx.conf", "devenv/templates", "devenv/images"] {
        let test = Test::good();
        let at = test.project().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(if path.ends_with("conf") { "/etc/hostname" } else { "/etc" }, &at).unwrap();
        let (code, said) = ended(&test, &["config"]);
        assert!(code == Some(2) && said.contains("leads out of the checkout, to /etc"), "{path}: {said}");
    }
}

#[test]
fn nothing_is_ejected_through_a_link_and_what_a_kill_left_is_completed() {
    let test = Test::good();
    fs::create_dir(test.project().join("devenv")).unwrap();
    fs::create_dir(test.beside("elsewhere")).unwrap();
    symlink(test.beside("elsewhere"), test.project().join("devenv/compose")).unwrap();
    let (code, said) = ended(&test, &["eject", "compose/services"]);
    assert!(code != Some(0), "{said}");
    assert_eq!(fs::read_dir(test.beside("elsewhere")).unwrap().count(), 0);

    // Half of it is there, and a file that was being written by a process that has ended.
    let left = "devenv/images/redis/.devenv-write-2147483647-x";
    let test = Test::good().file("devenv/images/redis/image.yaml", include_str!("../../images/redis/image.yaml"));
    let test = test.file(left, "half");
    let (code, said) = ended(&test, &["eject", "images/redis"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!test.project().join(left).exists());
    let entry = test.project().join("devenv/images/redis/devenv-redis");
    assert_ne!(fs::metadata(entry).unwrap().mode() & 0o111, 0);
}

#[test]
fn a_private_file_stays_private_when_a_part_is_switched() {
    let test = Test::good().file("devenv.local.yaml", "secrets: {cache.password: mine-alone}\n");
    let local = test.project().join("devenv.local.yaml");
    fs::set_permissions(&local, fs::Permissions::from_mode(0o600)).unwrap();
    let (code, said) = ended(&test, &["disable", "worker"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(fs::metadata(&local).unwrap().mode() & 0o777, 0o600);
    fs::set_permissions(&local, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(ended(&test, &["enable", "worker"]).0, Some(0));
    assert_eq!(fs::metadata(&local).unwrap().mode() & 0o777, 0o640);
}

#[test]
fn names_of_files_do_not_steer_the_terminal() {
    let test = Test::good().file("devenv/templates/a\u{1b}]0;x\u{7}\u{85}\u{2028}\u{202e}b", "");
    let output = test.command().args(["config", "files"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(r"templates/a\u{1b}]0;x\u{7}\u{85}\u{2028}\u{202e}b"), "{said}");
}

#[test]
fn folders_of_git_and_devenv_are_no_source() {
    for (module, expected) in [
        ("{path: .git, image: base, run: x}", "`path` of `api` may not have `.git` in it"),
        ("{path: ./.git/hooks, image: base, run: x}", "`path` of `api` may not have `.git` in it"),
        ("{path: a/.devenv, image: base, run: x}", "`path` of `api` may not have `.devenv` in it"),
        (
            "{path: ., image: base, run: x, deps: {lock: [l], install: x, into: [.git/x]}}",
            "`into` of `api` may not have `.git` in it",
        ),
        ("{path: ., image: base, run: x, outputs: [.vscode/x]}", "`outputs` of `api` may not have `.vscode` in it"),
    ] {
        let test = Test::new().file("devenv.yaml", format!("project: shop\nmodules:\n  api: {module}\n"));
        for folder in [".git/hooks", "a/.devenv"] {
            fs::create_dir_all(test.project().join(folder)).unwrap();
        }
        let (code, said) = ended(&test.file("l", ""), &["config"]);
        assert!(code == Some(2) && said.contains(expected), "{module}: {said}");
        assert!(said.contains("devenv.yaml:3:"), "{said}");
    }
}

#[test]
fn eject_twice_changes_nothing() {
    let ran = Test::good().args(["eject", "certs"]).stderr(str![[r#"
devenv/certs/profile.yaml

"#]]);
    let again = ran.status(0).again().args(["eject", "certs"]).stderr(str![[r#"
nothing to change

"#]]);
    again.status(0).wrote_nothing();
}
