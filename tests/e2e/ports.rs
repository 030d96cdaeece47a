//! Ports of this machine that somebody else has.

use std::net::TcpListener;

use crate::checkout::{Checkout, end, until};
use crate::{engine, http};

/// A module that answers on its port, made of what `base` has.
const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api: {path: ., image: gateway, run: \"nginx -c /srv/PROJECT/nginx.conf\", port: 8000, health: {http: /}}
";

const NGINX: &str = "\
daemon off;
pid /tmp/nginx.pid;
error_log stderr;
events {}
http { access_log off; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s; server { listen 8000; location / { return 200 here; } } }
";

fn project() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("nginx.conf", NGINX);
    checkout
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[test]
fn a_port_that_the_user_chose_is_never_replaced() {
    let checkout = project();
    let (listener, port) = listener();
    checkout.write("devenv.local.yaml", &format!("ports: {{api: {port}}}\n"));
    checkout.devenv(&["up"]).code(1).says(&format!("port {port}")).says("`api`").says("in use by the program");
    drop(listener);
    checkout.ok(&["up"]);
    assert_eq!(checkout.url("api"), format!("http://127.0.0.1:{port}"));
    assert_eq!(http::get(&format!("http://127.0.0.1:{port}/")), (200, "here".to_owned()));
}

#[test]
fn a_port_that_is_taken_is_replaced_and_said() {
    let checkout = project();
    let (_listener, port) = listener();
    checkout.replace("devenv.yaml", "port: 8000", &format!("port: {port}"));
    checkout.write("nginx.conf", &NGINX.replace("8000", &port.to_string()));
    checkout.ok(&["up"]).says(&format!("api: port {port} is in use; using "));
    let url = checkout.url("api");
    assert_ne!(url, format!("http://127.0.0.1:{port}"));
    assert_eq!(http::get(&url).0, 200);
    checkout.ok(&["up"]).says("nothing to do");
}

#[test]
fn a_port_that_is_taken_at_the_last_moment_is_replaced_and_said() {
    let checkout = project();
    checkout.ok(&["images", "build"]);
    checkout.docker_calls();
    // Somebody takes the port between devenv's look at it and the start of the container.
    let first = checkout.begin(&["up"]);
    let log = checkout.beside("calls");
    until("containers are being created", || {
        std::fs::read_to_string(&log).is_ok_and(|calls| calls.contains("--no-start")).then_some(())
    });
    let dev = checkout.read(".devenv/compose/dev.yaml");
    let port: u16 = dev.split("\"published\":\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    let thief = TcpListener::bind(("127.0.0.1", port)).unwrap();
    end(first, &["up"]).code(0).says(&format!("port {port}"));
    let url = checkout.url("api");
    assert_ne!(url, format!("http://127.0.0.1:{port}"));
    assert_eq!(http::get(&url).0, 200);
    drop(thief);
    checkout.ok(&["up"]).says("nothing to do");
    assert_eq!(checkout.url("api"), url);
}

#[test]
fn two_ups_side_by_side_get_different_ports() {
    let one = project();
    let other = one.clone_to("other");
    let (first, second) = (one.begin(&["up"]), other.begin(&["up"]));
    end(first, &["up"]).code(0);
    end(second, &["up"]).code(0);
    assert_ne!(one.url("api"), other.url("api"));
    assert_ne!(one.id(), other.id());
    for checkout in [&one, &other] {
        assert_eq!(http::get(&checkout.url("api")).0, 200);
        assert_eq!(checkout.networks().len(), 1);
    }
    assert_ne!(
        engine::inspect(&one.networks()[0])["IPAM"]["Config"],
        engine::inspect(&other.networks()[0])["IPAM"]["Config"]
    );
}
