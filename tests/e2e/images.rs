//! Images: what a change rebuilds and why, proof of descent, builds that fail or are cut off, certificates that leave no
//! trace.

use rustix::process::{Pid, Signal, kill_process};

use crate::checkout::{Checkout, end, until};
use crate::{engine, place, processes};

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api: {path: ., image: base, run: sleep infinity}
services:
  cache: {preset: redis}
";

fn tags(checkout: &Checkout) -> Vec<String> {
    engine::lines(&["images", &format!("{}/*", checkout.project()), "--format", "{{.Repository}}:{{.Tag}}"])
}

#[test]
fn a_change_below_rebuilds_what_stands_on_it_and_says_why() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.ok(&["up"]);
    assert_eq!(checkout.ok(&["images", "build"]).stderr, "nothing to do: all images are there\n");
    checkout.ok(&["images", "verify"]);
    checkout.ok(&["eject", "images/base", "images/redis"]);
    checkout.ok(&["up"]).says("nothing to do");

    checkout.write("devenv/images/redis/extra", "one\n");
    let plan = checkout.ok(&["images", "build", "--dry-run"]).stdout;
    assert_eq!(plan, "1 build image:redis: images/redis/extra is new\n");
    std::fs::remove_file(checkout.root().join("devenv/images/redis/extra")).unwrap();

    checkout.replace("devenv/images/base/apt.conf", "", "");
    let apt = checkout.read("devenv/images/base/apt.conf");
    checkout.write("devenv/images/base/apt.conf", &format!("{apt}# changed\n"));
    let plan = checkout.ok(&["up", "--dry-run"]).stdout;
    assert_eq!(
        plan,
        "\
1 build image:base: images/base/apt.conf changed
2 build image:redis: parent base is rebuilt (after 1)
3 recreate api: image base is rebuilt (after 1)
4 recreate cache: image redis is rebuilt (after 2)
5 start api (after 3)
6 wait api: until it runs steadily (after 5)
7 start cache (after 4)
8 wait cache: devenv-health (after 7)
"
    );
    let tree = checkout.ok(&["images"]).stdout;
    assert!(tree.contains("missing: images/base/apt.conf changed"), "{tree}");
    checkout.devenv(&["images", "verify"]).code(1);
    checkout.ok(&["up"]);
    let apt = checkout.ok(&["exec", "api", "cat", "/etc/apt/apt.conf.d/90devenv"]).stdout;
    assert!(apt.ends_with("# changed\n"), "an image was taken from an earlier build of other files: {apt}");
    checkout.ok(&["images", "verify"]);
}

#[test]
fn a_build_that_fails_shows_the_step_and_its_output() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write(
        "devenv/images/redis/Dockerfile",
        "ARG PARENT\nFROM ${PARENT}\nUSER root\nRUN echo out of luck && exit 7\n",
    );
    checkout
        .devenv(&["up"])
        .code(1)
        .says(&format!("cannot build {}/redis", checkout.project()))
        .says("\n  [2/2] RUN echo out of luck && exit 7\n    out of luck\n")
        .says_not(".devenv-host");
    assert!(!tags(&checkout).iter().any(|tag| tag.contains("/redis:")), "half an image has a tag");
    assert!(!checkout.containers().contains_key("cache"), "a part whose image is not there has no container");
    let api = engine::inspect(&checkout.container("api"));
    assert_eq!(api["State"]["Running"], true, "a part that needs nothing of it runs");
}

#[test]
fn ctrl_c_in_a_build_leaves_no_process_and_no_tag() {
    let checkout = Checkout::new(CONFIGURATION);
    let seconds = format!("3{}.5", std::process::id());
    let dockerfile = format!("ARG PARENT\nFROM ${{PARENT}}\nUSER root\nRUN sleep {seconds}\n");
    checkout.write("devenv/images/redis/Dockerfile", &dockerfile);
    let child = checkout.begin(&["up"]);
    until("the build sleeps", || processes::one_has(&seconds).then_some(()));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    end(child, &["up"]).code(130).says("interrupted");
    until("the build is gone", || (!processes::one_has(&seconds)).then_some(()));
    assert!(!tags(&checkout).iter().any(|tag| tag.contains("/redis:")), "half an image has a tag");
    std::fs::remove_dir_all(checkout.root().join("devenv")).unwrap();
    checkout.ok(&["up"]);
}

#[test]
fn certificates_of_the_machine_leave_no_trace_in_an_image() {
    let checkout = Checkout::new("project: PROJECT\nmodules:\n  api: {path: ., image: base, run: sleep infinity}\n");
    checkout.ok(&["images", "build"]);
    let tag = tags(&checkout).into_iter().find(|tag| tag.contains("/base:")).unwrap();
    // In a mount namespace of its own, a machine has as many certificates as this test likes.
    let layers = |prepare: &str| {
        let folder = "/usr/local/share/ca-certificates";
        let script = format!("mount -t tmpfs none {folder} && {prepare} && exec \"$@\"");
        let mut command = checkout.calling("unshare");
        if rustix::process::geteuid().is_root() {
            command.arg("--mount");
        } else {
            command.args(["--map-root-user", "--mount"]);
        }
        command.args(["sh", "-ec", &script, "sh"]).arg(place::program());
        command.args(["images", "build", "--no-cache", "base"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        engine::inspect(&tag)["RootFS"]["Layers"].clone()
    };
    let with = layers("echo x > /usr/local/share/ca-certificates/made-up.crt");
    let without = layers("true");
    assert!(with.as_array().is_some_and(|layers| layers.len() > 1), "that is not an image");
    assert_eq!(with, without);
}
