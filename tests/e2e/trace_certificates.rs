//! What `trace` says where the gateway's certificate has expired or is for more names than the gateway serves, and where a
//! module ran out of memory.

use std::fs;

use devenv::apply::certs::profile;
use devenv::assets::Assets;
use devenv::host::certs::{self, Pair};
use devenv::host::clock;
use devenv::plan::certs::x509::CertFacts;

use crate::checkout::{Checkout, state, until};
use crate::engine;
use crate::trace::says;

const YEAR: i64 = 365 * 24 * 60 * 60;

/// Gives the gateway a certificate of this machine's authority: made at `time`, and good for `more` too.
fn present(checkout: &Checkout, time: i64, more: &str) {
    let authority = |name: &str| fs::read_to_string(state().join("devenv/ca").join(name)).unwrap();
    let authority = Pair { certificate: authority("ca.pem"), key: authority("ca.key") };
    let mut names = CertFacts::of(&checkout.read(".devenv/certs/cert.pem")).unwrap().names;
    names.insert(more.to_owned());
    let profile = profile(&Assets::embedded()).unwrap();
    let leaf = certs::leaf(&profile, &authority, more, names.iter(), time, None).unwrap();
    checkout.write(".devenv/certs/cert.pem", &leaf.certificate);
    checkout.write(".devenv/certs/key.pem", &leaf.key);
    engine::docker(&["exec", &checkout.container("gateway"), "sh", "-c", "kill -HUP \"$(cat /tmp/nginx.pid)\""]);
}

#[test]
fn an_expired_certificate_a_name_that_is_not_served_and_want_of_memory_are_told_apart() {
    let checkout = Checkout::new(
        "\
project: PROJECT
compose: [extra.yaml]
modules:
  web: {path: web, image: python, run: exec python3 -m http.server 8000, port: 8000, route: /}
  eats: {path: eats, image: base, run: tail /dev/zero, port: 9000, route: /eats}
",
    );
    checkout.write("extra.yaml", "services:\n  eats: {mem_limit: 16000000, memswap_limit: 16000000}\n");
    checkout.write("web/index.html", "hello");
    checkout.write("eats/.keep", "");
    checkout.devenv(&["up"]).code(1).says("eats");
    checkout.ok(&["trace", "/"]);
    until("the memory is eaten", || checkout.ok(&["status"]).stdout.contains("out of memory").then_some(()));
    says(&checkout, &["/eats/"], "gateway", "`eats` is not running: the kernel ended it because it ran out of memory");

    let now = clock::unix_time();
    present(&checkout, now, "elsewhere.localhost");
    let elsewhere = checkout.url("gateway").replace(checkout.project(), "elsewhere");
    until("the new certificate is shown", || {
        (checkout.devenv(&["trace", &elsewhere, "--json"]).stdout.contains("elsewhere.localhost")
            && !checkout.devenv(&["trace", &elsewhere]).stdout.contains("is not for"))
        .then_some(())
    });
    says(&checkout, &[&elsewhere], "gateway", "the gateway does not serve the name `elsewhere.localhost`");
    checkout.ok(&["trace", "/"]);

    present(&checkout, now - 5 * YEAR, "elsewhere.localhost");
    until("the old certificate is shown", || (checkout.devenv(&["trace", "/"]).code == Some(1)).then_some(()));
    says(&checkout, &["/"], "tls", "the certificate for `PROJECT.localhost` has expired");
}
