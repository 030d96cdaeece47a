//! Ctrl-C while tasks run: asks once whether the run is to end, where somebody can answer.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::error::{Error, Kind, Result};
use crate::ui::screen::Screen;

/// The number of Ctrl-C.
pub(in crate::commands) const INTERRUPT: i32 = 2;
/// The number of the signal that tells of a terminal that is gone.
const HANGUP: i32 = 1;

/// The signals that end a command.
pub(in crate::commands) struct Signals {
    int: Signal,
    term: Signal,
    hup: Signal,
}

impl Signals {
    pub(in crate::commands) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(|error| Error::message(Kind::Bug, error));
        Ok(Self {
            int: listen(SignalKind::interrupt())?,
            term: listen(SignalKind::terminate())?,
            hup: listen(SignalKind::hangup())?,
        })
    }

    /// The number of the next one.
    pub(in crate::commands) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.int.recv() => INTERRUPT,
            _ = self.term.recv() => 15,
            _ = self.hup.recv() => HANGUP,
        }
    }

    /// Whether the user wants the run cancelled; the number of the signal that comes instead of an answer.
    pub(in crate::commands) async fn asks_to_cancel(&mut self, screen: Screen) -> std::result::Result<bool, i32> {
        let ask = tokio::task::spawn_blocking(move || screen.ask("cancel the run?"));
        tokio::select! {
            answer = ask => Ok(answer.unwrap_or(true)),
            next = self.next() => Err(next),
        }
    }

    /// Has a run cancelled by what comes from now on: Ctrl-C asks first, once. The second channel has the number of the
    /// signal that did it.
    pub(super) fn cancel(mut self, screen: Screen) -> (UnboundedReceiver<()>, UnboundedReceiver<i32>) {
        let (send, cancel) = unbounded_channel();
        let (tell, number) = unbounded_channel();
        tokio::spawn(async move {
            let mut has_asked = false;
            loop {
                let mut number = self.next().await;
                if number == HANGUP {
                    // Its terminal is gone; `runs attach` joins it again.
                    continue;
                }
                if number == INTERRUPT && screen.can_ask() && !std::mem::replace(&mut has_asked, true) {
                    match self.asks_to_cancel(screen).await {
                        Ok(true) => {}
                        Ok(false) => {
                            screen.say("the run continues; Ctrl-C again cancels it");
                            continue;
                        }
                        Err(next) => number = next,
                    }
                }
                end(&send, &tell, number);
            }
        });
        (cancel, number)
    }
}

fn end(send: &UnboundedSender<()>, tell: &UnboundedSender<i32>, number: i32) {
    // A run that has ended needs no signal.
    let _ = tell.send(number);
    let _ = send.send(());
}
