//! The definition of production: credentials have names and no values, and without a name there is no definition.

use std::fs;
use std::process::Command;

use snapbox::str;

use crate::test::Test;

const SHOP: &str = "\
project: shop
modules:
  api: {path: ., image: base, run: printenv DB_URL DB_PASSWORD, port: 8000, route: /api, needs: [db]}
services:
  db: {preset: postgres}
";
const NAMES: &str = "\
environments:
  prod:
    secrets:
      db.user: shop_db_user
      db.password: shop_db_password
      db.database: shop_db_database
      gateway.certificate: shop_certificate
      gateway.key: shop_key
";

#[test]
fn without_a_name_for_each_credential_there_is_no_definition() {
    Test::new()
        .file("devenv.yaml", SHOP)
        .args(["config", "--env", "prod"])
        .stderr(str![[r#"
error: devenv.yaml:1: prod has no secret for `db.database`, `db.password`, `db.user`, `gateway.certificate`, `gateway.key`
hint: add to devenv.yaml what each is called there, never its value:
environments:
  prod:
    secrets:
      db.database: shop_db_database
      db.password: shop_db_password
      db.user: shop_db_user
      gateway.certificate: shop_gateway_certificate
      gateway.key: shop_gateway_key

"#]])
        .status(2)
        .wrote_nothing();
    Test::new()
        .file("devenv.yaml", format!("{SHOP}{}", NAMES.replace("      db.password: shop_db_password\n", "")))
        .args(["config", "--env", "prod"])
        .stderr(str![[r#"
error: devenv.yaml:9: prod has no secret for `db.password`
hint: add to `environments.prod.secrets` what each is called there, never its value:
environments:
  prod:
    secrets:
      db.password: shop_db_password

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn a_name_that_is_for_nothing_is_told() {
    Test::new()
        .file("devenv.yaml", format!("{SHOP}{NAMES}").replace(", route: /api", ""))
        .args(["config", "--env", "prod"])
        .stderr(str![[r#"
error: devenv.yaml:12: nothing in prod takes the secret `gateway.certificate`
hint: there are `db.database`, `db.password`, `db.user`

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn an_environment_that_does_not_exist_is_told_with_those_that_do() {
    Test::new()
        .file("devenv.yaml", format!("{SHOP}{NAMES}"))
        .args(["config", "--env", "prdo"])
        .stderr(str![[r#"
error: `prdo` is not an environment
hint: did you mean `prod`?

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn no_value_of_dev_is_in_the_definition() {
    let values = ["of-the-local-file", "of-the-environment", "of-the-checkout"];
    let test = Test::new()
        .file("devenv.yaml", format!("{SHOP}{NAMES}"))
        .file("devenv.local.yaml", format!("secrets: {{db.user: {}}}\n", values[0]))
        .file(".devenv/secrets/db/password", values[2])
        .env("DEVENV_SECRET_DB_DATABASE", values[1]);
    let output = test.command().args(["config", "--env", "prod"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("name: shop_db_password"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for value in values {
        assert!(!text.contains(value), "{value}: {text}");
    }
    for key in ["bind", "env_file", "ports: []", "127.0.0.1\"", "PIP_CERT", "SSL_CERT_FILE"] {
        assert!(!text.contains(key), "{key}: {text}");
    }
}

#[test]
fn what_the_environment_fills_in_is_left_to_production() {
    let shop = SHOP.replace("needs: [db]", "needs: [db], env: {KEY: '${THING}', AT: 'a $$b ${ELSE:-x}', PLAIN: 1}");
    let test = Test::new().file("devenv.yaml", format!("{shop}{NAMES}")).env("THING", "of-this-machine");
    let output = test.command().args(["config", "--env", "prod", "--json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("of-this-machine"), "{text}");
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let env = &all["services"]["api"]["environment"];
    assert_eq!(
        (&env["KEY"], &env["AT"], &env["PLAIN"]),
        (&"${THING}".into(), &"a $$b ${ELSE:-x}".into(), &"1".into()),
        "{text}"
    );
}

#[test]
fn what_this_machine_would_fill_in_for_good_is_refused() {
    for (from, to, place, what) in [
        ("run: printenv DB_URL DB_PASSWORD", "run: 'echo ${THING:-x}'", 3, "`run` of `api` has echo ${THING:-x}"),
        (
            "port: 8000",
            "port: 8000, health: {http: '/${THING:-x}'}",
            3,
            "prod has `health` of `api`, and `/${THING:-x}`",
        ),
        (
            "{preset: postgres}",
            "{preset: postgres}\n  far: {external: 'https://${THING:-x}.example'}",
            6,
            "prod has `external` of `far`",
        ),
    ] {
        let shop = SHOP.replace(from, to);
        let test = Test::new().file("devenv.yaml", format!("{shop}{NAMES}")).env("THING", "of-this-machine");
        let output = test.command().args(["config", "--env", "prod"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{said}");
        assert!(said.contains(&format!("devenv.yaml:{place}: {what}")), "{said}");
    }
}

#[test]
fn a_module_puts_its_variables_together_from_the_files_of_its_secrets() {
    let test = Test::new().file("devenv.yaml", format!("{SHOP}{NAMES}"));
    let output = test.command().args(["config", "--env", "prod", "--json"]).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let folder = test.beside("secrets");
    fs::create_dir(&folder).unwrap();
    let words = all["services"]["api"]["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    // What compose does with `$$`, and where the secrets of this container are.
    let words = words.map(|word| word.replace("$$", "$").replace("/run/secrets", &folder.display().to_string()));
    let words: Vec<String> = words.collect();
    let run = || Command::new(&words[0]).args(&words[1..]).output().unwrap();
    fs::write(folder.join("db.user"), "me\n").unwrap();
    fs::write(folder.join("db.database"), "shop").unwrap();
    let missing = run();
    assert_eq!(String::from_utf8_lossy(&missing.stderr), "the secret db.password is not there\n");
    assert_eq!(missing.status.code(), Some(1));
    fs::write(folder.join("db.password"), "a@b/'\"$c\n").unwrap();
    assert_eq!(
        String::from_utf8_lossy(&run().stdout),
        "postgresql://%6d%65:%61%40%62%2f%27%22%24%63@db:5432/%73%68%6f%70\na@b/'\"$c\n"
    );
}

#[test]
fn the_settings_of_an_environment_reach_its_definition_and_no_other() {
    let settings = "  dev: {env: {api: {LEVEL: debug}}}
  managed:
    like: prod
    replicas: {api: 2}
    resources: {api: {memory: 64m, cpus: 0.5}}
    env: {api: {LEVEL: warning, TOKEN: '${TOKEN:-}'}}
    external: {db: 'postgres://db.internal:6000'}
    writable: [api]
    capabilities: {api: [NET_BIND_SERVICE]}
";
    let test = Test::new().file("devenv.yaml", format!("{SHOP}{NAMES}{settings}")).env("TOKEN", "of-this-machine");
    let of = |name: &str| -> serde_json::Value {
        let output = test.command().args(["config", "--env", name, "--json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let managed = of("managed");
    let api = &managed["services"]["api"];
    assert_eq!(managed["services"].get("db"), None);
    assert_eq!(managed["volumes"], serde_json::json!({}));
    let env = ["LEVEL", "TOKEN", "DB_HOST", "DB_PORT"].map(|name| api["environment"][name].as_str().unwrap());
    assert_eq!(env, ["warning", "${TOKEN:-}", "db.internal", "6000"]);
    assert!(api["command"][2].as_str().unwrap().contains("'@db.internal:6000/'"), "{api}");
    assert_eq!(
        (&api["cap_add"], &api["cap_drop"], &api["deploy"]["replicas"], &api["deploy"]["resources"]["limits"]),
        (
            &serde_json::json!(["NET_BIND_SERVICE"]),
            &serde_json::json!(["ALL"]),
            &2.into(),
            &serde_json::json!({"memory": "64m", "cpus": "0.5"})
        )
    );
    assert_eq!(api.get("read_only"), None);
    let prod = of("prod");
    let db = &prod["services"]["db"];
    assert_eq!((&prod["services"]["api"]["read_only"], &db["read_only"]), (&true.into(), &true.into()));
    assert_eq!(db["cap_add"], serde_json::json!(["CHOWN", "DAC_OVERRIDE", "SETUID", "SETGID"]));
    assert_eq!(prod["services"]["api"]["environment"].get("LEVEL"), None);
    let dev = of("dev");
    assert_eq!(dev["services"]["api"]["environment"]["LEVEL"], "debug");
    assert_eq!((dev["services"]["api"].get("read_only"), dev["services"]["api"].get("secrets")), (None, None));
}

const LOCK: &str = "root: !packages {suite: trixie, archive: 20261121T000000Z}\n";

fn git(test: &Test, args: &[&str]) {
    let me = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    let output = Command::new("git").args(me).args(args).current_dir(test.project()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The definition of an environment, and what was said.
fn definition(test: &Test, environment: &str) -> (serde_json::Value, String) {
    let output = test.command().args(["config", "--env", environment, "--json"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    (serde_json::from_slice(&output.stdout).unwrap(), said)
}

#[test]
fn ci_and_production_name_the_images_that_the_commit_is_released_as() {
    let shop = SHOP.replace("path: .", "path: api").replace("port: 8000", "release: {run: serve it}, port: 8000");
    let worker = "  worker: {path: worker, image: go, run: bin/worker}\n";
    let shop = shop.replace("services:", &format!("{worker}services:"));
    let test = Test::new()
        .file("devenv.yaml", format!("{shop}{NAMES}registry: 127.0.0.1:1/shop\n"))
        .file("devenv.lock", LOCK)
        .file("api/a.py", "1")
        .file("worker/main.go", "1")
        .file("other", "1");
    git(&test, &["init", "-q"]);
    git(&test, &["add", "--all"]);
    git(&test, &["commit", "-qm", "one"]);
    // Nobody answers at that registry, so tags name the images; and it is not waited for again.
    let (prod, said) = definition(&test, "prod");
    assert!(said.contains("images are named by tag: the registry 127.0.0.1:1 does not answer"), "{said}");
    let (_, said) = definition(&test, "prod");
    assert_eq!(said, "the registry 127.0.0.1:1/shop did not answer a moment ago: images are named by tag\n");
    for (part, name) in [("api", "api"), ("worker", "worker"), ("gateway", "gateway"), ("db", "postgres")] {
        let named = image(&prod, part);
        let tag = named.strip_prefix(&format!("127.0.0.1:1/shop/{name}:")).unwrap_or_default();
        assert!(tag.len() == 24 && tag.chars().all(|c| c.is_ascii_hexdigit()), "{named}");
        assert_eq!(named, image(&definition(&test, "ci").0, part));
    }
    assert_eq!(prod["services"]["api"]["command"].as_array().unwrap().last().unwrap(), "serve it");
    // The worker is laid on an image without the language's tools and their variables.
    assert_eq!(prod["services"]["worker"]["environment"].get("GOFLAGS"), None);

    // Another commit names another image where it changes the module, and nowhere else.
    let test = test.file("worker/main.go", "2");
    git(&test, &["commit", "-qam", "two"]);
    let next = definition(&test, "prod").0;
    assert_eq!(image(&next, "api"), image(&prod, "api"));
    assert_ne!(image(&next, "worker"), image(&prod, "worker"));

    // What is not committed is marked, as `release build --dirty` marks it.
    let test = test.file("worker/main.go", "3");
    let (dirty, said) = definition(&test, "prod");
    let expected =
        "not committed: worker/main.go: commit it, or `devenv release build --dirty` makes the images that are named\n";
    assert!(said.ends_with(expected), "{said}");
    assert_eq!(image(&dirty, "api"), image(&prod, "api"));
    assert!(image(&dirty, "worker").ends_with("-dirty"), "{dirty}");
    assert_eq!(definition(&test, "dev").1, "");
}

#[test]
fn without_a_commit_definitions_are_there_and_say_that_nothing_is_released() {
    // Also where a module runs in its released image in dev.
    let shop = format!("{SHOP}{NAMES}").replace("port: 8000", "port: 8000, mode: release");
    let test = Test::new().file("devenv.yaml", shop).file("devenv.lock", LOCK);
    for environment in ["dev", "ci", "prod"] {
        let (all, said) = definition(&test, environment);
        assert_eq!(all["services"]["api"]["image"], "shop/api:uncommitted", "{environment}");
        assert_eq!(
            said,
            "a release is built from a commit, and there is none here, so released images have no names yet: `git \
             commit`, then `devenv release build`\n"
        );
    }
    for args in [&["config", "diff", "dev", "prod"][..], &["check"]] {
        let output = test.command().args(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_ne!(output.status.code(), Some(2), "{said}");
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(!found.contains("nothing is known"), "{found}{said}");
    }
    // Without a lock, the tags are not those of a build either.
    fs::remove_file(test.project().join("devenv.lock")).unwrap();
    let said = definition(&test, "ci").1;
    assert!(said.starts_with("there is no devenv.lock, so image tags will change: `devenv up` creates it"), "{said}");
}

fn image(all: &serde_json::Value, part: &str) -> String {
    all["services"][part]["image"].as_str().unwrap().to_owned()
}

#[test]
fn manifests_are_of_an_environment_and_overwrite_no_file_of_somebody_else() {
    let shop = || Test::new().file("devenv.yaml", format!("{SHOP}{NAMES}"));
    let hint = "hint: `devenv config --env prod --format kubernetes`, or `--format kubernetes --to DIR`\n";
    shop()
        .args(["config", "--format", "kubernetes"])
        .stderr(format!("error: manifests are of an environment\n{hint}"))
        .status(2);
    shop()
        .args(["config", "--to", "k8s"])
        .stderr(format!("error: `--to` writes manifests for Kubernetes\n{hint}"))
        .status(2);
    shop()
        .args(["config", "--env", "dev", "--format", "kubernetes", "-q"])
        .stderr(str![[r#"
error: `dev` is not made for a platform, so it has no manifests
hint: name `prod`, or an environment that is like it

"#]])
        .status(2);
    shop()
        .file("k8s/base/objects.yaml", "mine\n")
        .args(["config", "--format", "kubernetes", "--to", "k8s", "-q"])
        .stderr(str![[r#"
error: [..]/k8s/base/objects.yaml is not a file that devenv made, so it stays as it is
hint: move it away and run the command again

"#]])
        .status(1);
}
