use super::*;
use crate::plan::machine::samples::{Sample, fedora, ready, works};
use crate::plan::machine::{Inotify, Sudo, Transport};

/// The rows that are not as they should be.
fn not_ok(sample: &Sample) -> String {
    let findings: Vec<_> =
        findings(&sample.facts).into_iter().filter(|finding| finding.state != FindingState::Ok).collect();
    table(&findings)
}

/// A machine that is ready but for one fact.
fn but(change: impl FnOnce(&mut MachineFacts)) -> Sample {
    let mut sample = ready();
    change(&mut sample.facts);
    sample
}

#[test]
fn a_ready_machine_shows_what_it_has() {
    let all = findings(&ready().facts);
    assert_eq!(
        table(&all),
        "\
ok       system      Debian GNU/Linux 13 (trixie), user root
ok       docker      26.1.5+dfsg1
ok       engine      26.1.5+dfsg1 (API 1.45, overlay2) at unix:///var/run/docker.sock (default)
ok       compose     2.26.1-4
ok       buildx      0.13.1+ds1
ok       git         installed
ok       tmux        installed
ok       mmdebstrap  installed
ok       disk        80.0 GiB free for images
ok       inotify     192536 watches, 128 instances
"
    );
    assert!(missing(&all).is_none());
}

#[test]
fn a_bare_machine_with_apt_can_be_mended_by_us() {
    assert_eq!(
        not_ok(&ready().bare()),
        "\
missing  docker      the docker command line is not installed
                     hint: `devenv doctor --fix` installs it
missing  engine      not running: there is no socket unix:///var/run/docker.sock (default)
                     hint: `devenv doctor --fix` installs it
missing  compose     `docker compose` is not installed, devenv needs 2.20 or newer
                     hint: `devenv doctor --fix` installs it
warning  buildx      `docker buildx` is not installed: builds with secrets need it
                     hint: `devenv doctor --fix` installs it
warning  git         not installed: git decides which files are ignored
                     hint: `devenv doctor --fix` installs it
warning  tmux        not installed: `devenv attach` needs it
                     hint: `devenv doctor --fix` installs it
warning  mmdebstrap  not installed: builds the root image if no registry can be reached
                     hint: `devenv doctor --fix` installs it
"
    );
}

#[test]
fn a_machine_without_apt_gets_the_makers_instructions() {
    assert_eq!(
        not_ok(&ready().without_apt(fedora()).bare()),
        "\
missing  docker      the docker command line is not installed
                     hint: install Docker Engine: https://docs.docker.com/engine/install/
missing  engine      not running: there is no socket unix:///var/run/docker.sock (default)
                     hint: install Docker Engine: https://docs.docker.com/engine/install/
missing  compose     `docker compose` is not installed, devenv needs 2.20 or newer
                     hint: install the plugin docker-compose: https://docs.docker.com/engine/install/
warning  buildx      `docker buildx` is not installed: builds with secrets need it
                     hint: install the plugin docker-buildx: https://docs.docker.com/engine/install/
warning  git         not installed: git decides which files are ignored
                     hint: install the package git
warning  tmux        not installed: `devenv attach` needs it
                     hint: install the package tmux
warning  mmdebstrap  not installed: builds the root image if no registry can be reached
                     hint: install the package mmdebstrap
"
    );
    let mut mac = ready().without_apt(System::Macos).silent(Silence::NoSocket);
    mac.facts.inotify = None;
    assert_eq!(
        not_ok(&mac),
        "\
missing  engine  not running: there is no socket unix:///var/run/docker.sock (default)
                 hint: start Docker Desktop, or install it: https://docs.docker.com/desktop/setup/install/mac-install/
"
    );
}

#[test]
fn a_repair_is_promised_only_of_what_is_repaired() {
    let promised = |sample: &Sample| is_repairable(&sample.facts, &findings(&sample.facts));
    assert!(promised(&ready().silent(Silence::NoSocket)) && promised(&ready().silent(Silence::Denied)));
    // It runs, and nobody but its owner may end it.
    assert!(!promised(&ready().silent(Silence::Hangs(5))));
    let mut chosen = ready().silent(Silence::Refused);
    if let EngineState::Silent { endpoint, .. } = &mut chosen.facts.engine {
        endpoint.origin = EndpointOrigin::HostVariable;
    }
    assert!(!promised(&chosen));
}

#[test]
fn an_engine_that_does_not_answer_is_told_by_its_silence() {
    let by_ann = |silence| ready().by_ann(Sudo::Asks).silent(silence);
    let mut member = by_ann(Silence::Denied);
    member.facts.user.in_docker_group = true;
    for (sample, wanted) in [
        (
            by_ann(Silence::Refused),
            "\
missing  engine  not running: nothing listens at unix:///var/run/docker.sock (default)
                 hint: `devenv doctor --fix` starts it
",
        ),
        (
            by_ann(Silence::Denied),
            "\
missing  engine  user ann may not open unix:///var/run/docker.sock (default)
                 hint: `sudo usermod -aG docker ann`, then log in again (members of that group can become root)
",
        ),
        (
            member,
            "\
missing  engine  user ann may not open unix:///var/run/docker.sock (default)
                 hint: log in again: ann is in group `docker`, but this session started before that; until then `devenv up` continues in a new one, and `newgrp docker` starts one
",
        ),
        (
            by_ann(Silence::Hangs(5)),
            "\
missing  engine  unix:///var/run/docker.sock (default) does not answer within 5 s
                 hint: check its log, then restart it
",
        ),
    ] {
        assert_eq!(not_ok(&sample), wanted);
    }
}

#[test]
fn an_engine_that_somebody_chose_is_not_ours_to_start() {
    let silent = |url: &str, origin, transport, silence| {
        but(|facts| {
            let endpoint = Endpoint { url: url.to_owned(), origin, transport };
            facts.engine = EngineState::Silent { endpoint, silence };
        })
    };
    let unknown = |origin| {
        but(|facts| {
            let known = ["default", "desktop"].map(str::to_owned).to_vec();
            facts.engine = EngineState::Nowhere(NoEndpoint::UnknownContext { origin, known });
        })
    };
    let lab = || "lab".to_owned();
    for (sample, wanted) in [
        (
            silent("tcp://127.0.0.1:1", EndpointOrigin::HostVariable, Transport::Plain, Silence::Refused),
            "\
missing  engine  not running: nothing listens at tcp://127.0.0.1:1 (from DOCKER_HOST)
                 hint: start that engine, or unset DOCKER_HOST
",
        ),
        (
            silent("unix:///run/lab.sock", EndpointOrigin::CurrentContext(lab()), Transport::Plain, Silence::NoSocket),
            "\
missing  engine  not running: there is no socket unix:///run/lab.sock (current context `lab`)
                 hint: start that engine, or choose another: `docker context use default`
",
        ),
        (
            silent("tcp://lab:2376", EndpointOrigin::ContextVariable(lab()), Transport::Tls, Silence::Unsupported),
            "\
missing  engine  devenv can talk to unix:// and plain tcp:// only, not to tcp://lab:2376 (context `lab` from DOCKER_CONTEXT)
                 hint: choose an engine of this machine, or unset DOCKER_CONTEXT
",
        ),
        (
            unknown(EndpointOrigin::ContextVariable(lab())),
            "\
missing  engine  context `lab` from DOCKER_CONTEXT does not exist; there are: default, desktop
                 hint: unset DOCKER_CONTEXT, or set it to a context that exists
",
        ),
        (
            unknown(EndpointOrigin::CurrentContext(lab())),
            "\
missing  engine  current context `lab` does not exist; there are: default, desktop
                 hint: choose one that exists: `docker context use default`
",
        ),
    ] {
        assert_eq!(not_ok(&sample), wanted);
    }
}

#[test]
fn what_is_too_old_too_small_or_too_slow_is_said() {
    let old = but(|facts| {
        facts.compose = works("2.17.3");
        facts.buildx = Tool::Broken("exec format error".to_owned());
        facts.programs.compose_1 = Some("/usr/bin/docker-compose".into());
        facts.disk_free = Some(3 << 29);
        facts.inotify = Some(Inotify { watches: 8192, instances: 128 });
        if let EngineState::Answers { version, api, driver, .. } = &mut facts.engine {
            (*version, *api, *driver) = (Version::new("19.03.15").unwrap(), "1.40".to_owned(), "vfs".to_owned());
        }
    });
    assert_eq!(
        table(&findings(&old.facts)),
        "\
ok       system      Debian GNU/Linux 13 (trixie), user root
ok       docker      26.1.5+dfsg1
missing  engine      19.03.15 (API 1.40, vfs) at unix:///var/run/docker.sock (default)
                     hint: update Docker Engine to 20.10 or newer: https://docs.docker.com/engine/install/
missing  compose     2.17.3 is too old, devenv needs 2.20 or newer
                     hint: `devenv doctor --fix` installs it
warning  buildx      exec format error
                     hint: try `docker buildx version`
ok       git         installed
ok       tmux        installed
ok       mmdebstrap  installed
warning  storage     driver vfs copies whole images: slow, and it fills the disk
                     hint: install fuse-overlayfs, set `\"storage-driver\": \"fuse-overlayfs\"` in \
/etc/docker/daemon.json, and restart the engine (images must be rebuilt)
warning  disk        1.5 GiB free for images
                     hint: find what to remove: `docker system df`
warning  inotify     8192 watches, 128 instances
                     hint: `sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`
ok       compose 1   /usr/bin/docker-compose is installed too, but never used
"
    );
}

#[test]
fn the_error_names_all_that_is_required_and_each_hint_once() {
    let error = missing(&findings(&ready().bare().facts)).unwrap();
    assert_eq!(error.kind.exit_code(), 3);
    assert_eq!(
        error.to_string(),
        "\
docker: the docker command line is not installed
engine: not running: there is no socket unix:///var/run/docker.sock (default)
compose: `docker compose` is not installed, devenv needs 2.20 or newer"
    );
    assert_eq!(error.hints, ["`devenv doctor --fix` installs it"]);
    assert!(missing(&findings(&but(|facts| facts.buildx = Tool::Absent).facts)).is_none());
}

#[test]
fn a_finding_has_a_documented_shape_as_json() {
    let sample = but(|facts| facts.buildx = Tool::Absent);
    let rows: Vec<_> =
        findings(&sample.facts).into_iter().filter(|row| ["compose", "buildx"].contains(&row.name)).collect();
    assert_eq!(
        serde_json::to_value(rows).unwrap(),
        serde_json::json!([
            {"name": "compose", "need": "required", "state": "ok", "detail": "2.26.1-4"},
            {
                "name": "buildx",
                "need": "recommended",
                "state": "warning",
                "detail": "`docker buildx` is not installed: builds with secrets need it",
                "hint": "`devenv doctor --fix` installs it",
            },
        ])
    );
}
