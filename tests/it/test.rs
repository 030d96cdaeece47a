//! One run of the program in a folder of its own: arguments and files go in; output, errors and exit code are compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use snapbox::data::DataFormat;
use snapbox::{Assert, Data, IntoData, Redactions};

/// A small project that is right.
pub(crate) const GOOD: &str = "\
project: shop
modules:
  api: {path: ., image: base, run: sleep inf, port: 8000}
  worker: {path: ., image: base, run: sleep inf, needs: [api]}
services:
  cache: {preset: redis}
";

/// A run of the program that is being put together. What is not said about output is that there is none.
pub(crate) struct Test {
    folder: tempfile::TempDir,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    stdout: Data,
    stderr: Data,
    user: Option<u32>,
}

impl Test {
    /// An empty project folder, and an engine that is not there.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("devenv-it-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["project", "home", "bin"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        let env = BTreeMap::from([
            ("HOME".to_owned(), path("home")),
            ("XDG_STATE_HOME".to_owned(), path("home/state")),
            ("XDG_DATA_HOME".to_owned(), path("home/data")),
            ("PATH".to_owned(), format!("{}:/usr/bin:/bin", path("bin"))),
            ("DOCKER_HOST".to_owned(), "unix:///nope".to_owned()),
        ]);
        Self { folder, args: Vec::new(), env, stdout: nothing(), stderr: nothing(), user: None }
    }

    /// The same in a folder with [`GOOD`].
    pub(crate) fn good() -> Self {
        Self::new().file("devenv.yaml", GOOD)
    }

    /// Adds a file to the project.
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.project().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Adds a program that comes first on PATH.
    pub(crate) fn program(self, name: &str, script: &str) -> Self {
        let path = self.folder.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Leaves only the added programs on PATH.
    pub(crate) fn only_own_programs(self) -> Self {
        let bin = self.folder.path().join("bin").display().to_string();
        self.env("PATH", bin)
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Takes a variable away.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// Runs it as another user, where this process may; a user who is not root is already one.
    pub(crate) fn by_user(mut self, uid: u32) -> Self {
        for path in ["", "project", "home", "bin"] {
            // Who is not root owns them already.
            let _ = chown(self.folder.path().join(path), Some(uid), Some(uid));
        }
        self.user = Some(uid);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.args.extend(args.map(str::to_owned));
        self
    }

    /// What stdout must be.
    pub(crate) fn stdout(mut self, expected: impl IntoData) -> Self {
        self.stdout = expected.into_data();
        self
    }

    /// What stderr must be.
    pub(crate) fn stderr(mut self, expected: impl IntoData) -> Self {
        self.stderr = expected.into_data();
        self
    }

    /// The project's folder.
    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// A path beside the project.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The call.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.binary());
        command.args(&self.args).env_clear().envs(&self.env).current_dir(self.project()).stdin(Stdio::null());
        if let Some(user) = self.user.filter(|_| rustix::process::geteuid().is_root()) {
            command.uid(user).gid(user);
        }
        command
    }

    /// The program; a copy where another user must be able to reach it.
    fn binary(&self) -> PathBuf {
        let built = PathBuf::from(env!("CARGO_BIN_EXE_devenv"));
        if self.user.is_none() {
            return built;
        }
        let copy = self.folder.path().join("devenv");
        if !copy.exists() {
            // By another process: a child of another test would inherit our descriptor, and a file that is open for
            // writing cannot be executed.
            assert!(Command::new("cp").args([&built, &copy]).status().unwrap().success());
        }
        copy
    }

    /// Runs it and compares everything.
    pub(crate) fn status(self, code: i32) -> Ran {
        let before = self.files();
        let output = self.command().output().unwrap();
        let mut redactions = Redactions::new();
        redactions.insert("[PROJECT]", self.project()).unwrap();
        redactions.insert("[DIR]", self.folder.path().to_owned()).unwrap();
        let assert = Assert::new().action_env("SNAPSHOTS").normalize_paths(false).redact_with(redactions);
        let text = |bytes: Vec<u8>| Data::binary(bytes).coerce_to(DataFormat::Text);
        let shown = String::from_utf8_lossy(&output.stderr).into_owned();
        assert.eq(text(output.stderr), self.stderr.clone());
        assert.eq(text(output.stdout), self.stdout.clone());
        assert_eq!(output.status.code(), Some(code), "exit code; stderr:\n{shown}");
        Ran { test: self, before }
    }

    /// All files of project and home with content and time.
    fn files(&self) -> BTreeMap<PathBuf, (Vec<u8>, u128)> {
        let mut found = BTreeMap::new();
        for folder in ["project", "home"] {
            walk(&self.folder.path().join(folder), &mut found);
        }
        found
    }
}

/// A run that ended as it was to end.
pub(crate) struct Ran {
    test: Test,
    before: BTreeMap<PathBuf, (Vec<u8>, u128)>,
}

impl Ran {
    /// No file was made, changed or touched, neither in the project nor at home.
    pub(crate) fn wrote_nothing(self) -> Self {
        let after = self.test.files();
        let names = |files: &BTreeMap<PathBuf, (Vec<u8>, u128)>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&after), names(&self.before));
        assert!(after == self.before, "a file was changed or touched");
        self
    }

    /// What a file of the project says now.
    pub(crate) fn says(self, path: &str, expected: &str) -> Self {
        assert_eq!(fs::read_to_string(self.test.project().join(path)).unwrap(), expected, "{path}");
        self
    }

    /// The same folder for the next run.
    pub(crate) fn again(self) -> Test {
        Test { args: Vec::new(), stdout: nothing(), stderr: nothing(), ..self.test }
    }
}

fn nothing() -> Data {
    Data::text("")
}

fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, (Vec<u8>, u128)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            found.insert(path.clone(), (Vec::new(), 0));
            walk(&path, found);
        } else if metadata.is_file() {
            let time = metadata.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_nanos();
            found.insert(path.clone(), (fs::read(&path).unwrap(), time));
        }
    }
}
