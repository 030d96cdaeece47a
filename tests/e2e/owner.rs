//! Whoever runs, what is made belongs to the owner of the checkout.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::checkout::{Checkout, shell};
use crate::{engine, place};

/// A user who may use the engine, and owns the checkout.
const UID: u32 = 1234;

#[test]
fn after_root_has_run_it_with_a_closed_umask_the_owner_goes_on() {
    if !rustix::process::geteuid().is_root() {
        println!("only root can run it in somebody else's checkout: root's run of this suite does");
        return;
    }
    let checkout = Checkout::page("  copied: {path: web, image: base, run: sleep infinity, mirror: sync}\n");
    let world = checkout.beside("");
    std::fs::create_dir(checkout.beside("home")).unwrap();
    shell(&format!("cp '{}' '{}'", place::program().display(), checkout.beside("devenv").display()));
    shell(&format!("chown -R {UID}:{UID} '{}'", world.display()));
    let group = std::fs::metadata("/var/run/docker.sock").unwrap().gid();
    let plugins =
        shell("docker info --format '{{range .ClientInfo.Plugins}}{{if eq .Name \"compose\"}}{{.Path}}{{end}}{{end}}'");
    let program = checkout.beside("devenv");
    // Both have one home, as under a `sudo` that keeps it.
    let by = |call: &mut Command| {
        call.env("HOME", checkout.beside("home")).env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME");
        let output = call.output().unwrap();
        (
            output.status.code(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    let owner = |args: &[&str]| {
        let user = [format!("--reuid={UID}"), format!("--regid={UID}"), format!("--groups={UID},{group}")];
        by(checkout.calling("setpriv").args(user).arg(&program).args(args))
    };
    shell(&format!(
        "install -D -m 755 '{}' '{}'",
        plugins.trim(),
        checkout.beside("home/.docker/cli-plugins/docker-compose").display()
    ));
    let (code, said) = by(checkout.calling("sh").args(["-c", "umask 077; exec \"$0\" up"]).arg(&program));
    assert!(code == Some(0) && said.contains("wait gateway: http /.devenv/health"), "{said}");
    checkout.docker_calls();
    let others = shell(&format!("find '{0}' -not -uid {UID} -not -path '*/.docker*'", world.display()));
    assert_eq!(others, "");

    for args in [&["status"][..], &["up"], &["stop"], &["start"], &["down", "-v", "--yes"]] {
        let (code, said) = owner(args);
        assert_eq!(code, Some(0), "devenv {}: {said}", args.join(" "));
    }
    assert_eq!(engine::lines(&["ps", "--all", "--quiet", "--filter", &checkout.label()]), Vec::<String>::new());
}
