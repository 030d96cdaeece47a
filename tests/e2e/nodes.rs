//! A roll-out on two nodes, one of which is lost meanwhile: the deployment ends, and says what runs.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::checkout::{Checkout, end, shell, until};
use crate::cluster::Cluster;
use crate::registry::Registry;

const CONFIGURATION: &str = "\
project: PROJECT
registry: REGISTRY
modules:
  web: {path: web, image: base, run: sh run.sh, health: {command: 'true', start_within: 5s}}
environments:
  prod: {replicas: {web: 2}, deploy: {to: swarm, context: cluster}}
";

#[test]
fn a_node_that_is_lost_during_a_roll_out_leaves_a_deployment_that_ends_and_says_what_runs() {
    if !Cluster::is_possible() {
        return;
    }
    let checkout = Checkout::new(CONFIGURATION);
    let registry = Registry::start(&checkout);
    checkout.replace("devenv.yaml", "REGISTRY", &format!("127.0.0.1:{}/{}", registry.port, checkout.project()));
    let folder = checkout.beside("registry");
    let mut cluster = Cluster::start(&checkout, &folder);
    cluster.grow(&checkout, &folder);
    let docker = checkout.beside("docker");
    std::fs::create_dir(&docker).unwrap();
    let context = format!("docker context create cluster --docker host={}", cluster.endpoint());
    shell(&format!("DOCKER_CONFIG='{}' {context} >/dev/null", docker.display()));
    let begin = || {
        let mut command = checkout.command();
        command.env("DOCKER_CONFIG", &docker).args(["deploy", "prod"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let root = checkout.root().display().to_string();
    let release = |word: &str| {
        checkout.write("web/run.sh", &format!("echo {word}; exec sleep infinity\n"));
        shell(&format!("git -C '{root}' add --all && git -C '{root}' commit -qm {word}"));
        checkout.ok(&["release", "build"]);
        checkout.ok(&["push"]);
    };
    checkout.write(".gitignore", ".devenv/\n");
    shell(&format!("git -C '{root}' init -q && git -C '{root}' config user.email a@example.com"));
    shell(&format!("git -C '{root}' config user.name a"));
    release("one");
    end(begin(), &["deploy", "prod"]).code(0).says("✓ create web");
    let service = format!("{}-prod_web", checkout.project());
    let running = || {
        let listed = ["service", "ps", &service, "--filter", "desired-state=running", "--no-trunc"];
        let format = ["--format", "{{.Node}} {{.Image}} {{.CurrentState}}"];
        let all = cluster.docker(&[&listed[..], &format[..]].concat());
        all.lines().filter(|line| line.contains(" Running ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(running().iter().any(|line| line.starts_with("node2 ")), "{:?}", running());

    release("two");
    let deploy = begin();
    let updating = ["service", "inspect", &service, "--format", "{{.UpdateStatus.State}}"];
    until("the roll-out goes on", || {
        let status =
            Command::new(crate::engine::program()).args(["-H", &cluster.endpoint()]).args(updating).output().unwrap();
        String::from_utf8_lossy(&status.stdout).starts_with("updating").then_some(())
    });
    cluster.lose_second();
    let begun = Instant::now();
    let ran = end(deploy, &["deploy", "prod"]);
    println!("after the loss: {:?}, {}", begun.elapsed(), ran.stderr);
    let is_done = ran.stderr.contains("✓ prod runs") && !ran.stderr.contains("runs as before");
    let is_back = ran.stderr.contains("error: ") && ran.stderr.contains("as before");
    assert!(is_done != is_back, "one clear outcome: {}", ran.stderr);

    // Whatever it was, the next one brings the release about on what is left, and has nothing more to do then.
    end(begin(), &["deploy", "prod"]).code(0);
    until("everything runs on the node that is left", || {
        let all = running();
        (all.len() == 2 && all.iter().all(|line| line.starts_with("node1 "))).then_some(())
    });
    end(begin(), &["deploy", "prod"]).code(0).says("nothing to do");
    drop(registry);
}
