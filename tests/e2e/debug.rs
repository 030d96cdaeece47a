//! The tool box on real containers: whatever their image has, whether they run or not, and however its user goes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Child, Command, Stdio};

use crate::checkout::{Checkout, end, until};
use crate::engine;
use crate::http;
use crate::proxy::Proxy;
use crate::terminal::Terminal;

const CONFIGURATION: &str = "\
project: PROJECT
modules:
  api:
    path: api
    image: python
    run: exec python3 -u serve.py
    port: 8000
    health: {http: /}
    route: /
    needs: [db, cache]
services:
  db: {preset: postgres}
  cache: {preset: redis}
";

const SERVE: &str = "\
import http.server, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'hello')
def busy_loop():
    while True: sum(range(10000)); pause.wait(0.01)
pause = threading.Event()
threading.Thread(target=busy_loop, daemon=True).start()
http.server.ThreadingHTTPServer(('', 8000), Handler).serve_forever()
";

fn project(rest: &str) -> Checkout {
    let checkout = Checkout::with_tools(&format!("{CONFIGURATION}{rest}"));
    checkout.write("api/serve.py", SERVE);
    checkout
}

/// An image with one static program that waits, and nothing else.
fn scratch(checkout: &Checkout) -> String {
    let folder = checkout.beside("scratch");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("wait.c"), "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n").unwrap();
    let image = format!("{}/scratch:1", checkout.project());
    let script = "cc -static -o wait wait.c && tar -c wait | \"$0\" import -c 'CMD [\"/wait\"]' - \"$1\"";
    let made =
        Command::new("sh").args(["-ec", script]).arg(engine::program()).arg(&image).current_dir(&folder).output();
    assert!(made.unwrap().status.success(), "no image from scratch");
    image
}

/// Tool boxes that are there.
fn tool_boxes(checkout: &Checkout) -> Vec<String> {
    let all = engine::lines(&["ps", "-aq", "--filter", &checkout.label(), "--filter", "label=devenv.one-off=debug"]);
    all.into_iter().filter(|line| !line.is_empty()).collect()
}

/// Begins a command in a tool box and waits until it runs.
fn begun(checkout: &Checkout, args: &[&str]) -> Child {
    let wait = ["sh", "-c", "echo ready; sleep 300"];
    let mut child = checkout.begin(&[&["debug"], args, &["--"], &wait].concat());
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

#[test]
fn a_tool_box_sees_what_a_part_sees_and_logs_in_to_what_it_needs() {
    let checkout = project("");
    let image = scratch(&checkout);
    checkout.replace("devenv.yaml", "services:\n", &format!("services:\n  bare: {{image: '{image}'}}\n"));
    checkout.devenv(&["debug", "api", "--", "true"]).code(1).says("`api` has no container yet").says("devenv up api");
    checkout.devenv(&["debug", "--", "true"]).code(1).says("this environment has no network");
    checkout.ok(&["up"]);
    checkout.ok(&["debug", "--", "true"]).says("reuse image:debug");
    checkout.docker_calls();

    // Network, files, processes, and the databases without a word of who and where.
    let script =
        "ss -Htln | grep -o ':8000 '; cat /target/srv/api/serve.py | head -n 1; processes | cut -f 3 | grep -o python;
        psql -Atc 'select current_user'; redis-cli ping; curl -s http://localhost:8000/; readlink /target";
    let seen = checkout.ok(&["debug", "api", "--", "sh", "-c", script]);
    let expected =
        format!(":8000 \nimport http.server, threading\npython\n{}\nPONG\nhello/proc/1/root\n", checkout.project());
    assert_eq!((seen.stdout.as_str(), seen.stderr.as_str()), (expected.as_str(), ""));
    // An image without a shell, of a third party.
    let bare = checkout.ok(&["debug", "bare", "--", "sh", "-c", "ls /target; processes | cut -f 3"]).stdout;
    assert_eq!(bare, "dev\netc\nproc\nsbin\nsys\nwait\n/sbin/docker-init\n/wait\n");
    // A service logs in to itself; without a part, the network is the environment's.
    assert_eq!(checkout.ok(&["debug", "db", "--", "psql", "-Atc", "select 1"]).stdout, "1\n");
    assert_eq!(checkout.ok(&["debug", "--", "curl", "-s", "http://api:8000/"]).stdout, "hello");
    // By the gateway's certificate too.
    let url = format!("https://gateway.{}.test/", checkout.project());
    assert_eq!(checkout.ok(&["debug", "--", "curl", "-s", &url]).stdout, "hello");

    // Codes, input, and names that are wrong.
    checkout.devenv(&["debug", "api", "--", "sh", "-c", "exit 7"]).code(7);
    checkout.devenv(&["debug", "api", "--", "no-such-program"]).code(127).says("no-such-program: not found");
    checkout.devenv(&["debug", "apo", "--", "true"]).code(2).says("did you mean `api`?");
    checkout
        .devenv(&["debug", "api"])
        .code(2)
        .says("is a shell, which needs a terminal")
        .says("-- COMMAND` needs none");
    let mut piped = checkout.command();
    piped.args(["debug", "api", "--", "wc", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &vec![b'x'; 3_000_000]).unwrap();
    assert_eq!(crate::checkout::end(child, &["debug"]).code(0).stdout, "3000000\n");

    // Nothing is left, no credential was on a command line, and it may no more than it says.
    assert_eq!(tool_boxes(&checkout), Vec::<String>::new());
    let password = engine::docker(&["exec", &checkout.container("db"), "cat", "/run/devenv/credentials/password"]);
    assert!(!checkout.docker_calls().join("\n").contains(&password));
    for (args, capabilities) in [(&["api"][..], 1), (&["api", "--net"][..], 3)] {
        let mut child = begun(&checkout, args);
        let facts = engine::inspect(&tool_boxes(&checkout)[0])["HostConfig"].take();
        assert_eq!(facts["CapAdd"].as_array().unwrap().len(), capabilities, "{facts}");
        assert_eq!(facts["Privileged"], false);
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(tool_boxes(&checkout), Vec::<String>::new());
    }
}

#[test]
fn a_part_that_has_ended_leaves_its_files_and_a_killed_command_nothing() {
    let checkout = Checkout::with_tools(
        "project: PROJECT\nmodules:\n  crash: {path: crash, image: base, run: 'echo why > /tmp/left; exit 3'}\n",
    );
    checkout.write("crash/file", "");
    checkout.devenv(&["up"]).code(1);
    let script = "cat /target/tmp/left; ls /srv/crash; test -h /target || echo a copy";
    let seen = checkout.ok(&["debug", "crash", "--", "sh", "-c", script]);
    seen.says("`crash` ended with code 3: /target is a copy of its files");
    let seen = checkout.ok(&["debug", "crash", "--quiet", "--", "sh", "-c", script]);
    assert_eq!((seen.stdout.as_str(), seen.stderr.as_str()), ("why\nfile\na copy\n", ""));

    // What a kill leaves goes with the next tool box, or the next `up`.
    let mut child = begun(&checkout, &[]);
    child.kill().unwrap();
    child.wait().unwrap();
    let left = tool_boxes(&checkout);
    assert_eq!(left.len(), 1);
    checkout.ok(&["debug", "--", "true"]);
    assert_eq!(tool_boxes(&checkout), Vec::<String>::new());
    let mut child = begun(&checkout, &["crash"]);
    // One that is used stays.
    checkout.ok(&["debug", "--", "true"]);
    assert_eq!(tool_boxes(&checkout).len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    checkout.replace("devenv.yaml", "exit 3", "sleep infinity");
    checkout.ok(&["up"]).says("left over by a command that was killed");
    assert_eq!(tool_boxes(&checkout), Vec::<String>::new());
}

#[test]
fn a_shell_ends_with_its_part_says_so_and_leaves_the_terminal_as_it_was() {
    let checkout =
        Checkout::with_tools("project: PROJECT\nmodules:\n  api: {path: api, image: base, run: sleep infinity}\n");
    checkout.write("api/file", "");
    checkout.ok(&["up"]);
    let terminal = Terminal::new(&checkout, &["debug", "api"]);
    let before = terminal.modes();
    terminal.shows("in the network and among the processes of `api`, whose files are at /target");
    terminal.shows("(debug api)");
    terminal.types("tty; ls /target/srv/api; echo code-$(id -u)$((1+1))\r");
    terminal.shows("/dev/pts/");
    terminal.shows("code-02");
    engine::docker(&["kill", &checkout.container("api")]);
    terminal.shows("`api` has ended, and the tool box with it; join it again? [y/N]");
    assert_eq!(terminal.modes(), before);
    // What is joined again is looked at again: a copy of its files.
    terminal.types("y\r");
    terminal.shows("`api` ended with code 137: /target is a copy of its files");
    terminal.shows("(debug api)");
    terminal.types("exit 5\r");
    terminal.ends(5);

    // A kill of devenv ends the shell, and the terminal is as it was.
    let terminal = Terminal::new(&checkout, &["debug"]);
    let before = terminal.modes();
    terminal.shows("(debug)");
    assert_ne!(terminal.modes(), before);
    // The shell is tied to devenv a moment after it is there.
    let execs = || engine::inspect(&tool_boxes(&checkout)[0])["ExecIDs"].as_array().is_some_and(|all| !all.is_empty());
    until("the shell is tied", || execs().then_some(()));
    terminal.kills();
    until("the terminal is as it was", || (terminal.modes() == before).then_some(()));
    let running =
        || engine::lines(&["ps", "-q", "--filter", &checkout.label(), "--filter", "label=devenv.one-off=debug"]);
    until("no shell is left", || running().concat().is_empty().then_some(()));
    checkout.ok(&["debug", "--", "true"]);
    assert_eq!(tool_boxes(&checkout), Vec::<String>::new());
}

#[test]
fn scripts_of_devenv_and_of_the_team_are_at_hand_without_a_build() {
    let checkout = project("");
    checkout.ok(&["up"]);
    let images = || engine::lines(&["images", "--format", "{{.ID}}", &format!("{}/debug", checkout.project())]);
    let probe = checkout.ok(&["debug", "--", "probe"]).stdout;
    for line in ["api ", ":8000    HTTP 200", ":5432    accepting connections", ":6379    -NOAUTH", ":8080    HTTP 308"]
    {
        assert!(probe.contains(line), "{probe}");
    }
    let built = images();
    checkout.write(
        "devenv/images/debug/scripts/greet",
        "#!/bin/sh\n# Greets the team\n# usage: greet NAME\necho hello $1\n",
    );
    checkout.write("devenv/images/debug/scripts/probe", "#!/bin/sh\n# Ours\necho ours\n");
    for name in ["greet", "probe"] {
        let path = checkout.root().join("devenv/images/debug/scripts").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let list = checkout.ok(&["debug", "--list"]).stdout;
    assert!(list.contains("greet NAME") && list.contains("Greets the team"), "{list}");
    assert!(list.contains("slow-queries [COUNT]") && list.contains("devenv/images/debug/scripts/probe"), "{list}");
    let json: serde_json::Value = serde_json::from_str(&checkout.ok(&["debug", "--list", "--json"]).stdout).unwrap();
    let greet = json.as_array().unwrap().iter().find(|script| script["name"] == "greet").unwrap();
    assert_eq!(greet["file"], "devenv/images/debug/scripts/greet");
    assert_eq!(checkout.ok(&["debug", "--", "greet", "you"]).stdout, "hello you\n");
    assert_eq!(checkout.ok(&["debug", "--", "probe"]).stdout, "ours\n");
    assert_eq!(images(), built);

    // A script that needs a part joins it; credentials stay hidden.
    let env = checkout.ok(&["debug", "--", "env-of", "api"]).stdout;
    let password = engine::docker(&["exec", &checkout.container("db"), "cat", "/run/devenv/credentials/password"]);
    assert!(env.contains("DB_PASSWORD=********") && !env.contains(&password), "{env}");
    assert!(env.contains(&format!("DB_URL=postgresql://{}:********@db:5432", checkout.project())), "{env}");
    checkout.devenv(&["debug", "db", "--", "env-of", "api"]).code(2).says("this tool box has not joined api");
    let threads = checkout.ok(&["debug", "--", "dump-threads", "api"]).stdout;
    assert!(threads.contains("busy_loop (serve.py:"), "{threads}");
    java(&checkout);
    for (script, ending, first) in
        [("flame", "svg", b"<?xml".as_slice()), ("capture", "pcap", &[0xd4, 0xc3, 0xb2, 0xa1])]
    {
        let made = checkout.ok(&["debug", "--", script, "api", "2"]).stdout;
        let path = checkout.root().join(made.trim());
        assert!(
            made.trim().ends_with(ending) && path.starts_with(checkout.root().join(".devenv/debug/captures")),
            "{made}"
        );
        let owner = fs::metadata(checkout.root()).unwrap().uid();
        assert_eq!(fs::metadata(&path).unwrap().uid(), owner);
        // What goes over a wire holds credentials.
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o077, 0, "{made}");
        assert!(fs::read(&path).unwrap().starts_with(first), "{made}");
    }
    let says = |args: &[&str], what: &str| {
        let said = checkout.ok(args).stdout;
        assert!(said.contains(what), "{args:?}: {said}");
    };
    says(&["debug", "--", "certs"], &format!("gateway.{}.test:443", checkout.project()));
    says(&["debug", "--", "certs"], "Verify return code: 0 (ok)");
    says(&["debug", "api", "--", "locks"], "blocked_by");
    says(&["debug", "api", "--", "slow-queries", "3"], "db: statements that run");
    let push = ["debug", "api", "--", "redis-cli", "rpush", "jobs", "a", "b"];
    checkout.ok(&push);
    assert_eq!(checkout.ok(&["debug", "api", "--", "queue-depth"]).stdout, "2\tlist\tjobs\n");
    let talkers = ["debug", "--", "top-talkers", "api", "3"];
    let mut child = checkout.begin(&talkers);
    let url = checkout.url("gateway");
    while child.try_wait().unwrap().is_none() {
        http::get(&url);
    }
    let talkers = end(child, &talkers).stdout;
    assert!(talkers.contains(" packets\t") && talkers.contains(".8000"), "{talkers}");

    // A folder that the tool box may write to is never behind a link.
    let captures = checkout.root().join(".devenv/debug/captures");
    assert_eq!(fs::metadata(&captures).unwrap().mode() & 0o777, 0o700);
    fs::remove_dir_all(&captures).unwrap();
    std::os::unix::fs::symlink(checkout.root(), &captures).unwrap();
    checkout
        .devenv(&["debug", "--", "true"])
        .code(1)
        .says("captures is a link, and devenv writes nothing through links");
}

/// Threads of a Java program, by its JDK where it has one, else by a QUIT, which must not end it.
fn java(checkout: &Checkout) {
    let exec = |script: &str| checkout.ok(&["exec", "api", "sh", "-c", script]).stdout;
    let dumped = || checkout.ok(&["debug", "--", "dump-threads", "api"]).stdout;
    let begin = |args: &str| {
        let program =
            r#"$SIG{QUIT} = sub { open F, ">>/tmp/log"; print F "Full thread dump"; close F }; sleep 9 while 1"#;
        exec(&format!(
            "cp /usr/bin/perl /tmp/java; setsid /tmp/java -e '{program}' -- {args} < /dev/null > /dev/null 2>&1 & echo $!"
        ))
    };
    begin("");
    let threads = dumped();
    assert!(threads.contains("it writes its threads into its log: devenv logs api"), "{threads}");
    until("it has written them", || exec("cat /tmp/log").contains("Full thread dump").then_some(()));
    exec("printf '#!/bin/sh\\necho $2 of $1 as $(id -u):$(id -g)' > /tmp/jcmd; chmod +x /tmp/jcmd");
    let threads = dumped();
    let who = exec("echo $(id -u):$(id -g)");
    assert!(threads.contains("Thread.print of ") && threads.contains(&format!(" as {who}")), "{threads}");
    exec(
        "rm /tmp/jcmd; for p in /proc/[0-9]*; do [ \"$(readlink $p/exe)\" != /tmp/java ] || kill -9 ${p#/proc/}; done",
    );
    begin("-Xrs");
    let threads = dumped();
    assert!(threads.contains("it runs with -Xrs, so a QUIT would end it"), "{threads}");
}

#[test]
fn on_an_engine_that_does_not_see_the_checkout_scripts_are_copied() {
    let checkout = Checkout::with_tools(
        "project: PROJECT\nmodules:\n  web: {path: web, image: python, run: exec python3 -m http.server 8000, port: 8000}\n",
    );
    checkout.write("web/index.html", "hello");
    checkout.write("devenv/images/debug/scripts/greet", "#!/bin/sh\n# Greets\necho hello of the team\n");
    let greet = checkout.root().join("devenv/images/debug/scripts/greet");
    fs::set_permissions(greet, fs::Permissions::from_mode(0o755)).unwrap();
    let proxy = Proxy::far(&checkout);
    let devenv = |args: &[&str]| {
        let mut command = checkout.command();
        command.args(args).env("DOCKER_HOST", proxy.host()).stdout(Stdio::piped()).stderr(Stdio::piped());
        end(command.spawn().unwrap(), args)
    };
    devenv(&["up"]).code(0);
    let probe = devenv(&["debug", "--", "probe"]).code(0).stdout;
    assert!(probe.contains(":8000"), "{probe}");
    assert_eq!(devenv(&["debug", "web", "--", "greet"]).code(0).stdout, "hello of the team\n");
}
