//! What a module says about its own container, as the engine has it: ports, data, limits.

use std::net::UdpSocket;
use std::time::Duration;

use crate::checkout::Checkout;
use crate::{engine, http};

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api:
    path: api
    image: python
    run: python3 serve.py
    ports: {web: 8123, echo: {port: 5353, protocol: udp}}
    volumes: {data: /var/lib/api, media: /srv/api/media}
    tmpfs: [/scratch, '/private:mode=0700']
    ulimits: {nofile: {soft: 1024, hard: 4096}}
    cap_add: [SYS_PTRACE]
    sysctls: {net.core.somaxconn: 1000}
    shm_size: 96m
    stop_signal: SIGINT
    stop_grace_period: 3s
    extra_hosts: {far: 10.9.8.7}
    labels: {team.name: shop}
    secrets: {STRIPE: {default: sk_test_1}, HMAC: {generate: 32}, TOKEN: {ask: a token of yours}}
";

const SERVE: &str = "\
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 5353))
while True:
    data, peer = s.recvfrom(100)
    s.sendto(b'echo ' + data, peer)
";

#[test]
fn the_engine_has_what_a_module_says_about_its_container_and_its_data_stays() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/serve.py", SERVE);
    let refused = checkout.devenv(&["up"]).code(2);
    refused.says("`api` needs the secret TOKEN (a token of yours)").says("DEVENV_SECRET_API_TOKEN");
    checkout.write("devenv.local.yaml", "secrets: {api.TOKEN: mine-alone}\n");
    checkout.ok(&["up"]);

    // Its own secrets, as variables and as files.
    let secrets =
        "echo $STRIPE $TOKEN $(cat $STRIPE_FILE $TOKEN_FILE); printf $HMAC | wc -c; test $HMAC = $(cat $HMAC_FILE)";
    let seen = checkout.ok(&["exec", "api", "sh", "-ec", secrets]).stdout;
    assert_eq!(seen, "sk_test_1 mine-alone sk_test_1mine-alone\n64\n");

    let status: serde_json::Value = serde_json::from_str(&checkout.ok(&["status", "--json"]).stdout).unwrap();
    let ports = status[0]["ports"].as_array().unwrap();
    let echo = ports.iter().find(|port| port["protocol"] == "udp").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.send_to(b"hi", format!("127.0.0.1:{}", echo["host"])).unwrap();
    let mut answer = [0; 100];
    let length = socket.recv(&mut answer).unwrap();
    assert_eq!(&answer[..length], b"echo hi");

    let seen = engine::inspect(&checkout.container("api"));
    let host = &seen["HostConfig"];
    assert_eq!(host["Ulimits"][0]["Hard"], 4096);
    assert_eq!(host["CapAdd"][0].as_str().map(|name| name.trim_start_matches("CAP_")), Some("SYS_PTRACE"));
    assert_eq!(host["Sysctls"]["net.core.somaxconn"], "1000");
    assert_eq!(host["ShmSize"], 96 * 1024 * 1024);
    assert_eq!(host["ExtraHosts"][0], "far:10.9.8.7");
    assert!(host["Tmpfs"].get("/scratch").is_some(), "{host}");
    let config = &seen["Config"];
    assert_eq!((&config["StopSignal"], &config["StopTimeout"]), (&"SIGINT".into(), &3.into()));
    assert_eq!(config["Labels"]["team.name"], "shop");

    // Folders in memory are the developer's, also after the container has started again.
    checkout.ok(&["restart", "api"]);
    checkout.ok(&["exec", "api", "sh", "-ec", "echo x > /scratch/a && echo x > /private/a"]);

    // The developer may write to both, and the data outlives the containers.
    checkout.ok(&["exec", "api", "sh", "-c", "echo kept > /var/lib/api/a && echo too > /srv/api/media/b"]);
    assert_eq!(std::fs::read_dir(checkout.root().join("api/media")).unwrap().count(), 0);
    checkout.ok(&["down"]);
    checkout.ok(&["up"]);
    assert_eq!(checkout.ok(&["exec", "api", "cat", "/var/lib/api/a", "/srv/api/media/b"]).stdout, "kept\ntoo\n");
    checkout.ok(&["up"]).says("nothing to do");

    // What reaches out needs its permission, and what is devenv's own nobody sets.
    checkout.replace("devenv.yaml", "SYS_PTRACE", "SYS_ADMIN");
    checkout.devenv(&["up"]).code(2).says("has the capability SYS_ADMIN").says("allow: [privileged]");
    checkout.replace("devenv.yaml", "SYS_ADMIN", "SYS_PTRACE");
    checkout.replace("devenv.yaml", "team.name", "devenv.part");
    checkout.devenv(&["up"]).code(2).says("has the label `devenv.part`");
}

#[test]
fn the_gateway_serves_a_folder_that_a_build_makes_later_and_nothing_beside_it() {
    let checkout = Checkout::new(
        "project: PROJECT\nmodules:\n  site: {path: web/dist, serve: static, route: /}\n  docs: {path: public, serve: static, route: /docs}\n",
    );
    checkout.devenv(&["up"]).code(2).says("`path` of `site`: there is no folder `web`");
    checkout.write("web/secret.txt", "not served");
    checkout.write("public/index.html", "the docs");
    checkout.ok(&["up"]);
    let url = checkout.url("gateway");
    let get = |path: &str| http::get(&format!("{url}{path}"));
    assert_eq!(get("/docs/"), (200, "the docs".to_owned()));
    let (code, page) = get("/");
    assert!(code == 503 && page.contains("site is not built yet"), "{code} {page}");

    checkout.write("web/dist/index.html", "first");
    checkout.write("web/dist/sub/index.html", "below");
    checkout.write("web/dist/.env", "secret");
    std::os::unix::fs::symlink("/run/devenv/certs/key.pem", checkout.root().join("web/dist/key")).unwrap();
    assert_eq!((get("/").1, get("/sub").1), ("first".to_owned(), "below".to_owned()));
    for path in ["/.env", "/key", "/nothing", "/%2e%2e/secret.txt", "/docs/%2e%2e/.devenv/id"] {
        assert!(matches!(get(path).0, 400 | 404), "{path}");
    }
    // A build that makes the folder anew.
    std::fs::remove_dir_all(checkout.root().join("web/dist")).unwrap();
    checkout.write("web/dist/index.html", "second");
    assert_eq!(get("/").1, "second");
    // A link in its place leads to nothing of the gateway's container.
    let dist = checkout.root().join("web/dist");
    std::fs::remove_dir_all(&dist).unwrap();
    std::os::unix::fs::symlink("/run/devenv/certs", &dist).unwrap();
    assert_eq!(get("/key.pem").0, 503);
    std::fs::remove_file(&dist).unwrap();
    checkout.write("web/dist/index.html", "third");
    assert_eq!(get("/").1, "third");
    checkout.ok(&["url"]).stdout.lines().find(|line| line.starts_with("docs ")).unwrap();
    checkout.ok(&["up"]).says("nothing to do");
}
