//! The whole suite on the real engine once more, as an ordinary user in the group `docker`: where root runs the tests, a
//! user is made for it. Nothing is done where the tests run as such a user anyway.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is a test, which fails by panicking"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Neither root nor the user `app` of the images: what is made for another is seen.
const USER: &str = "devenv-e2e";
const UID: u32 = 4321;

fn main() -> ExitCode {
    if !rustix::process::geteuid().is_root() {
        eprintln!("the suite runs as an ordinary user already: there is nothing to repeat");
        return ExitCode::SUCCESS;
    }
    let user = User::make();
    let begin = Instant::now();
    let ended = user.suite().args(std::env::args_os().skip(1)).status().unwrap();
    eprintln!("the suite as the user {USER}: {} s", begin.elapsed().as_secs());
    if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The binary of `tests/e2e`, which cargo has just built beside this one.
fn suite() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = fs::read_dir(own.parent().unwrap()).unwrap().flatten().filter(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        name.starts_with("e2e-") && !name.contains('.')
    });
    let newest = built.max_by_key(|file| file.metadata().unwrap().modified().unwrap());
    newest.unwrap_or_else(|| panic!("there is no `e2e` beside {}: `cargo test` builds it", own.display())).path()
}

/// A user, with a folder that is home and holds copies of all that the suite needs: the repository may be where only root
/// gets.
struct User {
    folder: tempfile::TempDir,
}

impl User {
    fn make() -> Self {
        if !run(Command::new("id").arg(USER)) {
            let uid = UID.to_string();
            let made =
                run(Command::new("useradd").args(["--uid", &uid, "--groups", "docker", "--shell", "/bin/sh", USER]));
            assert!(made, "the suite cannot run as an ordinary user: `useradd` cannot make {USER} in the group docker");
        }
        // Packages are unpacked in a user namespace by who is not root, and `doctor --fix` of root needs no such program.
        if !run(Command::new("sh").args(["-c", "command -v newuidmap"])) {
            let install = "apt-get update; apt-get install --yes --no-install-recommends uidmap";
            assert!(run(Command::new("sh").args(["-c", install])), "uidmap cannot be installed");
        }
        let folder = tempfile::Builder::new().prefix("devenv-e2e-user-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["repository", "room", "home"] {
            fs::create_dir(at(name)).unwrap();
        }
        // Docker's command looks for Compose in the home too, where `doctor --fix` may have put it.
        let plugins = docker_config().join("cli-plugins");
        if plugins.is_dir() {
            fs::create_dir(at("home/.docker")).unwrap();
            assert!(run(Command::new("cp").arg("-r").arg(plugins).arg(at("home/.docker"))), "Compose cannot be copied");
        }
        fs::copy(env!("CARGO_BIN_EXE_devenv"), at("devenv")).unwrap();
        fs::copy(suite(), at("suite")).unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR"));
        let needed = ["devenv.example.yaml", "devenv.lock", "examples"].map(|name| from.join(name));
        assert!(
            run(Command::new("cp").arg("-r").args(needed).arg(at("repository"))),
            "the repository cannot be copied"
        );
        assert!(run(Command::new("chown").args(["-R", USER]).arg(folder.path())), "the copies cannot be handed over");
        Self { folder }
    }

    /// The call of the suite's copy as this user, with no folder of root's own.
    fn suite(&self) -> Command {
        let mut call = Command::new("setpriv");
        call.args(["--reuid", USER, "--regid", USER, "--init-groups"]).arg(self.folder.path().join("suite"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("XDG_")) {
            call.env_remove(name);
        }
        call.env_remove("DOCKER_CONFIG");
        call.env("HOME", self.folder.path().join("home")).env("USER", USER).env("LOGNAME", USER);
        call.env("DEVENV_TEST_COPY", self.folder.path()).current_dir(self.folder.path());
        call
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // Downloads are shared by all checkouts of a user, so no test removes them.
        let listed = Command::new("docker")
            .args(["volume", "ls", "--quiet", "--filter", &format!("name=devenv-cache-{UID}-")])
            .output();
        let listed = listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default();
        for volume in listed.lines() {
            run(Command::new("docker").args(["volume", "rm", volume]));
        }
        // What removes the images at the end of the suite still runs as this user for a moment; so may another suite.
        let begin = Instant::now();
        while !run(Command::new("userdel").arg(USER)) && begin.elapsed() < Duration::from_secs(20) {
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

/// Where docker's command keeps what is a user's own.
fn docker_config() -> PathBuf {
    let home = || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".docker");
    std::env::var_os("DOCKER_CONFIG").map_or_else(home, PathBuf::from)
}

fn run(call: &mut Command) -> bool {
    call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|ended| ended.success())
}
