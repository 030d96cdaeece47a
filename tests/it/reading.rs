//! Commands that read: what they print, and that they write nothing and order nothing.

use snapbox::str;

use crate::engine::FakeEngine;
use crate::test::Test;

/// Ports that do not depend on who listens on this machine.
const PORTS: &str = "ports: {api: 18000, cache: 16379}\n";

#[test]
fn config_prints_what_is_in_force() {
    let test = Test::good().file("devenv.local.yaml", "modules: {api: {env: {A: \"1\"}}}\n");
    test.args(["config"])
        .stdout(str![[r#"
project: shop
files: devenv
compose: []
images: {}
modules:
  api:
    path: "."
    image: base
    mode: dev
    run: sleep inf
    reload: restart
    port: 8000
    needs: []
    env:
      A: "1"
    git: false
    outputs: []
    paths: {}
    once: false
  worker:
    path: "."
    image: base
    mode: dev
    run: sleep inf
    reload: restart
    needs:
    - api
    env: {}
    git: false
    outputs: []
    paths: {}
    once: false
services:
  cache:
    preset: redis
    mode: "on"
    needs: []
    env: {}
    volumes: {}
mirror: auto
start: resume
containers: keep
ports: {}
secrets: {}
allow: []

"#]])
        .status(0)
        .wrote_nothing();
}

#[test]
fn config_origin_says_where_each_value_is_from() {
    let test = Test::new().file("devenv.yaml", "project: ${NAME:-shop}\nservices:\n  cache: {preset: redis}\n");
    let test = test.file("devenv.local.yaml", "services: {cache: {mode: off}}\n").env("NAME", "market");
    test.args(["config", "--origin"])
        .stdout(str![[r#"
KEY                     VALUE     FROM
project                 "market"  environment NAME, devenv.yaml:1
files                   "devenv"  default
compose                 []        default
images                  {}        default
modules                 {}        default
services.cache.preset   "redis"   devenv.yaml:3
services.cache.mode     "off"     devenv.local.yaml:1
services.cache.needs    []        default
services.cache.env      {}        default
services.cache.volumes  {}        default
mirror                  "auto"    default
start                   "resume"  default
containers              "keep"    default
ports                   {}        default
secrets                 {}        default
allow                   []        default

"#]])
        .status(0)
        .wrote_nothing();
}

#[test]
fn config_files_lists_what_is_in_force() {
    let test = Test::good().file("devenv/images/redis/Dockerfile", "ARG PARENT\nFROM ${PARENT}\n");
    test.args(["config", "files"])
        .stdout(str![[r#"
FILE                                  FROM
...
images/redis/Dockerfile               devenv/images/redis/Dockerfile
images/redis/devenv-health            embedded
images/redis/devenv-redis             embedded
...
"#]])
        .status(0)
        .wrote_nothing();
}

#[test]
fn config_schema_is_json() {
    let test = Test::new().args(["config", "schema"]);
    let output = test.command().output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let valid = jsonschema::validator_for(&schema).unwrap();
    assert!(valid.is_valid(&serde_json::json!({"project": "shop"})));
    assert!(!valid.is_valid(&serde_json::json!({"project": "shop", "modles": {}})));
    assert!(output.stderr.is_empty());
}

#[test]
fn status_of_a_checkout_that_was_never_up() {
    let test = Test::good().file("devenv.local.yaml", PORTS);
    let engine = FakeEngine::new(test.beside("engine.sock"), "[]");
    let test = test.env("DOCKER_HOST", engine.host());
    let ran = test
        .args(["status", "--json"])
        .stdout(str![[r#"
[
  {
    "name": "api",
    "kind": "module",
    "state": "not-created",
    "text": "not created",
    "restarts": 0,
    "url": "127.0.0.1:18000",
    "ports": [
      {
        "host": 18000,
        "container": 8000,
        "protocol": "tcp"
      }
    ],
    "image": "shop/base:[..]",
    "stale": [],
    "waits_for": []
  },
  {
    "name": "cache",
    "kind": "service",
    "state": "not-created",
    "text": "not created",
    "restarts": 0,
    "url": "127.0.0.1:16379",
    "ports": [
      {
        "host": 16379,
        "container": 6379,
        "protocol": "tcp"
      }
    ],
    "image": "shop/redis:[..]",
    "stale": [],
    "waits_for": []
  },
  {
    "name": "worker",
    "kind": "module",
    "state": "not-created",
    "text": "not created",
    "restarts": 0,
    "url": null,
    "ports": [],
    "image": "shop/base:[..]",
    "stale": [],
    "waits_for": []
  }
]

"#]])
        .status(0)
        .wrote_nothing();
    let ran = ran
        .again()
        .args(["status"])
        .stdout(str![[r#"
NAME    KIND     STATE        URL
api     module   not created  127.0.0.1:18000
cache   service  not created  127.0.0.1:16379
worker  module   not created

"#]])
        .status(0)
        .wrote_nothing();
    ran.again()
        .args(["ps"])
        .stdout(str![[r#"
NAME    KIND     STATE        URL
api     module   not created  127.0.0.1:18000
cache   service  not created  127.0.0.1:16379
worker  module   not created

"#]])
        .status(0)
        .wrote_nothing();
    assert_eq!(engine.orders(), Vec::<String>::new());
}

#[test]
fn status_of_recorded_containers() {
    let containers = r#"[{"Id":"c0ffee","Names":["/shop-0a1b2c-worker-1"],"Image":"shop/base:old","State":"exited",
        "Status":"Exited (3) 2 minutes ago","Labels":{"devenv.checkout":"0a1b2c3d4e5f","devenv.part":"worker"},
        "NetworkSettings":{"Networks":{}},"Mounts":[]},
        {"Id":"beef","Names":["/other-1"],"Image":"x","State":"running","Status":"Up 2 minutes",
        "Labels":{"devenv.checkout":"999999999999","devenv.part":"api"},"NetworkSettings":{"Networks":{}},"Mounts":[]}]"#;
    let test = Test::good().file("devenv.local.yaml", PORTS);
    let table = format!(
        r#"{{"checkouts":[{{"id":"0a1b2c3d4e5f","path":"{}","project":"shop","host":"shop.localhost","subnet":7}}]}}"#,
        test.project().display()
    );
    let engine = FakeEngine::new(test.beside("engine.sock"), containers);
    let test = test.env("DOCKER_HOST", engine.host()).file("../home/state/devenv/checkouts.json", table);
    let ran = test
        .args(["status", "--json"])
        .stdout(str![[r#"
[
  {
    "name": "api",
    "kind": "module",
    "state": "not-created",
    "text": "not created",
    "restarts": 0,
    "url": "127.0.0.1:18000",
    "ports": [
      {
        "host": 18000,
        "container": 8000,
        "protocol": "tcp"
      }
    ],
    "image": "shop/base:[..]",
    "stale": [],
    "waits_for": []
  },
  {
    "name": "cache",
    "kind": "service",
    "state": "not-created",
    "text": "not created",
    "restarts": 0,
    "url": "127.0.0.1:16379",
    "ports": [
      {
        "host": 16379,
        "container": 6379,
        "protocol": "tcp"
      }
    ],
    "image": "shop/redis:[..]",
    "stale": [],
    "waits_for": []
  },
  {
    "name": "worker",
    "kind": "module",
    "state": "ended",
    "text": "ended with code 3",
    "code": 3,
    "restarts": 0,
    "url": null,
    "ports": [],
    "image": "shop/base:[..]",
    "stale": [
      "cannot compare: .devenv was recreated"
    ],
    "waits_for": []
  }
]

"#]])
        .status(0)
        .wrote_nothing();
    ran.again()
        .args(["url", "api"])
        .stdout(str![[r#"
127.0.0.1:18000

"#]])
        .status(0)
        .wrote_nothing();
}

#[test]
fn a_plan_is_printed_and_nothing_is_written() {
    let test = Test::good()
        .file("devenv.local.yaml", PORTS)
        .file("devenv.lock", "root: !packages {suite: trixie, archive: 20261121T000000Z}\n");
    let engine = FakeEngine::new(test.beside("engine.sock"), "[]");
    let table = format!(
        r#"{{"checkouts":[{{"id":"0a1b2c3d4e5f","path":"{}","project":"shop","host":"shop.localhost","subnet":7}}]}}"#,
        test.project().display()
    );
    let test = test.env("DOCKER_HOST", engine.host()).file("../home/state/devenv/checkouts.json", table);
    test.args(["up", "--dry-run"])
        .stdout(str![[r#"
1 get image:root: Debian trixie from its packages, 20261121T000000Z
2 build image:base: not there yet (after 1)
3 build image:redis: not there yet (after 2)
4 create volume:shop-0a1b2c-cache-data: not there yet
5 create api: not there yet (after 2)
6 create cache: not there yet (after 3, 4)
7 create worker: not there yet (after 2)
8 start api (after 5)
9 wait api: tcp 8000 (after 8)
10 start cache (after 6)
11 wait cache: devenv-health (after 10)
12 start worker (after 7, 9)
13 wait worker: until it runs steadily (after 12)

"#]])
        .status(0)
        .wrote_nothing()
        .again()
        .args(["down", "--dry-run"])
        .status(0)
        .wrote_nothing();
    assert_eq!(engine.orders(), Vec::<String>::new());
}
