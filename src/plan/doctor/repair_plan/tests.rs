use super::*;
use crate::plan::machine::samples::{Sample, fedora, ready, works};
use crate::plan::machine::{AppArmor, Overlay, Sudo, System};

/// All that would be done for a purpose, as text.
fn repaired(sample: &Sample, purpose: Purpose) -> String {
    fixes(&sample.facts, &sample.means, purpose).to_string()
}

/// The same, with the long part about Debian's pool cut short: one test has all of it.
fn cut(text: &str) -> String {
    let Some((before, rest)) = text.split_once("mkdir -p /home/ann/.docker/devenv-scratch\n") else {
        return text.to_owned();
    };
    let (_, after) = rest.split_once("rm -r /home/ann/.docker/devenv-scratch\n").unwrap();
    format!("{before}…\n{after}")
}

#[test]
fn a_ready_machine_needs_nothing() {
    assert_eq!(fixes(&ready().facts, &ready().means, Purpose::Everything), Fixes::default());
    assert_eq!(fixes(&ready().by_ann(Sudo::Absent).facts, &ready().means, Purpose::Everything), Fixes::default());
}

#[test]
fn debian_12_takes_the_plugins_from_debian_13_for_this_user_only() {
    assert_eq!(
        repaired(&ready().debian_12().without_plugins(), Purpose::Run),
        r#"# Debian GNU/Linux 12 (bookworm) has no such version: take docker-compose, docker-buildx from Debian trixie, for this user only
mkdir -p /home/ann/.docker/devenv-scratch
mkdir -p /home/ann/.docker/devenv-scratch/lists/partial
cat > /home/ann/.docker/devenv-scratch/sources.list <<'END'
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example.org/debian trixie main
END
cat > /home/ann/.docker/devenv-scratch/apt.conf <<'END'
#clear APT::Update;
#clear DPkg::Post-Invoke;
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Languages "none";
Dir::Cache "/home/ann/.docker/devenv-scratch";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::Etc::SourceList "/home/ann/.docker/devenv-scratch/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "/home/ann/.docker/devenv-scratch";
Dir::State::Lists "/home/ann/.docker/devenv-scratch/lists";
Dir::State::Status "/dev/null";
END
apt-get -c /home/ann/.docker/devenv-scratch/apt.conf update
env -C /home/ann/.docker/devenv-scratch apt-get -c /home/ann/.docker/devenv-scratch/apt.conf download docker-compose docker-buildx
env -C /home/ann/.docker/devenv-scratch sh -ec 'for deb in *.deb; do dpkg-deb -x "$deb" .; done'
install -D -m 755 /home/ann/.docker/devenv-scratch/usr/libexec/docker/cli-plugins/docker-compose /home/ann/.docker/cli-plugins/.docker-compose.new
mv -f /home/ann/.docker/cli-plugins/.docker-compose.new /home/ann/.docker/cli-plugins/docker-compose
install -D -m 755 /home/ann/.docker/devenv-scratch/usr/libexec/docker/cli-plugins/docker-buildx /home/ann/.docker/cli-plugins/.docker-buildx.new
mv -f /home/ann/.docker/cli-plugins/.docker-buildx.new /home/ann/.docker/cli-plugins/docker-buildx
rm -r /home/ann/.docker/devenv-scratch
"#
    );
}

#[test]
fn compose_that_is_too_old_is_replaced_alone() {
    let mut sample = ready().debian_12();
    sample.facts.compose = works("2.17.3");
    assert!(repaired(&sample, Purpose::Run).contains("apt.conf download docker-compose\n"));
    let mut sample = ready();
    sample.facts.compose = works("2.17.3");
    assert_eq!(
        repaired(&sample, Purpose::Run),
        "\
# install docker-compose
apt-get update || true
env 'DEBIAN_FRONTEND=noninteractive' apt-get -o 'DPkg::Lock::Timeout=300' install -y --no-install-recommends docker-compose
"
    );
}

#[test]
fn a_bare_debian_12_gets_everything_with_sudo() {
    assert_eq!(
        cut(&repaired(&ready().debian_12().bare().by_ann(Sudo::Free), Purpose::MakeRoot)),
        "\
# install docker.io, mmdebstrap, uidmap
sudo apt-get update || true
sudo env 'DEBIAN_FRONTEND=noninteractive' apt-get -o 'DPkg::Lock::Timeout=300' install -y --no-install-recommends docker.io mmdebstrap uidmap
# Debian GNU/Linux 12 (bookworm) has no such version: take docker-compose, docker-buildx from Debian trixie, for this user only
…
# start Docker Engine
sudo service docker start
# if that does not help:
#   sudo sh -c 'setsid --fork /usr/sbin/dockerd </dev/null >/var/log/dockerd-devenv.log 2>&1'
# if /var/log/dockerd-devenv.log says graphdriver:
#   sudo apt-get update || true
#   sudo env 'DEBIAN_FRONTEND=noninteractive' apt-get -o 'DPkg::Lock::Timeout=300' install -y --no-install-recommends fuse-overlayfs
#   sudo sh -c 'setsid --fork /usr/sbin/dockerd --storage-driver fuse-overlayfs </dev/null >/var/log/dockerd-devenv.log 2>&1'
# let ann use the engine (members of group `docker` can become root)
sudo usermod -aG docker ann
"
    );
}

#[test]
fn a_bare_debian_13_has_all_of_it_in_its_own_apt() {
    let wanted = "\
# install docker-buildx, docker-cli, docker-compose, docker.io, git, mmdebstrap, tmux
apt-get update || true
env 'DEBIAN_FRONTEND=noninteractive' apt-get -o 'DPkg::Lock::Timeout=300' install -y --no-install-recommends docker-buildx docker-cli docker-compose docker.io git mmdebstrap tmux
# start Docker Engine
systemctl start docker
";
    let mut sample = ready().bare().with_systemd();
    assert_eq!(repaired(&sample, Purpose::Everything), wanted);
    // The same before the first `apt-get update`.
    sample.means.apt.as_mut().unwrap().candidates.clear();
    assert_eq!(repaired(&sample, Purpose::Everything), wanted);
}

#[test]
fn a_bare_ubuntu_calls_compose_by_another_name() {
    assert_eq!(
        repaired(&ready().ubuntu().bare().with_systemd().by_ann(Sudo::Asks), Purpose::Run),
        "\
# install docker-buildx, docker-compose-v2, docker.io
sudo apt-get update || true
sudo env 'DEBIAN_FRONTEND=noninteractive' apt-get -o 'DPkg::Lock::Timeout=300' install -y --no-install-recommends docker-buildx docker-compose-v2 docker.io
# start Docker Engine
sudo systemctl start docker
# let ann use the engine (members of group `docker` can become root)
sudo usermod -aG docker ann
"
    );
}

#[test]
fn packages_of_the_makers_go_together() {
    let mut sample = ready().debian_12().bare().with_systemd();
    let candidates = &mut sample.means.apt.as_mut().unwrap().candidates;
    for name in ["docker-ce", "docker-ce-cli", "docker-compose-plugin", "docker-buildx-plugin"] {
        candidates.insert(name.to_owned(), "5:28.1.1-1~debian.12~bookworm".to_owned());
    }
    assert_eq!(
        repaired(&sample, Purpose::Run),
        "\
# install docker-buildx-plugin, docker-ce, docker-ce-cli, docker-compose-plugin
apt-get update || true
env 'DEBIAN_FRONTEND=noninteractive' apt-get -o 'DPkg::Lock::Timeout=300' install -y --no-install-recommends docker-buildx-plugin docker-ce docker-ce-cli docker-compose-plugin
# start Docker Engine
systemctl start docker
"
    );
}

#[test]
fn the_storage_driver_is_installed_where_the_kernels_own_is_doubtful_or_another_is_configured() {
    let with = |overlay, config| {
        let mut sample = ready().bare();
        (sample.means.overlay, sample.means.daemon_config) = (overlay, config);
        repaired(&sample, Purpose::Run).lines().next().unwrap_or_default().contains("fuse-overlayfs")
    };
    assert!(with(Overlay::Doubtful, DaemonConfig::Absent));
    assert!(with(Overlay::Mountable, DaemonConfig::Present("fuse-overlayfs".to_owned())));
    assert!(!with(Overlay::Mountable, DaemonConfig::Absent));
    assert!(!with(Overlay::Doubtful, DaemonConfig::Present(String::new())));
}

#[test]
fn apparmor_gets_its_program_where_the_kernel_asks_for_it() {
    let mut sample = ready().bare();
    sample.means.apparmor = AppArmor::LacksParser;
    let text = repaired(&sample, Purpose::Run);
    assert!(text.starts_with("# install apparmor, docker-buildx, docker-cli, docker-compose, docker.io\n"), "{text}");
}

#[test]
fn without_sudo_an_administrator_is_told_what_to_do() {
    assert_eq!(
        repaired(&ready().debian_12().bare().by_ann(Sudo::Absent), Purpose::Run).lines().last().unwrap_or_default(),
        "# by hand: as root, let ann use the engine (members of group `docker` can become root): usermod -aG docker ann"
    );
    assert_eq!(
        repaired(&ready().silent(Silence::Refused).with_systemd().by_ann(Sudo::Absent), Purpose::Run),
        "\
# by hand: as root, start Docker Engine: systemctl start docker
# by hand: as root, let ann use the engine (members of group `docker` can become root): usermod -aG docker ann
"
    );
}

#[test]
fn a_system_without_apt_is_left_to_a_person() {
    assert_eq!(
        repaired(&ready().without_apt(fedora()).bare(), Purpose::Everything),
        "\
# by hand: install Docker Engine, docker's command line, docker-compose 2.20 or newer, docker-buildx: https://docs.docker.com/engine/install/
# by hand: install mmdebstrap, git, tmux with the system's package manager
"
    );
    assert_eq!(
        repaired(&ready().without_apt(System::Macos).bare(), Purpose::MakeRoot),
        "\
# by hand: install Docker Engine, docker's command line, docker-compose 2.20 or newer, docker-buildx: https://docs.docker.com/desktop/setup/install/mac-install/
"
    );
}

#[test]
fn an_engine_that_is_down_is_started_and_one_that_runs_never_is() {
    let down = ready().wsl().silent(Silence::Refused);
    assert_eq!(
        repaired(&down, Purpose::Run),
        "\
# start Docker Engine
service docker start
# if that does not help:
#   sh -c 'setsid --fork /usr/sbin/dockerd </dev/null >/var/log/dockerd-devenv.log 2>&1'
# if /var/log/dockerd-devenv.log says graphdriver:
#   apt-get update || true
#   env 'DEBIAN_FRONTEND=noninteractive' apt-get -o 'DPkg::Lock::Timeout=300' install -y --no-install-recommends fuse-overlayfs
#   sh -c 'setsid --fork /usr/sbin/dockerd --storage-driver fuse-overlayfs </dev/null >/var/log/dockerd-devenv.log 2>&1'
"
    );
    let mut stray = down.clone();
    stray.means.daemon = Daemon::Runs;
    assert_eq!(
        repaired(&stray, Purpose::Run),
        "# by hand: an engine is running, but does not listen where it should: check its log, then restart it\n"
    );
    assert_eq!(repaired(&ready().silent(Silence::Hangs(5)), Purpose::Run), "");
    let mut chosen = down;
    if let EngineState::Silent { endpoint, .. } = &mut chosen.facts.engine {
        endpoint.origin = EndpointOrigin::HostVariable;
    }
    assert_eq!(repaired(&chosen, Purpose::Run), "");
}

#[test]
fn a_storage_driver_that_is_configured_is_not_set_again() {
    let mut sample = ready().silent(Silence::NoSocket);
    sample.means.daemon_config = DaemonConfig::Present("overlay2".to_owned());
    assert_eq!(
        repaired(&sample, Purpose::Run),
        "\
# start Docker Engine
service docker start
# if that does not help:
#   sh -c 'setsid --fork /usr/sbin/dockerd </dev/null >/var/log/dockerd-devenv.log 2>&1'
"
    );
}

#[test]
fn a_user_joins_the_group_once() {
    let denied = ready().by_ann(Sudo::Free).silent(Silence::Denied);
    let all = fixes(&denied.facts, &denied.means, Purpose::Run);
    assert_eq!(
        all.to_string(),
        "# let ann use the engine (members of group `docker` can become root)\nsudo usermod -aG docker ann\n"
    );
    assert_eq!(effect(&denied.facts.engine, &denied.facts.user), Effect::Now);
    let mut member = denied;
    member.facts.user.in_docker_group = true;
    assert_eq!(repaired(&member, Purpose::Run), "");
    assert_eq!(effect(&member.facts.engine, &member.facts.user), Effect::NextLogin);
}
