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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::process::{self, Cmd};

    const PLENTY: u64 = 1 << 30;

    #[tokio::test]
    async fn a_program_that_takes_too_long_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("pid");
        let script = format!("sleep 100 & echo $! > '{}'; wait", kept.display());
        let limit = Limit { time: Some(Duration::from_secs(1)), memory: PLENTY };
        let error = process::output(&Cmd::new("sh", ["-c", &script]).limit(limit)).await.unwrap_err();
        assert!(error.to_string().contains("took longer than 1 s"), "{error}");
        let child: i32 = std::fs::read_to_string(kept).unwrap().trim().parse().unwrap();
        let child = rustix::process::Pid::from_raw(child).unwrap();
        let begin = std::time::Instant::now();
        let goes_on = || {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", child.as_raw_nonzero())).unwrap_or_default();
            // One that is dead answers still until somebody has waited for it.
            !state.is_empty() && !state.contains(") Z ")
        };
        while goes_on() {
            assert!(begin.elapsed() < Duration::from_secs(60), "it was left behind");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_program_that_eats_memory_fails_and_one_within_its_limit_does_not() {
        let eats = "x=$(head -c 50000000 /dev/zero | tr '\\0' a); echo ${#x}";
        let run =
            async |memory| process::output(&Cmd::new("sh", ["-c", eats]).limit(Limit { time: None, memory })).await;
        let (large, small) = (run(PLENTY).await.unwrap(), run(10 << 20).await.unwrap());
        assert_eq!(large.stdout, "50000000\n");
        assert!(!small.status.success() || small.stdout != large.stdout, "{small:?}");
    }
}
