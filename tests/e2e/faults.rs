//! Kills, crowds and deletions: whatever happens, the next `up` makes it right, and no data is lost unasked.

use std::process::Child;
use std::time::Duration;

use crate::checkout::{Checkout, end, until};
use crate::engine;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  one: {path: ., image: base, run: sleep infinity}
  two: {path: ., image: base, run: sleep infinity, needs: [one, cache]}
services:
  cache: {preset: redis}
";

/// Asserts that the environment is whole: one network, one running container of each part.
fn is_whole(checkout: &Checkout) {
    assert_eq!(checkout.networks().len(), 1);
    let format = "{{.Label \"devenv.part\"}} {{.State}}";
    let mut all = engine::lines(&["ps", "--all", "--filter", &checkout.label(), "--format", format]);
    all.sort();
    assert_eq!(all, ["cache running", "one running", "two running"]);
}

#[test]
fn after_a_kill_in_a_build_or_an_installation_the_next_up_converges() {
    let checkout = Checkout::new(
        "\
project: PROJECT
images:
  own: {parent: base, args: {WORD: PROJECT}}
modules:
  one:
    path: .
    image: own
    run: sleep infinity
    deps: {lock: [words], install: sleep 2; cp words kept/words, into: [kept]}
",
    );
    checkout.write("words", "first\n");
    checkout.write("devenv/images/own/Dockerfile", "ARG PARENT\nFROM ${PARENT}\nARG WORD\nRUN echo $WORD; sleep 3\n");
    let kill = |mut child: Child| {
        child.kill().unwrap();
        child.wait().unwrap();
    };
    checkout.ok(&["images", "build", "base"]);
    let child = checkout.begin(&["up"]);
    std::thread::park_timeout(Duration::from_millis(1500));
    kill(child);
    checkout.ok(&["images", "build"]).says("build image:own");
    let child = checkout.begin(&["up"]);
    let filters = ["ps", "--quiet", "--filter", &checkout.label(), "--filter", "label=devenv.one-off=install"];
    until("dependencies are being installed", || engine::lines(&filters).pop());
    kill(child);
    checkout.ok(&["up"]).says("install one: not installed yet");
    assert_eq!(checkout.ok(&["exec", "one", "cat", "kept/words"]).stdout, "first\n");
    checkout.ok(&["up"]).says("nothing to do");
    assert_eq!(checkout.containers().len(), 1, "the killed installation's container is gone");
}

#[test]
fn twenty_commands_at_once_do_no_damage() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.ok(&["images", "build"]);
    let commands = ["up", "status", "down", "up", "status"];
    let children: Vec<_> = (0..20).map(|at| (commands[at % 5], checkout.begin(&[commands[at % 5]]))).collect();
    for (command, child) in children {
        end(child, &[command]).code(0);
    }
    assert!(checkout.networks().len() <= 1);
    checkout.ok(&["up"]);
    is_whole(&checkout);
    assert_eq!(checkout.volumes().len(), 1);
}

#[test]
fn two_networks_of_one_name_are_repaired() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.ok(&["up"]);
    let network = engine::inspect(&checkout.networks()[0]);
    let twin = serde_json::json!({"Name": network["Name"], "Labels": network["Labels"], "CheckDuplicate": false});
    // Engines since 25 make no second network of a name, whoever asks.
    if engine::post("/v1.41/networks/create", &twin) == 409 {
        return;
    }
    assert_eq!(checkout.networks().len(), 2);
    checkout.ok(&["up"]).says("2 networks are called");
    is_whole(&checkout);
    checkout.ok(&["up"]).says("nothing to do");
}

#[test]
fn a_paused_part_is_ours_goes_on_with_up_and_can_be_stopped() {
    let checkout = Checkout::page("");
    checkout.ok(&["up"]);
    let (url, id) = (checkout.url("web"), checkout.container("web"));
    engine::docker(&["pause", &id]);
    let seen = checkout.ok(&["status"]).stdout;
    assert!(seen.contains("paused"), "{seen}");
    checkout.ok(&["up"]).says("start web: it is paused").says_not("in use");
    assert_eq!((checkout.url("web"), checkout.container("web")), (url, id.clone()));
    engine::docker(&["pause", &id]);
    checkout.ok(&["stop"]);
    assert_eq!(engine::inspect(&id)["State"]["Status"], "exited");
    checkout.ok(&["up"]);
    engine::docker(&["pause", &id]);
    checkout.ok(&["down"]);
    assert_eq!((checkout.containers().len(), checkout.networks().len()), (0, 0));
}

#[test]
fn what_somebody_else_has_in_the_network_is_named_by_down() {
    let checkout = Checkout::page("");
    checkout.ok(&["up"]);
    let (foreign, image) = (format!("{}-foreign", checkout.project()), engine::inspect(&checkout.container("web")));
    let network = checkout.networks().remove(0);
    let image = image["Image"].as_str().unwrap();
    let run = ["run", "--detach", "--name", &foreign, "--network", &network, image, "sleep", "infinity"];
    engine::docker(&run);
    checkout.devenv(&["down"]).code(1).says(&foreign);
    engine::docker(&["rm", "--force", &foreign]);
    checkout.ok(&["down"]);
    assert_eq!(checkout.networks(), Vec::<String>::new());
}

#[test]
fn a_second_command_waits_and_says_for_whom() {
    let checkout =
        Checkout::new("project: PROJECT\nmodules:\n  task: {path: ., image: base, run: sleep 3, once: true}\n");
    checkout.ok(&["images", "build"]);
    checkout.docker_calls();
    let first = checkout.begin(&["up"]);
    let log = checkout.beside("calls");
    until("the first one creates", || log.exists().then_some(()));
    let holder = format!("waiting for devenv up, process {}", first.id());
    checkout.ok(&["up"]).says(&holder).says("nothing to do");
    end(first, &["up"]).code(0);
}

#[test]
fn a_password_is_not_told_before_there_is_one() {
    let checkout = Checkout::new("project: PROJECT\nservices:\n  db: {preset: postgres}\n");
    checkout.devenv(&["url", "db"]).code(1).says("its password is not known").says("devenv up db");
}

#[test]
fn data_is_deleted_only_after_a_yes() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.ok(&["up"]);
    let made = || engine::inspect(&checkout.volumes()[0])["CreatedAt"].to_string();
    let redis =
        |command: &str| engine::docker(&["exec", "--user", "redis", &checkout.container("cache"), "sh", "-c", command]);
    redis("touch /var/lib/redis/kept");
    let before = made();
    checkout.devenv(&["up", "--fresh"]).code(2).says("delete volume:").says("deleting data must be confirmed");
    assert_eq!(made(), before);
    is_whole(&checkout);
    let plan = checkout.ok(&["up", "--fresh", "--dry-run"]).stdout;
    assert!(plan.contains(&format!("delete volume:{}: start fresh", checkout.volumes()[0])), "{plan}");
    checkout.ok(&["up", "--fresh", "--yes"]);
    is_whole(&checkout);
    let listed = redis("ls /var/lib/redis");
    assert!(!listed.contains("kept"), "{listed}");

    // Sidecars and one-offs that were left over are ours to remove; what others own is not.
    let foreign = format!("{}-foreign", checkout.project());
    engine::docker(&["volume", "create", &foreign]);
    checkout.ok(&["down", "-v", "--yes"]);
    assert_eq!(engine::lines(&["volume", "ls", "--quiet", "--filter", &format!("name={foreign}")]), [foreign]);
}
