//! Where lines wait for whoever reads them: in memory, and on disk where that is full. The engine sends several logs at once
//! only while each of them is read, and all lines of one may be younger than those of another.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::apply::logs::piece::LogPiece;
use crate::host::files::spool::Spool;
use crate::plan::logs::lines::Block;

/// So many bytes of all logs together wait in memory where they cannot overflow, so many before they do, and so many on disk.
const IN_MEMORY: usize = 24 * 1024 * 1024;
const BEFORE_DISK: usize = 8 * 1024 * 1024;
const ON_DISK: u64 = 1024 * 1024 * 1024;
/// The fewest kilobytes of one log in memory.
const LEAST: usize = 256;
/// Bytes that go to disk together.
const TOGETHER: usize = 128 * 1024;

/// Whether lines may wait on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overflow {
    /// They may.
    OnDisk,
    /// Whoever has them waits.
    None,
}

/// The room of one log.
pub(super) struct Room {
    kilobytes: usize,
    free: Arc<Semaphore>,
    spool: Option<Spool>,
    most: u64,
}

impl Room {
    /// That of one of so many logs. A machine without room for temporary files has memory alone.
    pub(super) fn new(logs: usize, overflow: Overflow) -> Self {
        let spool = if overflow == Overflow::OnDisk { Spool::new().ok() } else { None };
        let logs = logs.max(1);
        let in_memory = if spool.is_some() { BEFORE_DISK } else { IN_MEMORY };
        let kilobytes = (in_memory / 1024 / logs).max(LEAST);
        Self { kilobytes, free: Arc::new(Semaphore::new(kilobytes)), spool, most: ON_DISK / logs as u64 }
    }

    /// Places the lines of a block, which is empty afterwards. None where they stay in it until more of them come, or the
    /// log ends.
    pub(super) async fn place(&mut self, block: &mut Block) -> Option<LogPiece> {
        if block.is_empty() {
            return None;
        }
        // More than there is counts as all.
        let wanted = u32::try_from(block.size().div_ceil(1024).min(self.kilobytes)).ok()?;
        if let Some(spool) = self.spool.as_mut().filter(|spool| spool.size() < self.most) {
            if let Ok(taken) = Arc::clone(&self.free).try_acquire_many_owned(wanted) {
                return Some(LogPiece::Lines(std::mem::take(block), Some(taken)));
            }
            if block.size() < TOGETHER {
                return None;
            }
            match spool.keep(&block.to_bytes()) {
                Ok(spooled) => {
                    *block = Block::default();
                    return Some(LogPiece::Spooled(spooled));
                }
                // The disk is full: memory alone, from here on.
                Err(_) => self.spool = None,
            }
        }
        let taken: OwnedSemaphorePermit = Arc::clone(&self.free).acquire_many_owned(wanted).await.ok()?;
        Some(LogPiece::Lines(std::mem::take(block), Some(taken)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn block(bytes: usize) -> Block {
        let mut block = Block::default();
        block.push("2026-11-21T15:40:00.000000001Z", &vec![b'x'; bytes]);
        block
    }

    #[tokio::test]
    async fn lines_wait_in_memory_and_then_on_disk() {
        let mut room = Room::new(1000, Overflow::OnDisk);
        let first = room.place(&mut block(200 * 1024)).await.unwrap();
        assert!(matches!(first, LogPiece::Lines(_, Some(_))));
        let mut few = block(100 * 1024);
        assert!(room.place(&mut few).await.is_none());
        assert!(!few.is_empty(), "they are not lost");
        let mut many = block(300 * 1024);
        let Some(LogPiece::Spooled(spooled)) = room.place(&mut many).await else { panic!("not on disk") };
        assert!(many.is_empty());
        let again = Block::from_bytes(&spooled.bytes().unwrap()).unwrap();
        assert_eq!(again.get(0).unwrap().text.len(), 300 * 1024);
        drop(first);
        assert!(matches!(room.place(&mut few).await, Some(LogPiece::Lines(..))), "there is room again");
    }

    #[tokio::test]
    async fn what_may_not_overflow_waits_for_room() {
        let mut room = Room::new(1000, Overflow::None);
        let first = room.place(&mut block(300 * 1024)).await.unwrap();
        let mut next = block(1);
        assert!(room.place(&mut next).now_or_never().is_none());
        assert!(!next.is_empty());
        drop(first);
        assert!(room.place(&mut next).await.is_some());
    }
}
