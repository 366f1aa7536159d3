//! A write that the socket refuses because its peer does not drain the socket's queue.

use std::time::Duration;

use super::time::Nanos;

/// A refused write.
#[derive(Clone, Copy, Debug)]
pub struct Blocked {
    /// When the peer last acknowledged something, as far as observed.
    since: Nanos,
    /// When `acked` was last read.
    looked: Nanos,
    /// Bytes that the peer has acknowledged.
    acked: u64,
    overdue: bool,
}

impl Blocked {
    /// A write refused for the first time. `acked`: bytes that the peer has acknowledged.
    #[must_use]
    pub fn new(now: Nanos, acked: u64) -> Blocked {
        Blocked { since: now, looked: now, acked, overdue: false }
    }

    /// Records another refusal. True once the peer should be given up on, because it has acknowledged nothing
    /// for `limit`. `acked` is only called a few times within the limit: a queue that drains slowly may have
    /// no room for long.
    pub fn refused(&mut self, now: Nanos, limit: Duration, acked: impl FnOnce() -> u64) -> bool {
        if now >= self.next_look(limit) {
            let acked = acked();
            self.looked = now;
            if std::mem::replace(&mut self.acked, acked) != acked {
                self.since = now;
            }
            self.overdue = now.since(self.since) >= limit;
        }
        self.overdue
    }

    /// Whether the peer should be given up on.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.overdue
    }

    /// When to call [`Blocked::refused`] again at the latest.
    #[must_use]
    pub fn next_look(&self, limit: Duration) -> Nanos {
        (self.looked + pace(limit)).min(self.since + limit)
    }
}

/// How often to check what does not report by itself, so that a verdict is late by no more than this.
#[must_use]
pub fn pace(limit: Duration) -> Duration {
    limit / 4
}
