//! A tmux session on everything that runs: what its windows and panes show, and that those that stay are left alone.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::checkout::{Checkout, until};
use crate::place;
use crate::terminal::Terminal;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api: {path: api, image: base, run: sleep infinity, needs: [db]}
services:
  db: {preset: postgres}
";

/// The tmux server of a checkout, which ends with the test.
struct Server(String);

impl Server {
    fn ask(&self, args: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &format!("devenv-{}", self.0)]).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Each pane: its window, and its name.
    fn panes(&self) -> String {
        self.ask(&["list-panes", "-s", "-t", "devenv", "-F", "#{window_name}: #{@devenv_pane}"])
    }

    fn pid(&self, pane: &str) -> String {
        let all = self.ask(&["list-panes", "-s", "-t", "devenv", "-F", "#{@devenv_pane}=#{pane_pid}"]);
        all.lines().find_map(|line| line.strip_prefix(&format!("{pane}="))).unwrap_or_default().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ask(&["kill-server"]);
    }
}

const API: &str = "api: logs api db\napi: shell api\napi: console db\n";

#[test]
fn a_session_has_a_window_around_each_module_and_changes_with_the_parts() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/.keep", "");
    checkout.ok(&["up"]);
    let server = Server(checkout.id());
    let first = Terminal::new(&checkout, &["attach"]);
    first.shows("status");
    // The panes of a window start when somebody looks at it.
    until("the first window is filled", || {
        (server.panes() == "overview: status\noverview: logs\napi: \n").then_some(())
    });
    server.ask(&["select-window", "-t", "devenv:api"]);
    let expected = format!("overview: status\noverview: logs\n{API}");
    until("the second window is filled", || (server.panes() == expected).then_some(()));

    // Shells and consoles are where they should be, and logged in.
    let pane = |name: &str| {
        let all = server.ask(&["list-panes", "-s", "-t", "devenv", "-F", "#{@devenv_pane}=#{pane_id}"]);
        all.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap().to_owned()
    };
    for (name, prompt, typed, shown) in
        [("shell api", ":/srv/api", "echo in-$PWD", "in-/srv/api"), ("console db", "=#", "select 6*7 \\g", "42")]
    {
        let shows = |text: &str| server.ask(&["capture-pane", "-p", "-t", &pane(name)]).contains(text).then_some(());
        until(prompt, || shows(prompt));
        server.ask(&["send-keys", "-t", &pane(name), typed, "Enter"]);
        until(shown, || shows(shown));
    }

    // A module that comes gets a window, and one that goes loses it; the others do not notice.
    let (shell, logs) = (server.pid("shell api"), server.pid("logs api db"));
    checkout.replace("devenv.yaml", "services:", "  web: {path: api, image: base, run: sleep infinity}\nservices:");
    checkout.ok(&["up"]);
    let second = Terminal::new(&checkout, &["attach", "web"]);
    until("its window is there", || server.panes().ends_with("web: logs web\nweb: shell web\n").then_some(()));
    assert_eq!((server.pid("shell api"), server.pid("logs api db")), (shell.clone(), logs));
    checkout.ok(&["disable", "web"]);
    let third = Terminal::new(&checkout, &["attach", "api"]);
    until("its window is gone", || (server.panes() == expected).then_some(()));
    assert_eq!(server.pid("shell api"), shell);

    // A pane whose container has ended says so, and starts again with the next attach.
    checkout.ok(&["stop", "api"]);
    until("the shell has ended", || {
        server
            .ask(&["list-panes", "-s", "-t", "devenv", "-F", "#{pane_dead} #{@devenv_pane}"])
            .contains("1 shell api")
            .then_some(())
    });
    checkout.ok(&["start", "api"]);
    let fourth = Terminal::new(&checkout, &["attach"]);
    until("it runs again", || {
        let pid = server.pid("shell api");
        let dead = server.ask(&["list-panes", "-s", "-t", "devenv", "-F", "#{pane_dead} #{@devenv_pane}"]);
        (dead.contains("0 shell api") && !pid.is_empty() && pid != shell).then_some(())
    });

    // The session ends with what it shows.
    checkout.ok(&["down"]).says("ended the session of `devenv attach`");
    assert_eq!(server.panes(), "");
    checkout.ok(&["down"]).says_not("attach");
    for terminal in [first, second, third, fourth] {
        terminal.ends_somehow();
    }
}

#[test]
fn inside_another_tmux_it_is_a_window_of_that() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/.keep", "");
    checkout.ok(&["up"]);
    let (server, outer) = (Server(checkout.id()), Server(format!("outer-{}", checkout.id())));
    let socket = format!("devenv-{}", outer.0);
    let attach = format!("'{}' attach; exec sleep 600", place::program().display());
    let session = ["-L", &socket, "new-session", "-d", "-s", "work", "-x", "120", "-y", "40", &attach];
    assert!(checkout.calling("tmux").args(session).status().unwrap().success());
    let windows = || outer.ask(&["list-windows", "-t", "work", "-F", "#{window_active} #{window_name}"]);
    until("a window there shows the session", || windows().contains("1 devenv\n").then_some(()));
    until("it is attached", || (!server.ask(&["list-clients"]).is_empty()).then_some(()));
    assert!(server.panes().contains("overview: status\n"), "{}", server.panes());
    // Whoever leaves it is back where they have called it.
    server.ask(&["detach-client", "-s", "devenv"]);
    until("that window is gone", || (windows().lines().count() == 1).then_some(()));
}

#[test]
fn without_a_terminal_it_explains_itself_and_prints_its_commands() {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/.keep", "");
    checkout.ok(&["up"]);
    checkout.devenv(&["attach"]).code(2).says("`attach` needs a terminal, and there is none");
    checkout.devenv(&["attach", "apo", "--print"]).code(2).says("did you mean `api`?");
    checkout.devenv(&["attach", "db", "--print"]).code(2).says("`db` is shown with the modules that need it");
    let printed = checkout.ok(&["attach", "--print"]).stdout;
    let socket = format!("tmux -L devenv-{} ", checkout.id());
    assert!(printed.lines().all(|line| line.starts_with(&socket)), "{printed}");
    assert!(printed.starts_with(&format!("{socket}new-session -d -s devenv -n ")), "{printed}");
}

#[test]
fn without_tmux_on_the_machine_that_of_the_tool_box_serves() {
    let checkout = Checkout::with_tools(CONFIGURATION);
    checkout.write("api/.keep", "");
    checkout.ok(&["up"]);
    let programs = checkout.beside("programs");
    fs::create_dir(&programs).unwrap();
    for program in fs::read_dir("/usr/bin").unwrap().flatten().filter(|program| program.file_name() != "tmux") {
        symlink(program.path(), programs.join(program.file_name())).unwrap();
    }
    let cache = checkout.beside("cache");
    let without = |program: &OsStr| {
        let mut command = checkout.calling(program);
        command.env("PATH", &programs).env("XDG_CACHE_HOME", &cache);
        command
    };
    let printed = without(place::program().as_ref()).args(["attach", "--print"]).output().unwrap();
    assert!(String::from_utf8_lossy(&printed.stdout).starts_with("tmux -L devenv-"), "{printed:?}");
    assert!(!cache.exists(), "what only prints builds nothing");

    let server = Server(checkout.id());
    let mut terminals = Vec::new();
    for screen in ["overview", "api"] {
        terminals.push(Terminal::of(without("setsid".as_ref()), &["attach", screen]));
        let filled = if screen == "api" { API } else { "api: \n" };
        let expected = format!("overview: status\noverview: logs\n{filled}");
        until("the window is filled", || (server.panes() == expected).then_some(()));
    }
    let copies: Vec<_> = fs::read_dir(cache.join("devenv/tmux")).unwrap().flatten().collect();
    assert_eq!(copies.len(), 1);
    let runs = format!("{}/tmux", copies[0].path().display());
    let pid = server.ask(&["display-message", "-p", "#{pid}"]);
    let called = fs::read_to_string(format!("/proc/{}/cmdline", pid.trim())).unwrap();
    assert!(called.contains(&runs), "{called}");
    let down = without(place::program().as_ref()).arg("down").output().unwrap();
    assert!(String::from_utf8_lossy(&down.stderr).contains("ended the session of `devenv attach`"), "{down:?}");
    terminals.pop().unwrap().shows("using the one of the image `debug`");
    terminals.into_iter().for_each(Terminal::ends_somehow);

    // A checkout with an image of its own does not choose what runs on this machine.
    checkout.ok(&["eject", "images/debug/Dockerfile"]);
    fs::remove_dir_all(&cache).unwrap();
    let terminal = Terminal::of(without("setsid".as_ref()), &["attach"]);
    terminal.shows("this checkout has its own images/debug");
    terminal.ends_somehow();
}
