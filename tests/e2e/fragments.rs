//! Fragments: what the team's own compose files add is there, counts for staleness, and may not reach out unasked.

use serde_json::Value;

use crate::checkout::{self, Checkout};
use crate::engine;

fn project(fragment: &str) -> Checkout {
    let checkout = Checkout::new(
        "project: PROJECT\ncompose: [extra.yaml]\nmodules:\n  api: {path: api, image: base, run: sleep infinity}\n  other: {path: api, image: base, run: sleep infinity}\n",
    );
    checkout.write("api/.keep", "");
    checkout.write("extra.yaml", fragment);
    checkout
}

#[test]
fn a_change_of_a_fragment_replaces_the_containers_that_it_is_about() {
    let checkout = project("services: {api: {environment: {EXTRA: \"1\"}}}\n");
    checkout.ok(&["up"]);
    assert_eq!(checkout.ok(&["exec", "api", "printenv", "EXTRA"]).stdout, "1\n");
    checkout.ok(&["up"]).says("nothing to do");
    checkout.write("extra.yaml", "services: {api: {environment: {EXTRA: \"2\"}}}\n");
    let plan = checkout.ok(&["up", "--dry-run"]).stdout;
    assert_eq!(
        plan,
        "1 recreate api: environment changed\n2 start api (after 1)\n3 wait api: until it runs steadily (after 2)\n"
    );
    checkout.ok(&["up"]);
    assert_eq!(checkout.ok(&["exec", "api", "printenv", "EXTRA"]).stdout, "2\n");
}

#[test]
fn every_file_whose_content_reaches_a_container_counts_and_nothing_else_is_touched() {
    let checkout = project("services: {}\n");
    checkout.ok(&["up"]);
    let other = checkout.container("other");
    checkout.write("api.env", "EXTRA=1\n");
    checkout.write("conf.ini", "one\n");
    checkout.write("mounted.ini", "one\n");
    checkout.write(
        "extra.yaml",
        "services: {api: {env_file: [api.env], configs: [conf], volumes: [\"./mounted.ini:/mounted.ini\"]}}\n\
         configs: {conf: {file: conf.ini}}\n",
    );
    checkout.ok(&["up"]).says("recreate api");
    let reads = |what: &str| checkout.ok(&["exec", "api", "sh", "-c", what]).stdout;
    assert_eq!(reads("echo $EXTRA; cat /conf /mounted.ini"), "1\none\none\n");
    checkout.ok(&["up"]).says("nothing to do");
    checkout.write("api.env", "EXTRA=2\n");
    checkout.ok(&["up"]).says("recreate api: environment changed");
    checkout.write("conf.ini", "two\n");
    checkout.ok(&["up"]).says("recreate api: files changed");
    // As editors save: another file in its place, which a mount of the old one does not show.
    checkout.write("mounted.new", "two\n");
    std::fs::rename(checkout.root().join("mounted.new"), checkout.root().join("mounted.ini")).unwrap();
    checkout.ok(&["up"]).says("recreate api: files changed");
    assert_eq!(reads("echo $EXTRA; cat /conf /mounted.ini"), "2\ntwo\ntwo\n");
    assert_eq!(checkout.container("other"), other, "no fragment speaks of it");
}

#[test]
fn a_fragment_that_reaches_out_of_the_checkout_needs_a_permission() {
    for fragment in [
        "services: {api: {volumes: [\"/etc:/host\"]}}\n",
        "services: {api: {privileged: true}}\n",
        "services: {api: {network_mode: host}}\n",
        "services: {api: {volumes: [\"/var/run/docker.sock:/var/run/docker.sock\"]}}\n",
        "include: [other.yaml]\n",
    ] {
        let checkout = project(fragment);
        let ran = checkout.devenv(&["up"]);
        assert_eq!(ran.code, Some(2), "{fragment}: {}", ran.stderr);
        assert!(!checkout.root().join(".devenv/id").exists(), "{fragment}: something was written");
        let format = format!("name={}-", checkout.project());
        assert_eq!(engine::lines(&["ps", "--all", "--quiet", "--filter", &format]), Vec::<String>::new());
    }
}

/// A project of fragments alone; `PROJECT/tool:1` is an image that has a shell.
fn alone(fragment: &str) -> Checkout {
    let checkout = Checkout::new("project: PROJECT\ncompose: [extra.yaml]\n");
    checkout.write("extra.yaml", "services: {}\n");
    checkout.ok(&["images", "build", "base"]);
    let base = engine::lines(&["images", "--quiet", &format!("{}/base", checkout.project())]).remove(0);
    engine::docker(&["tag", &base, &format!("{}/tool:1", checkout.project())]);
    checkout.write("extra.yaml", &fragment.replace("PROJECT", checkout.project()));
    checkout
}

/// What `status` says of each part.
fn states(checkout: &Checkout) -> String {
    let status: Value = serde_json::from_str(&checkout.ok(&["status", "--json"]).stdout).unwrap();
    let parts = status.as_array().unwrap().iter();
    let states: Vec<String> = parts.map(|part| format!("{} {}", part["name"], part["state"])).collect();
    states.join(", ").replace('"', "")
}

const SERVICES: &str = r#"
x-tool: &tool {image: "PROJECT/tool:1", init: true, command: [sleep, infinity]}
services:
  store:
    <<: *tool
    command: [sh, -c, "sleep 1; touch /tmp/ready; sleep infinity"]
    healthcheck: {test: [CMD, test, -e, /tmp/ready], interval: 1s, retries: 30}
  job:
    <<: *tool
    command: [sh, -c, "echo done"]
    depends_on: {store: {condition: service_healthy}}
  once: {<<: *tool, command: ["true"], restart: "no"}
  web:
    <<: *tool
    deploy: {replicas: 2}
    depends_on: {job: {condition: service_completed_successfully}, store: {condition: service_started}}
  tool: {<<: *tool, profiles: [debug]}
"#;

#[test]
fn fragments_alone_are_a_product_that_runs_as_compose_would_run_it() {
    let checkout = alone(SERVICES);
    // What steers compose and docker is not for our calls of them.
    let mut up = checkout.command();
    for (name, value) in [
        ("COMPOSE_ANSI", "always"),
        ("COMPOSE_COMPATIBILITY", "1"),
        ("COMPOSE_PROFILES", "debug"),
        ("COMPOSE_FILE", "nowhere.yaml"),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_CERT_PATH", "/nowhere"),
        ("DOCKER_DEFAULT_PLATFORM", "linux/none"),
    ] {
        up.env(name, value);
    }
    let up = up.arg("up").stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    checkout::end(up, &["up"]).code(0);
    assert_eq!(states(&checkout), "job done, once done, store healthy, web running");
    let format = "{{.Label \"devenv.part\"}}";
    let running = || {
        let mut all = engine::lines(&["ps", "--filter", &checkout.label(), "--format", format]);
        all.sort();
        all
    };
    assert_eq!(running(), ["store", "web", "web"]);
    checkout.ok(&["up"]).says("nothing to do");
    checkout.devenv(&["up", "tool"]).code(2).says("belongs to the profile `debug` in extra.yaml");
    checkout.ok(&["stop"]);
    assert_eq!(running(), Vec::<String>::new());
    checkout.ok(&["start"]);
    assert_eq!(running(), ["store", "web", "web"]);
    checkout.replace("extra.yaml", "replicas: 2", "replicas: 1");
    assert_eq!(checkout.ok(&["up", "--dry-run"]).stdout.matches("remove web").count(), 1);
    checkout.ok(&["up"]);
    assert_eq!(running(), ["store", "web"]);

    // What cannot be merged is told with its place, and what runs can be seen and ended all the same.
    checkout.replace("extra.yaml", "[\"true\"]", "[\"${ONE}\", \"$TWO\"]");
    checkout.devenv(&["up"]).code(2).says("the variable `ONE` is not set").says("the variable `TWO` is not set");
    let seen = checkout.ok(&["status"]).says("extra.yaml:").stdout;
    assert!(seen.contains("store") && seen.contains("Up "), "{seen}");
    checkout.ok(&["stop", "store"]);
    assert_eq!(running(), ["web"]);
    checkout.ok(&["down"]);
    assert_eq!((checkout.containers().len(), checkout.networks().len()), (0, 0));
}

#[test]
fn what_a_fragment_made_ends_with_down_and_its_data_with_a_v() {
    let extra = "\
services:
  api: {volumes: [\"own:/own\", /nameless], networks: [default, side]}
volumes: {own: {}}
networks: {side: {}}
";
    let checkout = project(extra);
    checkout.ok(&["up"]);
    let all = |kind: &str| {
        let filter = format!("name={}-", checkout.project());
        engine::lines(&[kind, "ls", "--quiet", "--filter", &filter]).len()
    };
    let nameless = || {
        let mounts = engine::inspect(&checkout.container("api"))["Mounts"].take();
        let found = mounts.as_array().unwrap().iter().find(|mount| mount["Destination"] == "/nameless").cloned();
        found.unwrap()["Name"].as_str().unwrap().to_owned()
    };
    let first = nameless();
    assert_eq!((all("volume"), all("network")), (1, 2));
    checkout.ok(&["down"]);
    assert_eq!((all("volume"), all("network")), (1, 0), "data stays");
    checkout.ok(&["up"]);
    let second = nameless();
    checkout.ok(&["down", "-v", "--yes"]);
    assert_eq!((all("volume"), all("network")), (0, 0));
    let volumes = engine::lines(&["volume", "ls", "--quiet"]);
    assert!(!volumes.contains(&first) && !volumes.contains(&second), "nobody would find it again");
}

#[test]
fn an_unhealthy_service_and_one_that_crashes_are_told_with_what_they_say() {
    let services = r#"
services:
  sick:
    image: "PROJECT/tool:1"
    command: [sleep, infinity]
    healthcheck: {test: [CMD-SHELL, "echo no lamp; exit 1"], interval: 1s, retries: 1}
  mad: {image: "PROJECT/tool:1", command: [sh, -c, "echo no oil; exit 3"], restart: always}
"#;
    let checkout = alone(services);
    checkout.devenv(&["up", "sick"]).code(1).says("`sick` is unhealthy: its health check says: no lamp");
    assert_eq!(states(&checkout), "mad not-created, sick unhealthy");
    checkout.devenv(&["up", "mad"]).code(1).says("`mad` keeps crashing").says("no oil");
    checkout.ok(&["down"]);
}

#[test]
fn a_port_of_a_fragment_that_is_in_use_is_told_once_with_who_has_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = format!(
        "services: {{a: {{image: \"PROJECT/tool:1\", command: [sleep, infinity], ports: [\"127.0.0.1:{port}:80\"]}}}}\n"
    );
    let checkout = alone(&service);
    let said = checkout.devenv(&["up"]).code(1).stderr;
    assert_eq!(said.matches(&format!("port {port} of this machine is in use by the program")).count(), 1, "{said}");
    drop(listener);
    checkout.ok(&["up"]);
    let two = format!(
        "{service}  b: {{image: \"PROJECT/tool:1\", command: [sleep, infinity], ports: [\"127.0.0.1:{port}:80\"]}}\n"
    );
    let two = two.replace("services: {a: ", "services:\n  a: ").replacen("}}\n", "}\n", 1);
    checkout.write("extra.yaml", &two.replace("PROJECT", checkout.project()));
    checkout.devenv(&["up"]).code(1).says(&format!("port {port} of this machine is in use by `a` of this checkout"));
}
