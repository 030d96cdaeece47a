//! `check` and `config diff`: what is committed is sane, and environments differ only in what is declared.

use std::process::Command;

use snapbox::str;

use crate::test::Test;

const SHOP: &str = "\
project: shop
modules:
  api: {path: ., image: base, run: serve, port: 8000, needs: [cache], deps: {lock: [requirements.txt], install: i}}
services:
  cache: {preset: redis}
environments:
  prod:
    replicas: {api: 2}
    resources: {api: {memory: 64m}, cache: {memory: 64m}}
    secrets: {cache.password: shop_cache}
  staging: {like: prod, replicas: {api: 1}, env: {api: {LEVEL: debug}}}
";

const REFUSED: &str = "\
error: the check found errors
hint: fix each, or write `# devenv: allow RULE reason` on its line or the one above
";

#[test]
fn a_sane_project_passes_and_a_finding_has_its_place_its_reason_and_the_next_step() {
    let ran = Test::new()
        .file("devenv.yaml", SHOP)
        .file("requirements.txt", "flask==3.0.0\n")
        .args(["check"])
        .stdout(str![[r#"
0 errors, 0 warnings

"#]])
        .stderr(str![[r#"
committed files were not searched for secrets: this is not a git repository

"#]])
        .status(0)
        .wrote_nothing();
    ran.again()
        .file("requirements.txt", "flask\nhttpx # devenv: allow lock-pin the newest one is meant\n")
        .args(["--quiet", "check"])
        .stdout(str![[r#"
error[lock-pin] requirements.txt:1: `flask` is not pinned
  why: two installations of one commit get different versions
  fix: write `==VERSION`, and better `--hash` too: `pip-compile --generate-hashes` does
1 error, 0 warnings, 1 silenced

"#]])
        .stderr(REFUSED)
        .status(1)
        .wrote_nothing();
}

#[test]
fn a_static_site_is_a_finding_and_hides_no_other() {
    let site = "project: shop\nmodules: {site: {path: dist, serve: static, route: /}}\nenvironments: {prod: {}}\n";
    Test::new()
        .file("devenv.yaml", site)
        .file("requirements.txt", "")
        .args(["--quiet", "check"])
        .stdout(str![[r#"
error[release] devenv.yaml:2: the static site `site` is not released: only this machine's gateway serves it
  why: [..]
  fix: serve it from a module with an image and `run`, or switch it off in devenv.yaml (`mode: off`)
1 error, 0 warnings

"#]])
        .stderr(REFUSED)
        .status(1)
        .wrote_nothing();
}

#[test]
fn findings_are_printed_for_programs() {
    let test = || Test::new().file("devenv.yaml", SHOP).file("requirements.txt", "flask\n");
    let json = test().command().args(["check", "--json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (json["findings"][0]["rule"].as_str(), json["findings"][0]["line"].as_u64()),
        (Some("lock-pin"), Some(1))
    );
    let github = test().command().args(["check", "--format", "github"]).output().unwrap();
    let github = String::from_utf8(github.stdout).unwrap();
    assert!(
        github.starts_with("::error file=requirements.txt,line=1,title=lock-pin::`flask` is not pinned%0A"),
        "{github}"
    );
    let junit = test().command().args(["check", "--format", "junit"]).output().unwrap();
    let junit = String::from_utf8(junit.stdout).unwrap();
    assert!(
        junit.contains("<failure message=\"requirements.txt:1: `flask` is not pinned\" type=\"lock-pin\">"),
        "{junit}"
    );
}

#[test]
fn what_git_tracks_is_searched_for_secrets_and_dockerfiles_are_linted() {
    let lint = r#"echo '[{"file":"'"$4"'","line":3,"level":"warning","code":"DL1","message":"odd"}]'; exit 1"#;
    let test = Test::new()
        .file("devenv.yaml", SHOP)
        .file("requirements.txt", "flask==3.0.0\n")
        .file("devenv/images/own/Dockerfile", "ARG PARENT\nFROM ${PARENT}\nENV API_TOKEN=abc\n")
        .file("devenv/images/own/image.yaml", "parent: base\nabout: x\n")
        .file("deploy.key", format!("-----BEGIN PRIVATE KEY-----\n{}\n", "Ab3=".repeat(16)))
        .program("hadolint", lint);
    let git = |args: &[&str]| {
        assert!(Command::new("git").args(args).current_dir(test.project()).output().unwrap().status.success());
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    let output = test.command().args(["check"]).output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = found.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        lines,
        [
            "error[secret-file] deploy.key:1: the file has a private key",
            "warning[dockerfile] devenv/images/own/Dockerfile:3: odd",
            "error[secret-image] devenv/images/own/Dockerfile:3: `API_TOKEN` stays readable in the image",
            "2 errors, 1 warning",
        ],
        "{found}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_difference_that_is_not_declared_is_refused_and_shown_by_diff() {
    let test = Test::new()
        .file("devenv.yaml", format!("{SHOP}compose: [extra.yaml]\n"))
        .file("requirements.txt", "flask==3.0.0\n")
        .file("extra.yaml", "services: {api: {init: false}}\n");
    let output = test.command().args(["--quiet", "check"]).output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(
        found.contains("error[environment-difference] extra.yaml:1: extra.yaml says something about `api` in dev"),
        "{found}"
    );
    let output = test.command().args(["config", "diff", "dev", "prod", "--json"]).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let undeclared = all["differences"].as_array().unwrap().iter().filter(|one| one["reason"] == "undeclared");
    assert_eq!(
        undeclared.map(|one| (one["part"].as_str(), one["from"].as_str())).collect::<Vec<_>>(),
        [(Some("api"), Some("extra.yaml"))]
    );
}

#[test]
fn diff_prints_exactly_what_differs_with_the_key_that_makes_it() {
    let ran = Test::new()
        .file("devenv.yaml", SHOP)
        .file("requirements.txt", "")
        .args(["config", "diff", "staging", "prod"])
        .stdout(str![[r#"
PART   KEY                     STAGING                           PROD                              WHY                FROM
api    deploy.replicas         1                                 2                                 replicas           environments.prod.replicas.api (devenv.yaml:8)
api    environment.DEVENV_ENV  staging                           prod                              host               devenv
api    environment.LEVEL       debug                             -                                 declared variable  environments.staging.env.api.LEVEL (devenv.yaml:11)
cache  volumes./var/lib/redis  {"type":"volume","source":"shop…  {"type":"volume","source":"shop…  own volume         compose/prod.yaml

"#]])
        .status(0)
        .wrote_nothing();
    let ran = ran
        .again()
        .args(["config", "diff", "prod", "prod"])
        .stderr(str![[r#"
prod and prod do not differ

"#]])
        .status(0)
        .wrote_nothing();
    ran.again()
        .args(["config", "diff", "dev", "prd"])
        .stderr(str![[r#"
error: `prd` is not an environment
hint: did you mean `prod`?

"#]])
        .status(2)
        .wrote_nothing();
}
