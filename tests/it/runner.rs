//! The runner of `base`, on this machine's own shell: what it does with signals, codes and whatever its command starts.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// A runner, with what it and its command print.
struct Runner {
    child: Child,
    lines: Receiver<String>,
}

/// Starts the runner on a command; `env` as `NAME=value`.
fn run(args: &[&str], env: &[&str]) -> Runner {
    // A shell cannot trap what was ignored when it began, and whoever runs the tests may ignore hang-ups.
    let mut command = Command::new("env");
    // One pipe for both streams: of two, nobody knows which line came first.
    command.args(["--default-signal", "sh", "-c", "exec sh \"$0\" \"$@\" 2>&1"]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("images/base/devenv-run")).args(args);
    command.envs(env.iter().filter_map(|pair| pair.split_once('=')));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let (send, lines) = channel();
    let output = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    Runner { child, lines }
}

impl Runner {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The next line that has `text`.
    fn line(&self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(20)) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("no `{text}` in\n{}", seen.join("\n")),
            }
        }
    }

    /// The number in the next line that begins with `name`.
    fn number(&self, name: &str) -> Pid {
        let line = self.line(&format!("{name} "));
        Pid::from_raw(line.split_once(' ').unwrap().1.trim().parse().unwrap()).unwrap()
    }

    /// The exit code.
    fn code(&mut self) -> i32 {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        panic!("it does not end");
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_secs(3) && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn is_gone(pid: Pid) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(10) {
        if test_kill_process(pid).is_err() {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    false
}

#[test]
fn the_exit_code_is_the_commands_own() {
    assert_eq!(run(&["exit 7"], &[]).code(), 7);
    assert_eq!(run(&["kill -9 $$"], &[]).code(), 137);
    assert_eq!(run(&["true"], &[]).code(), 0);
    assert_eq!(run(&["no-such-program"], &[]).code(), 127);
}

#[test]
fn a_failed_build_is_the_end() {
    let mut runner = run(&["--build", "exit 3", "echo started"], &[]);
    assert_eq!(runner.code(), 3);
    runner.line("the build failed with exit code 3");
}

#[test]
fn a_restart_ends_the_whole_group_and_does_not_build_again() {
    let runner =
        run(&["--build", "echo built", "sleep 1000 & echo child $!; echo leader $$; wait"], &["DEVENV_GRACE=2"]);
    runner.line("built");
    let (child, leader) = (runner.number("child"), runner.number("leader"));
    runner.signal(Signal::USR1);
    runner.line("devenv-run: started again");
    assert!(is_gone(child) && is_gone(leader));
    let (next, _) = (runner.number("child"), runner.number("leader"));
    assert_ne!(next, child);
    let mut runner = runner;
    runner.signal(Signal::TERM);
    assert_eq!(runner.code(), 143);
    assert!(is_gone(next));
    assert!(!runner.lines.iter().any(|line| line == "built"), "it was built twice");
}

#[test]
fn what_ignores_term_is_killed_after_the_grace_period() {
    let runner = run(&["trap '' TERM; echo leader $$; while :; do sleep 1; done"], &["DEVENV_GRACE=1"]);
    let leader = runner.number("leader");
    let begin = Instant::now();
    runner.signal(Signal::USR1);
    runner.line("started again");
    assert!(is_gone(leader));
    assert!((1..8).contains(&begin.elapsed().as_secs()), "it took {:?}", begin.elapsed());
    // A stop leaves the deadline to the engine.
    let leader = runner.number("leader");
    runner.signal(Signal::TERM);
    std::thread::park_timeout(Duration::from_millis(300));
    kill_process(leader, Signal::KILL).unwrap();
}

#[test]
fn an_orphaned_grandchild_does_not_outlive_a_restart() {
    let runner = run(&["(sleep 1000 & echo orphan $!); sleep 1000"], &["DEVENV_GRACE=2"]);
    let orphan = runner.number("orphan");
    runner.signal(Signal::USR1);
    runner.line("started again");
    assert!(is_gone(orphan));
}

#[test]
fn a_restart_while_it_builds_builds_again_before_the_start() {
    let runner = run(&["--build", "echo building; sleep 0.5; echo built", "echo began $$; sleep 1000"], &[]);
    runner.line("building");
    runner.signal(Signal::USR1);
    runner.line("devenv-run: restart");
    runner.line("building");
    runner.line("built");
    runner.line("started again");
    runner.line("began");
    runner.signal(Signal::USR1);
    runner.line("started again");
}

#[test]
fn a_restart_between_the_build_and_the_first_start_is_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    // The runner asks for the time between the two; this clock asks it to restart, once.
    let clock =
        format!("#!/bin/sh\n! pid=$(cat '{place}/pid') || {{ rm '{place}/pid'; kill -USR1 \"$pid\"; }}\necho 0\n");
    std::fs::write(folder.path().join("date"), clock).unwrap();
    std::fs::set_permissions(folder.path().join("date"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let build = format!("while ! [ -e '{place}/pid' ]; do sleep 0.01; done; echo built");
    let path = format!("PATH={place}:{}", std::env::var("PATH").unwrap());
    let runner = run(&["--build", &build, "echo began; sleep 1000"], &[&path]);
    std::fs::write(folder.path().join("new"), runner.child.id().to_string()).unwrap();
    std::fs::rename(folder.path().join("new"), folder.path().join("pid")).unwrap();
    runner.line("built");
    runner.line("devenv-run: restart");
    runner.line("devenv-run: started again");
    runner.line("began");
}

#[test]
fn two_restarts_at_once_are_one_start() {
    let runner = run(&["trap 'sleep 0.5; exit' TERM; echo leader $$; while :; do sleep 0.1; done"], &[]);
    runner.number("leader");
    runner.signal(Signal::USR1);
    runner.line("devenv-run: restart");
    runner.signal(Signal::USR1);
    runner.line("started again");
    runner.number("leader");
    std::thread::park_timeout(Duration::from_millis(700));
    assert!(runner.lines.try_iter().all(|line| !line.contains("started again")));
}

#[test]
fn a_command_that_dies_right_after_a_restart_waits_for_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken");
    let command = format!("echo leader $$; [ ! -e '{}' ] || exit 5; sleep 1000", broken.display());
    let mut runner = run(&[&command], &[]);
    runner.number("leader");
    std::fs::write(&broken, "").unwrap();
    runner.signal(Signal::USR1);
    runner.line("devenv-run: ended with code 5 right after the restart: waiting for the next one");
    assert!(runner.child.try_wait().unwrap().is_none());
    std::fs::remove_file(&broken).unwrap();
    runner.signal(Signal::USR1);
    runner.line("started again");
    let leader = runner.number("leader");
    // Broken once more, and stopped while it waits: the code is the command's own.
    std::fs::write(&broken, "").unwrap();
    runner.signal(Signal::USR1);
    runner.line("waiting for the next one");
    assert!(is_gone(leader));
    runner.signal(Signal::TERM);
    assert_eq!(runner.code(), 5);
}

#[test]
fn a_command_that_dies_later_is_the_end() {
    let mut runner = run(&["echo leader $$; sleep 2; exit 6"], &["DEVENV_STEADY=1"]);
    runner.number("leader");
    runner.signal(Signal::USR1);
    runner.line("started again");
    assert_eq!(runner.code(), 6);
}

#[test]
fn signals_reach_the_command_and_what_it_started() {
    let mut runner = run(
        &["trap 'echo got hup' HUP; trap 'echo got int; exit 4' INT; echo ready; while :; do sleep 0.05; done"],
        &[],
    );
    runner.line("ready");
    runner.signal(Signal::HUP);
    runner.line("got hup");
    runner.signal(Signal::INT);
    runner.line("got int");
    assert_eq!(runner.code(), 4);
}
