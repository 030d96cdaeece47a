//! Facts about this machine, each one outside call; all at once, each with a deadline. What they mean: `plan::doctor`.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::host::endpoint::{self, Choice};
use crate::host::process::{self, Cmd, Output};
use crate::plan::machine::{
    AppArmor, Apt, Daemon, DaemonConfig, Endpoint, Engine, Facts, Init, Inotify, Means, Overlay, Programs, Rank,
    Release, Silence, Sudo, System, Tool, Transport, User, Version,
};

/// How long anything may take to answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// Packages whose versions in apt are of interest.
const PACKAGES: [&str; 15] = [
    "apparmor",
    "docker-buildx",
    "docker-buildx-plugin",
    "docker-ce",
    "docker-ce-cli",
    "docker-cli",
    "docker-compose",
    "docker-compose-plugin",
    "docker-compose-v2",
    "docker.io",
    "fuse-overlayfs",
    "git",
    "mmdebstrap",
    "tmux",
    "uidmap",
];

/// Collects what devenv must know of this machine. Takes as long as the slowest answer, at most five seconds.
pub async fn facts() -> Facts {
    let ((engine, root), docker, compose, buildx) = tokio::join!(look_at_engine(), docker(), compose(), buildx());
    Facts {
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

/// Collects what could be used to mend this machine; asks apt, which can take seconds.
pub async fn means() -> Means {
    let (sudo, apt) = tokio::join!(sudo(), apt());
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
pub async fn engine() -> Engine {
    look_at_engine().await.0
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

/// Where a program is, on PATH or where programs of the administrator are.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    let folders = env::join_paths(folders).ok()?;
    which::which_in(name, Some(folders), "/").ok()
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

async fn output(cmd: &Cmd) -> Option<Output> {
    timeout(DEADLINE, process::output(cmd)).await.ok()?.ok()
}

async fn tool(cmd: &Cmd, version: impl Fn(&str) -> Option<&str>) -> Tool {
    if program(&cmd.program).is_none() {
        return Tool::Absent;
    }
    // Its older versions ask the engine before they say their own version, and wait for the answer.
    let Some(output) = output(&cmd.clone().env("DOCKER_HOST", "unix:///dev/null")).await else {
        return Tool::Broken(format!("`{cmd}` does not end within {} s", DEADLINE.as_secs()));
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

/// The engine, and where it keeps its images.
async fn look_at_engine() -> (Engine, Option<PathBuf>) {
    let endpoint = match endpoint::find(&Choice::of_environment()) {
        Ok(endpoint) => endpoint,
        Err(problem) => return (Engine::Nowhere(problem), None),
    };
    match timeout(DEADLINE, ask(&endpoint)).await.unwrap_or(Err(Silence::Hangs(DEADLINE.as_secs()))) {
        Ok((version, api, driver, root)) => (Engine::Answers { endpoint, version, api, driver }, root),
        Err(silence) => (Engine::Silent { endpoint, silence }, None),
    }
}

async fn ask(endpoint: &Endpoint) -> Result<(Version, String, String, Option<PathBuf>), Silence> {
    let failed = |error: bollard::errors::Error| Silence::Failed(error.to_string());
    // One plain connection first: bollard hides why there is none.
    let docker = match (endpoint.url.split_once("://"), endpoint.transport) {
        (Some(("unix", path)), Transport::Plain) => {
            UnixStream::connect(path).await.map_err(|error| silence(&error))?;
            Docker::connect_with_unix(path, DEADLINE.as_secs(), bollard::API_DEFAULT_VERSION)
        }
        (Some(("tcp" | "http", address)), Transport::Plain) => {
            TcpStream::connect(address.trim_end_matches('/')).await.map_err(|error| silence(&error))?;
            Docker::connect_with_http(&endpoint.url, DEADLINE.as_secs(), bollard::API_DEFAULT_VERSION)
        }
        _ => return Err(Silence::Unsupported),
    }
    .map_err(failed)?;
    let (version, info) = tokio::try_join!(docker.version(), docker.info()).map_err(failed)?;
    let text = version.version.unwrap_or_default();
    let number = Version::new(&text).ok_or_else(|| Silence::Failed(format!("`{text}` is no version")))?;
    Ok((
        number,
        version.api_version.unwrap_or_default(),
        info.driver.unwrap_or_default(),
        info.docker_root_dir.map(PathBuf::from),
    ))
}

fn silence(error: &io::Error) -> Silence {
    match error.kind() {
        io::ErrorKind::NotFound => Silence::NoSocket,
        io::ErrorKind::ConnectionRefused => Silence::Refused,
        io::ErrorKind::PermissionDenied => Silence::Denied,
        _ => Silence::Failed(error.to_string()),
    }
}

fn system() -> System {
    match env::consts::OS {
        "linux" => {
            let text = fs::read_to_string("/etc/os-release").or_else(|_| fs::read_to_string("/usr/lib/os-release"));
            let release = release(&text.unwrap_or_default());
            let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().to_lowercase();
            if kernel.contains("microsoft") { System::Wsl(release) } else { System::Linux(release) }
        }
        "macos" => System::Macos,
        other => System::Other(other.to_owned()),
    }
}

/// `os-release(5)`: assignments of the shell.
fn release(text: &str) -> Release {
    let fields: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let field = |name: &str| {
        let raw = fields.get(name).copied().unwrap_or_default();
        shlex::split(raw).unwrap_or_default().join(" ")
    };
    Release {
        id: field("ID"),
        like: field("ID_LIKE").split_whitespace().map(str::to_owned).collect(),
        version: field("VERSION_ID"),
        codename: field("VERSION_CODENAME"),
        name: field("PRETTY_NAME"),
    }
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

async fn apt() -> Option<Apt> {
    program("apt-get")?;
    let codename = match system() {
        System::Linux(release) | System::Wsl(release) => release.codename,
        System::Macos | System::Other(_) => String::new(),
    };
    let format = "$(COMPONENT) $(RELEASE) $(REPO_URI)";
    let policy = Cmd::new("apt-cache", ["policy"]).args(PACKAGES).env("LC_ALL", "C");
    let targets =
        Cmd::new("apt-get", ["indextargets", "--no-release-info", "--format", format, "Created-By: Packages"]);
    let (policy, targets) = tokio::join!(output(&policy), output(&targets));
    let keyring = PathBuf::from("/usr/share/keyrings/debian-archive-keyring.gpg");
    Some(Apt {
        candidates: candidates(&policy.map(|output| output.stdout).unwrap_or_default()),
        mirror: mirror(&targets.map(|output| output.stdout).unwrap_or_default(), &codename),
        keyring: keyring.exists().then_some(keyring),
    })
}

/// What `apt-cache policy` says an archive offers. Before the first `apt-get update` it knows only what is installed:
/// that is no offer, and says nothing about other packages.
fn candidates(policy: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let (mut package, mut candidate) = ("", None);
    for line in policy.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            (package, candidate) = (name, None);
        } else if let Some(version) = line.trim().strip_prefix("Candidate: ") {
            candidate = Some(version).filter(|version| *version != "(none)");
        } else if let Some(version) = candidate.filter(|_| is_archive(line)) {
            found.insert(package.to_owned(), version.to_owned());
        }
    }
    found
}

/// Whether a line of a version table names an archive: priority, place, suite.
fn is_archive(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next().is_some_and(|word| word.parse::<i32>().is_ok()) && words.next().is_some_and(|word| word.contains(":/"))
}

/// The place from which the distribution's own suite comes; other archives use other suites or components.
fn mirror(targets: &str, codename: &str) -> Option<String> {
    let places = targets.lines().filter_map(|line| line.strip_prefix(&format!("main {codename} ")));
    places.filter(|place| place.starts_with("http")).map(|place| place.trim_end_matches('/').to_owned()).next()
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
    fn only_packages_that_can_be_installed_are_candidates() {
        let policy = "\
docker.io:
  Installed: (none)
  Candidate: 20.10.24+dfsg1-1
  Version table:
     20.10.24+dfsg1-1 500
        500 http://deb.example.org/debian bookworm/main amd64 Packages
docker-cli:
  Installed: (none)
  Candidate: (none)
  Version table:
";
        let wanted = [("docker.io".to_owned(), "20.10.24+dfsg1-1".to_owned())];
        assert_eq!(candidates(policy), BTreeMap::from(wanted));
    }

    #[test]
    fn what_is_only_installed_is_no_offer() {
        let policy = "\
git:
  Installed: 1:2.39.5-0+deb12u3
  Candidate: 1:2.39.5-0+deb12u3
  Version table:
 *** 1:2.39.5-0+deb12u3 100
        100 /var/lib/dpkg/status
";
        assert_eq!(candidates(policy), BTreeMap::new());
    }

    #[test]
    fn the_mirror_is_that_of_the_suite_itself() {
        let targets = "\
stable bookworm https://download.example.com/linux/debian/
main bookworm-security http://mirror.example.org/debian-security/
main bookworm copy:/media/cdrom/
main bookworm http://mirror.example.org/debian/
";
        assert_eq!(mirror(targets, "bookworm"), Some("http://mirror.example.org/debian".to_owned()));
        assert_eq!(mirror(targets, "trixie"), None);
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

    #[tokio::test]
    async fn what_a_connection_says_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &Path| Endpoint {
            url: format!("unix://{}", path.display()),
            origin: crate::plan::machine::Origin::HostVariable,
            transport: Transport::Plain,
        };
        assert_eq!(ask(&at(&dir.path().join("none"))).await, Err(Silence::NoSocket));
        let stale = dir.path().join("stale");
        drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
        assert_eq!(ask(&at(&stale)).await, Err(Silence::Refused));
        let far = Endpoint { url: "ssh://far".to_owned(), ..at(&stale) };
        assert_eq!(ask(&far).await, Err(Silence::Unsupported));
        let mute = dir.path().join("mute");
        let _listener = std::os::unix::net::UnixListener::bind(&mute).unwrap();
        assert!(timeout(Duration::from_millis(200), ask(&at(&mute))).await.is_err());
    }
}
