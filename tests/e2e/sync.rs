//! A copy that is kept equal from end to end: whatever is done to the source, the container and the watcher, both trees
//! are equal when it is quiet, and the source is as its owner left it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::checkout::{Checkout, end, shell, until};
use crate::engine;
use crate::place;
use crate::proxy::Proxy;
use crate::trees::{Dice, difference, here, operate, there};
use crate::watcher::{ended, log, state, watcher};

const CONFIGURATION: &str = "\
project: PROJECT
mirror: sync
modules:
  api:
    path: api
    image: base
    build: echo building
    run: sleep infinity
    mirror: {mode: sync, not: ['*.md']}
    watch: {on_change: [build]}
";

fn checkout() -> Checkout {
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/file", "one\n");
    checkout.write("api/.gitignore", "*.log\n");
    checkout
}

/// A checkout that runs, the folder of its source and its container.
fn running() -> (Checkout, PathBuf, String) {
    let checkout = checkout();
    checkout.ok(&["up"]);
    let (root, api) = (checkout.root().join("api"), checkout.container("api"));
    equal(&api, &root);
    (checkout, root, api)
}

/// Waits until both sides are equal; the source must stay as it is.
fn equal(container: &str, root: &Path) {
    let own = here(root);
    let begin = Instant::now();
    loop {
        let other = there(container);
        if other == own {
            break;
        }
        let log = || fs::read_to_string(root.join("../.devenv/watch/log")).unwrap_or_default();
        let differ = || format!("{}{}", difference(&own, &other), log());
        assert!(begin.elapsed() < Duration::from_secs(30), "here < and > there:\n{}", differ());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert_eq!(here(root), own, "the source was changed");
}

fn within(container: &str, script: &str) -> String {
    engine::docker(&["exec", container, "sh", "-c", script])
}

#[test]
fn every_way_to_save_reaches_the_container() {
    let (checkout, root, api) = running();
    let at = root.display();
    let exchange = || {
        fs::write(root.join("new"), "exchanged\n").unwrap();
        let flags = rustix::fs::RenameFlags::EXCHANGE;
        rustix::fs::renameat_with(rustix::fs::CWD, root.join("new"), rustix::fs::CWD, root.join("file"), flags)
            .unwrap();
        fs::remove_file(root.join("new")).unwrap();
    };
    let styles: [(&str, &dyn Fn()); 7] = [
        ("in place", &|| fs::write(root.join("file"), "in place\n").unwrap()),
        ("renamed", &|| drop(shell(&format!("cd {at}; echo renamed > .file.tmp; mv .file.tmp file")))),
        ("backup", &|| drop(shell(&format!("cd {at}; mv file file~; echo backup > file; rm file~")))),
        ("exchanged", &exchange),
        ("two steps", &|| {
            fs::write(root.join("file"), "").unwrap();
            std::thread::park_timeout(Duration::from_millis(30));
            fs::write(root.join("file"), "two steps\n").unwrap();
        }),
        ("again", &|| drop(shell(&format!("cd {at}; rm file; echo again > file")))),
        ("mode", &|| fs::set_permissions(root.join("file"), fs::Permissions::from_mode(0o755)).unwrap()),
    ];
    for (style, save) in styles {
        save();
        equal(&api, &root);
        let text = within(&api, "cat /srv/api/file");
        assert!(text == style || style == "mode", "{style}: {text}");
    }
    // A file, a folder and a link take each other's place.
    for step in
        ["rm file; mkdir file; echo in > file/inner", "rm -r file; ln -s nowhere file", "rm file; echo x > file"]
    {
        shell(&format!("cd {at}; {step}"));
        equal(&api, &root);
    }
    assert!(!log(&checkout).contains("broken"), "{}", log(&checkout));
}

#[test]
fn folders_that_are_filled_at_once_and_events_that_are_lost_cost_nothing() {
    let (checkout, root, api) = running();
    let at = root.display();
    shell(&format!(
        "cd {at}; for n in $(seq 60); do mkdir -p d$n/a/b empty$n; echo $n > d$n/f; echo $n > d$n/a/b/f; done"
    ));
    equal(&api, &root);
    // The kernel keeps 16,384 events; this is more, and nobody takes any meanwhile.
    let pid = watcher(&checkout);
    kill_process(pid, Signal::STOP).unwrap();
    shell(&format!(
        "cd {at}; mkdir many; cd d1; seq 9000 | xargs touch; seq 9000 | sed s/^/y/ | xargs touch; rm [1-8]*; cd ..; mv d2 e2; echo last > d3/f"
    ));
    kill_process(pid, Signal::CONT).unwrap();
    equal(&api, &root);
    assert_eq!(within(&api, "cat /srv/api/d3/f"), "last");
    assert_eq!(watcher(&checkout), pid);
}

#[test]
fn a_large_file_that_is_replaced_while_it_is_sent_is_never_seen_in_pieces() {
    let (_checkout, root, api) = running();
    let whole = |letter: char| letter.to_string().repeat(6_000_000);
    let replace = |letter: char| {
        fs::write(root.join("big.tmp.log"), whole(letter)).unwrap();
        fs::rename(root.join("big.tmp.log"), root.join("big")).unwrap();
    };
    replace('a');
    equal(&api, &root);
    let check = "for n in 1 2 3 4; do head -c 1 /srv/api/big > /tmp/first; tr -d \"$(cat /tmp/first)\" < /srv/api/big | wc -c; done";
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for letter in "bcdefgh".chars().cycle() {
                replace(letter);
                if begin.elapsed() > Duration::from_secs(4) {
                    break;
                }
                std::thread::park_timeout(Duration::from_millis(15));
            }
        });
        while !writer.is_finished() {
            // A reader keeps the file that it has opened; the first letter may be of another.
            let seen: BTreeSet<String> = within(&api, check).lines().map(str::to_owned).collect();
            assert!(seen.iter().all(|rest| rest == "0" || rest == "6000000"), "{seen:?}");
        }
    });
    equal(&api, &root);
}

#[test]
fn a_watcher_that_is_killed_and_two_ups_at_once_lose_nothing() {
    let (checkout, root, api) = running();
    kill_process(watcher(&checkout), Signal::KILL).unwrap();
    ended(watcher(&checkout));
    checkout.write("api/missed", "x\n");
    fs::remove_file(root.join("file")).unwrap();
    let both = [checkout.begin(&["up"]), checkout.begin(&["up"])];
    for child in both {
        end(child, &["up"]).code(0);
    }
    equal(&api, &root);
    checkout.write("api/file", "again\n");
    equal(&api, &root);
    let watchers = shell(&format!("pgrep -fc -- '[-]-directory {} watcher' || true", checkout.root().display()));
    assert_eq!(watchers, "1\n");
    let staged = || within(&api, "ls /srv/api/.devenv | grep -c mirror-");
    until("what a killed one has staged is gone", || (staged() == "1").then_some(()));
    // Another container's, whose helper had the number of a process that lives in this one.
    within(&api, "mkdir /srv/api/.devenv/mirror-1 /srv/api/.devenv/mirror-1-1");
    checkout.ok(&["up"]);
    until("what was staged in another container is gone", || (staged() == "1").then_some(()));
}

#[test]
fn an_engine_that_does_not_answer_for_ten_seconds_is_waited_for() {
    let checkout = checkout();
    let proxy = Proxy::up(&checkout);
    let (root, api) = (checkout.root().join("api"), checkout.container("api"));
    equal(&api, &root);
    let pid = watcher(&checkout);
    proxy.hold();
    checkout.write("api/file", "while it hangs\n");
    std::thread::park_timeout(Duration::from_secs(5));
    // Settings are read, and it can be left, although a batch hangs.
    checkout.write("api/deep/er/file", "more\n");
    std::thread::park_timeout(Duration::from_secs(5));
    proxy.let_go();
    equal(&api, &root);
    until("the build has run", || log(&checkout).contains("api build ok").then_some(()));
    // Gone for good while a batch hangs: compared again when it is back.
    proxy.hold();
    checkout.write("api/file", "lost on the way\n");
    std::thread::park_timeout(Duration::from_millis(300));
    proxy.close();
    proxy.let_go();
    until("it is seen", || log(&checkout).contains("the engine is unreachable").then_some(()));
    let told = || state(&checkout)["modules"]["api"]["mirror"]["status"].as_str().map(str::to_owned);
    until("nobody calls it in sync", || (told().as_deref() == Some("engine-away")).then_some(()));
    fs::remove_dir_all(root.join("deep")).unwrap();
    proxy.open();
    equal(&api, &root);
    assert_eq!(watcher(&checkout), pid);
    // Whoever talks to another engine has a watcher that does so too.
    checkout.ok(&["up"]).says("the watcher talks to another engine, unix://").says("watching api");
    ended(pid);
    proxy.close();
    checkout.write("api/file", "without the other engine\n");
    equal(&api, &root);
    let pid = watcher(&checkout);
    checkout.ok(&["down"]);
    ended(pid);
}

/// Limits of the kernel, set for a user namespace of their own.
fn limited(checkout: &Checkout, limit: &str) -> String {
    let script = format!("echo {limit} && exec \"$0\" up 2>&1");
    let mut up = checkout.calling("unshare");
    let output = up.args(["-U", "-r", "sh", "-c", &script]).arg(place::program()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn a_limit_of_the_kernel_is_told_and_the_rest_is_looked_at() {
    for (limit, name) in [
        ("20 > /proc/sys/user/max_inotify_watches", "max_user_watches"),
        ("0 > /proc/sys/user/max_inotify_instances", "max_user_instances"),
    ] {
        let checkout = checkout();
        for number in 0..60 {
            checkout.write(&format!("api/d{number}/f"), "one\n");
        }
        limited(&checkout, limit);
        let (root, api) = (checkout.root().join("api"), checkout.container("api"));
        let status = checkout.ok(&["status"]);
        let told = format!("{}{}", status.stdout, status.stderr);
        assert!(told.contains(&format!("sudo sysctl fs.inotify.{name}=")), "{told}");
        for number in [0, 30, 59] {
            checkout.write(&format!("api/d{number}/f"), "two\n");
            equal(&api, &root);
        }
        let pid = watcher(&checkout);
        checkout.ok(&["down"]);
        ended(pid);
    }
}

/// Sets of operations; others are tried with DEVENV_SEEDS="3 4 5".
fn seeds() -> Vec<u64> {
    let given = std::env::var("DEVENV_SEEDS").unwrap_or_else(|_| "1 2".to_owned());
    given.split_whitespace().map(|seed| seed.parse().unwrap()).collect()
}

/// Waits until no step runs: engines of that age hang when a container is paused while a command is just beginning in it.
fn at_rest(checkout: &Checkout) {
    until("no step runs", || {
        let state = state(checkout);
        let api = &state["modules"]["api"];
        (api["runs"].is_null() && api["waits"].is_null() && api["mirror"]["status"] == "in-sync").then_some(())
    });
    // A batch that is due begins within this time.
    std::thread::park_timeout(Duration::from_millis(500));
}

/// One call of git in the source's repository.
fn git(root: &Path, args: &[&str]) {
    let mut call = Command::new("git");
    call.args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.hooksPath=/dev/null"]);
    let output = call.args(args).current_dir(root).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_branch_switch_is_one_run_of_the_loop() {
    let (checkout, root, api) = running();
    let fill = |word: &str| {
        for number in 0..3000 {
            checkout.write(&format!("api/d{:02}/{number}", number % 30), &format!("{word} {number}\n").repeat(300));
        }
    };
    git(&root, &["init", "-q", "-b", "one"]);
    fill("one");
    git(&root, &["add", "-A"]);
    git(&root, &["commit", "-q", "-m", "one"]);
    git(&root, &["checkout", "-q", "-b", "two"]);
    fill("two");
    git(&root, &["add", "-A"]);
    git(&root, &["commit", "-q", "-m", "two"]);
    equal(&api, &root);
    at_rest(&checkout);
    let before = log(&checkout).len();
    git(&root, &["checkout", "-q", "one"]);
    equal(&api, &root);
    until("the loop has ended", || log(&checkout)[before..].contains("api restarted").then_some(()));
    at_rest(&checkout);
    let said = log(&checkout).split_off(before);
    assert_eq!(said.matches("api build: ").count(), 1, "{said}");
}

#[test]
fn ten_thousand_operations_with_branches_and_containers_that_come_and_go_leave_both_trees_equal() {
    for seed in seeds() {
        println!("seed {seed}");
        let (checkout, root, _) = running();
        git(&root, &["init", "-q", "-b", "main"]);
        git(&root, &["add", "-A"]);
        git(&root, &["commit", "-q", "-m", "first"]);
        let mut dice = Dice(seed);
        let mut operations = 0;
        for round in 0..50 {
            let mut paused = None;
            let act = dice.below(10);
            println!("round {round}: {act}");
            match act {
                0 => {
                    let id = checkout.container("api");
                    equal(&id, &root);
                    at_rest(&checkout);
                    engine::docker(&["pause", &id]);
                    paused = Some(id);
                }
                1 if round % 3 == 0 => drop(checkout.ok(&["up", "--recreate"])),
                2 => drop(engine::docker(&["restart", "--time", "0", &checkout.container("api")])),
                3 | 4 => {
                    git(&root, &["add", "-A"]);
                    git(&root, &["commit", "-q", "--allow-empty", "-m", "next"]);
                    git(&root, &["tag", &format!("t{round}")]);
                }
                5 | 6 => {
                    git(&root, &["add", "-A"]);
                    git(&root, &["commit", "-q", "--allow-empty", "-m", "other"]);
                    let tags = shell(&format!("git -C {} tag", root.display()));
                    let tags: Vec<&str> = tags.lines().collect();
                    if let Some(tag) = tags.get(dice.below(tags.len().max(1))) {
                        git(&root, &["checkout", "-q", "-f", tag]);
                    }
                }
                _ => {}
            }
            for _ in 0..100 {
                operate(&mut dice, &root, &mut BTreeSet::new());
                operations += 1;
            }
            if let Some(id) = paused {
                engine::docker(&["unpause", &id]);
            }
            // Now and then nobody waits until it is quiet.
            if dice.below(3) > 0 {
                equal(&checkout.container("api"), &root);
            }
        }
        equal(&checkout.container("api"), &root);
        checkout.ok(&["mirror", "verify"]).says("no difference");
        assert_eq!(operations, 5000);
        assert!(!log(&checkout).contains("halted"), "seed {seed}: {}", log(&checkout));
    }
}
