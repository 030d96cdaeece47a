//! A project in a folder of its own, with a random name, and the program run in it. Dropping the last checkout of a
//! project removes all that it made.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::{engine, place, shared_images};

/// The same root for all tests and for this repository, so that it is made once.
fn lock() -> String {
    let own = place::repository().join("devenv.lock");
    fs::read_to_string(own)
        .unwrap_or_else(|_| "root: !packages {suite: trixie, archive: 20261121T000000Z}\n".to_owned())
}

/// At most two environments at a time: the machine may have two cores only.
struct Turn;

static FREE: (Mutex<u32>, Condvar) = (Mutex::new(2), Condvar::new());

impl Turn {
    fn take() -> Self {
        let free = FREE.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = FREE.1.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *FREE.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREE.1.notify_one();
    }
}

/// One user for all tests of a run: the table that keeps ports and subnets apart is per user.
pub(crate) fn state() -> &'static Path {
    static STATE: OnceLock<PathBuf> = OnceLock::new();
    STATE.get_or_init(|| {
        let state = place::room().join("e2e-state");
        remove_remains(&state);
        engine::remove_folder(&state);
        fs::create_dir_all(state.join("projects")).unwrap();
        state
    })
}

/// Removes what an earlier run could not, because it was killed: its projects stand in files, each with its folder.
fn remove_remains(state: &Path) {
    for note in fs::read_dir(state.join("projects")).into_iter().flatten().flatten() {
        engine::remove_project(&note.file_name().to_string_lossy());
        let folder = fs::read_to_string(note.path()).unwrap_or_default();
        if folder.contains("devenv-e2e-") {
            engine::remove_folder(Path::new(&folder));
        }
    }
}

/// What all checkouts of one project share.
struct World {
    project: String,
    folder: tempfile::TempDir,
    _turn: Turn,
}

impl Drop for World {
    fn drop(&mut self) {
        engine::remove_project(&self.project);
        let _ = fs::remove_file(state().join("projects").join(&self.project));
    }
}

/// A checkout.
#[derive(Clone)]
pub(crate) struct Checkout {
    world: Arc<World>,
    root: PathBuf,
}

impl Checkout {
    /// A project whose module `web` serves a page that says `hello`, at the gateway's root. What follows in `devenv.yaml`
    /// begins with further modules.
    pub(crate) fn page(rest: &str) -> Self {
        let web = "{path: web, image: python, run: python3 -m http.server 8000, port: 8000, route: /}";
        let checkout = Self::new(&format!("project: PROJECT\nmodules:\n  web: {web}\n{rest}"));
        checkout.write("web/index.html", "hello");
        checkout
    }

    /// A project with this `devenv.yaml`, in which `PROJECT` stands for its name.
    pub(crate) fn new(configuration: &str) -> Self {
        engine::must_be_there();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let turn = Turn::take();
        shared_images::must_be_there(&lock(), state());
        let folder = tempfile::Builder::new().prefix("devenv-e2e-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let folder_name = folder.path().file_name().unwrap().to_string_lossy().to_lowercase();
        let random: String = folder_name.chars().rev().filter(char::is_ascii_alphanumeric).take(6).collect();
        let project = format!("e2e{number}{random}");
        fs::write(state().join("projects").join(&project), folder.path().display().to_string()).unwrap();
        let root = folder.path().join("main");
        let checkout = Self { world: Arc::new(World { project, folder, _turn: turn }), root };
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\nexec '{}' \"$@\"\n",
            checkout.beside("calls").display(),
            engine::program().display()
        );
        checkout.write("../bin/docker", &script);
        fs::set_permissions(checkout.beside("bin/docker"), fs::Permissions::from_mode(0o755)).unwrap();
        checkout.write("devenv.yaml", &configuration.replace("PROJECT", &checkout.world.project));
        checkout.write("devenv.lock", &lock());
        checkout
    }

    /// The same, where the image of the tool box is there too.
    pub(crate) fn with_tools(configuration: &str) -> Self {
        let checkout = Self::new(configuration);
        shared_images::tools_must_be_there(&lock(), state());
        checkout
    }

    /// Another folder of the same project, which the caller fills.
    pub(crate) fn sibling(&self, name: &str) -> Self {
        Self { world: Arc::clone(&self.world), root: self.beside(name) }
    }

    /// A copy of the files that are committed.
    pub(crate) fn clone_to(&self, name: &str) -> Self {
        let sibling = self.sibling(name);
        shell(&format!("cp -r '{0}' '{1}' && rm -rf '{1}/.devenv'", self.root.display(), sibling.root.display()));
        sibling
    }

    /// The random name of the project.
    pub(crate) fn project(&self) -> &str {
        &self.world.project
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path beside the checkouts.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.world.folder.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(&self.root).unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Replaces a text in a file, which must be there.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let before = self.read(path);
        assert!(before.contains(from), "no `{from}` in {path}");
        self.write(path, &before.replace(from, to));
    }

    /// The checkout's id.
    pub(crate) fn id(&self) -> String {
        let text = self.read(".devenv/id");
        let json = text.lines().find(|line| line.starts_with('{')).unwrap();
        serde_json::from_str::<serde_json::Value>(json).unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Gives it authorities of its own, which no other test uses; returns their folder.
    pub(crate) fn own_authorities(&self) -> PathBuf {
        let data = self.beside("data");
        fs::create_dir(&data).unwrap();
        data.join("devenv")
    }

    /// The program's call, without arguments.
    pub(crate) fn command(&self) -> Command {
        self.calling(place::program())
    }

    /// The call of a program that starts devenv in its turn: same folder, same environment.
    pub(crate) fn calling(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [self.beside("bin")].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(path).unwrap()).env("XDG_STATE_HOME", state()).env(
            "XDG_DATA_HOME",
            Some(self.beside("data")).filter(|own| own.is_dir()).unwrap_or_else(|| state().to_owned()),
        );
        command.env_remove("CI").env_remove("NO_COLOR").current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// Begins a run.
    pub(crate) fn begin(&self, args: &[&str]) -> Child {
        self.command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs the program to its end.
    pub(crate) fn devenv(&self, args: &[&str]) -> Ran {
        end(self.begin(args), args)
    }

    /// Runs it and must be content.
    pub(crate) fn ok(&self, args: &[&str]) -> Ran {
        self.devenv(args).code(0)
    }

    /// The calls of docker's command since the last time that this was asked.
    pub(crate) fn docker_calls(&self) -> Vec<String> {
        let log = self.beside("calls");
        let calls = fs::read_to_string(&log).unwrap_or_default().lines().map(str::to_owned).collect();
        let _ = fs::remove_file(log);
        calls
    }

    /// The label that all of this checkout has.
    pub(crate) fn label(&self) -> String {
        format!("label=devenv.checkout={}", self.id())
    }

    /// Its containers: part → id.
    pub(crate) fn containers(&self) -> BTreeMap<String, String> {
        let format = "{{.Label \"devenv.part\"}} {{.ID}}";
        let lines = engine::lines(&["ps", "--all", "--no-trunc", "--filter", &self.label(), "--format", format]);
        lines.iter().filter_map(|line| line.split_once(' ')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    /// The container of a part.
    pub(crate) fn container(&self, part: &str) -> String {
        self.containers().remove(part).unwrap_or_else(|| panic!("{part} has no container"))
    }

    /// Its networks.
    pub(crate) fn networks(&self) -> Vec<String> {
        engine::lines(&["network", "ls", "--filter", &self.label(), "--format", "{{.ID}}"])
    }

    /// Its volumes.
    pub(crate) fn volumes(&self) -> Vec<String> {
        engine::lines(&["volume", "ls", "--filter", &self.label(), "--format", "{{.Name}}"])
    }

    /// The address of a part.
    pub(crate) fn url(&self, part: &str) -> String {
        self.ok(&["url", part]).stdout.trim().to_owned()
    }

    /// A text with this checkout's names replaced by words.
    pub(crate) fn plain(&self, text: &str) -> String {
        let id = self.read(".devenv/id");
        let id = id.split("\"id\":\"").nth(1).map_or("", |rest| &rest[..6]);
        text.replace(&format!("{}-{id}", self.project()), "ENV").replace(self.project(), "PROJECT")
    }
}

/// How a run ended.
pub(crate) struct Ran {
    args: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Asserts the exit code.
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "devenv {}\n{}{}", self.args, self.stdout, self.stderr);
        self
    }

    /// Asserts that it went well; a failure says where it was.
    pub(crate) fn content(self, at: &str) -> Self {
        assert_eq!(self.code, Some(0), "{at}, then devenv {}\n{}{}", self.args, self.stdout, self.stderr);
        self
    }

    /// Asserts that stderr has a text.
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in the answer to devenv {}:\n{}", self.args, self.stderr);
        self
    }

    /// Asserts that stderr lacks a text.
    pub(crate) fn says_not(self, text: &str) -> Self {
        assert!(!self.stderr.contains(text), "`{text}` in the answer to devenv {}:\n{}", self.args, self.stderr);
        self
    }
}

/// Waits for the end of a run; one that takes too long fails.
pub(crate) fn end(mut child: Child, args: &[&str]) -> Ran {
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > Duration::from_secs(400) {
            child.kill().unwrap();
            let said = stderr.join().unwrap();
            panic!("devenv {} did not end\n{said}", args.join(" "));
        }
        std::thread::park_timeout(Duration::from_millis(10));
    };
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    Ran { args: args.join(" "), code: status.code(), stdout, stderr }
}

/// Asks until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Runs a line of shell, which must be content, and returns what it prints.
pub(crate) fn shell(line: &str) -> String {
    let Output { status, stdout, stderr } = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(status.success(), "{line}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}
