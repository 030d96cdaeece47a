//! The example, with nothing of devenv's repository but the program: an order goes all the way and comes back.

use std::fs;

use serde_json::Value;

use crate::checkout::{Checkout, shell, until};
use crate::{compose, engine, http, place};

#[test]
fn the_program_alone_brings_the_example_up_and_its_own_tests_pass() {
    let repository = place::repository();
    let configuration = fs::read_to_string(repository.join("devenv.example.yaml")).unwrap();
    assert!(configuration.contains("project: shop\n"));
    let configuration = configuration.replace("project: shop\n", "project: PROJECT\n");
    let checkout = Checkout::new(&configuration.replace("{host: shop}", "{host: PROJECT}"));
    let examples = checkout.root().join("examples");
    fs::create_dir(&examples).unwrap();
    shell(&format!("cp -r '{}' '{}'", repository.join("examples/shop").display(), examples.display()));
    assert_eq!(fs::read_dir(checkout.root()).unwrap().count(), 3);

    checkout.ok(&["up"]);
    compose::is_valid(&checkout);
    checkout.ok(&["images", "verify"]);

    // An order, through the gateway.
    let url = checkout.url("gateway");
    let (status, page) = http::get(&format!("{url}/"));
    assert!(status == 200 && page.contains("<html"), "{status} {page}");
    let (status, answer) = http::request("POST", &format!("{url}/api/orders"), r#"{"item": "mug", "quantity": 2}"#);
    assert_eq!(status, 201, "{answer}");
    let order = serde_json::from_str::<Value>(&answer).unwrap()["id"].to_string();

    // It is in Postgres.
    let name = checkout.project();
    let sql = format!("select item, quantity from orders where id = {order}");
    let password = engine::docker(&["exec", &checkout.container("db"), "cat", "/run/devenv/credentials/password"]);
    let password = format!("PGPASSWORD={password}");
    let psql = ["psql", "-h", "127.0.0.1", "-U", name, "-d", name, "-qtAc", &sql];
    assert_eq!(
        engine::docker(&[&["exec", "--env", &password, &checkout.container("db")], &psql[..]].concat()),
        "mug|2"
    );

    // The worker's receipt comes back.
    until("the worker has written the receipt", || {
        let (_, orders) = http::get(&format!("{url}/api/orders"));
        orders.contains(&format!("R-{order:0>6}")).then_some(())
    });

    // Each module's own lint and tests.
    let project: Value = serde_json::from_str(&checkout.ok(&["config", "--json"]).stdout).unwrap();
    let mut ran = Vec::new();
    for (module, keys) in project["modules"].as_object().unwrap() {
        for step in ["build", "lint", "test"] {
            if let Some(command) = keys[step].as_str() {
                checkout.ok(&["exec", module, "--", "sh", "-ec", command]);
                ran.push(format!("{module} {step}"));
            }
        }
    }
    assert_eq!(
        ran.join(", "),
        "api build, api lint, api test, web lint, web test, worker build, worker lint, worker test"
    );
    checkout.ok(&["up"]).says("nothing to do");

    // A browser refuses the page until its own store has the authority; then it orders over HTTP/2, with a padlock.
    fs::create_dir(checkout.root().join("browser")).unwrap();
    checkout.write("browser/order.py", include_str!("browser/order.py"));
    let image = "images:\n  browser: {parent: python, packages: [chromium, chromium-driver, libnss3-tools]}\n";
    let module =
        "modules:\n  browser: {path: browser, image: browser, run: sleep infinity, needs: [api, web, worker]}\n";
    checkout.replace("devenv.yaml", "modules:\n", &format!("{image}{module}"));
    checkout.ok(&["up"]);
    let seen = checkout.ok(&["exec", "browser", "--", "python3", "order.py", &format!("{name}.localhost")]).stdout;
    assert!(seen.contains("Canvas tote bag 3 R-") && seen.ends_with("https: True h2\n"), "{seen}");
}
