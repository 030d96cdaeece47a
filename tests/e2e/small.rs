//! A small project with a database, a cache, a gateway, a Python module and a task: what `up` does, and what it leaves.

use snapbox::str;

use crate::checkout::{Checkout, until};
use crate::{compose, engine, http};

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api:
    path: api
    image: python
    deps: {lock: [requirements.txt], install: pip install --quiet --require-hashes -r requirements.txt}
    run: python serve.py
    port: 8000
    health: {http: /}
    route: /
    env: {GREETING: hello}
    needs: [db, cache, prepare]
  prepare: {path: prepare, image: base, run: cat step.txt, once: true, inputs: [step.txt], needs: [db]}
  side: {path: side, image: base, run: sleep infinity}
services:
  db: {preset: postgres, seed: db/seed.sql}
  cache: {preset: redis}
";

const SERVE: &str = "\
import http.server, importlib.metadata, os
version = importlib.metadata.version('iniconfig')
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f\"{os.environ['GREETING']} {version}\".encode())
print('serving')
http.server.ThreadingHTTPServer(('', 8000), Handler).serve_forever()
";

/// Lock files of one small package in two versions.
const OLD: &str = "iniconfig==2.0.0 --hash=sha256:b6a85871a79d2e3b22d2d1b94ac2824226a63c6b741c88f7ae975f18b6778374\n";
const NEW: &str = "iniconfig==2.1.0 --hash=sha256:9deba5723312380e77435581c6bf4935c94cbfab9b1ed33ef8d238ea168eb760\n";

fn project() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/serve.py", SERVE);
    checkout.write("api/requirements.txt", OLD);
    checkout.write("prepare/step.txt", "one\n");
    checkout.write("side/.keep", "");
    checkout.write("db/seed.sql", "create table item (name text); insert into item values ('seeded');\n");
    checkout
}

/// Asserts the plan of `up` as a whole.
fn plan_is(checkout: &Checkout, expected: snapbox::data::Inline) {
    let plan = checkout.ok(&["up", "--dry-run"]).stdout;
    snapbox::Assert::new().action_env("SNAPSHOTS").normalize_paths(false).eq(checkout.plain(&plan), expected);
}

#[test]
fn a_small_project_is_kept_as_it_should_be_with_the_fewest_steps() {
    let checkout = project();

    // A look writes nothing.
    let plan = checkout.ok(&["up", "--dry-run"]).stdout;
    assert!(!checkout.root().join(".devenv").exists());
    assert!(
        plan.contains("install api: not installed yet")
            && plan.contains("reuse image:base: another project of this machine has built it"),
        "{plan}"
    );
    assert_eq!(
        engine::lines(&["volume", "ls", "--filter", &format!("name={}-", checkout.project())]),
        ["DRIVER    VOLUME NAME"]
    );

    // From nothing to everything healthy.
    checkout.ok(&["up"]).says("up in ");
    let url = checkout.url("gateway");
    assert_eq!(http::get(&url), (200, "hello 2.0.0".to_owned()));
    let seeded = checkout.ok(&["exec", "db", "sh", "-c", "psql -qtA -h /run/postgresql -U postgres -l | wc -l"]).stdout;
    assert!(seeded.trim().parse::<u32>().unwrap() > 3, "{seeded}");
    let status: serde_json::Value = serde_json::from_str(&checkout.ok(&["status", "--json"]).stdout).unwrap();
    let states: Vec<String> =
        status.as_array().unwrap().iter().map(|part| format!("{} {}", part["name"], part["state"])).collect();
    assert_eq!(
        states.join("\n").replace('"', ""),
        "api healthy\ncache healthy\ndb healthy\ngateway healthy\nprepare done\nside running"
    );

    // Everything carries the label; everything is bound to this machine alone; the files are right.
    assert_eq!(checkout.volumes().len(), 3);
    assert_eq!(checkout.networks().len(), 1);
    for container in checkout.containers().values() {
        let ports = engine::inspect(container)["NetworkSettings"]["Ports"].take();
        for bindings in ports.as_object().unwrap().values().filter_map(|bindings| bindings.as_array()) {
            assert!(bindings.iter().all(|binding| binding["HostIp"] == "127.0.0.1"), "{bindings:?}");
        }
    }
    compose::is_valid(&checkout);

    // Nothing to do is nothing done.
    let before = checkout.containers();
    checkout.docker_calls();
    let again = checkout.ok(&["up"]).says("nothing to do");
    assert!(!again.stderr.contains('✓'), "{}", again.stderr);
    assert_eq!(checkout.docker_calls(), Vec::<String>::new());
    assert_eq!(checkout.containers(), before);

    // One module's environment: only that one.
    checkout.replace("devenv.yaml", "GREETING: hello", "GREETING: moin");
    plan_is(
        &checkout,
        str![[r#"
1 recreate api: environment changed
2 start api (after 1)
3 wait api: http / (after 2)

"#]],
    );
    checkout.ok(&["up"]);
    assert_eq!(http::get(&url).1, "moin 2.0.0");
    let after = checkout.containers();
    let changed: Vec<&String> =
        after.iter().filter(|(part, id)| before.get(*part) != Some(*id)).map(|(part, _)| part).collect();
    assert_eq!(changed, ["api"]);
    checkout.ok(&["up"]).says("nothing to do");

    // A lock file: installed again, with what follows.
    checkout.write("api/requirements.txt", NEW);
    plan_is(
        &checkout,
        str![[r#"
1 install api: requirements.txt changed
2 restart api: its dependencies changed (after 1)
3 wait api: http / (after 2)

"#]],
    );
    checkout.ok(&["up"]);
    assert_eq!(http::get(&url).1, "moin 2.1.0");
    checkout.ok(&["up"]).says("nothing to do");

    // A task: again when its source changed, and only then.
    let started = |part: &str| engine::inspect(&checkout.container(part))["State"]["StartedAt"].to_string();
    let before = started("prepare");
    checkout.write("prepare/step.txt", "two\n");
    plan_is(
        &checkout,
        str![[r#"
1 recreate prepare: source changed
2 start prepare (after 1)
3 wait prepare: until it completes (after 2)

"#]],
    );
    checkout.ok(&["up"]);
    let after = started("prepare");
    assert_ne!(after, before);
    assert_eq!(
        checkout.ok(&["logs", "prepare"]).stdout.trim_end().lines().last().map(|line| line.ends_with("two")),
        Some(true)
    );
    checkout.ok(&["up", "--recreate", "side"]);
    assert_eq!(started("prepare"), after);

    // Switched off: its container goes, and nothing else.
    checkout.ok(&["disable", "side"]);
    plan_is(
        &checkout,
        str![[r#"
1 remove side: switched off in devenv.local.yaml:3

"#]],
    );
    checkout.ok(&["up"]);
    assert_eq!(
        checkout.containers().keys().map(String::as_str).collect::<Vec<_>>(),
        ["api", "cache", "db", "gateway", "prepare"]
    );
    assert!(!checkout.read(".devenv/compose/base.yaml").contains("side"));

    // Stop and start keep the containers.
    let before = checkout.containers();
    checkout.ok(&["stop"]);
    assert_eq!(engine::lines(&["ps", "--filter", &checkout.label(), "--format", "{{.ID}}"]), Vec::<String>::new());
    checkout.ok(&["stop"]);
    checkout.ok(&["start"]);
    assert_eq!(checkout.containers(), before);
    assert_eq!(http::get(&url).1, "moin 2.1.0");

    // Down takes containers and network, and leaves what cannot be made again.
    checkout.ok(&["down"]);
    assert_eq!((checkout.containers().len(), checkout.networks().len(), checkout.volumes().len()), (0, 0, 3));
    checkout.ok(&["down"]).says("nothing is there");

    // What was installed is there yet, and found so: nothing is installed again.
    let stamp =
        |container: &str| engine::lines(&["exec", container, "sh", "-c", "stat -c '%i %y' /srv/api/.venv/.devenv-*"]);
    checkout.ok(&["up", "api"]).says("install api: no container shows what is installed");
    let first = stamp(&checkout.container("api"));
    assert_eq!(first.len(), 1, "{first:?}");
    checkout.ok(&["down"]);
    checkout.ok(&["up", "api"]);
    assert_eq!(stamp(&checkout.container("api")), first);
    checkout.ok(&["down"]);
    checkout.devenv(&["down", "-v"]).code(2).says("deleting data must be confirmed");
    assert_eq!(checkout.volumes().len(), 3);
    checkout.ok(&["down", "-v", "--yes"]);
    assert_eq!(checkout.volumes(), Vec::<String>::new());
}

#[test]
fn what_init_writes_runs_and_follows_saved_files() {
    let checkout = Checkout::new("");
    std::fs::remove_file(checkout.root().join("devenv.yaml")).unwrap();
    checkout.write("api/requirements.txt", "flask==3.1.2\n");
    let app = "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\ndef hello():\n    return 'one'\n";
    checkout.write("api/main.py", app);
    let init = checkout.ok(&["init", "--name", checkout.project()]);
    init.says("module api: python, by its requirements.txt; `run` is a guess");
    checkout.ok(&["up"]);
    let url = checkout.url("gateway");
    assert_eq!(http::get(&url), (200, "one".to_owned()));
    checkout.replace("api/main.py", "'one'", "'two'");
    until("the saved file answers", || (http::get(&url).1 == "two").then_some(()));
}
