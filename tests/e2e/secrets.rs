//! Credentials: changed in a running service without losing its data, and to be found nowhere but where they must be.

use std::path::Path;

use crate::checkout::{Checkout, shell};
use crate::engine;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  tool: {path: tool, image: base, run: sleep infinity, needs: [db]}
  apart: {path: apart, image: base, run: \"echo begun; sleep infinity\"}
services:
  db: {preset: postgres}
  cache: {preset: redis}
";

/// What psql answers, logged in over the network with this password.
fn psql(checkout: &Checkout, password: &str, sql: &str) -> (bool, String) {
    let name = checkout.project();
    let password = format!("PGPASSWORD={password}");
    let psql = ["psql", "-h", "127.0.0.1", "-U", name, "-d", name, "-qtAc", sql];
    let output = engine::output(&[&["exec", "--env", &password, &checkout.container("db")], &psql[..]].concat());
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn password(checkout: &Checkout) -> String {
    let shown: serde_json::Value = serde_json::from_str(&checkout.ok(&["secrets", "--show", "--json"]).stdout).unwrap();
    let all = shown.as_array().unwrap();
    all.iter().find(|secret| secret["name"] == "db.password").unwrap()["value"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_password_reaches_the_service_and_its_users_and_the_data_stays() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("apart/.keep", "");
    checkout.write("tool/.keep", "");
    assert!(checkout.ok(&["secrets"]).stdout.contains("db.password     not generated yet"));
    checkout.ok(&["up"]);
    let old = password(&checkout);
    assert!(psql(&checkout, &old, "create table kept as select 42 as answer").0);
    let listed = checkout.ok(&["secrets"]).stdout;
    assert!(listed.contains("db.password     generated for this checkout") && !listed.contains(&old), "{listed}");

    checkout.ok(&["secrets", "reset", "db"]).says("recreate db: secrets").says("recreate tool: secrets");
    let new = password(&checkout);
    assert_ne!(old, new);
    assert!(new.len() >= 32, "128 bits: {new}");
    assert_eq!(psql(&checkout, &new, "select answer from kept"), (true, "42".to_owned()));
    assert!(!psql(&checkout, &old, "select 1").0, "the old password is still good");
    assert_eq!(checkout.ok(&["exec", "tool", "sh", "-c", "printf %s \"$DB_PASSWORD\""]).stdout, new);
    checkout.ok(&["up"]).says("nothing to do");

    // The environment wins over what was made; what is set elsewhere is not ours to change.
    let mut command = checkout.command();
    command.args(["secrets"]).env("DEVENV_SECRET_DB_PASSWORD", "mine");
    let listed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(listed.contains("db.password     environment"), "{listed}");
    checkout.write("devenv.local.yaml", "secrets: {db.password: \"it's mine\"}\n");
    checkout.ok(&["up"]).says("recreate db: secrets").says("recreate tool: secrets");
    assert_eq!(psql(&checkout, "it's mine", "select answer from kept"), (true, "42".to_owned()));
    assert!(!psql(&checkout, &new, "select 1").0, "the made password is still good");
    checkout.ok(&["up"]).says("nothing to do");
    checkout.devenv(&["secrets", "reset", "db"]).code(2).says("devenv generated no credential of `db`");
    checkout.devenv(&["secrets", "reset", "tool"]).code(2).says("these have credentials: cache, db");
    // Without it, what was made is good again.
    std::fs::remove_file(checkout.root().join("devenv.local.yaml")).unwrap();
    checkout.ok(&["up"]).says("recreate db: secrets").says("recreate tool: secrets");
    assert_eq!((password(&checkout), psql(&checkout, &new, "select answer from kept").0), (new, true));

    // A reset that was cut short after its first step is brought to its end by `up`.
    let file = ".devenv/secrets/.made/db/password";
    checkout.write(file, "cut-short");
    std::fs::set_permissions(checkout.root().join(file), std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    checkout.ok(&["up"]).says("recreate db: secrets").says("recreate tool: secrets");
    assert_eq!(psql(&checkout, "cut-short", "select answer from kept"), (true, "42".to_owned()));
    assert_eq!(shell(&format!("stat -c %a '{}/{file}'", checkout.root().display())), "600\n");

    for (value, problem) in [("''", "is empty"), ("\"a\\nb\"", "has a line break")] {
        checkout.write("devenv.local.yaml", &format!("secrets: {{db.password: {value}}}\n"));
        checkout.devenv(&["up"]).code(2).says(&format!("`db.password`, set by devenv.local.yaml, {problem}"));
    }
}

#[test]
fn a_credential_is_found_only_where_it_must_be() {
    let checkout = Checkout::new(CONFIGURATION);
    let canary = "canary-7f3a9c1e";
    checkout.write("devenv.local.yaml", &format!("secrets: {{db.password: {canary}, cache.password: {canary}}}\n"));
    checkout.write("apart/.keep", "");
    checkout.write("tool/.keep", "");

    // What opens addresses prints what it was given, as some do where they find no browser.
    let openers = ["xdg-open", "wslview", "open"].map(|opener| checkout.beside(&format!("bin/{opener}")));
    for opener in &openers {
        checkout
            .write(&opener.display().to_string(), "#!/bin/sh\necho \"no browser for $1\"; echo \"$1\" >&2; exit 3\n");
        std::fs::set_permissions(opener, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }

    // Nothing that is printed has it, also where something fails with it in hand.
    let commands: [&[&str]; 13] = [
        &["up", "--dry-run"],
        &["up"],
        &["up", "--json"],
        &["status", "--json"],
        &["logs"],
        &["config", "--origin"],
        &["config", "--json"],
        &["secrets"],
        &["url"],
        &["open", "db"],
        &["images", "verify"],
        &["doctor"],
        &["exec", "tool", "sh", "-c", "false"],
    ];
    for args in commands {
        let ran = checkout.devenv(args);
        assert!(!ran.stdout.contains(canary) && !ran.stderr.contains(canary), "{args:?}");
    }
    checkout.replace("devenv.yaml", "echo begun; sleep", "echo \\\"$$PGPASSWORD $$DB_PASSWORD\\\" ''; exit 3; sleep");
    let failed = checkout.devenv(&["up"]).code(1);
    assert!(!failed.stderr.contains(canary), "{}", failed.stderr);

    // Nor has any generated file but the credentials' own, an image, a command line, or a part that does not need it.
    let root = checkout.root().display();
    let files = shell(&format!("cd '{root}' && grep -rlF {canary} . | sort"));
    assert_eq!(
        files,
        "./.devenv/secrets/cache/password\n./.devenv/secrets/db/password\n./.devenv/secrets/tool.env\n./devenv.local.yaml\n"
    );
    for file in files.lines().filter(|file| file.contains(".devenv")) {
        let mode = shell(&format!("stat -c %a '{root}/{file}'"));
        assert_eq!(mode, "600\n", "{file}");
    }
    for (part, container) in checkout.containers() {
        let seen = engine::inspect(&container);
        assert_eq!(seen.to_string().contains(canary), part == "tool", "{part}");
        let history = engine::docker(&["history", "--no-trunc", seen["Image"].as_str().unwrap()]);
        assert!(!history.contains(canary), "{part}");
    }
    let mut arguments = String::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let text = std::fs::read(Path::new(&process.path()).join("cmdline")).unwrap_or_default();
        arguments.push_str(&String::from_utf8_lossy(&text).replace('\0', " "));
    }
    assert!(arguments.contains("sleep") && !arguments.contains(&format!("={canary}")), "a command line has it");
}

#[test]
fn production_is_accepted_by_compose_and_has_no_credential_of_dev() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  api: {path: api, image: base, run: sleep infinity, port: 8000, health: {command: \"true\"}, route: /, needs: [cache, once]}
  once: {path: api, image: base, run: \"true\", once: true, needs: [cache]}
services:
  cache: {preset: redis}
environments:
  prod:
    replicas: {api: 2}
    resources: {api: {memory: 64m, cpus: 0.5}}
    secrets: {cache.password: cache_password, gateway.certificate: certificate, gateway.key: key}
",
    );
    checkout.write("api/.keep", "");
    checkout.ok(&["up"]);
    let text = checkout.ok(&["config", "--env", "prod"]).stdout;
    let made = checkout.read(".devenv/secrets/cache/password");
    assert!(made.len() >= 32 && !text.contains(&made), "{text}");
    for private in [checkout.root().display().to_string(), checkout.id(), checkout.read(".devenv/secrets/.key")] {
        assert!(!text.contains(&private), "{private}: {text}");
    }
    let file = checkout.beside("prod.yaml");
    std::fs::write(&file, &text).unwrap();
    let output = engine::output(&["compose", "--file", &file.display().to_string(), "config", "--quiet"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "compose config: {said}\n{text}");
    // The platform that has external secrets takes it too.
    let mut stack = std::process::Command::new("docker");
    let stack = stack.args(["stack", "config", "--compose-file"]).arg(&file).env("TAG", "1").output().unwrap();
    assert!(stack.status.success(), "stack config: {}\n{text}", String::from_utf8_lossy(&stack.stderr));
}

#[test]
fn a_copy_a_lost_folder_and_a_module_of_the_whole_checkout_get_nothing_that_is_not_theirs() {
    let checkout = Checkout::new(
        "\
project: PROJECT
modules:
  tool: {path: tool, image: base, run: sleep infinity, needs: [db]}
  whole: {path: ., image: base, run: sleep infinity, env: {DB_PASSWORD: dummy, CACHE_PASSWORD: ''}, needs: [cache]}
services:
  db: {preset: postgres}
  cache: {preset: redis}
  key: {preset: redis}
",
    );
    checkout.write("tool/.keep", "");
    checkout.ok(&["up"]);
    let first = password(&checkout);

    // A module of the whole checkout sees its source, and nothing of what devenv keeps there.
    let seen = checkout.ok(&["exec", "whole", "--", "sh", "-c", "ls -A; ls -A .devenv"]).stdout;
    assert!(seen.contains("devenv.yaml") && !seen.contains("secrets") && !seen.contains("certs"), "{seen}");

    // A copy has keys and credentials of its own, from the first moment, also those of a service that is off now.
    checkout.write(".devenv/secrets/.made/off/password", "of the original");
    let copy = checkout.sibling("copy");
    shell(&format!("cp -a '{}' '{}'", checkout.root().display(), copy.root().display()));
    copy.ok(&["up"]).says("it gets an identity of its own");
    assert_ne!(password(&copy), first);
    let kept = |file: &str| (checkout.read(&format!(".devenv/{file}")), copy.read(&format!(".devenv/{file}")));
    for file in ["secrets/.key", "secrets/.made/cache/password", "certs/key.pem"] {
        let (ours, theirs) = kept(file);
        assert_ne!(ours, theirs, "{file}");
    }
    assert!(!copy.root().join(".devenv/secrets/.made/off").exists());
    copy.ok(&["up"]).says("nothing to do");
    copy.ok(&["down", "-v", "--yes"]);

    // What was lost is found where it was used, and not in what a module calls by the same name.
    std::fs::remove_dir_all(checkout.root().join(".devenv")).unwrap();
    checkout.ok(&["up"]);
    assert_eq!(password(&checkout), first);
    assert!(!checkout.read(".devenv/secrets/cache/password").is_empty());

    // One credential by its name; and what was stopped before is not started with what was good then.
    checkout.ok(&["stop"]);
    checkout.devenv(&["secrets", "reset", "db.pass"]).code(2).says("`db` has no credential `pass`");
    checkout.ok(&["secrets", "reset", "db.password"]).says("db.password: a new one").says_not("cache");
    let start = checkout.devenv(&["start"]).code(1);
    start.says("cannot start as it is: its credentials changed since it was created").says("`devenv up` recreates it");
    let mut up = checkout.command();
    let up = up.arg("up").env("DEVENV_SECRET_DB_PASSWD", "x").output().unwrap();
    let said = String::from_utf8_lossy(&up.stderr);
    assert!(up.status.success() && said.contains("nothing reads DEVENV_SECRET_DB_PASSWD"), "{said}");
    assert!(psql(&checkout, &password(&checkout), "select 1").0);
}
