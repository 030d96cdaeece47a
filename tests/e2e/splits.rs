//! Tasks that are split, on the real engine, with pytest and databases of PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::checkout::{Checkout, end, until};
use crate::engine;
use crate::tasks::containers;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api:
    path: api
    image: python
    deps: {lock: [requirements.txt], install: pip install --quiet -r requirements.txt}
    run: sleep infinity
    needs: [db]
services:
  db: {preset: postgres, seed: seed.sql}
tasks:
  suite:
    module: api
    run: pytest -q -s -p no:cacheprovider --junit-xml=results.xml $$DEVENV_SPLIT
    split: {into: 3, of: tests/test_*.py}
    results: [results.xml]
  names:
    image: base
    run: |
      test \"$$DEVENV_SPLIT\" = \"$$*\"
      echo \"<testsuite>$$(printf '<testcase name=\"%s\"/>' \"$$@\")</testsuite>\" > r.xml
      exit $$(cat code)
    split: {into: 2, command: cat names.txt}
    results: [r.xml]
";

/// Sees what has been written to its own database.
const TEST: &str = r#"
import os, time
import psycopg

def test_it():
    with psycopg.connect(os.environ["DB_URL"]) as db:
        database = db.execute("select current_database()").fetchone()[0]
        seen = [row[0] for row in db.execute("select name from seen order by 1")]
        db.execute("insert into seen values (%s)", (os.path.basename(__file__),))
    print(f"\n{os.path.basename(__file__)} in {database} after {' '.join(seen)}")
    time.sleep(SECONDS)
"#;

/// How long each test of the suite takes, in tenths of a second.
const TENTHS: [u32; 12] = [30, 2, 2, 15, 4, 4, 8, 2, 2, 2, 6, 4];

fn project() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/requirements.txt", "pytest==8.4.2\npsycopg[binary]==3.2.12\n");
    checkout.write("seed.sql", "create table seen (name text);\ninsert into seen values ('seed');\n");
    for (at, tenths) in TENTHS.iter().enumerate() {
        let text = TEST.replace("SECONDS", &format!("{}", f64::from(*tenths) / 10.0));
        checkout.write(&format!("api/tests/test_{at:0>2}.py"), &text);
    }
    checkout
}

/// The databases of the server, without its own.
fn databases(checkout: &Checkout) -> Vec<String> {
    let list =
        "select datname from pg_database where datname not like 'template%' and datname <> 'postgres' order by 1";
    let psql = ["exec", &checkout.container("db"), "psql", "-h", "/run/postgresql", "-U", "postgres", "-qAtc", list];
    engine::lines(&psql)
}

fn is_clean(checkout: &Checkout) -> bool {
    (containers(checkout), databases(checkout)) == (Vec::new(), vec![checkout.project().to_owned()])
}

/// The newest run, and its record.
fn last(checkout: &Checkout) -> Value {
    serde_json::from_str(&checkout.ok(&["runs", "show", "last", "--json"]).stdout).unwrap()
}

/// The tests in the merged file of the newest run.
fn merged(checkout: &Checkout, task: &str) -> Vec<String> {
    let run = last(checkout)["run"]["id"].as_str().unwrap().to_owned();
    let folder = checkout.root().join(".devenv/runs").join(run).join("results").join(task);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
    let cases = text.split("<testcase ").skip(1);
    let mut names: Vec<String> = cases
        .map(|case| {
            let of = |name: &str| {
                let text = case.split_once(&format!("{name}=\"")).map_or("", |(_, rest)| rest);
                text.split('"').next().unwrap_or_default().to_owned()
            };
            let class = of("classname");
            if class.is_empty() { of(" name").replace("name=", "") } else { class }
        })
        .collect();
    names.sort();
    names
}

fn all() -> Vec<String> {
    (0..TENTHS.len()).map(|at| format!("tests.test_{at:0>2}")).collect()
}

/// What the tests of the suite have said: split → test, database and what was there before.
fn said(output: &str) -> BTreeMap<String, Vec<(String, String, String)>> {
    let mut all: BTreeMap<String, Vec<(String, String, String)>> = BTreeMap::new();
    for line in output.lines() {
        let Some(split) = line.strip_prefix("suite | ").and_then(|line| line.split_once(" | ")) else { continue };
        let Some((test, (database, seen))) =
            split.1.split_once(" in ").and_then(|(test, rest)| Some((test, rest.split_once(" after ")?)))
        else {
            continue;
        };
        all.entry(split.0.to_owned()).or_default().push((test.to_owned(), database.to_owned(), seen.to_owned()));
    }
    all
}

#[test]
fn the_tests_of_a_split_task_run_once_each_on_databases_of_their_own() {
    let checkout = project();
    let first = checkout.ok(&["task", "run", "suite"]).says("✓ suite");
    assert_eq!(merged(&checkout, "suite"), all());
    let said = said(&first.stdout);
    assert_eq!(said.len(), 3, "{}", first.stdout);
    let mut own = BTreeSet::new();
    for tests in said.values() {
        // Each has what the seed has made, and what its own tests have written.
        let mut seen = vec!["seed".to_owned()];
        for (test, database, before) in tests {
            assert!(database.starts_with("devenv_split_"), "{database}");
            assert_eq!(
                *before,
                {
                    seen.sort();
                    seen.join(" ")
                },
                "{}",
                first.stdout
            );
            seen.push(test.clone());
            own.insert(database.clone());
        }
    }
    assert_eq!(own.len(), 3, "{own:?}");
    assert!(is_clean(&checkout), "{:?}", databases(&checkout));
    let kept = checkout.ok(&["db", "db", "console", "--", "-qAtc", "select name from seen"]);
    assert_eq!(kept.stdout, "seed\n");
    checkout.ok(&["task", "run", "suite"]).says("= suite: completed in run");

    // Now the times are known: nobody waits for the longest test.
    let again = checkout.ok(&["task", "run", "suite", "--force"]);
    assert_eq!(merged(&checkout, "suite"), all());
    let record = last(&checkout);
    let splits = record["run"]["tasks"]["suite"]["about"]["splits"].as_array().unwrap();
    assert_eq!(splits.iter().map(|split| split["tests"].as_u64().unwrap()).sum::<u64>(), 12);
    let took = |split: &Value| split["took"].as_u64().unwrap();
    let (slowest, whole) = (splits.iter().map(took).max().unwrap(), splits.iter().map(took).sum::<u64>());
    println!("slowest split {slowest} ms, ideal {} ms\n{}", whole / 3, again.stdout);
    assert!(checkout.ok(&["runs", "show", "last"]).stdout.contains("SPLIT"));

    // One of them alone.
    let batches = |record: &Value, split: &str| {
        let id = record["run"]["id"].as_str().unwrap();
        let manifest: Value =
            serde_json::from_str(&checkout.read(&format!(".devenv/runs/{id}/splits/suite.json"))).unwrap();
        let batches = manifest["splits"][split].as_array().unwrap().clone();
        batches.iter().map(|batch| batch["tests"].clone()).collect::<Vec<_>>()
    };
    checkout.ok(&["task", "run", "suite", "--split", "2/3"]).says("✓ suite");
    assert_eq!(batches(&last(&checkout), "2"), batches(&record, "2"));
    assert!(is_clean(&checkout));
    checkout.devenv(&["task", "run", "suite", "--split", "2/5"]).code(2).says("no run of `suite` here has a split 2/5");
    // A part of it is not its result.
    checkout.ok(&["task", "run", "suite"]).says("= suite: completed in run");
}

#[test]
fn what_a_killed_split_has_not_finished_is_run_by_the_others() {
    let checkout = project();
    checkout.write("api/tests/test_00.py", &TEST.replace("SECONDS", "5"));
    let run = ["task", "run", "suite"];
    let child = checkout.begin(&run);
    let at_work = || {
        if containers(&checkout).is_empty() {
            return None;
        }
        let second = ["ps", "--quiet", "--filter", &checkout.label(), "--filter", "name=-0-2$"];
        let second = engine::lines(&second).first().cloned()?;
        let top = Command::new(engine::program()).args(["top", &second]).output().unwrap();
        String::from_utf8_lossy(&top.stdout).contains("pytest").then_some(second)
    };
    let second = until("the second split runs tests", at_work);
    engine::docker(&["kill", &second]);
    let ran = end(child, &run).code(0);
    let ran = ran.says("✓ suite");
    assert!(
        ran.stdout.contains("the container of split 2 was ended): what it ran is run by the other"),
        "{}",
        ran.stdout
    );
    assert_eq!(merged(&checkout, "suite"), all());
    let record = last(&checkout);
    let splits = record["run"]["tasks"]["suite"]["about"]["splits"].as_array().unwrap();
    let lost: Vec<u64> =
        splits.iter().filter(|split| split["was_lost"] == true).map(|split| split["split"].as_u64().unwrap()).collect();
    assert_eq!(lost, [2]);
    assert!(is_clean(&checkout));

    // Killed itself: the next call removes containers and clones.
    let mut child = checkout.begin(&["task", "run", "suite", "--force"]);
    until("all splits run", || (containers(&checkout).len() == 3).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(databases(&checkout).len() > 1);
    checkout.write("names.txt", "a\n");
    checkout.write("code", "0\n");
    checkout.ok(&["task", "run", "names"]).says("✓ names");
    assert!(is_clean(&checkout), "{:?}", databases(&checkout));
}

#[test]
fn a_command_lists_the_tests_and_a_failure_names_the_split_that_repeats_it() {
    let checkout = project();
    let names = |text: &str, code: &str| {
        checkout.write("names.txt", text);
        checkout.write("code", code);
    };
    names("a\nb c\n\nd\n", "0");
    checkout.ok(&["task", "run", "names"]).says("✓ names");
    let mut ran = last(&checkout)["run"]["tasks"]["names"]["about"]["tests"]["passed"].as_u64();
    assert_eq!(ran.take(), Some(3));
    names("", "0");
    checkout.devenv(&["task", "run", "names"]).code(1).says("the command that lists the tests printed none");
    names("a\nb\na\n", "0");
    checkout.devenv(&["task", "run", "names"]).code(1).says("printed `a` twice");
    assert_eq!(containers(&checkout), Vec::<String>::new());

    names("a\nb\n", "3");
    checkout.replace("devenv.yaml", "tasks:\n", "ci: [names]\ntasks:\n");
    checkout.devenv(&["ci"]).code(3).says("to run it here: devenv task run names --split ");
}
