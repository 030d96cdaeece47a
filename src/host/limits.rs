//! What another program may use: a time after which it is ended with all that it has started, and an amount of memory.

use std::time::Duration;

use tokio::process::Child;

/// What a program may use before it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Longest time.
    pub time: Option<Duration>,
    /// Most bytes of memory that it can write to, for each of its processes.
    pub memory: u64,
}

/// Ends a program that leads a group, and all in it.
pub(super) fn end_group(child: &Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    // Who has ended meanwhile needs no end.
    let _ = group.map(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL));
}

/// Limits the memory of a program and of all that it starts from now on.
#[cfg(target_os = "linux")]
pub(super) fn limit_memory(child: &Child, bytes: u64) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    // Who has ended meanwhile needs no limit.
    let _ = id.map(|id| prlimit(Some(id), Resource::Data, limit));
}

/// Other kernels have no way to limit a program from outside.
#[cfg(not(target_os = "linux"))]
pub(super) fn limit_memory(_: &Child, _: u64) {}
