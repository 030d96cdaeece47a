//! Several logs as one, in the order of time. Of logs that go on, one that is silent for a moment is not waited for.

use std::collections::VecDeque;
use std::time::Duration;

use crate::apply::logs::piece::{Coming, Piece};
use crate::error::Result;
use futures_util::FutureExt;
use futures_util::future::{select_all, try_join_all};

/// A log that says nothing for so long is not waited for while others do.
const PATIENCE: Duration = Duration::from_millis(50);

/// Several logs.
pub struct Merge {
    logs: Vec<Log>,
    /// Whether they go on.
    follows: bool,
}

struct Log {
    coming: Option<Coming>,
    waiting: VecDeque<Piece>,
    is_silent: bool,
}

impl Log {
    fn lacks(&self) -> bool {
        self.waiting.is_empty() && self.coming.is_some()
    }

    fn take(&mut self, batch: Option<Result<Vec<Piece>>>) -> Result<()> {
        match batch {
            Some(batch) => self.waiting.extend(batch?),
            None => self.coming = None,
        }
        self.is_silent = false;
        Ok(())
    }

    /// Waits for the next pieces. Nothing is lost where the wait is given up.
    async fn fill(&mut self) -> Result<()> {
        let Some(coming) = &mut self.coming else { return Ok(()) };
        let batch = coming.recv().await;
        self.take(batch)
    }
}

impl Merge {
    /// Several logs, each in its own order.
    #[must_use]
    pub fn new(logs: Vec<Coming>, follows: bool) -> Self {
        let log = |coming| Log { coming: Some(coming), waiting: VecDeque::new(), is_silent: false };
        Self { logs: logs.into_iter().map(log).collect(), follows }
    }

    /// The oldest piece that comes next, with the number of its log; none where all have ended.
    pub async fn next(&mut self) -> Result<Option<(usize, Piece)>> {
        loop {
            if self.logs.iter().any(|log| log.lacks() && !log.is_silent) {
                self.wait().await?;
                continue;
            }
            let heads = self.logs.iter().enumerate().filter_map(|(at, log)| Some((log.waiting.front()?.time(), at)));
            if let Some((_, at)) = heads.min() {
                return Ok(self.logs[at].waiting.pop_front().map(|piece| (at, piece)));
            }
            let open = self.logs.iter_mut().filter(|log| log.coming.is_some());
            let open: Vec<_> = open.map(|log| log.fill().boxed()).collect();
            if open.is_empty() {
                return Ok(None);
            }
            select_all(open).await.0?;
        }
    }

    /// Waits until every log that is not silent has something; those that have nothing for too long are silent from then
    /// on. Those that were silent are asked whether they still are.
    async fn wait(&mut self) -> Result<()> {
        for log in self.logs.iter_mut().filter(|log| log.lacks() && log.is_silent) {
            if let Some(batch) = log.coming.as_mut().and_then(|coming| coming.recv().now_or_never()) {
                log.take(batch)?;
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
    use crate::plan::logs::lines::Line;

    fn line(time: &str) -> Piece {
        Piece::Line(Line { time: time.to_owned(), text: String::new() })
    }

    #[tokio::test]
    async fn what_has_ended_comes_in_the_order_of_time() {
        let mut logs = Vec::new();
        for times in [["1", "4"], ["2", "3"]] {
            let (sender, receiver) = channel(4);
            for time in times {
                sender.send(Ok(vec![line(time)])).await.unwrap();
            }
            logs.push(receiver);
        }
        let mut merge = Merge::new(logs, false);
        let mut order = Vec::new();
        while let Some((at, piece)) = merge.next().await.unwrap() {
            order.push(format!("{at}:{}", piece.time()));
        }
        assert_eq!(order, ["0:1", "1:2", "1:3", "0:4"]);
    }

    #[tokio::test]
    async fn a_log_that_is_silent_is_not_waited_for_and_is_heard_when_it_speaks() {
        let ((busy, one), (silent, other)) = (channel(4), channel(4));
        let mut merge = Merge::new(vec![one, other], true);
        busy.send(Ok(vec![line("1")])).await.unwrap();
        assert_eq!(merge.next().await.unwrap().unwrap().0, 0);
        busy.send(Ok(vec![line("3")])).await.unwrap();
        silent.send(Ok(vec![line("2")])).await.unwrap();
        assert_eq!(merge.next().await.unwrap().unwrap().0, 1);
        assert_eq!(merge.next().await.unwrap().unwrap().0, 0);
        drop((busy, silent));
        assert!(merge.next().await.unwrap().is_none());
    }
}
