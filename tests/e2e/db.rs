//! Databases: what there is, a console, and data that is dumped, restored and reset, or left as it was where that fails.

use serde_json::Value;

use crate::checkout::Checkout;
use crate::engine;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  prepare: {path: prepare, image: base, run: echo prepared, once: true, needs: [db]}
services:
  db: {preset: postgres, seed: db/seed.sql}
  cache: {preset: redis}
";

fn project() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("prepare/.keep", "");
    checkout.write("db/seed.sql", "create table item (name text);\ninsert into item values ('seeded');\n");
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
    checkout.devenv(&["db", "db", "dump", "kept.sql.gz"]).code(2).says("kept.sql.gz is there already");
    sql(&checkout, "delete from item; create table other (number int)");
    let refused = checkout.devenv(&["db", "db", "restore", "kept.sql.gz"]).code(2).says("replacing data needs a yes");
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
        .says("nothing was changed")
        .says("no_such_thing");
    checkout.devenv(&["--yes", "db", "db", "restore", "nowhere.gz"]).code(2).says("cannot read");
    assert_eq!(items(&checkout), "kept seeded ");
    let databases = checkout.ok(&["db", "db", "console", "--", "-qAtc", "select count(*) from pg_database"]).stdout;
    assert_eq!(databases, "4\n", "a half-made database is left");

    // The seed again is an error that changes nothing; a reset goes back to it.
    checkout.devenv(&["db", "db", "seed"]).code(1).says("already exists");
    checkout.ok(&["--yes", "db", "db", "reset"]).says("`db` has the seed now");
    assert_eq!(items(&checkout), "seeded ");

    // Bad input.
    checkout.devenv(&["db", "console"]).code(2).says("there are several databases: `cache`, `db`");
    checkout.devenv(&["db", "prepare", "dump"]).code(2).says("`prepare` is not a database that devenv knows");
    checkout.devenv(&["db", "prepar", "dump"]).code(2).says("did you mean `prepare`?");
    checkout.devenv(&["db", "db", "dumb"]).code(2).says("did you mean `dump`?");
    checkout.ok(&["stop", "db"]);
    checkout.devenv(&["db", "db", "console"]).code(1).says("`db` does not run");
    assert!(checkout.ok(&["db"]).stdout.contains("does not run"));
}

#[test]
fn redis_is_dumped_restored_and_reset() {
    let checkout = project();
    let redis = |args: &[&str]| checkout.ok(&[&["db", "cache", "console", "--"], args].concat()).stdout;
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
    engine::output(&["exec", &checkout.container("cache"), "sh", "-c", "echo no | gzip > /tmp/no.gz"]);
    assert_eq!(redis(&["dbsize"]), "2\n");
    checkout.ok(&["--yes", "db", "cache", "reset"]);
    assert_eq!(redis(&["dbsize"]), "0\n");
    checkout.devenv(&["db", "cache", "seed"]).code(2).says("`cache` has no seed");
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
