//! The terminal of a person: how wide it is, and waiting for them.

use futures_util::FutureExt;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

/// How many columns the terminal has that standard output is; `None` where it is none.
#[must_use]
pub fn columns() -> Option<usize> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// How many rows it has.
#[must_use]
pub fn rows() -> Option<usize> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_row > 0).then_some(usize::from(size.ws_row))
}

/// The modes of the terminal that standard input is, which are set again when this is dropped: a program that is killed
/// while it reads every key leaves a terminal that shows none.
pub struct Modes(Option<Termios>);

impl Modes {
    /// Keeps the modes of now.
    #[must_use]
    pub fn keep() -> Self {
        Self(tcgetattr(std::io::stdin()).ok())
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        // In the background it would stop us (SIGTTOU), and there nobody reads keys.
        let is_ours = tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == rustix::process::getpgrp());
        if let (Some(modes), true) = (&self.0, is_ours) {
            // A terminal that is gone needs none.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, modes);
        }
    }
}

/// Waits for a line on standard input; false where Ctrl-C takes the question back, which nobody else hears meanwhile.
#[must_use]
pub fn is_answered() -> bool {
    let Ok(mut taken_back) = signal(SignalKind::interrupt()) else { return true };
    let stdin = std::io::stdin();
    let pause = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    loop {
        if taken_back.recv().now_or_never().is_some() {
            return false;
        }
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&pause)) {
            Ok(0) | Err(Errno::INTR) => {}
            _ => return true,
        }
    }
}
