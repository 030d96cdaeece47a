//! Several logs as one, in chronological order. Of logs that go on, one that is silent for a moment is not waited for.

use std::collections::VecDeque;
use std::time::Duration;

use crate::apply::logs::piece::{Coming, LogPiece};
use crate::error::{Error, Kind, Result};
use crate::host::files::spool::Spooled;
use crate::plan::logs::lines::{Block, LineRef};
use futures_util::FutureExt;
use futures_util::future::{select_all, try_join_all};

/// A log that says nothing for so long is not waited for while others do.
const PATIENCE: Duration = Duration::from_millis(50);

/// Several logs.
pub struct Merge {
    logs: Vec<Log>,
    /// Whether they go on.
    follows: bool,
    /// The log whose first line was handed out.
    last: Option<usize>,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// The oldest line that has come, with the number of its log.
    Line(usize, LineRef<'a>),
    /// What is worth a line beside the logs.
    Note(String),
    /// It is not there yet: [`Merge::wait`] first.
    NotYet,
}

struct Log {
    coming: Option<Coming>,
    waiting: VecDeque<LogPiece>,
    /// How many lines of the first piece were taken.
    taken: usize,
    is_silent: bool,
}

/// What a log has first.
enum Head<'a> {
    Line(LineRef<'a>),
    Note,
    Nothing,
}

impl Log {
    fn lacks(&self) -> bool {
        match self.waiting.front() {
            Some(LogPiece::Spooled(_)) => true,
            Some(LogPiece::Lines(..) | LogPiece::Note(_)) => false,
            None => self.coming.is_some(),
        }
    }

    fn head(&self) -> Head<'_> {
        match self.waiting.front() {
            Some(LogPiece::Lines(block, _)) => block.get(self.taken).map_or(Head::Nothing, Head::Line),
            Some(LogPiece::Note(_)) => Head::Note,
            Some(LogPiece::Spooled(_)) | None => Head::Nothing,
        }
    }

    /// Forgets the first piece when all of its lines were taken.
    fn settle(&mut self) {
        if let Some(LogPiece::Lines(block, _)) = self.waiting.front()
            && block.get(self.taken).is_none()
        {
            self.waiting.pop_front();
            self.taken = 0;
        }
    }

    fn take(&mut self, piece: Option<Result<LogPiece>>) -> Result<()> {
        match piece {
            Some(piece) => self.waiting.push_back(piece?),
            None => self.coming = None,
        }
        self.is_silent = false;
        Ok(())
    }

    /// Waits for the next piece. Nothing is lost where the wait is given up.
    async fn fill(&mut self) -> Result<()> {
        if let Some(LogPiece::Spooled(spooled)) = self.waiting.front() {
            let lines = LogPiece::Lines(read_back(spooled)?, None);
            self.waiting[0] = lines;
            return Ok(());
        }
        let Some(coming) = &mut self.coming else { return Ok(()) };
        let piece = coming.recv().await;
        self.take(piece)
    }
}

/// Lines that have waited on disk.
fn read_back(spooled: &Spooled) -> Result<Block> {
    let failed = |reason: String| Error::message(Kind::Failed, format!("cannot read back a part of the log: {reason}"));
    let bytes = spooled.bytes().map_err(|error| failed(error.to_string()))?;
    Block::from_bytes(&bytes).ok_or_else(|| failed("it is not as it was written".to_owned()))
}

impl Merge {
    /// Several logs, each in its own order.
    #[must_use]
    pub fn new(logs: Vec<Coming>, follows: bool) -> Self {
        let log = |coming| Log { coming: Some(coming), waiting: VecDeque::new(), taken: 0, is_silent: false };
        Self { logs: logs.into_iter().map(log).collect(), follows, last: None }
    }

    /// What comes next, where it is known without a wait.
    pub fn oldest(&mut self) -> Next<'_> {
        if let Some(log) = self.last.take().and_then(|at| self.logs.get_mut(at)) {
            log.taken += 1;
            log.settle();
        }
        let mut first: Option<(&str, usize)> = None;
        for (at, log) in self.logs.iter().enumerate() {
            match log.head() {
                Head::Line(line) if first.is_none_or(|(time, _)| line.time < time) => first = Some((line.time, at)),
                Head::Line(_) => {}
                // It has no time, and comes before all that has.
                Head::Note => {
                    first = Some(("", at));
                    break;
                }
                Head::Nothing if log.lacks() && !log.is_silent => return Next::NotYet,
                Head::Nothing => {}
            }
        }
        let Some((_, at)) = first else { return Next::NotYet };
        let log = &mut self.logs[at];
        if let Some(LogPiece::Note(note)) = log.waiting.front_mut() {
            let note = std::mem::take(note);
            log.waiting.pop_front();
            return Next::Note(note);
        }
        self.last = Some(at);
        match self.logs[at].head() {
            Head::Line(line) => Next::Line(at, line),
            Head::Note | Head::Nothing => Next::NotYet,
        }
    }

    /// Waits until there is more; false where all logs have ended. Nothing is lost where the wait is given up.
    pub async fn wait(&mut self) -> Result<bool> {
        if self.logs.iter().any(|log| log.lacks() && !log.is_silent) {
            self.fill().await?;
            return Ok(true);
        }
        let open = self.logs.iter_mut().filter(|log| log.coming.is_some());
        let open: Vec<_> = open.map(|log| log.fill().boxed()).collect();
        if open.is_empty() {
            return Ok(false);
        }
        select_all(open).await.0?;
        Ok(true)
    }

    /// Waits until every log that is not silent has something; those that have nothing for too long are silent from then
    /// on. Those that were silent are asked whether they still are.
    async fn fill(&mut self) -> Result<()> {
        for log in self.logs.iter_mut().filter(|log| log.lacks() && log.is_silent) {
            if let Some(piece) = log.coming.as_mut().and_then(|coming| coming.recv().now_or_never()) {
                log.take(piece)?;
            }
        }
        let lacking = self.logs.iter_mut().filter(|log| log.lacks() && !log.is_silent);
        let filled = try_join_all(lacking.map(Log::fill));
        if !self.follows {
            return filled.await.map(drop);
        }
        match tokio::time::timeout(PATIENCE, filled).await {
            Ok(filled) => filled.map(drop),
            Err(_) => {
                self.logs.iter_mut().filter(|log| log.lacks()).for_each(|log| log.is_silent = true);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::channel;

    use super::*;
    use crate::host::files::spool::Spool;

    fn lines(times: &[&str]) -> LogPiece {
        let mut block = Block::default();
        times.iter().for_each(|time| block.push(time, b""));
        LogPiece::Lines(block, None)
    }

    /// What comes next, as soon as it does.
    async fn next(merge: &mut Merge) -> Option<String> {
        loop {
            match merge.oldest() {
                Next::Line(at, line) => return Some(format!("{at}:{}", line.time)),
                Next::Note(note) => return Some(note),
                Next::NotYet => {}
            }
            if !merge.wait().await.unwrap() {
                return None;
            }
        }
    }

    /// All that comes of logs that have ended.
    async fn order(all: Vec<Vec<LogPiece>>) -> Vec<String> {
        let mut logs = Vec::new();
        for pieces in all {
            let (sender, receiver) = channel(4);
            for piece in pieces {
                sender.send(Ok(piece)).await.unwrap();
            }
            logs.push(receiver);
        }
        let mut merge = Merge::new(logs, false);
        let mut order = Vec::new();
        while let Some(came) = next(&mut merge).await {
            order.push(came);
        }
        order
    }

    #[tokio::test]
    async fn what_has_ended_comes_in_the_order_of_time() {
        let one = vec![lines(&["1", "4"]), LogPiece::Note("note".to_owned())];
        let other = vec![lines(&["2"]), lines(&["3", "5"])];
        assert_eq!(order(vec![one, other]).await, ["0:1", "1:2", "1:3", "0:4", "note", "1:5"]);
    }

    #[tokio::test]
    async fn what_has_waited_on_disk_comes_in_its_place() {
        let mut spool = Spool::new().unwrap();
        let mut spooled = |times: &[&str]| {
            let LogPiece::Lines(block, _) = lines(times) else { unreachable!() };
            LogPiece::Spooled(spool.keep(&block.to_bytes()).unwrap())
        };
        let one = vec![lines(&["1"]), spooled(&["4", "6"]), lines(&["7"])];
        let other = vec![spooled(&["2"]), lines(&["3"]), spooled(&["5"])];
        assert_eq!(order(vec![one, other]).await, ["0:1", "1:2", "1:3", "0:4", "1:5", "0:6", "0:7"]);
    }

    #[tokio::test]
    async fn a_log_that_is_silent_is_not_waited_for_and_is_heard_when_it_speaks() {
        let ((busy, one), (silent, other)) = (channel(4), channel(4));
        let mut merge = Merge::new(vec![one, other], true);
        busy.send(Ok(lines(&["1"]))).await.unwrap();
        assert_eq!(next(&mut merge).await.unwrap(), "0:1");
        busy.send(Ok(lines(&["3"]))).await.unwrap();
        silent.send(Ok(lines(&["2"]))).await.unwrap();
        assert_eq!(next(&mut merge).await.unwrap(), "1:2");
        assert_eq!(next(&mut merge).await.unwrap(), "0:3");
        drop((busy, silent));
        assert_eq!(next(&mut merge).await, None);
    }
}
