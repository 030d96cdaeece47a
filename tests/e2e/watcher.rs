//! The watcher of a checkout as tests see it: its process, its log and what it remembers.

use std::fs;

use rustix::process::{Pid, test_kill_process};
use serde_json::Value;

use crate::checkout::{Checkout, until};

pub(crate) fn log(checkout: &Checkout) -> String {
    fs::read_to_string(checkout.root().join(".devenv/watch/log")).unwrap_or_default()
}

/// Waits for a line of the log after what it has now.
pub(crate) fn logged(checkout: &Checkout, what: &str, act: impl FnOnce()) -> String {
    let before = log(checkout).len();
    act();
    let begin = std::time::Instant::now();
    loop {
        let text = log(checkout).split_off(before);
        if text.contains(what) {
            return text;
        }
        assert!(begin.elapsed().as_secs() < 60, "no `{what}` in the log after\n{text}");
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
}

pub(crate) fn state(checkout: &Checkout) -> Value {
    serde_json::from_str(&checkout.read(".devenv/watch/state.json")).unwrap()
}

pub(crate) fn watcher(checkout: &Checkout) -> Pid {
    let lock = checkout.read(".devenv/watch/lock");
    Pid::from_raw(lock.split(' ').next().unwrap().parse().unwrap()).unwrap()
}

pub(crate) fn ended(pid: Pid) {
    until("the watcher has stopped", || test_kill_process(pid).is_err().then_some(()));
}
