//! A hostile clone on a real engine: each kind of way out, by template, preset and fragment, is refused and leaves nothing;
//! and what a container may not write of its source.

use std::os::unix::fs::symlink;

use crate::checkout::{Checkout, Ran, shell};
use crate::engine;
use crate::terminal::Terminal;

/// `up --yes` is refused, and nothing was made, neither here nor in the engine.
fn refused(checkout: &Checkout) -> Ran {
    let ran = checkout.devenv(&["up", "--yes"]).code(2);
    assert!(!checkout.root().join(".devenv").exists(), "something was written");
    let name = format!("name={}-", checkout.project());
    for list in [vec!["ps", "--all", "--quiet"], vec!["volume", "ls", "--quiet"], vec!["network", "ls", "--quiet"]] {
        let found = engine::lines(&list.into_iter().chain(["--filter", &name]).collect::<Vec<_>>());
        assert_eq!(found, Vec::<String>::new());
    }
    ran
}

#[test]
fn a_fragment_reaches_out_in_no_form_that_compose_knows() {
    let checkout = Checkout::new(
        "project: PROJECT\ncompose: [extra.yaml]\nmodules:\n  api: {path: api, image: base, run: sleep infinity}\n",
    );
    checkout.write("api/.keep", "");
    symlink("/etc", checkout.root().join("link")).unwrap();
    checkout.write(
        "extra.yaml",
        "services:
  api:
    volumes: [\"./link:/a\", \"~/.ssh:/b:ro\", \"/run:/c\", \"./api/../..:/d\", \"over:/e\", \"other:/f\"]
    volumes_from: [\"container:other\"]
    ports: [\"9999:9999\", \"127.0.0.1:9998:9998\", \"80\"]
    security_opt: [\"seccomp:unconfined\"]
    secrets: [hostvar, file]
    networks: [default, bridge]
    cap_add: [SYS_ADMIN]
volumes:
  over: {driver_opts: {type: overlay, device: overlay, o: \"lowerdir=/root:/etc\"}}
  other: {external: true, name: other_data}
networks:
  bridge: {external: true, name: bridge}
secrets:
  hostvar: {environment: HOME}
  file: {file: ./link/hostname}
",
    );
    let said = refused(&checkout).stderr;
    let folder = checkout.root().display().to_string();
    let above = checkout.root().parent().unwrap().display().to_string();
    let home = std::env::var("HOME").unwrap();
    for expected in [
        format!("service `api` mounts {folder}/link, which is /etc (outside-mounts)"),
        format!("service `api` mounts {home}/.ssh (outside-mounts)"),
        "service `api` mounts /run, and with it the engine (engine-socket)".to_owned(),
        format!("service `api` mounts {above} (outside-mounts)"),
        "service `api` has the volumes of container:other (other-projects)".to_owned(),
        "service `api` publishes port 9999 on all addresses (public-ports)".to_owned(),
        "service `api` publishes port 80 on all addresses (public-ports)".to_owned(),
        "service `api` has less protection: `seccomp:unconfined` (privileged)".to_owned(),
        "service `api` has the capability SYS_ADMIN (privileged)".to_owned(),
        "volume `over` mounts type=overlay o=lowerdir=/root:/etc device=overlay (outside-mounts)".to_owned(),
        "secret `hostvar` is the host's variable HOME (host-variables)".to_owned(),
        format!("secret `file` is {folder}/link/hostname, which is /etc/hostname (outside-mounts)"),
        "volume `other` is the volume other_data, which is not this project's own (other-projects)".to_owned(),
        "network `bridge` is the network bridge, which is not this project's own (other-projects)".to_owned(),
    ] {
        assert!(said.contains(&expected), "no `{expected}` in:\n{said}");
    }
    assert!(!said.contains("9998"), "{said}");
    // Compose would have read it already.
    checkout.write("extra.yaml", "services: {api: {env_file: [link/passwd]}}\n");
    refused(&checkout).says("service `api` reads link/passwd, which is /etc/passwd");
}

#[test]
fn templates_and_presets_of_a_clone_reach_out_as_little_as_fragments() {
    let checkout = Checkout::new("project: PROJECT\nservices: {evil: {preset: evil}}\n");
    let preset = "image: redis\nport: 6379\nhealth: {tcp: 6379}\nservice: {ports: [\"9999:9999\"], pid: host}\n";
    checkout.write("devenv/compose/services/evil.yaml", preset);
    refused(&checkout).says("service `evil` is in a namespace of the host: `host`");
    // A short form is for compose to resolve.
    checkout.replace("devenv/compose/services/evil.yaml", ", pid: host", "");
    refused(&checkout).says("service `evil` publishes port 9999 on all addresses");
    checkout.write("devenv/compose/services/evil.yaml", "image: redis\nport: 6379\nhealth: {tcp: 6379}\n");
    let template = include_str!("../../compose/dev.yaml");
    let bind = "    <<: *rules\n    volumes: [\"${HOME}:/host\"]\n";
    checkout.write("devenv/compose/dev.yaml", &template.replacen("    <<: *rules\n", bind, 1));
    let home = std::env::var("HOME").unwrap();
    refused(&checkout).says(&format!("service `evil` mounts {home}"));
}

#[test]
fn a_container_does_not_write_what_decides_what_runs_on_the_host() {
    let checkout = Checkout::new("project: PROJECT\nmodules:\n  api: {path: ., image: base, run: sleep infinity}\n");
    checkout.write(".vscode/tasks.json", "{}\n");
    shell(&format!("git -C '{}' init --quiet", checkout.root().display()));
    checkout.ok(&["up"]);
    checkout.ok(&["up"]).says("nothing to do");
    let write = |path: &str| checkout.devenv(&["exec", "api", "sh", "-c", &format!("echo x >> {path}")]);
    for path in [".git/hooks/pre-commit", ".git/config", ".vscode/tasks.json", "devenv.yaml"] {
        let ran = write(path);
        assert!(ran.code != Some(0) && ran.stderr.contains("Read-only file system"), "{path}: {}", ran.stderr);
    }
    checkout.devenv(&["exec", "api", "sh", "-c", "mv .git old || rm -r .vscode"]).code(1);
    assert_eq!(write("note").code, Some(0));
    // Who may, may.
    let mut command = checkout.command();
    let output = command.args(["up"]).env("DEVENV_ALLOW", "project-settings").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(write(".git/config").code, Some(0));
}

#[test]
fn what_a_local_file_allows_is_confirmed_once_in_a_terminal() {
    let checkout = Checkout::new(
        "project: PROJECT\ncompose: [extra.yaml]\nmodules:\n  api: {path: api, image: base, run: sleep infinity}\n",
    );
    checkout.write("api/.keep", "");
    checkout.write("extra.yaml", "services: {api: {cap_add: [SYS_TIME]}}\n");
    checkout.write("devenv.local.yaml", "allow: [privileged]\n");
    refused(&checkout).says("allows something that has not been confirmed").says("set DEVENV_ALLOW=privileged");
    let terminal = Terminal::new(&checkout, &["up"]);
    terminal.shows("devenv.local.yaml allows: privileged.");
    terminal.types("n\r");
    terminal.ends(2);
    let terminal = Terminal::new(&checkout, &["up"]);
    terminal.shows("Did you write it, and is it meant?");
    terminal.types("y\r");
    terminal.shows("up in");
    terminal.ends(0);
    checkout.ok(&["up"]).says("nothing to do");
    // Another content is another question.
    checkout.write("devenv.local.yaml", "allow: [privileged, host-network]\n");
    checkout.devenv(&["up", "--yes"]).code(2).says("service `api` has the capability SYS_TIME");
    // What runs is ended all the same.
    checkout.ok(&["stop"]);
    checkout.ok(&["down"]);
    assert_eq!(checkout.containers().len(), 0);
}
