//! Fragments: what the team's own compose files add is there, counts for staleness, and may not reach out unasked.

use crate::checkout::Checkout;
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
