//! Environments beside dev: released images of what is committed, with containers, data and credentials of their own.

use serde_json::Value;

use crate::checkout::{Checkout, shell};
use crate::{engine, http};

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  web: {path: web, image: python, run: python3 -m http.server 8000, port: 8000, route: /, needs: [cache, fill]}
  fill: {path: fill, image: redis, run: 'REDISCLI_AUTH=$$CACHE_PASSWORD redis-cli -h cache incr fills', once: true, inputs: [step], needs: [cache]}
services:
  cache: {preset: redis}
environments:
  prod:
    host: shop.example
    secrets: {cache.password: a, gateway.certificate: b, gateway.key: c}
";

fn git(checkout: &Checkout, rest: &str) {
    shell(&format!("cd '{}' && git -c user.name=a -c user.email=a@example.com {rest}", checkout.root().display()));
}

fn committed() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("web/index.html", "one");
    checkout.write("fill/step", "one");
    checkout.write(".gitignore", ".devenv/\ndevenv.local.yaml\n");
    git(&checkout, "init -q");
    git(&checkout, "add --all");
    git(&checkout, "commit -qm one");
    checkout
}

/// The parts of an environment, as `status --json` lists them.
fn parts(checkout: &Checkout, environment: &str) -> Vec<Value> {
    serde_json::from_str(&checkout.ok(&["status", "--env", environment, "--json"]).stdout).unwrap()
}

fn url(checkout: &Checkout, environment: &str) -> String {
    checkout.ok(&["url", "web", "--env", environment]).stdout.trim().to_owned()
}

/// How often the task has run, as the data of the environment says.
fn fills(checkout: &Checkout, environment: &str) -> String {
    let ask = "REDISCLI_AUTH=$CACHE_PASSWORD redis-cli -h cache get fills";
    checkout.ok(&["run", "--env", environment, "fill", "--", "sh", "-c", ask]).stdout.trim().to_owned()
}

fn container(checkout: &Checkout, environment: &str, part: &str) -> Value {
    let id = checkout.read(&format!(".devenv/environments/{environment}/.devenv/id"));
    let id: Value = serde_json::from_str(id.lines().last().unwrap()).unwrap();
    let label = format!("label=devenv.checkout={}", id["id"].as_str().unwrap());
    let found = engine::lines(&["ps", "--quiet", "--filter", &label, "--filter", &format!("label=devenv.part={part}")]);
    engine::inspect(&found[0])
}

#[test]
fn ci_and_production_run_beside_dev_from_what_is_committed_with_data_and_credentials_of_their_own() {
    let checkout = committed();
    checkout.ok(&["up", "cache"]);
    let dev = checkout.containers();
    checkout.write("web/index.html", "two");
    checkout.write("fill/step", "two");

    // What is committed runs, and what is not is said.
    checkout.ok(&["up", "--env", "ci"]).says("not committed: fill/step, web/index.html: ci runs what is committed");
    checkout.ok(&["up", "--env", "ci"]).says("nothing to do");
    let states: Vec<Value> = parts(&checkout, "ci").iter().map(|part| part["state"].clone()).collect();
    assert_eq!(states, ["healthy", "done", "healthy", "healthy"]);
    assert!(url(&checkout, "ci").contains(&format!("//ci.{}.localhost:", checkout.project())));
    assert_eq!(http::get(&url(&checkout, "ci")), (200, "one".to_owned()));
    assert_eq!(fills(&checkout, "ci"), "1");
    let password = |environment: &str| {
        let shown = checkout.ok(&["secrets", "--show", "--json", "--env", environment]).stdout;
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown[0]["value"].as_str().unwrap().to_owned()
    };
    assert_ne!(password("ci"), password("dev"));

    // Selected from anywhere; what is said of the environment itself wins, and what is about dev alone is refused.
    let ci = format!("ci.{}.localhost", checkout.project());
    assert_eq!(checkout.ok(&["-p", &ci, "url", "web"]).stdout.trim(), url(&checkout, "ci"));
    assert_ne!(checkout.ok(&["-p", &ci, "url", "web", "--env", "dev"]).stdout.trim(), url(&checkout, "ci"));
    checkout.devenv(&["-p", &ci, "mirror"]).code(2).says("this command is for dev, but `-p` selects `ci`");

    let listed: Vec<Value> = serde_json::from_str(&checkout.ok(&["list", "--json"]).stdout).unwrap();
    let here = listed.iter().filter(|one| one["folder"] == checkout.root().display().to_string().as_str());
    let here: Vec<(&str, &str)> =
        here.map(|one| (one["environment"].as_str().unwrap(), one["state"].as_str().unwrap())).collect();
    assert_eq!(here, [("dev", "running"), ("ci", "running")]);

    // A task runs again when what it runs on was committed.
    git(&checkout, "commit -qam two");
    checkout.ok(&["up", "--env", "ci"]).says_not("not committed");
    assert_eq!(http::get(&url(&checkout, "ci")), (200, "two".to_owned()));
    assert_eq!(fills(&checkout, "ci"), "2");

    // Production has here what it has there, but for where secrets come from and which ports lead to it.
    checkout.ok(&["up", "--env", "prod"]);
    checkout.ok(&["up", "--env", "prod"]).says("nothing to do");
    assert_eq!(http::get(&url(&checkout, "prod")), (200, "two".to_owned()));
    let web = container(&checkout, "prod", "web");
    let (host, config) = (&web["HostConfig"], &web["Config"]);
    assert_eq!(host["ReadonlyRootfs"], true, "{host}");
    assert_eq!((&host["CapDrop"], &config["User"]), (&serde_json::json!(["ALL"]), &"app".into()));
    assert!(!config["Env"].to_string().contains(&password("prod")), "{config}");
    let ports = |part: &str| container(&checkout, "prod", part)["HostConfig"]["PortBindings"].to_string();
    assert_eq!((ports("web").as_str(), ports("cache").as_str()), ("{}", "{}"));
    assert!(ports("gateway").matches("127.0.0.1").count() == 2, "{}", ports("gateway"));
    let image = |environment: &str| container(&checkout, environment, "web")["Image"].clone();
    assert_eq!(image("prod"), image("ci"));

    // Who could look into them could read secrets.
    let secrets = checkout.root().join(".devenv/environments/prod/.devenv/secrets");
    shell(&format!("chmod 755 '{}'", secrets.display()));
    checkout.ok(&["up", "--env", "prod"]);
    assert_eq!(shell(&format!("stat -c %a '{}'", secrets.display())), "700\n");

    // All of it stands on one base.
    for environment in ["dev", "ci", "prod"] {
        checkout.ok(&["images", "verify", "--env", environment]);
    }

    // Another credential reaches whoever reads it.
    let before = password("prod");
    checkout.ok(&["secrets", "reset", "cache", "--env", "prod"]);
    assert_ne!(password("prod"), before);
    checkout.ok(&["up", "--env", "prod"]).says("nothing to do");

    for environment in ["ci", "prod"] {
        checkout.ok(&["down", "-v", "--yes", "--env", environment]);
    }
    assert_eq!(checkout.containers(), dev);
    checkout.devenv(&["up", "--env", "cii"]).code(2).says("`cii` is not an environment").says("did you mean `ci`?");
}
