//! Commands are killed at moments that a seed decides; the next `up` makes everything right at once, every time.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::checkout::Checkout;
use crate::engine;
use crate::trees::Dice;
use crate::watcher::watcher;

const CONFIGURATION: &str = "\
project: PROJECT
images:
  own: {parent: base, args: {WORD: first}}
modules:
  api: {path: api, image: base, mirror: sync, run: sleep infinity, watch: {}, needs: [cache, db]}
  own: {path: own, image: own, run: sleep infinity}
services:
  cache: {preset: redis}
  db: {preset: postgres}
";
/// Longer than any of the commands takes here.
const LONGEST: usize = 4000;

/// Rounds in a run of all tests; more with `DEVENV_KILLS="200 7"`: how many, and the seed.
fn rounds() -> (usize, u64) {
    let given = std::env::var("DEVENV_KILLS").unwrap_or_default();
    let mut words = given.split_whitespace().map(|word| word.parse().unwrap());
    let rounds = words.next().map_or(8, |rounds| usize::try_from(rounds).unwrap());
    (rounds, words.next().unwrap_or(u64::from(std::process::id())))
}

/// One environment of whole parts, with what was in its data, and nothing of a killed command beside it.
fn is_whole(checkout: &Checkout, at: &str) {
    assert_eq!(checkout.networks().len(), 1, "{at}");
    let format = "{{.Label \"devenv.part\"}} {{.State}}";
    let mut all = engine::lines(&["ps", "--all", "--filter", &checkout.label(), "--format", format]);
    all.sort();
    assert_eq!(all, ["api running", "cache running", "db running", "own running"], "{at}");
    let named = engine::lines(&["ps", "--all", "--filter", &checkout.label(), "--format", "{{.Names}}"]);
    let own = format!("{}-", checkout.project());
    assert!(named.iter().all(|name| name.starts_with(&own)), "{at}: {named:?}");
    let kept = engine::docker(&["exec", &checkout.container("cache"), "cat", "/var/lib/redis/kept"]);
    assert_eq!(kept, "mine", "{at}");
    let hidden = fs::read_dir(checkout.root()).unwrap().flatten().map(|entry| entry.file_name());
    let left: Vec<_> = hidden.filter(|name| name.to_string_lossy().starts_with(".devenv-")).collect();
    assert!(left.is_empty(), "{at}: {left:?}");
}

#[test]
fn after_a_kill_at_any_moment_of_any_command_the_next_up_is_right_at_once() {
    let (rounds, seed) = rounds();
    let checkout = Checkout::new(CONFIGURATION);
    checkout.write("api/main", "0");
    checkout.write("own/main", "0");
    checkout.write("devenv/images/own/Dockerfile", "ARG PARENT\nFROM ${PARENT}\nARG WORD\nRUN echo $WORD; sleep 1\n");
    checkout.ok(&["up"]);
    engine::docker(&["exec", &checkout.container("cache"), "sh", "-c", "printf mine >/var/lib/redis/kept"]);
    let mut dice = Dice(seed);
    let mut word = "first".to_owned();
    for round in 0..rounds {
        let command: &[&str] = match dice.below(8) {
            0 | 1 => &["up", "--recreate"],
            2 => &["down"],
            3 => &["secrets", "reset"],
            4 => {
                let next = format!("word{round}");
                checkout.replace("devenv.yaml", &format!("WORD: {word}"), &format!("WORD: {next}"));
                word = next;
                if dice.below(2) == 0 { &["up"] } else { &["images", "build"] }
            }
            5 => &["mirror", "verify"],
            6 => &["watch"],
            _ => {
                checkout.ok(&["down"]);
                &["up"]
            }
        };
        let moment = dice.below(LONGEST);
        let at = format!("seed {seed}, round {round}: `{}` killed after {moment} ms", command.join(" "));
        println!("{at}");
        for file in 0..dice.below(300) {
            checkout.write(&format!("api/files/{file}"), &round.to_string());
        }
        let mut child = checkout.begin(command);
        // It is the watcher that mirrors.
        let watched = (command == ["watch"]).then(|| watcher(&checkout));
        std::thread::park_timeout(Duration::from_millis(u64::try_from(moment).unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(pid) = watched {
            kill(pid);
        }
        checkout.devenv(&["up"]).content(&at);
        is_whole(&checkout, &at);
        let made = checkout.containers();
        checkout.ok(&["up"]);
        assert_eq!(checkout.containers(), made, "{at}");
        checkout.ok(&["mirror", "verify"]).says("no difference");
    }
}

/// Kills the watcher, which may have ended by itself.
fn kill(pid: Pid) {
    let _ = kill_process(pid, Signal::KILL);
}
