//! Commands that say why things are as they are: `why` and `graph`, without a single container.

use snapbox::str;

use crate::engine::FakeEngine;
use crate::test::Test;

/// A project whose ports do not depend on who listens on this machine, and an engine with nothing in it.
fn project() -> (Test, FakeEngine) {
    let test = Test::good().file("devenv.local.yaml", "ports: {api: 18000, cache: 16379}\n");
    let test = test.file("devenv.lock", "root: !packages {suite: trixie, archive: 20261121T000000Z}\n");
    let engine = FakeEngine::new(test.beside("engine.sock"), "[]");
    let host = engine.host();
    (test.env("DOCKER_HOST", host), engine)
}

#[test]
fn why_tells_the_images_settings_and_neighbours_of_a_part_and_what_up_would_do() {
    let (test, engine) = project();
    test.args(["why", "worker"])
        .stdout(str![[r#"
worker         module, not created
needs          api (not-created)
needed by      nothing
recreated for  [..]command[..]
image          shop/base:[..]

IMAGE  FINGERPRINT   STATE                   REBUILT FOR
base   [..]  missing: not there yet  images/base/Dockerfile (embedded),[..]

SETTING               FROM           VALUE
modules.worker.path   devenv.yaml:4  .
modules.worker.image  devenv.yaml:4  base
modules.worker.run    devenv.yaml:4  sleep inf
modules.worker.needs  devenv.yaml:4  ["api"]

VARIABLE[..]
API_HOST[..]needs api[..]
...
The next `devenv up`:
  1 get image:root: Debian trixie from its packages, 20261121T000000Z
  2 build image:base: not there yet (after 1)
  3 create api: not there yet (after 2)
  4 create worker: not there yet (after 2)
  5 start api (after 3)
  6 wait api: tcp 8000 (after 5)
  7 start worker (after 4, 6)
  8 wait worker: until it runs steadily (after 7)

"#]])
        .status(0)
        .wrote_nothing();
    assert_eq!(engine.orders(), Vec::<String>::new());
}

#[test]
fn env_tells_each_variable_with_its_origin_and_what_the_needs_offer() {
    let (test, engine) = project();
    let configuration = "project: shop
modules:
  api:
    path: .
    image: base
    run: serve
    port: 8000
    needs: [cache]
    env: {BROKER: \"{cache.url}/1\", LEVEL: info}
services: {cache: {preset: redis}}
";
    let test = test.file("devenv.yaml", configuration);
    let output = test.command().args(["env", "api", "--json"]).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let broker =
        serde_json::json!({"name": "BROKER", "value": "redis://:********@cache:6379/0/1", "from": "devenv.yaml:9"});
    assert!(all["variables"].as_array().unwrap().contains(&broker), "{all}");
    assert_eq!(all["offers"][0]["placeholder"], "{cache.host}");
    test.args(["env", "api"])
        .stdout(str![[r#"
VARIABLE             FROM                    VALUE
BROKER               devenv.yaml:9           redis://:********@cache:6379/0/1
CACHE_HOST           needs cache             cache
CACHE_PASSWORD       needs cache             ********
CACHE_PORT           needs cache             6379
CACHE_URL            needs cache             redis://:********@cache:6379/0
[..]
CURL_CA_BUNDLE       this machine            /usr/local/share/devenv/host/ca-certificates.crt
DEVENV_ENV           devenv                  dev
GIT_SSL_CAINFO       this machine            /usr/local/share/devenv/host/ca-certificates.crt
HOME                 images/base/image.yaml  /home/app
JAVA_TOOL_OPTIONS    this machine            -Djavax.net.ssl.trustStore=/usr/local/share/devenv/host/truststore.jks -Djavax.net.ssl.trustStorePassword=changeit
LEVEL                devenv.yaml:9           info
NODE_EXTRA_CA_CERTS  this machine            /usr/local/share/devenv/host/ca-certificates.crt
PIP_CERT             this machine            /usr/local/share/devenv/host/ca-certificates.crt
REQUESTS_CA_BUNDLE   this machine            /usr/local/share/devenv/host/ca-certificates.crt
SSL_CERT_FILE        this machine            /usr/local/share/devenv/host/ca-certificates.crt
IN ENV            ALSO AS         VALUE
{cache.host}      CACHE_HOST      cache
{cache.password}  CACHE_PASSWORD  ********
{cache.port}      CACHE_PORT      6379
{cache.url}       CACHE_URL       redis://:********@cache:6379/0

"#]])
        .status(0)
        .wrote_nothing();
    assert_eq!(engine.orders(), Vec::<String>::new());
}

#[test]
fn the_name_of_no_part_gets_the_nearest_one() {
    let (test, _engine) = project();
    test.args(["why", "workr"])
        .stderr(str![[r#"
error: there is no `workr`
hint: did you mean `worker`?

"#]])
        .status(2)
        .wrote_nothing();
}

#[test]
fn a_graph_is_drawn_of_what_should_be_where_nothing_is() {
    let (test, engine) = project();
    let ran = test
        .args(["graph", "--format", "mermaid"])
        .stdout(str![[r#"
flowchart LR
  subgraph running["shop.localhost"]
    p0["api<br/>not created"]:::off
    p1["cache<br/>not created"]:::off
    p2["worker<br/>not created"]:::off
    p2 --> p0
  end
  subgraph images["Images"]
    i0["base"]:::off
    i1["redis"]:::off
    i0 --> i1
  end
  classDef good fill:#d7f0dc,stroke:#2e7d44,color:#1f2933
  classDef off fill:#eceff3,stroke:#7a8594,color:#1f2933
  classDef waiting fill:#ffefc4,stroke:#b07d00,color:#1f2933
  classDef bad fill:#f7c6c3,stroke:#b3261e,color:#1f2933

"#]])
        .status(0)
        .wrote_nothing();
    let json = ran.again().args(["graph", "--json"]);
    let output = json.command().output().unwrap();
    let graph: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(graph["edges"], serde_json::json!([{"from": "worker", "to": "api", "label": "needs"}]));
    assert_eq!(graph["images"][1]["parent"], "base");
    assert_eq!(graph["parts"][0]["state"], "not-created");
    assert_eq!(engine.orders(), Vec::<String>::new());
}
