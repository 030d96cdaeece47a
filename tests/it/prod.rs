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
error: devenv.yaml:1: production has no secret for `db.database`, `db.password`, `db.user`, `gateway.certificate`, `gateway.key`
hint: add to devenv.yaml what each is called in production, never its value:
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
        .file("devenv.yaml", format!("{SHOP}{}", NAMES.replace("    db.password: shop_db_password\n", "")))
        .args(["config", "--env", "prod"])
        .stderr(str![[r#"
error: devenv.yaml:7: production has no secret for `db.password`
hint: add to `prod.secrets` what each is called in production, never its value:
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
        .file("devenv.yaml", format!("{SHOP}{}", NAMES.replace("db.password", "db.pasword")))
        .args(["config", "--env", "prod"])
        .stderr(str![[r#"
error: devenv.yaml:9: nothing in production takes the secret `db.pasword`
hint: there are `db.database`, `db.password`, `db.user`, `gateway.certificate`, `gateway.key`

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
        ("run: printenv DB_URL DB_PASSWORD", "run: 'echo ${THING:-x}'", 3, "`run` of `api`, and `echo ${THING:-x}`"),
        ("port: 8000", "port: 8000, health: {http: '/${THING:-x}'}", 3, "`health` of `api`, and `/${THING:-x}`"),
        (
            "{preset: postgres}",
            "{preset: postgres}\n  far: {external: 'https://${THING:-x}.example'}",
            6,
            "`external` of `far`",
        ),
    ] {
        let shop = SHOP.replace(from, to);
        let test = Test::new().file("devenv.yaml", format!("{shop}{NAMES}")).env("THING", "of-this-machine");
        let output = test.command().args(["config", "--env", "prod"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{said}");
        assert!(said.contains(&format!("devenv.yaml:{place}: production has {what}")), "{said}");
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
