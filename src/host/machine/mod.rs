//! Facts about this machine, each one outside call; all at once, each with a deadline. What they mean: `plan::doctor`.

use std::env;
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::amounts;
use crate::host::docker::endpoint;
use crate::host::machine::os_release::system;
use crate::host::machine::programs::{DEADLINE, output, program};
use crate::host::process::Cmd;
use crate::plan::machine::{
    AppArmor, Daemon, DaemonConfig, EngineState, Init, Inotify, MachineFacts, Means, Overlay, Programs, Rank, Sudo,
    Tool, User, Version,
};

mod apt;
mod engine;
pub mod hadolint;
pub mod os_release;
pub mod programs;

/// Collects what devenv must know of this machine. Takes as long as the slowest answer, at most five seconds.
pub async fn facts() -> MachineFacts {
    let ((engine, root), docker, compose, buildx) = tokio::join!(engine::look(), docker(), compose(), buildx());
    MachineFacts {
        system: system(),
        user: user(),
        programs: programs(),
        docker,
        compose,
        buildx,
        engine,
        disk_free: root.and_then(|root| free(&root)),
        inotify: inotify(),
    }
}

/// Collects what could be used to repair this machine; asks apt, which can take seconds.
pub async fn means() -> Means {
    let (sudo, apt) = tokio::join!(sudo(), apt::look());
    let config = endpoint::config_dir();
    Means {
        sudo,
        apt,
        init: if Path::new("/run/systemd/system").is_dir() { Init::Systemd } else { Init::Scripts },
        daemon: if running("dockerd") { Daemon::Runs } else { Daemon::Absent },
        overlay: overlay(),
        apparmor: apparmor(),
        daemon_config: daemon_config(Path::new("/etc/docker/daemon.json")),
        plugins: config.join("cli-plugins"),
        scratch: config.join("devenv-scratch"),
    }
}

/// Asks the engine for its version, once.
pub async fn engine() -> EngineState {
    engine::look().await.0
}

/// Asks for the version of docker's command line.
pub async fn docker() -> Tool {
    tool(&Cmd::new("docker", ["--version"]), |text| {
        text.split_whitespace().nth(2).map(|word| word.trim_end_matches(','))
    })
    .await
}

/// Asks for the version of `docker compose`.
pub async fn compose() -> Tool {
    tool(&Cmd::new("docker", ["compose", "version"]), |text| text.split_whitespace().last()).await
}

/// Asks for the version of `docker buildx`.
pub async fn buildx() -> Tool {
    tool(&Cmd::new("docker", ["buildx", "version"]), |text| text.split_whitespace().nth(1)).await
}

/// Whether a process of this name runs, as far as we can see.
#[must_use]
pub fn running(name: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok()).any(|comm| comm.trim_end() == name)
}

/// Who runs devenv.
#[must_use]
pub fn user() -> User {
    let id = rustix::process::getuid();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let from_file = name_of(&users, id.as_raw());
    let name = from_file.or_else(|| env::var("USER").ok()).unwrap_or_else(|| id.as_raw().to_string());
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let in_docker_group = is_member(&groups, "docker", &name);
    User { name, rank: if id.is_root() { Rank::Root } else { Rank::Normal }, in_docker_group }
}

async fn tool(cmd: &Cmd, version: impl Fn(&str) -> Option<&str>) -> Tool {
    if program(&cmd.program).is_none() {
        return Tool::Absent;
    }
    // Its older versions ask the engine before they say their own version, and wait for the answer.
    let Some(output) = output(&cmd.clone().env("DOCKER_HOST", "unix:///dev/null")).await else {
        return Tool::Broken(format!("`{cmd}` does not end within {}", amounts::limit(DEADLINE)));
    };
    if !output.status.success() {
        let said = output.stderr.lines().find(|line| !line.is_empty()).unwrap_or_default();
        let unknown = said.contains("unknown command") || said.contains("is not a docker command");
        return if unknown { Tool::Absent } else { Tool::Broken(said.to_owned()) };
    }
    version(&output.stdout)
        .and_then(Version::new)
        .map_or_else(|| Tool::Broken(output.stdout.trim().to_owned()), Tool::Works)
}

fn programs() -> Programs {
    Programs {
        apt_get: program("apt-get"),
        dockerd: program("dockerd"),
        compose_1: program("docker-compose").filter(|path| is_script(path)),
        fuse_overlayfs: program("fuse-overlayfs"),
        git: program("git"),
        mmdebstrap: program("mmdebstrap"),
        newuidmap: program("newuidmap"),
        tmux: program("tmux"),
    }
}

/// Compose 1 is a script, compose 2 is not.
fn is_script(path: &Path) -> bool {
    let mut begin = [0; 2];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == *b"#!"
}

fn free(root: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(root).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn inotify() -> Option<Inotify> {
    let limit = |name| fs::read_to_string(Path::new("/proc/sys/fs/inotify").join(name)).ok()?.trim().parse().ok();
    Some(Inotify { watches: limit("max_user_watches")?, instances: limit("max_user_instances")? })
}

async fn sudo() -> Sudo {
    if program("sudo").is_none() {
        return Sudo::Absent;
    }
    match output(&Cmd::new("sudo", ["-n", "true"])).await {
        Some(output) if output.status.success() => Sudo::Free,
        _ => Sudo::Asks,
    }
}

fn overlay() -> Overlay {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let known = known.lines().any(|line| line.ends_with("\toverlay"));
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let root_is_overlay = mounts.lines().any(|line| line.split(' ').skip(1).take(2).eq(["/", "overlay"]));
    if known && !root_is_overlay { Overlay::Mountable } else { Overlay::Doubtful }
}

fn apparmor() -> AppArmor {
    let enabled = fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with('Y'));
    if enabled && program("apparmor_parser").is_none() { AppArmor::LacksParser } else { AppArmor::Fine }
}

fn daemon_config(path: &Path) -> DaemonConfig {
    let Ok(text) = fs::read_to_string(path) else { return DaemonConfig::Absent };
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    DaemonConfig::Present(value.get("storage-driver").and_then(|driver| driver.as_str()).unwrap_or_default().to_owned())
}

fn name_of(passwd: &str, id: u32) -> Option<String> {
    let id = id.to_string();
    let mut users = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    users.find(|fields| fields.get(2) == Some(&id.as_str())).map(|fields| fields[0].to_owned())
}

fn is_member(groups: &str, group: &str, user: &str) -> bool {
    let mut groups = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let members = groups.find(|fields| fields.first() == Some(&group)).and_then(|fields| fields.get(3).copied());
    members.is_some_and(|members| members.split(',').any(|member| member == user))
}

/// This machine's name and kernel, in the words of the kernel.
#[must_use]
pub fn name_and_kernel() -> [String; 2] {
    let names = rustix::system::uname();
    [names.nodename(), names.release()].map(|text| text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine::os_release::release;
    use crate::plan::machine::Release;

    #[test]
    fn os_release_is_read_as_a_shell_would() {
        let text = "PRETTY_NAME=\"Linux Mint 22\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID='22'\n# x\n";
        assert_eq!(
            release(text),
            Release {
                id: "linuxmint".to_owned(),
                like: vec!["ubuntu".to_owned(), "debian".to_owned()],
                version: "22".to_owned(),
                codename: String::new(),
                name: "Linux Mint 22".to_owned(),
            }
        );
    }

    #[test]
    fn the_user_database_knows_names_and_groups() {
        assert_eq!(
            name_of("root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/:/bin/sh\n", 1000),
            Some("ann".to_owned())
        );
        assert!(is_member("docker:x:103:ann,bob\n", "docker", "bob"));
        assert!(!is_member("docker:x:103:\nadm:x:4:bob\n", "docker", "bob"));
    }
}
