//! Databases: what there is, a console, and data that is dumped, restored and reset, or left as it was where that fails.

use serde_json::Value;

use crate::checkout::{Checkout, end, until};
use crate::engine;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  prepare: {path: prepare, image: base, run: echo prepared, once: true, needs: [db]}
services:
  db: {preset: postgres, seed: db/seed.sql}
  cache: {preset: redis, seed: db/seed.redis}
";

fn project() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("prepare/.keep", "");
    checkout.write("db/seed.sql", "create table item (name text);\ninsert into item values ('seeded');\n");
    checkout.write("db/seed.redis", "set greeting \"hello, you\"\nrpush queue 1 2\n");
    checkout.ok(&["up"]);
    checkout
}

fn items(checkout: &Checkout) -> String {
    checkout.ok(&["db", "db", "console", "--", "-qAtc", "select name from item order by 1"]).stdout.replace('\n', " ")
}

fn sql(checkout: &Checkout, text: &str) {
    checkout.ok(&["db", "db", "console", "--", "-qc", text]);
}

#[test]
fn postgres_is_dumped_restored_and_reset_and_stays_as_it_was_where_that_fails() {
    let checkout = project();
    let listed: Value = serde_json::from_str(&checkout.ok(&["db", "--json"]).stdout).unwrap();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(names, ["redis", "postgres"]);
    assert_eq!((&listed[1]["database"], &listed[1]["entries"]), (&checkout.project().into(), &1.into()));
    assert!(listed[1]["bytes"].as_u64().unwrap() > 1_000_000);

    // A dump, a change, and the dump again.
    sql(&checkout, "insert into item values ('kept')");
    checkout.ok(&["db", "db", "dump", "kept.sql.gz"]).says("kept.sql.gz (");
    checkout.devenv(&["db", "db", "dump", "kept.sql.gz"]).code(2).says("kept.sql.gz already exists");
    sql(&checkout, "delete from item; create table other (number int)");
    let refused =
        checkout.devenv(&["db", "db", "restore", "kept.sql.gz"]).code(2).says("not confirmed; nothing was replaced");
    refused.says("2 tables) of `db` is replaced by kept.sql.gz (");
    assert_eq!(items(&checkout), "");
    let restored = checkout.ok(&["--yes", "db", "db", "restore", "kept.sql.gz"]);
    restored.says("`db` has the data of kept.sql.gz").says("`devenv up` runs prepare again on it");
    assert_eq!(items(&checkout), "kept seeded ");
    assert!(checkout.ok(&["up", "--dry-run"]).stdout.contains("start prepare"));

    // One that is cut short, one that is not a dump, and one that fails halfway.
    let whole = std::fs::read(checkout.root().join("kept.sql.gz")).unwrap();
    std::fs::write(checkout.root().join("cut.sql.gz"), &whole[..whole.len() / 2]).unwrap();
    checkout.devenv(&["--yes", "db", "db", "restore", "cut.sql.gz"]).code(2).says("cut.sql.gz is not a complete dump");
    checkout.write("bad.sql", "create table half (name text);\nselect no_such_thing();\n");
    checkout
        .devenv(&["--yes", "db", "db", "restore", "bad.sql"])
        .code(1)
        .says("the data was not replaced")
        .says("no_such_thing");
    checkout.devenv(&["--yes", "db", "db", "restore", "nowhere.gz"]).code(2).says("cannot read");
    assert_eq!(items(&checkout), "kept seeded ");
    let databases = checkout.ok(&["db", "db", "console", "--", "-qAtc", "select count(*) from pg_database"]).stdout;
    assert_eq!(databases, "4\n", "a half-made database is left");

    // SQL that changes to another database, and SQL that drops the old one where no line says so.
    let container = checkout.container("db");
    let name = checkout.project();
    let dump = ["exec", "-u", "postgres", &container, "pg_dump", "-h", "/run/postgresql", "--clean", "--create", name];
    std::fs::write(checkout.root().join("create.sql"), engine::output(&dump).stdout).unwrap();
    let refused = checkout.devenv(&["--yes", "db", "db", "restore", "create.sql"]).code(2);
    refused.says("create.sql changes to another database: line ").says("DROP DATABASE").says("without `--create`");
    checkout.write("connect.sql", &format!("\\connect {name}\ndrop table item;\n"));
    checkout.devenv(&["--yes", "db", "db", "restore", "connect.sql"]).code(2).says("line 1: \\connect");
    checkout
        .write("data.sql", "create table item (name text);\nCOPY item (name) FROM stdin;\ncreate database x\n\\.\n");
    checkout.ok(&["--yes", "db", "db", "restore", "data.sql"]);
    assert_eq!(items(&checkout), "create database x ");
    checkout.write("leaves.sql", &format!("select 1; \\connect {name}\n"));
    let refused = checkout.devenv(&["--yes", "db", "db", "restore", "leaves.sql"]).code(1);
    refused.says("the SQL has changed to another database");
    assert_eq!(items(&checkout), "create database x ");
    checkout.write("drops.sql", &format!("/* */ drop database \"{name}\"; create database \"{name}\";\n"));
    let refused = checkout.devenv(&["--yes", "db", "db", "restore", "drops.sql"]).code(1);
    refused.says("the data was not replaced").says("the SQL itself has dropped or replaced the database");

    // One that takes no connections is not listed, and locks nobody out.
    sql(&checkout, "create database shut allow_connections false");
    assert!(!checkout.ok(&["db"]).stdout.contains("shut"));
    sql(&checkout, "drop database shut");

    // The seed again is an error that changes nothing; a reset goes back to it.
    checkout.ok(&["--yes", "db", "db", "reset"]).says("`db` has the seed now");
    checkout.devenv(&["db", "db", "seed"]).code(1).says("already exists");
    assert_eq!(items(&checkout), "seeded ");

    // Bad input.
    checkout.devenv(&["db", "console"]).code(2).says("there are several databases: `cache`, `db`");
    checkout.devenv(&["db", "prepare", "dump"]).code(2).says("`prepare` is not a database that devenv knows");
    checkout.devenv(&["db", "prepar", "dump"]).code(2).says("did you mean `prepare`?");
    checkout.devenv(&["db", "db", "dumb"]).code(2).says("did you mean `dump`?");
    checkout.ok(&["stop", "db"]);
    checkout.devenv(&["db", "db", "console"]).code(1).says("`db` is not running");
    assert!(checkout.ok(&["db"]).stdout.contains("is not running"));
}

#[test]
fn redis_is_dumped_restored_and_reset() {
    let checkout = project();
    let redis = |args: &[&str]| checkout.ok(&[&["db", "cache", "console", "--"], args].concat()).stdout;
    // A new volume has the seed.
    assert_eq!((redis(&["get", "greeting"]), redis(&["dbsize"])), ("hello, you\n".to_owned(), "2\n".to_owned()));
    redis(&["flushall"]);
    checkout.ok(&["restart", "cache"]);
    assert_eq!(redis(&["dbsize"]), "0\n", "only a new one");
    assert_eq!(redis(&["set", "one", "1"]), "OK\n");
    checkout.ok(&["db", "cache", "dump", "cache.rdb.gz"]);
    redis(&["set", "one", "2"]);
    redis(&["set", "two", "2"]);
    checkout
        .ok(&["--yes", "db", "cache", "restore", "cache.rdb.gz"])
        .says("`db0` (")
        .says("2 keys) of `cache` is replaced");
    assert_eq!((redis(&["get", "one"]), redis(&["dbsize"])), ("1\n".to_owned(), "1\n".to_owned()));
    assert_eq!(redis(&["set", "three", "3"]), "OK\n", "it takes writes again");
    checkout.write("bad.rdb.gz", "no gzip");
    checkout.devenv(&["--yes", "db", "cache", "restore", "bad.rdb.gz"]).code(2).says("is not a complete dump");
    crate::checkout::shell(&format!("echo no | gzip > '{}'", checkout.root().join("other.rdb.gz").display()));
    checkout.devenv(&["--yes", "db", "cache", "restore", "other.rdb.gz"]).code(1);
    assert_eq!(redis(&["dbsize"]), "2\n");
    // The seed: added, back to it, and one that fails.
    checkout.ok(&["db", "cache", "seed"]).says("seeded `cache`");
    assert_eq!(redis(&["dbsize"]), "4\n");
    checkout.ok(&["--yes", "db", "cache", "reset"]).says("`cache` has the seed now");
    assert_eq!(redis(&["dbsize"]), "2\n");
    checkout.write("db/seed.redis", "set other 1\nno-such-command\n");
    checkout.devenv(&["db", "cache", "seed"]).code(1).says("unknown command 'no-such-command'");
    let refused = checkout.devenv(&["--yes", "db", "cache", "reset"]).code(1);
    refused.says("the data was not replaced").says("unknown command 'no-such-command'");
    assert_eq!((redis(&["dbsize"]), redis(&["get", "other"])), ("2\n".to_owned(), "\n".to_owned()));
    checkout.replace("devenv.yaml", "seed: db/seed.redis", "seed: db/seed.sql");
    checkout.devenv(&["db", "cache", "seed"]).code(2).says("the seed db/seed.sql is not .redis or .rdb.gz");
    checkout.replace("devenv.yaml", ", seed: db/seed.sql}\n", "}\n");
    checkout.devenv(&["db", "cache", "seed"]).code(2).says("`cache` has no seed");
    checkout.ok(&["--yes", "db", "cache", "reset"]).says("`cache` has nothing now");
    assert_eq!(redis(&["dbsize"]), "0\n");
}

#[test]
fn a_restore_of_redis_that_is_interrupted_leaves_a_server_that_takes_writes() {
    let checkout = project();
    let redis = |args: &[&str]| checkout.ok(&[&["db", "cache", "console", "--"], args].concat()).stdout;
    redis(&["set", "one", "1"]);
    checkout.ok(&["db", "cache", "dump", "cache.rdb.gz"]);
    redis(&["set", "two", "2"]);
    let role = |role: &str| redis(&["info", "replication"]).contains(&format!("role:{role}")).then_some(());
    let child = checkout.begin(&["--yes", "db", "cache", "restore", "cache.rdb.gz"]);
    until("the server takes over the data", || role("slave"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let ran = end(child, &["db", "cache", "restore"]);
    assert_ne!(ran.code, Some(0), "{}", ran.stderr);
    until("the server is a master again", || role("master"));
    assert_eq!(redis(&["set", "three", "3"]), "OK\n");
    checkout.devenv(&["db", "cache", "console", "--", "lpush", "one", "x"]).code(1);

    // The server that the data comes from ends halfway: nothing is saved.
    let before = (redis(&["dbsize"]), redis(&["lastsave"]));
    let child = checkout.begin(&["--yes", "db", "cache", "restore", "cache.rdb.gz"]);
    until("the server takes over the data", || role("slave"));
    engine::docker(&[
        "exec",
        &checkout.container("cache"),
        "redis-cli",
        "-p",
        "6390",
        "shutdown",
        "nosave",
        "now",
        "force",
    ]);
    let ran = end(child, &["db", "cache", "restore"]).code(1);
    ran.says("the data was not replaced");
    assert!(role("master").is_some());
    assert_eq!((redis(&["dbsize"]), redis(&["lastsave"])), before);
}

#[test]
fn short_cuts_lead_to_data_and_to_what_a_module_names() {
    let checkout = project();
    let list = checkout.ok(&["shell", "--list", "--json"]).stdout;
    let list: Value = serde_json::from_str(&list).unwrap();
    let data = list.as_array().unwrap().iter().find(|one| one["part"] == "db").unwrap();
    assert_eq!((&data["name"], &data["path"]), (&"data".into(), &"/var/lib/postgresql/data".into()));
    assert_eq!(checkout.ok(&["shell", "db:data", "--", "pwd"]).stdout, "/var/lib/postgresql/data\n");
    assert!(checkout.ok(&["shell", "--list", "prepare"]).stdout.contains("prepare    /srv/prepare\n"));
    checkout.devenv(&["shell"]).code(2);
}
