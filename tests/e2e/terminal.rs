//! People in containers: `exec`, `shell` and `run` pass codes, terminals and signals on; `logs` ends when its reader does.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

use crate::checkout::{Checkout, end, until};
use crate::watcher::logged;
use crate::{engine, place};

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api: {path: api, image: base, run: \"while echo tick; do sleep 0.1; done\", env: {WORD: here}, paths: {logs: /var/log}}
";

fn project() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/inner/file", "");
    checkout.ok(&["up"]);
    checkout
}

#[test]
fn codes_streams_folder_and_environment_are_those_of_the_module() {
    let checkout = project();
    checkout.devenv(&["exec", "api", "sh", "-c", "exit 7"]).code(7);
    checkout.devenv(&["exec", "api", "--", "sh", "-c", "kill -9 $$"]).code(137);
    checkout.devenv(&["exec", "api", "sh", "-c", "no-such-program"]).code(127);
    checkout.devenv(&["shell", "api", "--", "sh", "-c", "exit 8"]).code(8);
    checkout.devenv(&["run", "api", "sh", "-c", "exit 9"]).code(9);
    let ran = checkout.ok(&["exec", "api", "sh", "-c", "pwd; echo $WORD; echo $HOME; echo err >&2"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("/srv/api\nhere\n/home/app\n", "err\n"));
    assert_eq!(checkout.ok(&["shell", "api:inner", "--", "pwd"]).stdout, "/srv/api/inner\n");
    assert_eq!(checkout.ok(&["shell", "api:logs", "--", "pwd"]).stdout, "/var/log\n");
    checkout.devenv(&["exec", "apo", "true"]).code(2).says("did you mean `api`?");

    // Input goes in as it is.
    let mut command = checkout.command();
    command.args(["exec", "api", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all("ü\n$x\n".as_bytes()).unwrap();
    assert_eq!(end(child, &["exec", "api", "cat"]).code(0).stdout, "ü\n$x\n");

    // A reader that has enough ends the command.
    let container = checkout.container("api");
    let mut child = checkout.begin(&["exec", "api", "sh", "-c", "exec yes 4711"]);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "4711\n");
    end(child, &["exec", "api", "yes"]).code(0);
    assert!(!engine::docker(&["top", &container]).contains("yes 4711"));

    // Who only goes into what runs needs no configuration that can be used.
    let good = checkout.read("devenv.yaml");
    checkout.write("devenv.yaml", "project: [");
    assert_eq!(checkout.ok(&["exec", "api", "echo", "in"]).stdout, "in\n");
    checkout.devenv(&["exec", "apo", "true"]).code(2);
    checkout.write("devenv.yaml", &good);

    // `run` leaves nothing.
    assert_eq!(checkout.containers().len(), 1);
    checkout.ok(&["stop"]);
    checkout.devenv(&["exec", "api", "true"]).code(1).says("`api` does not run").says("devenv up api");
    assert_eq!(checkout.ok(&["run", "api", "echo", "still"]).stdout, "still\n");
}

#[test]
fn an_interrupted_command_leaves_no_process_in_the_container() {
    let checkout = project();
    let container = checkout.container("api");
    let count = |seconds: &str| {
        let find = format!("grep -lz '^{seconds}$' /proc/[0-9]*/cmdline 2>/dev/null | wc -l");
        engine::docker(&["exec", &container, "sh", "-c", &find])
    };
    for (signal, seconds) in [(Signal::INT, "3451"), (Signal::TERM, "3452"), (Signal::HUP, "3453")] {
        let line = format!("setsid sleep {seconds} & sleep {seconds}");
        let child = checkout.begin(&["exec", "api", "sh", "-c", &line]);
        until("both run", || (count(seconds) == "2").then_some(()));
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert!(end(child, &["exec"]).code.is_some_and(|code| code > 128));
        assert_eq!(count(seconds), "0", "after {signal:?}");
    }
}

#[test]
fn what_a_step_that_is_cut_short_had_begun_is_cleaned_up_before_the_next_one() {
    let checkout = Checkout::new(
        "\
project: PROJECT
mirror: bind
modules:
  api:
    path: api
    image: base
    run: sleep infinity
    test: 'test ! -e /tmp/database; touch /tmp/database; sleep $$(cat seconds); rm /tmp/database'
    cleanup: rm /tmp/database
    watch: {on_change: [test]}
",
    );
    checkout.write("api/seconds", "300\n");
    checkout.ok(&["up"]);
    let begun =
        || engine::output(&["exec", &checkout.container("api"), "test", "-e", "/tmp/database"]).status.success();
    for signal in [Signal::INT, Signal::TERM] {
        let child = checkout.begin(&["test", "api"]);
        until("the test has begun", || begun().then_some(()));
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert!(end(child, &["test"]).code.is_some_and(|code| code > 128));
        assert!(!begun(), "after {signal:?}");
    }
    checkout.write("api/seconds", "301\n");
    until("the watcher's test has begun", || begun().then_some(()));
    let text = logged(&checkout, "api test ok", || checkout.write("api/seconds", "0\n"));
    assert!(text.contains("api test cancelled"), "{text}");
}

#[test]
fn logs_end_quietly_when_their_reader_does() {
    let checkout = project();
    let mut child = checkout.begin(&["logs", "-f", "api"]);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.ends_with("tick\n"), "{line}");
    let ran = end(child, &["logs", "-f", "api"]);
    assert!(matches!(ran.code, Some(0 | 141)), "{:?}", ran.code);
    assert_eq!(ran.stderr, "");
    assert_eq!(checkout.ok(&["logs", "--tail", "2", "api"]).stdout.lines().count(), 2);
}

#[test]
fn logs_go_on_when_a_part_is_restarted_and_made_anew() {
    let checkout = Checkout::new(
        "project: PROJECT
modules:
  api: {path: ., image: base, run: 'echo \"begun $$WORD\"; sleep infinity', env: {WORD: one}}
  other: {path: ., image: base, run: 'sleep 1; echo later; sleep infinity'}
",
    );
    checkout.ok(&["up"]);
    let mut child = checkout.begin(&["logs", "-f", "api"]);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for line in lines.filter(|line| !line.starts_with("devenv-run: ")) {
            let _ = sender.send(line);
        }
    });
    let next = || receiver.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(next(), "begun one");
    checkout.ok(&["restart", "api"]);
    assert_eq!(next(), "begun one");
    checkout.replace("devenv.yaml", "WORD: one", "WORD: two");
    checkout.ok(&["up"]);
    assert_eq!(next(), "begun two");
    child.kill().unwrap();
    child.wait().unwrap();
    // Without -f, what several have printed comes in chronological order.
    until("both have printed", || checkout.ok(&["logs"]).stdout.contains("later").then_some(()));
    checkout.ok(&["restart", "other"]);
    until("the other has printed again", || {
        (checkout.ok(&["logs", "-t"]).stdout.matches("later").count() == 2).then_some(())
    });
    let all = checkout.ok(&["logs", "-t"]).stdout;
    let times: Vec<&str> = all.lines().map(|line| line.split_whitespace().nth(2).unwrap()).collect();
    assert!(times.is_sorted() && times.len() >= 3, "{all}");
}

/// A program on a terminal of its own.
pub(crate) struct Terminal {
    controller: OwnedFd,
    child: Child,
    shown: Arc<Mutex<String>>,
}

impl Terminal {
    pub(crate) fn new(checkout: &Checkout, args: &[&str]) -> Self {
        Self::of(checkout.calling("setsid"), args)
    }

    /// The same with an environment of its own, that of a call of `setsid`.
    pub(crate) fn of(mut command: Command, args: &[&str]) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let side = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        command.args(["--ctty", "--wait"]).arg(place::program()).args(args).env("TERM", "xterm");
        let copy = || Stdio::from(side.try_clone().unwrap());
        let child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut from, into) = (File::from(controller.try_clone().unwrap()), Arc::clone(&shown));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                into.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Self { controller, child, shown }
    }

    pub(crate) fn types(&self, text: &str) {
        File::from(self.controller.try_clone().unwrap()).write_all(text.as_bytes()).unwrap();
    }

    /// Kills the program, and nothing that it has started.
    pub(crate) fn kills(&self) {
        let below = format!("/proc/{0}/task/{0}/children", self.child.id());
        let program = until("the program runs", || fs::read_to_string(&below).unwrap().trim().parse().ok());
        kill_process(Pid::from_raw(program).unwrap(), Signal::KILL).unwrap();
    }

    /// How the terminal treats keys and output.
    pub(crate) fn modes(&self) -> String {
        format!("{:?}", tcgetattr(self.controller.as_fd()).unwrap())
    }

    fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(self.controller.as_fd(), size).unwrap();
    }

    /// Waits until a text is shown, and forgets what came before it.
    pub(crate) fn shows(&self, text: &str) {
        let begin = Instant::now();
        loop {
            let mut shown = self.shown.lock().unwrap();
            if let Some(at) = shown.find(text) {
                shown.drain(..at + text.len());
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "no `{text}` in {shown:?}");
            drop(shown);
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    pub(crate) fn ends(mut self, code: i32) {
        let status = until("the program ends", || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(code), "{}", self.shown.lock().unwrap());
    }
}

impl Terminal {
    /// Waits for its end, whatever its code.
    pub(crate) fn ends_somehow(mut self) {
        until("the program ends", || self.child.try_wait().unwrap());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_shell_has_a_real_terminal() {
    let checkout = project();
    let terminal = Terminal::new(&checkout, &["shell", "api"]);
    terminal.types("echo \"path-$PATH-\"\r");
    let path = checkout.ok(&["exec", "api", "printenv", "PATH"]).stdout;
    terminal.shows(&format!("path-{}-", path.trim()));
    terminal.types("tty; echo \"in-$PWD-$WORD-$(id -u)-\"\r");
    terminal.shows("/dev/pts/");
    let uid = fs::metadata(checkout.root()).unwrap().uid();
    terminal.shows(&format!("in-/srv/api-here-{uid}-"));
    terminal.resize(33, 111);
    // The new size reaches the container a moment later.
    terminal.types("until [ \"$(stty size)\" = '33 111' ]; do :; done; echo size-$((1+1))\r");
    terminal.shows("size-2");
    terminal.types("sleep 1000\r");
    terminal.shows("sleep 1000");
    until("the container sleeps", || {
        engine::docker(&["top", &checkout.container("api")]).contains("sleep 1000").then_some(())
    });
    terminal.types("\x03");
    terminal.types("echo code-$?\r");
    terminal.shows("code-130");
    terminal.types("exit 5\r");
    terminal.ends(5);
    assert!(!engine::docker(&["top", &checkout.container("api")]).contains("bash"), "a shell was left behind");
}

#[test]
fn a_one_off_has_a_real_terminal_and_is_removed() {
    let checkout = project();
    let terminal = Terminal::new(
        &checkout,
        &["run", "api", "sh", "-c", "stty size > /dev/null && echo ready && read word && echo got-$word; exit 6"],
    );
    terminal.shows("ready");
    terminal.types("tea\r");
    terminal.shows("got-tea");
    terminal.ends(6);
    assert_eq!(checkout.containers().len(), 1);
}

#[test]
fn a_one_off_that_is_used_is_nothing_that_was_left_over() {
    let checkout = project();
    let mut used = checkout.begin(&["run", "api", "sh", "-c", "echo ready; sleep 300"]);
    let mut line = String::new();
    BufReader::new(used.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let one_offs = || {
        let all = engine::lines(&["ps", "-aq", "--filter", &checkout.label(), "--filter", "label=devenv.one-off"]);
        all.into_iter().filter(|line| !line.is_empty()).count()
    };
    assert_eq!(one_offs(), 1);
    checkout.ok(&["up"]).says("nothing to do");
    assert_eq!(one_offs(), 1);
    used.kill().unwrap();
    used.wait().unwrap();
    checkout.ok(&["up"]).says("remove api: left over by a command that was killed");
    assert_eq!(one_offs(), 0);
}

#[test]
fn up_in_a_terminal_asks_before_it_deletes() {
    let checkout = Checkout::new("project: PROJECT\nservices:\n  cache: {preset: redis}\n");
    checkout.ok(&["up"]);
    let terminal = Terminal::new(&checkout, &["up", "--fresh"]);
    terminal.shows("delete this data? [y/N]");
    terminal.types("n\r");
    terminal.ends(2);
    let mut terminal = Terminal::new(&checkout, &["up", "--fresh"]);
    terminal.shows("delete this data? [y/N]");
    terminal.types("\x03");
    let status = until("Ctrl-C takes the question back", || terminal.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(130), "{status}");
    assert_eq!(checkout.volumes().len(), 1);
}
